"""This module finds in a run the power of one window as the meter saw it, from the raw samples alone.

The factors are those of the sitting's record, so that a desk without any meter sees what the bench saw.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.record import Phase, SittingOpened
from harness.store import Run
from harness.trace import Trace

SATURATED = 1
"""Bit of a sample's flags: a register stood at the end of its range."""

AROUND = 0.5
"""Power is shown for this many lengths of the window before and after it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerWindow:
    """The power of one cycle's window and a little around it.

    Attributes:
        sitting, part, item: which cycle.
        begin_ns, end_ns: its window.
        edges_ns: where one inference ends and the next begins.
        trace: conversions that touch the window or what is around it.
    """

    sitting: int
    part: int
    item: int
    begin_ns: int
    end_ns: int
    edges_ns: NDArray[np.int64]
    trace: Trace


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


def power_trace(raw: NDArray[Any], record: SittingOpened) -> Trace | None:
    """Intervals of mean power of raw samples; None where the record does not tell their factors.

    Args:
        raw: of the type `harness.store.SAMPLE`, in order.
        record: of the sitting they belong to.
    """
    watts = record.watts
    if watts is None or record.period_ns is None or record.lag_ns is None or len(raw) < 2:
        return None
    try:
        if watts.get("kind") == "energy":
            return _counted(raw, float(watts["unit_j"]), round(record.lag_ns))
        power_w = _power_w(raw, watts)
    except (KeyError, TypeError, ValueError):
        return None
    return Trace.from_stamps(
        raw["ready_ns"],
        power_w,
        period_ns=record.period_ns,
        lag_ns=record.lag_ns,
        saturated=(raw["flags"] & SATURATED) != 0,
    )


def _window(
    run: Run, record: SittingOpened, row: "pd.Series[Any]", edges: NDArray[np.int64]
) -> PowerWindow | None:
    begin_ns, end_ns = int(row["begin_ns"]), int(row["end_ns"])
    margin = AROUND * (end_ns - begin_ns) + 2 * (record.period_ns or 0.0)
    raw = run.power(record.case, record.sitting, record.part)
    first, last = np.searchsorted(raw["ready_ns"], [round(begin_ns - margin), round(end_ns + margin)])
    trace = power_trace(raw[first:last], record)
    if trace is None or trace.window(begin_ns, end_ns).energy_j is None:
        return None
    return PowerWindow(
        sitting=record.sitting,
        part=record.part,
        item=int(row["item"]),
        begin_ns=begin_ns,
        end_ns=end_ns,
        edges_ns=begin_ns + edges,
        trace=trace,
    )


def _edges(run: Run, place: int) -> NDArray[np.int64]:
    """Ends of all inferences but the last, from the begin of the window."""
    repeats = run.cycles["repeats"].to_numpy()
    before = int(repeats[:place].sum())
    return np.cumsum(run.all_latencies_ns[before : before + int(repeats[place])])[:-1]


def _power_w(raw: NDArray[Any], watts: Mapping[str, Any]) -> NDArray[np.float64]:
    shunt, bus = raw["shunt"].astype(np.float64), raw["bus"].astype(np.float64)
    if watts.get("kind") == "power":
        return (shunt * 65536.0 + bus) * float(watts["unit_w"])
    if watts.get("kind") is not None:
        raise ValueError(f"watts.kind {watts['kind']!r} is not known")
    ohm = float(watts["shunt_ohm"])
    current = shunt * float(watts["shunt_lsb_v"]) / ohm * float(watts["current_gain"]) + float(
        watts["current_offset_a"]
    )
    voltage = bus * float(watts["bus_lsb_v"]) * float(watts["voltage_gain"]) + float(
        watts["voltage_offset_v"]
    )
    return (voltage - current * ohm if watts["vbus_tap"] == "source" else voltage) * current


def _counted(raw: NDArray[Any], unit_j: float, lag_ns: int) -> Trace:
    """A counter of energy: each interval reaches back to the count before it."""
    stamps = raw["ready_ns"].astype(np.int64) - lag_ns
    counts = raw["shunt"].astype(np.float64) * 65536.0 + raw["bus"]
    joules = (np.diff(counts) % 2.0**32) * unit_j
    begin, end = stamps[:-1], stamps[1:]
    return Trace(
        begin_ns=begin,
        end_ns=end,
        power_w=joules / ((end - begin) * 1e-9),
        saturated=np.zeros(len(end), np.bool_),
        lost=np.zeros(len(end), np.int64),
    )
