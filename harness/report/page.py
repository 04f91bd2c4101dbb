"""This module makes the page: one HTML file, no network, readable without JavaScript, every text escaped."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from harness.front import Placing, Ranking
from harness.limits import print_limit
from harness.quantities import ABSENT, QUANTITIES, print_value
from harness.record import Incident
from harness.report.circumstances import Fact, facts, sitting_table
from harness.report.figures import draw_scatter
from harness.report.words import METHODS, lead_words, origin_words
from harness.stats import CONFIDENCE, Estimate
from harness.store import Run

SHOWN = (
    "latency_p50_s",
    "latency_p99_s",
    "energy_per_inference_j",
    "accuracy",
    "power_mean_w",
    "energy_above_idle_per_inference_j",
    "memory_peak_bytes",
    "cold_start_s",
)
"""Columns of the table: what decides stands before what explains."""

PLOTS = (("latency_p99_s", "energy_per_inference_j"), ("latency_p99_s", "error"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A figure as people read it.

    Attributes:
        text: scaled value with its unit.
        interval: both ends; empty where there is none.
        exact: unscaled value in SI, for the curious; empty where absent.
        note: why something is missing; empty where nothing is.
    """

    text: str
    interval: str
    exact: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case of the page.

    Attributes:
        id: of the element in the page.
        placing: where the case stands.
        cells: one for each figure.
        origin: of the power figures in a word.
        standing: `on the front`, `not on it`, `beyond a limit` or `incomplete`.
        sittings: what happened in each, label to one text per sitting.
        evidence, meter: of the executed precision, and the meter's configuration as read back.
        incidents: what went wrong while measuring.
    """

    id: str
    placing: Placing
    cells: Sequence[Cell]
    origin: str
    standing: str
    sittings: Sequence[tuple[str, Sequence[str]]]
    evidence: Sequence[Fact]
    meter: Sequence[Fact]
    incidents: Sequence[Incident]


def render_page(runs: Sequence[Run], ranking: Ranking, title: str = "") -> str:
    """The whole page; equal input gives equal text.

    Args:
        runs: what the ranking was made of.
        ranking: the cases in their order.
        title: head of the page; empty for the suite's own title.
    """
    by_id = {run.start.run: run for run in runs}
    rows = [
        _row(number, placing, by_id[placing.case.run]) for number, placing in enumerate(ranking.placings, 1)
    ]
    links = {place: f"#{row.id}" for place, row in enumerate(rows)}
    pictures = [draw_scatter(ranking, x, y, links) for x, y in PLOTS]
    return _template().render(
        title=title or _title(runs),
        ranking=ranking,
        lead=lead_words(ranking),
        origins=list(dict.fromkeys(origin_words(row.placing.case.origin) for row in rows)),
        measured=all(row.placing.case.origin == "measured" for row in rows),
        rows=rows,
        heads=[QUANTITIES[name] for name in SHOWN],
        pictures=[picture for picture in pictures if picture is not None],
        methods=[(name, text) for name, text in METHODS.items() if _uses(ranking, name)],
        confidence=f"{100 * CONFIDENCE:g} %",
        cell_of=cell,
        print_limit=print_limit,
        runs=[_run(run) for run in runs],
        unlimited=not ranking.limits,
        absent=ABSENT,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("harness.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


def _row(number: int, placing: Placing, run: Run) -> Row:
    case = placing.case
    opened = [record for record in run.opened if record.case == case.case]
    closed = [record for record in run.closed if record.case == case.case]
    last = opened[-1] if opened else None
    return Row(
        id=f"case-{number}",
        placing=placing,
        cells=[cell(name, case.estimates[name]) for name in SHOWN],
        origin=_origin_word(case.origin),
        standing=_standing(placing),
        sittings=sitting_table(opened, closed),
        evidence=facts({"requested": last.requested, "executed": last.executed}) if last else (),
        meter=facts(last.meter) if last and last.meter else (),
        incidents=[incident for incident in run.incidents if incident.case == case.case],
    )


def cell(name: str, estimate: Estimate) -> Cell:
    """A figure with its interval, scaled for people."""
    known = estimate.value is not None and bool(estimate.method)
    ends = [print_value(name, end) for end in (estimate.lo, estimate.hi)]
    if estimate.hi is None and estimate.lo is not None:
        interval = f"> {ends[0]} (n too small)"
    elif estimate.lo is None and estimate.hi is not None:
        interval = f"< {ends[1]} (n too small)"
    elif estimate.lo is None:
        interval = "no interval"
    else:
        interval = _between(*ends)
    return Cell(
        text=print_value(name, estimate.value),
        interval=interval if known else "",
        exact="" if estimate.value is None else f"{estimate.value!r}",
        note=estimate.reason,
    )


def _between(low: str, high: str) -> str:
    """Both ends of an interval; a shared unit is told once."""
    number, _, unit = low.partition(" ")
    return f"{number} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"


def _origin_word(origin: str | None) -> str:
    if origin is None:
        return "no meter"
    return origin if origin == "measured" else origin.upper()


def _standing(placing: Placing) -> str:
    if placing.case.incomplete:
        return "incomplete"
    if placing.layer is None:
        return "beyond a limit"
    return "on the front" if placing.on_front else "dominated"


def _uses(ranking: Ranking, method: str) -> bool:
    return any(
        estimate.method == method
        for placing in ranking.placings
        for estimate in placing.case.estimates.values()
    )


def _title(runs: Sequence[Run]) -> str:
    titles = dict.fromkeys(
        str(run.start.suite.get("title") or run.start.suite.get("id") or run.start.run) for run in runs
    )
    return " and ".join(titles)


def _run(run: Run) -> Mapping[str, Any]:
    start = run.start
    return {
        "id": start.run,
        "status": run.status,
        "utc": start.utc,
        "reason": run.stop.reason if run.stop else "",
        "recovered": run.stop.recovered_lines if run.stop else 0,
        "command": command(run),
        "host": facts(start.provenance),
        "found": facts(start.found),
        "device": facts(start.device),
        "protocol": facts(start.protocol),
        "suite": facts(start.suite),
        "plan": facts({"seed": start.seed, "plan_sha256": start.plan_sha256, "boot_id": start.boot_id}),
        "incidents": run.incidents,
    }


def command(run: Run) -> str:
    """The command line to paste into a shell for the same plan once more."""
    words = run.start.provenance.get("command")
    if not words:
        suite = run.start.suite.get("path") or run.start.suite.get("id") or ""
        words = ["harness", "run", suite, "--device", run.start.device.get("id", "")]
    words = [str(word) for word in words]
    if "--seed" not in words and not any(word.startswith("--seed=") for word in words):
        words += ["--seed", str(run.start.seed)]
    return shlex.join(words)
