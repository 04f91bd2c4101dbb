"""This module writes the table of cases as CSV (RFC 4180): SI units, full precision, empty for absent."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Literal

from harness.judging.cases import FIGURES
from harness.judging.front import Placing, Ranking
from harness.quantities import bound_name

WITH_BOUNDS = ("latency_p50_s", "latency_p99_s", "energy_per_inference_j", "power_mean_w", "accuracy")
"""Figures whose two-sided interval is in the table."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A text cell that begins so would be run by a spreadsheet (OWASP, CSV injection)."""

SIDES: tuple[Literal["lo", "hi"], ...] = ("lo", "hi")

Cell = str | int | float | bool | None


def render_csv(ranking: Ranking) -> str:
    """The table with one header line, in the order of the ranking, lines ended by CR LF."""
    rows = [_row(placing, ranking.objectives) for placing in ranking.placings]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    names = columns(ranking.objectives)
    writer.writerow(names)
    writer.writerows([_print(cell) for cell in row.values()] for row in rows)
    return stream.getvalue()


def columns(objectives: Sequence[str] = ()) -> list[str]:
    """Names of the columns, in order; objectives that are not among the figures stand after them."""
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
        *("steadiness", "verdict", "incomplete", "run"),
    ]


def _row(placing: Placing, objectives: Sequence[str]) -> Mapping[str, Cell]:
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
        "verdict": None if placing.verdict is None else placing.verdict.value,
        "incomplete": case.incomplete,
        "run": case.run,
    }
    return {name: facts[name] for name in columns(objectives)}


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
            return repr(cell) if math.isfinite(cell) else ""
        case str():
            return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
