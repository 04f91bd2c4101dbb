"""This module cuts the cycles of cases into blocks of consecutive items: what is drawn together when resampling.

All cases of a run see the same items in the same order, so one draw of blocks serves them all. Whole cycles
travel together: that latency and energy go together, that neighbours resemble each other and that cases
answer the same items is all kept in the draws.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.judging.autocorrelation import autocorrelation_time
from harness.judging.courses import Course, distinct_items
from harness.judging.estimates import right_share
from harness.judging.percentiles import rank_of
from harness.store import Run

LEVEL = 0.99
"""The percentile of latency that is resampled."""

TIMES = 5
"""A block is this many autocorrelation times long, where there are items enough."""

FEWEST, MOST = 10, 200
"""Blocks of a sitting, where it has so many items."""

GRID = np.concatenate([np.linspace(0.5, 0.98, 97)[:-1], np.linspace(0.98, 1.0, 401)])
"""Levels at which the latencies of a case are kept to find a percentile of a resample by."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """A case cut into blocks, sitting after sitting.

    Attributes:
        case: id.
        group: what draws together, the id of the run.
        sizes: number of blocks of each sitting.
        energy_j, inferences: sums over each block.
        beyond: inferences of each block slower than the case's own percentile.
        items, right: distinct items of each block, and those answered rightly; an item counts in the first
            sitting that saw it.
        slow_s: latencies at the levels of `GRID`.
        deviations: of the sittings' own figures from their mean, relative, one row each: latency, energy.
        meter: what the power was read by; cases with the same share its error.
        gain: relative standard uncertainty of that meter; 0 where it is not known.
    """

    case: str
    group: str
    sizes: Sequence[int]
    energy_j: NDArray[np.float64]
    inferences: NDArray[np.float64]
    beyond: NDArray[np.float64]
    items: NDArray[np.float64]
    right: NDArray[np.float64]
    slow_s: NDArray[np.float64]
    deviations: NDArray[np.float64]
    meter: str = ""
    gain: float = 0.0


def blocks_of(run: Run, taken: Mapping[str, Sequence[Course]]) -> dict[str, Blocks]:
    """Blocks of each case of a run by its id; a case without energy in all of its cycles has none.

    Args:
        run: the run.
        taken: its courses by case.
    """
    whole = {
        case: [course.settled for course in found]
        for case, found in taken.items()
        if found and not any(np.isnan(course.series.energy_j).any() for course in found)
    }
    cuts: dict[int, NDArray[np.int64]] = {}
    for text, items in run.start.items.items():
        sitting = int(text)
        lengths = [
            _length(course, items)
            for found in whole.values()
            for course in found
            if course.sitting == sitting
        ]
        cuts[sitting] = _block_of(len(items), max(lengths, default=1))
    return {case: _cut(run, case, found, taken[case], cuts) for case, found in whole.items()}


def _length(course: Course, items: Sequence[int]) -> int:
    """Items in a block: five autocorrelation times of latency or energy along the items, the longer."""
    series = course.series
    latency, energy = series.latency_s, series.energy_j / series.inferences
    tau = max(autocorrelation_time(latency), autocorrelation_time(energy))
    return math.ceil(TIMES * tau * len(items) / len(series.begin_ns))


def _block_of(items: int, length: int) -> NDArray[np.int64]:
    """Number of the block of each place in the order of the items."""
    fewest, most = min(FEWEST, items), min(MOST, items)
    count = min(max(items // max(1, length), fewest), most)
    return np.arange(items) * count // items


def _cut(
    run: Run,
    case: str,
    settled: Sequence[Course],
    courses: Sequence[Course],
    cuts: Mapping[int, NDArray[np.int64]],
) -> Blocks:
    latencies_ns = np.sort(np.concatenate([course.latencies_ns for course in settled]))
    n = len(latencies_ns)
    slow_ns = int(latencies_ns[rank_of(n, LEVEL)])
    seen = np.empty(0, np.int64)
    distinct, right = right_share(courses)
    columns: list[NDArray[np.float64]] = []
    sizes, own = [], []
    by_sitting = {course.sitting: course for course in courses}
    for course in settled:
        order, cut = run.start.items[str(course.sitting)], cuts[course.sitting]
        place = np.zeros(max(order) + 1, np.int64)
        place[np.asarray(order)] = cut
        count = int(cut[-1]) + 1
        block = place[course.item]
        counts = course.series.inferences
        late = np.add.reduceat(course.latencies_ns > slow_ns, np.cumsum(counts) - counts, dtype=np.float64)
        fresh = np.setdiff1d(distinct_items(by_sitting[course.sitting].item), seen)
        seen = np.union1d(seen, fresh)
        where = place[fresh]
        good = right[np.searchsorted(distinct, fresh)].astype(np.float64)
        columns.append(
            np.stack(
                [
                    np.bincount(block, course.series.energy_j, count),
                    np.bincount(block, counts, count),
                    np.bincount(block, late, count),
                    np.bincount(where, minlength=count).astype(np.float64),
                    np.bincount(where, good, count),
                ]
            )
        )
        sizes.append(count)
        piece = course.latencies_ns
        k = rank_of(len(piece), LEVEL)
        own.append((np.partition(piece, k)[k], course.series.energy_j.sum() / counts.sum()))
    energy_j, inferences, beyond, items, rights = np.concatenate(columns, axis=1)
    figures = np.array(own, np.float64)
    return Blocks(
        case=case,
        group=run.start.run,
        sizes=tuple(sizes),
        energy_j=energy_j,
        inferences=inferences,
        beyond=beyond,
        items=items,
        right=rights,
        slow_s=latencies_ns[np.minimum((GRID * n).astype(np.int64), n - 1)] * 1e-9,
        deviations=figures / figures.mean(axis=0) - 1,
        meter=f"{run.start.device.get('id', '')}",
    )
