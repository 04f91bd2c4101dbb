"""This module runs the selftest of a meter and prints what it found in plain words."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import typer
from numpy.typing import NDArray

from harness.cli.metering import OpenMeter, channel_of, meter_of, open_meter
from harness.errors import FileError, MeterError
from harness.findings import Finding
from harness.instruments import Instrument
from harness.meters.bus import open_bus
from harness.meters.i2c import I2cBus
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
from harness.meters.stream import Channel
from harness.profile import Device, Ina226Group, Ina226Meter

BUS_SHARE = 0.25
"""Of the length of a part that the bus is looked at for."""
BAR_WIDTH = 40


def run_selftest(
    name: str, *, seconds: float, known: Known, responds: bool, channel: str | None = None
) -> None:
    """Print every finding, of each channel of a meter that has several.

    Args:
        name: of the device.
        seconds: length of each part.
        known: of the circuit.
        responds: the meter feeds this machine, and must see it work.
        channel: the only one to look at; None for all.

    Raises:
        FileError: there is no such channel, or something is known of the circuit and nobody said of which channel.
        MeterError: one of the findings is in the way of measuring.
    """
    device, meter = meter_of(name)
    chips = _chips(device, meter, channel)
    if len(chips) > 1 and known != Known():
        raise FileError(
            f"{device.path}: meter: what is known of the circuit is of one rail; say which by --channel "
            f"{', '.join(chips)}"
        )
    bad = []
    turns = len(meter.channels) if isinstance(meter, Ina226Group) else 1
    for finding in _findings(name, chips, seconds, known, responds=responds, turns=turns):
        typer.echo(str(finding))
        if finding.ok is False:
            bad.append(finding.what)
    if bad:
        raise MeterError(f"{device.path}: the meter is not fit to measure with: {', '.join(bad)}")


def _chips(
    device: Device, meter: Ina226Meter | Ina226Group | Instrument, channel: str | None
) -> Mapping[str, Ina226Meter | Instrument]:
    """The meter by the names of its channels, the empty one where it has just one."""
    chips: Mapping[str, Ina226Meter | Instrument] = (
        meter.channels if isinstance(meter, Ina226Group) else {"": meter}
    )
    if channel is None:
        return chips
    if channel not in chips or not channel:
        known = ", ".join(filter(None, chips)) or "none: it has just one"
        raise FileError(f"{device.path}: meter: found the channel {channel}; its channels are {known}")
    return {channel: chips[channel]}


def _findings(
    name: str,
    chips: Mapping[str, Ina226Meter | Instrument],
    seconds: float,
    known: Known,
    *,
    responds: bool,
    turns: int,
) -> Iterator[Finding]:
    try:
        for channel, chip in chips.items():
            if isinstance(chip, Ina226Meter) and chip.bus.kind != "bridge":
                yield from _named(channel, _look_at_bus(chip, BUS_SHARE * seconds, turns))
        with open_meter(name) as opened:
            yield Finding(what="meter", ok=True, found=_described(opened))
            rest = opened.collect(seconds)
            busy = _collect_busy(opened, seconds) if responds else None
            for channel in chips:
                yield from _named(channel, _look_at_samples(rest, opened.channel(channel), known))
            if busy is not None:
                yield from _responses({name: opened.channel(name) for name in chips}, rest, busy)
    except MeterError as error:
        yield Finding(what="meter", ok=False, found=str(error))
        yield from _look_around(next(iter(chips.values())))


def _named(channel: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """What was found of one channel says so."""
    for finding in findings:
        yield replace(finding, what=f"{channel}: {finding.what}") if channel else finding


def _look_at_bus(meter: Ina226Meter, seconds: float, turns: int) -> Iterator[Finding]:
    with closing(open_bus(meter, os.getpid())) as registers:
        _, access_s = exercise(meter, registers, duration_s=seconds)
    yield from judge_bus(meter, access_s, turns=turns)
    _print_histogram("time of one register", access_s)


def _collect_busy(opened: OpenMeter, seconds: float) -> NDArray[Any]:
    """Samples while one processor is kept busy: the work the meter must see."""
    opened.sampler.drain()
    until_ns = time.monotonic_ns() + round(seconds * 1e9)
    while time.monotonic_ns() < until_ns:
        pass
    return opened.sampler.drain()


def _look_at_samples(rest: NDArray[Any], channel: Channel, known: Known) -> Iterator[Finding]:
    own = channel_of(rest, channel)
    period_ns = channel.period_ns(own["ready_ns"])
    yield from judge_samples(
        own, channel.scale, period_ns=period_ns, nominal_ns=channel.nominal_ns, known=known
    )
    _print_histogram("from the end of a conversion until it was read", (own["delay_ns"] * 1e-9).tolist())


def _responses(channels: Mapping[str, Channel], rest: NDArray[Any], busy: NDArray[Any]) -> Iterator[Finding]:
    """Whether the meter sees this machine work; of several rails one that does is enough."""
    found = {}
    for name, channel in channels.items():
        period_ns = channel.period_ns(channel_of(rest, channel)["ready_ns"])
        idle_w, busy_w = (
            trace_of(channel_of(each, channel), channel.scale, period_ns=period_ns, lag_ns=0.0).power_w
            for each in (rest, busy)
        )
        found[name] = judge_response(idle_w, busy_w)
    enough = any(finding.ok for finding in found.values())
    for name, finding in found.items():
        ok = None if enough and not finding.ok else finding.ok
        yield from _named(name, [replace(finding, ok=ok)])


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
