"""Meters, loads and chips the tests of this folder share."""

import os
from dataclasses import replace

from harness.meters.simulated import SimulatedIna226
from harness.meters.virtual import VirtualClock
from harness.meters.waveforms import Level, PiecewiseWaveform
from harness.profile import Bus, ChipErrors, Ina226Meter, Waveform

WAVEFORM = Waveform(kind="cpu", idle_w=2.0, core_w=3.0, rail_v=5.0)

METER = Ina226Meter(
    kind="ina226",
    bus=Bus(kind="simulated", waveform=WAVEFORM, chip=ChipErrors()),
    address=0x40,
    shunt_ohm=0.01,
    vbus_tap="load",
    shunt_conversion_s=1100e-6,
    bus_conversion_s=140e-6,
    average=1,
    boundary="the rail of the tests",
)

OWN_PID = os.getpid()


def on_i2c(meter: Ina226Meter = METER, path: str = "/dev/i2c-1") -> Ina226Meter:
    """The same meter on a bus of this machine."""
    return replace(meter, bus=Bus(kind="i2c", path=path))


def steady(power_w: float) -> PiecewiseWaveform:
    """A load that never changes."""
    return PiecewiseWaveform([Level(duration_s=1.0, power_w=power_w)], periodic=True)


def chip(clock: VirtualClock, power_w: float = 5.0, **settings: object) -> SimulatedIna226:
    """A modelled chip on a 5 V rail with a steady load."""
    arguments = {"rail_v": 5.0, "shunt_ohm": 0.01, "clock": clock, "sleep": clock.sleep, **settings}
    return SimulatedIna226(steady(power_w), **arguments)
