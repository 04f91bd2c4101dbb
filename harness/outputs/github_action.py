"""This module writes a run's figures for github-action-benchmark, as its `customSmallerIsBetter`.

Format: https://github.com/benchmark-action/github-action-benchmark. Each entry has a name, a unit and a value;
`range` is our interval, `extra` says where the figure comes from. What is absent or incomplete is left out.
"""

import json
import math
from collections.abc import Iterator, Sequence

from harness.judging.cases import CaseResult
from harness.outputs import SERIES, series_name
from harness.quantities import QUANTITIES


def render_github_action(cases: Sequence[CaseResult]) -> str:
    """The JSON text."""
    entries = [entry for case in cases if not case.incomplete for entry in _entries(case)]
    return json.dumps(entries, indent=2, allow_nan=False) + "\n"


def _entries(case: CaseResult) -> Iterator[dict[str, str | float]]:
    for quantity in SERIES:
        estimate = case.estimate(quantity)
        if estimate.value is None or not math.isfinite(estimate.value):
            continue
        entry: dict[str, str | float] = {
            "name": f"{case.case} {series_name(quantity, case.origin)}",
            "unit": QUANTITIES[quantity].unit.symbol or "share",
            "value": estimate.value,
            "extra": f"run {case.run}; power: {case.origin or 'no meter'}; {estimate.method or 'no interval'}",
        }
        if estimate.lo is not None and estimate.hi is not None:
            entry["range"] = f"{estimate.lo:.6g} to {estimate.hi:.6g}"
        yield entry
