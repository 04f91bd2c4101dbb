"""This module runs the selftest of a meter and prints what it found in plain words."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress

import typer

from harness.cli.metering import OpenMeter, meter_of, open_meter
from harness.errors import MeterError
from harness.findings import Finding
from harness.instruments import Instrument
from harness.meters.bus import open_bus
from harness.meters.i2c import I2cBus
from harness.meters.ina226 import nominal_period_s
from harness.meters.intervals import trace_of
from harness.meters.selftest import (
    Known,
    exercise,
    histogram,
    judge_bus,
    judge_response,
    judge_samples,
)
from harness.meters.sightings import INA226, neighbours
from harness.meters.stream import conversion_period_ns
from harness.profile import Ina226Meter

BUS_SHARE = 0.25
"""Of the length of a part that the bus is looked at for."""
BAR_WIDTH = 40


def run_selftest(name: str, *, seconds: float, known: Known, responds: bool) -> None:
    """Print every finding.

    Args:
        name: of the device.
        seconds: length of each part.
        known: of the circuit.
        responds: the meter feeds this machine, and must see it work.

    Raises:
        MeterError: one of the findings is in the way of measuring.
    """
    device, meter = meter_of(name)
    bad = []
    for finding in _findings(name, meter, seconds, known, responds=responds):
        typer.echo(str(finding))
        if finding.ok is False:
            bad.append(finding.what)
    if bad:
        raise MeterError(f"{device.path}: the meter is not fit to measure with: {', '.join(bad)}")


def _findings(
    name: str, meter: Ina226Meter | Instrument, seconds: float, known: Known, *, responds: bool
) -> Iterator[Finding]:
    try:
        if isinstance(meter, Ina226Meter) and meter.bus.kind != "bridge":
            yield from _look_at_bus(meter, BUS_SHARE * seconds)
        with open_meter(name) as opened:
            yield Finding(what="meter", ok=True, found=_described(opened))
            yield from _look_at_samples(opened, meter, seconds, known, responds=responds)
    except MeterError as error:
        yield Finding(what="meter", ok=False, found=str(error))
        yield from _look_around(meter)


def _look_at_bus(meter: Ina226Meter, seconds: float) -> Iterator[Finding]:
    with closing(open_bus(meter, os.getpid())) as registers:
        _, access_s = exercise(meter, registers, duration_s=seconds)
    yield from judge_bus(meter, access_s)
    _print_histogram("time of one register", access_s)


def _look_at_samples(
    opened: OpenMeter, meter: Ina226Meter | Instrument, seconds: float, known: Known, *, responds: bool
) -> Iterator[Finding]:
    rest = opened.collect(seconds)
    scale = opened.sampler.scale
    period_ns = conversion_period_ns(rest["ready_ns"])
    nominal_ns = nominal_period_s(meter) * 1e9 if isinstance(meter, Ina226Meter) else None
    yield from judge_samples(rest, scale, period_ns=period_ns, nominal_ns=nominal_ns, known=known)
    _print_histogram("from the end of a conversion until it was read", (rest["delay_ns"] * 1e-9).tolist())
    if responds:
        opened.sampler.drain()
        until_ns = time.monotonic_ns() + round(seconds * 1e9)
        while time.monotonic_ns() < until_ns:
            pass  # this is the work the meter must see
        busy = opened.sampler.drain()
        yield judge_response(
            trace_of(rest, scale, period_ns=period_ns, lag_ns=0.0).power_w,
            trace_of(busy, scale, period_ns=period_ns, lag_ns=0.0).power_w,
        )


def _look_around(meter: Ina226Meter | Instrument) -> Iterator[Finding]:
    """Where an INA226 did not answer as it should: what is on its bus."""
    if not isinstance(meter, Ina226Meter) or meter.bus.kind != "i2c" or meter.bus.path is None:
        return
    with suppress(MeterError), I2cBus(meter.bus.path) as bus:
        found = dict(neighbours(bus.registers))
        said = "; ".join(f"{address:#04x}: {what}" for address, what in found.items())
        elsewhere = [
            address for address, what in found.items() if what == INA226 and address != meter.address
        ]
        advice = f"set meter.address to {elsewhere[0]:#04x}, if that is the one" if elsewhere else ""
        yield Finding(
            what="neighbours", ok=None, found=said or "no address from 0x40 to 0x4f answers", advice=advice
        )


def _described(opened: OpenMeter) -> str:
    configuration = opened.sampler.configuration
    granted = f"sampler {configuration.get('scheduler')} on processor {configuration.get('cpu')}"
    return f"{configuration.get('chip', 'a meter')}, {opened.sampler.origin}, {granted}"


def _print_histogram(what: str, times_s: Sequence[float]) -> None:
    bins = list(histogram(times_s))
    if not bins:
        return
    most = max(count for _, count in bins)
    typer.echo(f"      {what}:")
    for label, count in bins:
        bar = "#" * -(-count * BAR_WIDTH // most)
        typer.echo(f"      {label} {count:7d} {bar}")
