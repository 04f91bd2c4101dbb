"""This module writes a run's figures in Bencher Metric Format, with our intervals as its lower and upper values.

Format: https://bencher.dev/docs/reference/bencher-metric-format. A benchmark is a case, a measure a quantity in
its SI unit. What is absent or incomplete is left out: it would be a gap in a series, never a zero.
"""

import json
import math
from collections.abc import Sequence

from harness.judging.cases import CaseResult
from harness.outputs import SERIES, series_name


def render_bencher(cases: Sequence[CaseResult]) -> str:
    """The JSON text."""
    benchmarks = {case.case: _measures(case) for case in cases if not case.incomplete}
    return json.dumps(benchmarks, indent=2, allow_nan=False) + "\n"


def _measures(case: CaseResult) -> dict[str, dict[str, float]]:
    measures = {}
    for quantity in SERIES:
        estimate = case.estimate(quantity)
        values = {"value": estimate.value, "lower_value": estimate.lo, "upper_value": estimate.hi}
        known = {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
        if "value" in known:
            measures[series_name(quantity, case.origin)] = known
    return measures
