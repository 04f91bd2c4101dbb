"""This module takes the cycles of a run apart: the valid counted cycles of each sitting of each case, in order."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.judging.steadiness import Series, Steadiness, judge_course
from harness.record import Phase, SittingClosed, SittingOpened
from harness.store import Run

CLOCK_LOSS = 0.05
"""A processor that runs slower by more than this share at the end of a sitting, with its governor at full clock."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """The valid counted cycles of one sitting of a case.

    Attributes:
        sitting: its number.
        rows: places of the cycles in the run's table.
        part: attempt of each cycle.
        item: labelled input of each.
        right: each was answered rightly; an output without a class was not.
        series: windows, inferences and energy of each.
        latencies_ns: of all inferences of all cycles in order.
        steadiness: what the course says of itself.
    """

    sitting: int
    rows: NDArray[np.int64]
    part: NDArray[np.int64]
    item: NDArray[np.int64]
    right: NDArray[np.bool_]
    series: Series
    latencies_ns: NDArray[np.int64]
    steadiness: Steadiness

    @property
    def settled(self) -> "Course":
        """Only the cycles that count for latency, power and energy: warmed up, and not throttled.

        A sitting that never was steady, or was throttled from its first cycle, is taken whole.
        """
        chosen = self.steadiness.settled
        begin, end, _ = chosen.indices(len(self.rows))
        if (begin, end) == (0, len(self.rows)) or end <= begin:
            return self
        ends = np.cumsum(self.series.inferences)
        first, last = int(ends[begin - 1]) if begin else 0, int(ends[end - 1])
        return Course(
            sitting=self.sitting,
            rows=self.rows[chosen],
            part=self.part[chosen],
            item=self.item[chosen],
            right=self.right[chosen],
            series=Series(
                begin_ns=self.series.begin_ns[chosen],
                end_ns=self.series.end_ns[chosen],
                inferences=self.series.inferences[chosen],
                energy_j=self.series.energy_j[chosen],
            ),
            latencies_ns=self.latencies_ns[first:last],
            steadiness=self.steadiness,
        )


def distinct_items(items: NDArray[np.int64]) -> NDArray[np.int64]:
    """The labelled inputs among those of many cycles, each once, in order."""
    return np.flatnonzero(np.bincount(items))


def courses(run: Run) -> dict[str, list[Course]]:
    """Courses of every planned case by its id, sittings in order; a sitting without a valid cycle has none."""
    frame = run.cycles
    valid = _equal(frame["phase"], Phase.MEASURE.value) & _equal(frame["void"], "")
    codes, names = pd.factorize(frame["case"])
    sittings = frame["sitting"].to_numpy()
    ends = np.cumsum(frame["repeats"].to_numpy())
    found: dict[str, list[Course]] = {case: [] for case in run.start.cases}
    evidence = _throttlings(run)
    for code, name in enumerate(names):
        rows = np.flatnonzero(valid & (codes == code))
        if str(name) in found:
            found[str(name)] = [
                _course(
                    run,
                    int(sitting),
                    rows[sittings[rows] == sitting],
                    ends,
                    evidence.get((name, sitting), ""),
                )
                for sitting in np.unique(sittings[rows])
            ]
    return found


def _course(
    run: Run, sitting: int, rows: NDArray[np.int64], ends: NDArray[np.int64], evidence: str
) -> Course:
    whole = len(rows) == rows[-1] - rows[0] + 1
    chosen: Any = slice(int(rows[0]), int(rows[-1]) + 1) if whole else rows
    columns = {name: run.cycles[name].iloc[chosen] for name in ("part", "item", "begin_ns", "end_ns")}
    columns |= {name: run.cycles[name].iloc[chosen] for name in ("repeats", "energy_j", "predicted", "label")}
    inferences = columns["repeats"].to_numpy(np.int64)
    series = Series(
        begin_ns=columns["begin_ns"].to_numpy(np.int64),
        end_ns=columns["end_ns"].to_numpy(np.int64),
        inferences=inferences,
        energy_j=columns["energy_j"].to_numpy(np.float64),
    )
    right = (columns["predicted"] == columns["label"]).fillna(value=False).to_numpy(np.bool_)
    return Course(
        sitting=sitting,
        rows=rows,
        part=columns["part"].to_numpy(np.int64),
        item=columns["item"].to_numpy(np.int64),
        right=right,
        series=series,
        latencies_ns=_latencies(run.all_latencies_ns, rows, ends, inferences, whole=whole),
        steadiness=judge_course(sitting, series, evidence),
    )


def _latencies(
    latencies_ns: NDArray[np.int64],
    rows: NDArray[np.int64],
    ends: NDArray[np.int64],
    inferences: NDArray[np.int64],
    *,
    whole: bool,
) -> NDArray[np.int64]:
    begins = ends[rows] - inferences
    if whole:
        return latencies_ns[int(begins[0]) : int(ends[rows[-1]])]
    before = np.cumsum(inferences) - inferences
    return latencies_ns[np.repeat(begins - before, inferences) + np.arange(int(inferences.sum()))]


def _throttlings(run: Run) -> dict[tuple[str, int], str]:
    """What `throttling` says of each sitting of each case, by both."""
    opened: defaultdict[tuple[str, int], list[SittingOpened]] = defaultdict(list)
    closed: defaultdict[tuple[str, int], list[SittingClosed]] = defaultdict(list)
    for begun in run.opened:
        opened[begun.case, begun.sitting].append(begun)
    for ended in run.closed:
        closed[ended.case, ended.sitting].append(ended)
    return {key: throttling(begins, closed[key]) for key, begins in opened.items()}


def throttling(opened: Sequence[SittingOpened], closed: Sequence[SittingClosed]) -> str:
    """The device's own evidence that it was throttled in a sitting; empty for none.

    Evidence is a throttle counter that rose, a throttle flag that is set at the end, and a clock that fell by
    more than `CLOCK_LOSS` though the governor is at full clock. A temperature alone is none.

    Args:
        opened: attempts at one sitting of one case.
        closed: their ends.
    """
    told: list[str] = []
    ends = {record.part: record for record in closed}
    for record in opened:
        if record.part not in ends:
            continue
        before, after = record.environment, ends[record.part].environment
        counts, later = _numbers(before.get("throttle_count")), _numbers(after.get("throttle_count"))
        told += [
            f"throttle count of {k} rose from {counts[k]:g} to {v:g}"
            for k, v in later.items()
            if v > counts.get(k, v)
        ]
        told += [f"{key} is set" for key in ("throttled", "throttle_flags") if after.get(key)]
        if "performance" in str(after.get("governor", "")):
            clocks, last = _numbers(before.get("clock_hz")), _numbers(after.get("clock_hz"))
            told += [
                f"clock of {key} fell from {clocks[key] / 1e6:.0f} to {hz / 1e6:.0f} MHz"
                for key, hz in last.items()
                if hz < (1 - CLOCK_LOSS) * clocks.get(key, hz)
            ]
    return "; ".join(told)


def _numbers(content: Any) -> dict[str, float]:
    if not isinstance(content, Mapping):
        return {}
    return {str(key): float(value) for key, value in content.items() if isinstance(value, int | float)}


def _equal(column: "pd.Series[str]", text: str) -> NDArray[np.bool_]:
    return (column == text).to_numpy(np.bool_)
