"""This module finds in a run the power of one window as the meter saw it, from the raw samples alone.

The factors are those of the sitting's record, so that a desk without any meter sees what the bench saw.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.judging.peaks import WIDTH_NS, too_slow
from harness.judging.traces import channel_traces, total_of
from harness.record import Phase, SittingOpened
from harness.store import Run
from harness.trace import Trace, Traces

AROUND = 0.5
"""Power is shown for this many lengths of the window before and after it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerWindow:
    """The power of one cycle's window and a little around it.

    Attributes:
        sitting, part, item: which cycle.
        begin_ns, end_ns: its window.
        edges_ns: where one inference ends and the next begins.
        trace: conversions that touch the window or what is around it, of each channel of a meter that has several.
        sliding_w: mean power over the 10 ms before the end of each of them, NaN where the trace does not reach so far
            back; None where it never does, where the conversions are too long for it, and of several channels.
    """

    sitting: int
    part: int
    item: int
    begin_ns: int
    end_ns: int
    edges_ns: NDArray[np.int64]
    trace: Trace | Traces
    sliding_w: NDArray[np.float64] | None


def representative_window(run: Run, case: str) -> PowerWindow | None:
    """The valid cycle whose energy per inference is the median of the case; None where no raw power is kept of it.

    Raises:
        StoreError: a power file is damaged.
    """
    rows = run.cycles
    valid = (rows["case"] == case) & (rows["phase"] == Phase.MEASURE.value) & (rows["void"] == "")
    chosen = rows[valid & rows["energy_j"].notna()]
    if chosen.empty:
        return None
    energy = (chosen["energy_j"] / chosen["repeats"]).sort_values(kind="stable")
    place = int(energy.index[len(energy) // 2])
    row = rows.iloc[place]
    record = next(
        (
            each
            for each in run.opened
            if (each.case, each.sitting, each.part) == (case, row["sitting"], row["part"])
        ),
        None,
    )
    if record is None:
        return None
    return _window(run, record, row, _edges(run, place))


def _window(
    run: Run, record: SittingOpened, row: "pd.Series[Any]", edges: NDArray[np.int64]
) -> PowerWindow | None:
    begin_ns, end_ns = int(row["begin_ns"]), int(row["end_ns"])
    margin = AROUND * (end_ns - begin_ns) + 2 * (record.period_ns or 0.0)
    raw = run.power(record.case, record.sitting, record.part)
    ready_ns = raw["ready_ns"]  # in order within each channel
    near = raw[(ready_ns >= begin_ns - margin) & (ready_ns < end_ns + margin)]
    channels = channel_traces(near, record)
    if not channels:
        return None
    trace = Traces(channels=channels, total=total_of(record, channels)) if record.channels else channels[""]
    if trace.window(begin_ns, end_ns).energy_j is None:
        return None
    return PowerWindow(
        sitting=record.sitting,
        part=record.part,
        item=int(row["item"]),
        begin_ns=begin_ns,
        end_ns=end_ns,
        edges_ns=begin_ns + edges,
        trace=trace,
        sliding_w=_sliding_w(record, trace),
    )


def _sliding_w(record: SittingOpened, trace: Trace | Traces) -> NDArray[np.float64] | None:
    if isinstance(trace, Traces):
        return None
    means_w = trace.sliding_mean_w(WIDTH_NS)
    return None if too_slow(record) or np.isnan(means_w).all() else means_w


def _edges(run: Run, place: int) -> NDArray[np.int64]:
    """Ends of all inferences but the last, from the begin of the window."""
    repeats = run.cycles["repeats"].to_numpy()
    before = int(repeats[:place].sum())
    return np.cumsum(run.all_latencies_ns[before : before + int(repeats[place])])[:-1]
