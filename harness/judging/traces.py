"""This module makes intervals of mean power from the raw samples of a sitting, by the factors of its record alone.

So a desk without any meter sees what the bench saw, and judging needs nothing of the bench.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.record import SittingOpened
from harness.trace import Trace

SATURATED = 1
"""Bit of a sample's flags: a register stood at the end of its range."""


def traces_of(raw: NDArray[Any], record: SittingOpened) -> Mapping[str, Trace]:
    """The traces whose energies add up to that of the device; empty where one of them cannot be made.

    Args:
        raw: as of `power_trace`, those of all channels.
        record: of the sitting they belong to.
    """
    found = channel_traces(raw, record)
    return {name: found[name] for name in total_of(record, found)} if found else {}


def channel_traces(raw: NDArray[Any], record: SittingOpened) -> Mapping[str, Trace]:
    """The trace of each channel, also of those that only are told by name; arguments and failures as of `traces_of`."""
    if record.channels is None:
        trace = power_trace(raw, record)
        return {} if trace is None else {"": trace}
    found = {}
    for name, channel in record.channels.items():
        own = replace(
            record,
            watts=channel["watts"],
            period_ns=channel["period_ns"],
            lag_ns=channel["lag_ns"],
            channels=None,
        )
        trace = power_trace(raw[raw["channel"] == channel["channel"]], own)
        if trace is None:
            return {}
        found[name] = trace
    return found


def total_of(record: SittingOpened, names: Iterable[str]) -> list[str]:
    """Those of some channels whose energies add up to that of the device; all of a meter that has just one."""
    channels = record.channels
    return [name for name in names if channels is None or channels[name]["in_total"]]


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
