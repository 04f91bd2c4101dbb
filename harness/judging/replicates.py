"""This module takes the figures of single sittings and the answers to single items: what comparisons pair.

Cycles count as everywhere: latency, power and energy are those of settled cycles, answers those of all valid ones.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.judging.courses import Course
from harness.judging.early_stopping import LEVELS as STOPPED
from harness.judging.estimates import LEVELS as PERCENTILES
from harness.judging.estimates import first_parts, idle_of, right_share
from harness.judging.idle import idle_power_w, sitting_idle_w, unsteady_idle
from harness.judging.peaks import peak_power
from harness.judging.percentiles import rank_of
from harness.record import SittingClosed, SittingOpened
from harness.store import Run

Record = TypeVar("Record", SittingOpened, SittingClosed)

LEVELS: Mapping[str, float] = {**PERCENTILES, **STOPPED}
"""Percentiles by quantity; what early stopping makes of one varies between sittings as that does."""

NAMES = (
    *("latency_p50_s", "latency_p99_s", "energy_per_inference_j", "power_mean_w", "memory_peak_bytes"),
    "cold_start_s",
)
"""What comparisons take."""

RATIOS: Mapping[str, tuple[str, str]] = {
    "latency_mean_s": ("latency_s", "inferences"),
    "energy_per_inference_j": ("energy_j", "inferences"),
    "energy_above_idle_per_inference_j": ("above_idle_j", "inferences"),
    "power_mean_w": ("energy_j", "window_s"),
}
"""Quantities that are a sum over cycles by another."""

SIGNED = ("energy_above_idle_per_inference_j",)
"""Differences, which may be below 0: they vary by what is added, for no factor takes them across 0."""


def sitting_figures(run: Run, case: str, courses: Sequence[Course]) -> dict[str, dict[int, float]]:
    """Figures of each sitting of a case by quantity and sitting; a sitting without the figure is left out.

    Args:
        run: the run.
        case: id of the case.
        courses: its sittings that have a valid cycle.
    """
    return {name: figures_of(run, case, courses, name) for name in NAMES}


def figures_of(run: Run, case: str, courses: Sequence[Course], name: str) -> dict[int, float]:
    """One figure of each sitting of a case; a sitting that has none is left out, and so are all of an unknown name.

    Args:
        run: the run.
        case: id of the case.
        courses: its sittings that have a valid cycle.
        name: of the quantity.
    """
    match name:
        case "memory_peak_bytes":
            return _peaks(run, case)
        case "cold_start_s":
            return _cold_starts(run, case)
        case "idle_power_w":
            return sitting_idle_w(_of(run.opened, case), _of(run.closed, case))
        case "dead_time_s":
            return {
                each.sitting: each.dead_time_s
                for each in _of(run.closed, case)
                if each.dead_time_s is not None
            }
        case "power_peak_10ms_w":
            found = {each.sitting: peak_power(run, [each], _of(run.opened, case)).value for each in courses}
        case _ if name in LEVELS and any(each.whole_windows for each in _of(run.opened, case)):
            return {}
        case _:
            found = {each.sitting: _figure(run, case, each.settled, name) for each in courses}
    return {sitting: value for sitting, value in found.items() if value is not None and not np.isnan(value)}


def sums_of(run: Run, case: str, course: Course, names: Collection[str]) -> dict[str, NDArray[np.float64]]:
    """What each cycle adds to the sums of `RATIOS`, by its name; NaN where a cycle has no energy or idle power.

    Args:
        run: the run.
        case: id of the case.
        course: one of its sittings.
        names: of the sums.
    """
    series = course.series
    counts = series.inferences
    sums = {
        "inferences": counts.astype(np.float64),
        "window_s": series.window_s,
        "energy_j": series.energy_j,
    }
    if "latency_s" in names:
        starts = np.cumsum(counts) - counts
        sums["latency_s"] = np.add.reduceat(course.latencies_ns, starts, dtype=np.float64) * 1e-9
    if "above_idle_j" in names:
        opened, closed = _of(run.opened, case), _of(run.closed, case)
        attempts = {(course.sitting, int(part)) for part in np.unique(course.part)}
        idle_j = (
            np.nan
            if unsteady_idle(run.start.protocol, opened, closed, attempts)
            else idle_of(course, idle_power_w(opened, closed)) * series.window_s
        )
        sums["above_idle_j"] = series.energy_j - idle_j
    return {name: sums[name] for name in names}


def _figure(run: Run, case: str, course: Course, name: str) -> float | None:
    if name in LEVELS:
        return _percentile_s(course.latencies_ns, LEVELS[name])
    if name == "latency_max_s":
        return int(course.latencies_ns.max()) * 1e-9
    if name == "energy_delay_product_js":
        sums = sums_of(run, case, course, ("energy_j", "window_s", "inferences"))
        energy_j, window_s, inferences = (float(each.sum()) for each in sums.values())
        return energy_j * window_s / inferences**2
    if name not in RATIOS:
        return None
    above, below = RATIOS[name]
    sums = sums_of(run, case, course, (above, below))
    return float(sums[above].sum() / sums[below].sum())


def answers(courses: Sequence[Course]) -> dict[int, bool]:
    """Item to whether more than half of its valid cycles were right; empty without a valid cycle."""
    if not courses:
        return {}
    items, right = right_share(courses)
    return dict(zip(items.tolist(), right.tolist(), strict=True))


def _percentile_s(latencies_ns: NDArray[np.int64], level: float) -> float:
    place = rank_of(len(latencies_ns), level)
    return int(np.partition(latencies_ns, place)[place]) * 1e-9


def _peaks(run: Run, case: str) -> dict[int, float]:
    """Largest resident set of each sitting; the largest of its parts counts."""
    peaks: dict[int, float] = {}
    for record in run.closed:
        peak = record.memory.get("peak")
        if record.case == case and peak is not None:
            peaks[record.sitting] = max(float(peak), peaks.get(record.sitting, 0.0))
    return peaks


def _cold_starts(run: Run, case: str) -> dict[int, float]:
    """Loading and first inference of the first attempt at each sitting."""
    stages = ("load_s", "first_inference_s")
    return {
        record.sitting: sum(float(record.cold_start[stage]) for stage in stages)
        for record in first_parts(_of(run.opened, case))
        if all(stage in record.cold_start for stage in stages)
    }


def _of(records: Sequence[Record], case: str) -> list[Record]:
    return [record for record in records if record.case == case]
