"""This module cuts the cycles of cases into blocks of consecutive items: what is drawn together when resampling.

All cases of a run see the same items in the same order, so one draw of blocks serves them all. Whole cycles
travel together: that latency and energy go together, that neighbours resemble each other and that cases
answer the same items is all kept in the draws.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.judging.autocorrelation import autocorrelation_time
from harness.judging.courses import Course, distinct_items
from harness.judging.estimates import right_share
from harness.judging.objectives import OBJECTIVES
from harness.judging.percentiles import rank_of
from harness.judging.replicates import LEVELS, RATIOS, SIGNED, figures_of, sums_of
from harness.judging.stats import REPLICATES
from harness.store import Run

SUMS: Mapping[str, Collection[str]] = {
    **{name: set(sums) for name, sums in RATIOS.items()},
    "energy_delay_product_js": {"energy_j", "window_s", "inferences"},
}
"""Quantities that change with the blocks drawn, with the sums over cycles that they are made from."""

EXACT = ("work_flop",)
"""Counted, not measured: the same in every resample."""

TIMES = 5
"""A block is this many autocorrelation times long, where there are items enough."""

FEWEST, MOST = 10, 200
"""Blocks of a sitting, where it has so many items."""

GRID = np.concatenate(
    [np.linspace(0.0, 0.5, 101)[:-1], np.linspace(0.5, 0.98, 97)[:-1], np.linspace(0.98, 1.0, 401)]
)
"""Levels at which the latencies of a case are kept to find a percentile of a resample by."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """A case cut into blocks, sitting after sitting.

    Attributes:
        case: id.
        group: what draws together, the id of the run.
        sizes: number of blocks of each sitting.
        sums: over each block, by the name of what is added up; `inferences` is always there.
        beyond: percentile of the latency to the inferences of each block slower than the case's own.
        items, right: distinct items of each block, and those answered rightly; an item counts in the first
            sitting that saw it.
        slow_s: latencies at the levels of `GRID`.
        deviations: of the sittings' own figures from their mean, by the quantity, relative but of what may be below
            0; one that not every sitting has is left out.
        meter: what the power was read by; cases with the same share its error.
        gains: quantity to the relative standard uncertainty of that meter; one of which it is not known is left out.
    """

    case: str
    group: str
    sizes: Sequence[int]
    sums: Mapping[str, NDArray[np.float64]]
    beyond: Mapping[str, NDArray[np.float64]]
    items: NDArray[np.float64]
    right: NDArray[np.float64]
    slow_s: NDArray[np.float64]
    deviations: Mapping[str, NDArray[np.float64]]
    meter: str = ""
    gains: Mapping[str, float] = field(default_factory=dict)

    def knows(self, quantity: str) -> bool:
        """How the quantity would differ another time can be told: by the blocks, or by sittings enough."""
        if quantity in LEVELS:
            return quantity in self.beyond
        if quantity in SUMS:
            sums = [self.sums.get(name) for name in SUMS[quantity]]
            return all(each is not None and not np.isnan(each).any() for each in sums)
        replicated = len(self.deviations.get(quantity, ())) >= REPLICATES
        return quantity == "error" or quantity in EXACT or replicated


def blocks_of(
    run: Run, taken: Mapping[str, Sequence[Course]], objectives: Sequence[str] = OBJECTIVES
) -> dict[str, Blocks]:
    """Blocks of each case of a run by its id; a case without a valid cycle has none.

    Args:
        run: the run.
        taken: its courses by case.
        objectives: quantities that are to be resampled.
    """
    whole = {case: [course.settled for course in found] for case, found in taken.items() if found}
    orders: dict[int, Sequence[int]] = {}
    cuts: dict[int, NDArray[np.int64]] = {}
    for text, planned in run.start.items.items():
        sitting = int(text)
        attended = [course for found in whole.values() for course in found if course.sitting == sitting]
        items = orders[sitting] = planned or _met(
            [course for case in whole for course in taken[case] if course.sitting == sitting]
        )
        lengths = [_length(course, items) for course in attended]
        cuts[sitting] = _block_of(len(items), max(lengths, default=1))
    return {case: _cut(run, case, taken[case], objectives, orders, cuts) for case in whole}


def _met(attended: Sequence[Course]) -> Sequence[int]:
    """Items in the order they were met, where no plan laid it down: a test went through them by itself."""
    return list(dict.fromkeys(int(item) for course in attended for item in course.item))


def _length(course: Course, items: Sequence[int]) -> int:
    """Items in a block: five autocorrelation times of latency or energy along the items, the longer."""
    series = course.series
    tau = autocorrelation_time(series.latency_s)
    if not np.isnan(series.energy_j).any():
        tau = max(tau, autocorrelation_time(series.energy_j / series.inferences))
    return math.ceil(TIMES * tau * len(items) / len(series.begin_ns))


def _block_of(items: int, length: int) -> NDArray[np.int64]:
    """Number of the block of each place in the order of the items."""
    fewest, most = min(FEWEST, items), min(MOST, items)
    count = min(max(items // max(1, length), fewest), most)
    return np.arange(items) * count // items


def _cut(  # noqa: PLR0917  a case and how it is to be cut
    run: Run,
    case: str,
    courses: Sequence[Course],
    objectives: Sequence[str],
    orders: Mapping[int, Sequence[int]],
    cuts: Mapping[int, NDArray[np.int64]],
) -> Blocks:
    settled = [course.settled for course in courses]
    latencies_ns = np.sort(np.concatenate([course.latencies_ns for course in settled]))
    n = len(latencies_ns)
    whole_windows = any(record.whole_windows for record in run.opened if record.case == case)
    slow_ns = {
        name: int(latencies_ns[rank_of(n, LEVELS[name])])
        for name in objectives
        if name in LEVELS and not whole_windows
    }
    names = list(
        dict.fromkeys(["inferences", *(each for name in objectives for each in sorted(SUMS.get(name, ())))])
    )
    seen = np.empty(0, np.int64)
    distinct, right = right_share(courses)
    sums: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    beyond: dict[str, list[NDArray[np.float64]]] = {name: [] for name in slow_ns}
    items: list[NDArray[np.float64]] = []
    rights: list[NDArray[np.float64]] = []
    for whole, course in zip(courses, settled, strict=True):
        order, cut = orders[course.sitting], cuts[course.sitting]
        place = np.zeros(max(order) + 1, np.int64)
        place[np.asarray(order)] = cut
        count = int(cut[-1]) + 1
        block = place[course.item]
        for name, values in sums_of(run, case, course, names).items():
            sums[name].append(_added(block, count, values))
        starts = np.cumsum(course.series.inferences) - course.series.inferences
        for name, slowest_ns in slow_ns.items():
            late = np.add.reduceat(course.latencies_ns > slowest_ns, starts, dtype=np.float64)
            beyond[name].append(_added(block, count, late))
        fresh = np.setdiff1d(distinct_items(whole.item), seen)
        seen = np.union1d(seen, fresh)
        good = right[np.searchsorted(distinct, fresh)].astype(np.float64)
        items.append(_added(place[fresh], count, np.ones(len(fresh))))
        rights.append(_added(place[fresh], count, good))
    return Blocks(
        case=case,
        group=run.start.run,
        sizes=tuple(len(each) for each in items),
        sums={name: np.concatenate(each) for name, each in sums.items()},
        beyond={name: np.concatenate(each) for name, each in beyond.items()},
        items=np.concatenate(items),
        right=np.concatenate(rights),
        slow_s=latencies_ns[np.minimum((GRID * n).astype(np.int64), n - 1)] * 1e-9,
        deviations=_deviations(run, case, courses, objectives),
        meter=f"{run.start.device.get('id', '')}",
    )


def _added(block: NDArray[np.int64], count: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values added up in each block."""
    return np.bincount(block, values, count).astype(np.float64)


def _deviations(
    run: Run, case: str, courses: Sequence[Course], objectives: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Of the sittings' figures from their mean; of quantities that every sitting has."""
    found = {}
    for name in objectives:
        figures = figures_of(run, case, courses, name)
        if name != "error" and name not in EXACT and {course.sitting for course in courses} <= figures.keys():
            own = np.array([figures[course.sitting] for course in courses], np.float64)
            mean = own.mean()
            if name in SIGNED:
                found[name] = own - mean
            else:
                found[name] = own / mean - 1 if mean else np.zeros(len(own))
    return found
