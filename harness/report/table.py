"""This module writes the table of cases as CSV (RFC 4180): SI units, 15 digits, empty for absent."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Literal

from harness.judging.cases import FIGURES
from harness.judging.front import Placing, Ranking
from harness.judging.scores import Score
from harness.quantities import bound_name, channel_name, exact

WITH_BOUNDS = ("latency_p50_s", "latency_p99_s", "energy_per_inference_j", "power_mean_w", "accuracy")
"""Figures whose two-sided interval is in the table."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A text cell that begins so would be run by a spreadsheet (OWASP, CSV injection)."""

SCORES = ("score_chebyshev", "score_spotis", "score_wins")
"""Where scores were asked for: less is better in the first two, the last is a share of random weights."""

PER_CHANNEL = "energy_per_inference_j"
"""What is told of each channel of a meter that has several."""

SIDES: tuple[Literal["lo", "hi"], ...] = ("lo", "hi")

Cell = str | int | float | bool | None


def render_csv(ranking: Ranking) -> str:
    """The table with one header line, in the order of the ranking, lines ended by CR LF."""
    scores = _scores(ranking)
    channels = list(dict.fromkeys(name for placing in ranking.placings for name in placing.case.channels))
    rows = [_row(placing, ranking.objectives, scores, channels) for placing in ranking.placings]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    names = columns(ranking.objectives, scored=scores is not None, channels=channels)
    writer.writerow(names)
    writer.writerows([_print(cell) for cell in row.values()] for row in rows)
    return stream.getvalue()


def columns(
    objectives: Sequence[str] = (), *, scored: bool = False, channels: Sequence[str] = ()
) -> list[str]:
    """Names of the columns, in order; objectives that are not among the figures stand after them.

    Args:
        objectives: of the ranking.
        scored: it has scores.
        channels: of the meters of its cases that have several; the energy of each stands at the end.
    """
    figures: list[str] = []
    for name in _figures(objectives):
        figures.append(name)
        if name in WITH_BOUNDS:
            figures += [bound_name(name, side) for side in SIDES]
    return [
        *("case", "device", "board", "engine", "model", "precision", "executed_precision", "origin"),
        *("sittings", "cycles", "void"),
        *figures,
        *("rank", "on_front", "front_class", "front_share", "dominated_by", "dominated_share"),
        *("steadiness", "disturbed_share", "verdict", "incomplete", "run"),
        *(SCORES if scored else ()),
        *(channel_name(PER_CHANNEL, name) for name in channels),
    ]


def _scores(ranking: Ranking) -> Mapping[tuple[str, str], Score] | None:
    """Scores by run and case; None where none were asked for."""
    if ranking.scoring is None:
        return None
    return {(score.run, score.case): score for score in ranking.scoring.scores}


def _row(
    placing: Placing,
    objectives: Sequence[str],
    scores: Mapping[tuple[str, str], Score] | None,
    channels: Sequence[str],
) -> Mapping[str, Cell]:
    case = placing.case
    figures: dict[str, Cell] = {}
    for name in _figures(objectives):
        estimate = case.estimate(name)
        figures[name] = _whole(estimate.value) if name.endswith("_bytes") else estimate.value
        if name in WITH_BOUNDS:
            figures |= {bound_name(name, "lo"): estimate.lo, bound_name(name, "hi"): estimate.hi}
    facts: dict[str, Cell] = {
        "case": case.case,
        "device": case.device,
        "board": case.board,
        "engine": case.engine,
        "model": case.model,
        "precision": case.precision,
        "executed_precision": case.executed_precision,
        "origin": case.origin,
        "sittings": case.sittings,
        "cycles": case.cycles,
        "void": case.void,
        **figures,
        "rank": placing.rank,
        "on_front": None if placing.rank is None else placing.on_front,
        "front_class": None if placing.front_class is None else placing.front_class.value,
        "front_share": None if placing.standing is None else placing.standing.share,
        "dominated_by": placing.dominator or None,
        "dominated_share": None if placing.standing is None else placing.standing.dominated,
        "steadiness": case.state.value if case.courses else None,
        "disturbed_share": case.disturbed_share,
        "verdict": None if placing.verdict is None else placing.verdict.value,
        "incomplete": case.incomplete,
        "run": case.run,
    }
    if scores is not None:
        score = scores.get((case.run, case.case))
        values = (None,) * len(SCORES) if score is None else (score.chebyshev, score.spotis, score.wins)
        facts |= dict(zip(SCORES, values, strict=True))
    for name in channels:
        column = channel_name(PER_CHANNEL, name)
        facts[column] = case.estimate(column).value
    return {name: facts[name] for name in columns(objectives, scored=scores is not None, channels=channels)}


def _figures(objectives: Sequence[str]) -> list[str]:
    return [*FIGURES, *(name for name in objectives if name not in {*FIGURES, "error"})]


def _whole(value: float | None) -> int | None:
    return None if value is None or not math.isfinite(value) else round(value)


def _print(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).lower()
        case int():
            return str(cell)
        case float():
            return exact(cell) if math.isfinite(cell) else ""
        case str():
            return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
