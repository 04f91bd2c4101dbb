"""This module lays out under what circumstances figures were taken, as labels and texts for a reader."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.quantities import ABSENT, print_share, print_value
from harness.record import SittingClosed, SittingOpened

LONGEST = 24
"""A list with more members than this is cut, and says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One recorded circumstance.

    Attributes:
        key: path of keys in the record, joined by dots.
        text: its value as text.
    """

    key: str
    text: str


def facts(content: Mapping[str, Any], prefix: str = "") -> list[Fact]:
    """All leaves of nested mappings, in their order; what is absent or empty is left out."""
    found: list[Fact] = []
    for key, value in content.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found += facts(value, f"{path}.")
        elif isinstance(value, Sequence) and not isinstance(value, str) and _nested(value):
            for position, member in enumerate(value):
                found += facts({str(position): member}, f"{path}.")
        elif value not in (None, "", [], ()):
            found.append(Fact(key=path, text=_text(value)))
    return found


def sitting_table(
    opened: Sequence[SittingOpened], closed: Sequence[SittingClosed]
) -> list[tuple[str, list[str]]]:
    """What happened in each attempt at a sitting: label to one text per attempt, in their order."""
    ends = {(record.sitting, record.part): record for record in closed}
    lines: list[tuple[str, Callable[[SittingOpened, SittingClosed | None], str]]] = [
        ("sitting", lambda o, _: str(o.sitting) if o.part == 1 else f"{o.sitting}, part {o.part}"),
        ("began", lambda o, _: o.utc),
        ("ended", lambda _, c: c.utc if c else "broken off"),
        ("inferences in a window", lambda o, _: str(o.repeats)),
        ("before and after it", lambda o, _: f"{o.lead} and {o.tail}"),
        ("inference in warm-up", lambda o, _: print_value("latency_p50_s", o.inference_s)),
        ("in step with the meter", lambda o, _: f"nearly {o.beat}" if o.beat else "no"),
        ("right before measuring", lambda o, _: f"{o.preflight_correct} of {o.preflight_items}"),
        ("idle power before", lambda o, _: print_value("idle_power_w", o.idle_before_w)),
        ("idle power after", lambda _, c: print_value("idle_power_w", c.idle_after_w if c else None)),
        ("cold start", lambda o, _: _stages(o.cold_start)),
        ("peak memory", lambda _, c: _memory(c)),
        ("meter samples, lost", lambda _, c: f"{c.samples}, {c.lost}" if c else ABSENT),
        ("latency, sampler on and off", lambda _, c: _overhead(c)),
        ("dead time of the harness", lambda _, c: print_value("dead_time_s", c.dead_time_s if c else None)),
        ("environment before", lambda o, _: _joined(o.environment)),
        ("environment after", lambda _, c: _joined(c.environment) if c else ABSENT),
    ]
    return [
        (label, [write(record, ends.get((record.sitting, record.part))) for record in opened])
        for label, write in lines
    ]


def _stages(cold_start: Mapping[str, float]) -> str:
    parts = [
        f"{stage.removesuffix('_s').replace('_', ' ')} {print_value('cold_start_s', seconds)}"
        for stage, seconds in cold_start.items()
    ]
    return ", ".join(parts) or ABSENT


def _memory(closed: SittingClosed | None) -> str:
    if closed is None or closed.memory.get("peak") is None:
        return ABSENT
    text = print_value("memory_peak_bytes", closed.memory["peak"])
    counter = closed.memory.get("counter")
    return f"{text} ({counter})" if counter else text


def _overhead(closed: SittingClosed | None) -> str:
    if closed is None or closed.sampler_on_s is None or not closed.sampler_off_s:
        return ABSENT
    on, off = (print_value("latency_p50_s", value) for value in (closed.sampler_on_s, closed.sampler_off_s))
    return f"{on} and {off} ({print_share(closed.sampler_on_s / closed.sampler_off_s - 1, 1, signed=True)})"


def _joined(content: Mapping[str, Any]) -> str:
    return ", ".join(f"{fact.key} {fact.text}" for fact in facts(content)) or ABSENT


def _nested(values: Sequence[Any]) -> bool:
    return any(isinstance(value, Mapping) for value in values)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ABSENT
    if isinstance(value, Sequence) and not isinstance(value, str):
        shown = ", ".join(_text(member) for member in value[:LONGEST])
        rest = len(value) - LONGEST
        return f"{shown} and {rest} more" if rest > 0 else shown
    return str(value)
