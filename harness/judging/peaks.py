"""This module finds the largest mean power over 10 ms: what a supply must give, and no mean of windows shows.

Power is constant over a sample's interval as far as the meter can tell. The mean over a window of fixed width then
changes linearly while the window slides, until one of its edges meets an edge of a sample; so the largest mean is found
among the windows that end where a sample ends or begin where one begins.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from harness.judging.courses import Course
from harness.judging.stats import Estimate, absent
from harness.judging.traces import traces_of
from harness.quantities import print_value
from harness.record import SittingOpened
from harness.store import Run
from harness.trace import Trace

WIDTH_NS = 10_000_000
"""The name of the quantity says it: `power_peak_10ms_w`."""

LEAST_SAMPLES = 4
"""A sample may be this part of the width at most: a longer one has averaged the peak away before it was seen."""


def peak_power(run: Run, courses: Sequence[Course], opened: Sequence[SittingOpened]) -> Estimate:
    """The largest mean power over any 10 ms of a case, from the first valid counted window of each attempt to the last.

    What runs between the windows is in it. A maximum has no interval.

    Args:
        run: the run.
        courses: sittings of one case with a valid cycle.
        opened: its sittings' openings.

    Raises:
        StoreError: a power file is damaged.
    """
    if run.start.origin is None:
        return absent("no meter")
    records = {(record.sitting, record.part): record for record in opened}
    peaks_w: list[float] = []
    for course in courses:
        for part in np.unique(course.part).tolist():
            record = records.get((course.sitting, part))
            where = f"sitting {course.sitting}"
            if record is None or record.period_ns is None:
                return absent(f"the record of {where} does not tell the meter's rhythm")
            if reason := too_slow(record):
                return absent(reason)
            rows = run.cycles[["begin_ns", "end_ns"]].iloc[course.rows[course.part == part]]
            found_w, reason = _peak_w(run, record, rows)
            if reason:
                return absent(f"{where}: {reason}")
            peaks_w += found_w
    return Estimate(value=max(peaks_w)) if peaks_w else absent("no 10 ms are covered by samples throughout")


def too_slow(record: SittingOpened) -> str:
    """Why samples are too long to see a peak of 10 ms; empty where they are not."""
    update_s = (record.meter or {}).get("update_s") or 0.0
    sample_s = max((record.period_ns or 0.0) * 1e-9, float(update_s))
    longest_s = WIDTH_NS * 1e-9 / LEAST_SAMPLES
    if sample_s <= longest_s:
        return ""
    return (
        f"a sample of this meter is a mean over {print_value('duration_s', sample_s)}, and a peak of 10 ms shows in "
        f"samples of {print_value('duration_s', longest_s)} or less"
    )


def _peak_w(run: Run, record: SittingOpened, rows: pd.DataFrame) -> tuple[Iterable[float], str]:
    """The peak of one attempt, nothing where no 10 ms are covered, or why there is none."""
    begin_ns, end_ns = int(rows["begin_ns"].min()), int(rows["end_ns"].max())
    raw = run.power(record.case, record.sitting, record.part)
    traces = {name: _between(trace, begin_ns, end_ns) for name, trace in traces_of(raw, record).items()}
    if not traces or not all(len(trace.end_ns) for trace in traces.values()):
        return (), "the run holds no raw samples of it"
    if any(trace.saturated.any() for trace in traces.values()):
        return (), "samples stand at the end of the meter's range, so that the peak is at least theirs"
    peak_w = largest_w(traces, WIDTH_NS)
    return (() if peak_w is None else (peak_w,)), ""


def largest_w(traces: Mapping[str, Trace], width_ns: int) -> float | None:
    """Largest mean power of all channels together over any window of this width; None where none is covered.

    Energies over the same window add up, whatever each channel's samples.

    Args:
        traces: of the channels that count; at least one.
        width_ns: of the window.
    """
    ends_ns = np.concatenate(
        [instants for trace in traces.values() for instants in (trace.end_ns, trace.begin_ns + width_ns)]
    )
    ends_ns.sort(kind="stable")  # runs in order merge in linear time, and ordered instants are found as fast
    means_w = np.sum([trace.sliding_mean_w(width_ns, ends_ns) for trace in traces.values()], axis=0)
    if np.isnan(means_w).all():
        return None
    last_ns = int(ends_ns[np.nanargmax(means_w)])
    # Once it is found the window is summed by itself: a difference of sums over hours has lost some digits.
    energies = [trace.window(last_ns - width_ns, last_ns).energy_j for trace in traces.values()]
    return math.fsum(energy for energy in energies if energy is not None) / (width_ns * 1e-9)


def _between(trace: Trace, begin_ns: int, end_ns: int) -> Trace:
    """The samples that lie wholly between two instants."""
    first = int(np.searchsorted(trace.begin_ns, begin_ns, side="left"))
    last = int(np.searchsorted(trace.end_ns, end_ns, side="right"))
    kept = slice(first, max(first, last))
    return Trace(
        begin_ns=trace.begin_ns[kept],
        end_ns=trace.end_ns[kept],
        power_w=trace.power_w[kept],
        saturated=trace.saturated[kept],
        lost=trace.lost[kept],
    )
