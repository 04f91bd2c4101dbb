"""This module runs the real driver on the modelled chip in virtual time, for the accuracy benchmarks."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.meters.ina226 import Ina226, lag_s, nominal_period_s
from harness.meters.scale import Scale
from harness.meters.simulated import WIRE_400_KHZ_S, SimulatedIna226
from harness.meters.stream import conversion_period_ns
from harness.meters.virtual import VirtualClock
from harness.meters.waveforms import Energy
from harness.profile import Bus, ChipErrors, Ina226Meter
from harness.trace import Trace

RAIL_V = 5.0
IDLE_W = 3.0
METER = Ina226Meter(
    kind="ina226",
    bus=Bus(kind="simulated"),
    address=0x40,
    shunt_ohm=0.01,
    vbus_tap="load",
    shunt_conversion_s=1100e-6,
    bus_conversion_s=140e-6,
    average=1,
    boundary="benchmark",
)


def meter(shunt_us: int, bus_us: int, average: int = 1) -> Ina226Meter:
    """The meter with other conversion times."""
    return replace(METER, shunt_conversion_s=shunt_us * 1e-6, bus_conversion_s=bus_us * 1e-6, average=average)


def sampled(
    load: Energy, until_ns: int, *, begin_ns: int, clock_error: float, wired: Ina226Meter = METER
) -> NDArray[np.int64]:
    """Raw samples of a load, one row each as `harness.meters.Raw`, from begin_ns until one ends after until_ns.

    The chip has the wire time of 400 kHz, no noise and no other error than its clock.
    """
    clock = VirtualClock(begin_ns)
    chip = SimulatedIna226(
        load,
        rail_v=RAIL_V,
        shunt_ohm=wired.shunt_ohm,
        errors=ChipErrors(clock=clock_error),
        clock=clock,
        wire_s=WIRE_400_KHZ_S,
        sleep=clock.sleep,
    )
    samples = []
    beyond_ns = max(10_000_000, round(2e9 * nominal_period_s(wired)))
    with Ina226(wired, chip, clock=clock, sleep=clock.sleep) as stream:
        while not samples or samples[-1].ready_ns <= until_ns + beyond_ns:
            samples.append(stream.next())
    return np.array(samples, np.int64)


def traced(
    load: Energy, until_ns: int, *, begin_ns: int, clock_error: float, wired: Ina226Meter = METER
) -> Trace:
    """What the harness sees of a load: every conversion from begin_ns until one ends after until_ns."""
    return trace_of(sampled(load, until_ns, begin_ns=begin_ns, clock_error=clock_error, wired=wired), wired)


def trace_of(samples: NDArray[np.int64], wired: Ina226Meter = METER) -> Trace:
    """The intervals of raw samples."""
    stamps, _, shunt, bus, *_ = samples.T
    period_ns = conversion_period_ns(stamps)
    return Trace.from_stamps(
        stamps,
        Scale.of(wired).watts(shunt, bus),
        period_ns=period_ns,
        lag_ns=lag_s(wired, period_ns * 1e-9) * 1e9,
    )
