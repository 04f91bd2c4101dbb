"""This module turns raw samples into intervals of mean power, as their readout says."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.meters import Flag
from harness.meters.word import EnergyWord, Readout
from harness.trace import Trace


def trace_of(samples: NDArray[Any], readout: Readout, *, period_ns: float, lag_ns: float) -> Trace:
    """Intervals of the samples; a counter's begin with its second sample.

    Args:
        samples: of the type `harness.meters.stream.SAMPLE`, in order.
        readout: what their integers are.
        period_ns: measured conversion period.
        lag_ns: how much earlier the observed quantity lies than the stamp says.
    """
    if isinstance(readout, EnergyWord):
        return _counted(samples, readout, round(lag_ns))
    return Trace.from_stamps(
        samples["ready_ns"],
        readout.watts(samples["shunt"], samples["bus"]),
        period_ns=period_ns,
        lag_ns=lag_ns,
        saturated=(samples["flags"] & Flag.SATURATED) != 0,
    )


def _counted(samples: NDArray[Any], readout: EnergyWord, lag_ns: int) -> Trace:
    """Each interval reaches back to the count before it: samples may be lost, energy is not."""
    stamps = samples["ready_ns"].astype(np.int64) - lag_ns
    begin, end = stamps[:-1], stamps[1:]
    joules = readout.joules(samples["shunt"], samples["bus"])
    return Trace(
        begin_ns=begin,
        end_ns=end,
        power_w=joules / ((end - begin) * 1e-9),
        saturated=np.zeros(len(end), np.bool_),
        lost=np.zeros(len(end), np.int64),
    )
