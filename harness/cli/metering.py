"""This module opens the meter of a device for the commands `harness meter`, and shows and records what it gives."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import typer
from numpy.typing import NDArray

from harness.calibration import calibration_of, calibrations_of
from harness.catalog import load_device
from harness.errors import FileError
from harness.instruments import Instrument
from harness.meters.intervals import trace_of
from harness.meters.replay import BESIDE
from harness.meters.scale import Scale
from harness.meters.sightings import sightings
from harness.meters.stream import PERIOD_SAMPLES, Channel, Sampler
from harness.profile import Device, Ina226Group, Ina226Meter
from harness.provenance import utc_now
from harness.store.power import Chunk, by_channel, encode, samples_of
from harness.trace import Trace

SHOWN_S = 1.0
DRAIN_S = 0.05
"""Between two looks for fresh samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMeter:
    """A meter that runs.

    Attributes:
        device: whose it is.
        sampler: running.
    """

    device: Device
    sampler: Sampler

    def collect(self, duration_s: float) -> NDArray[Any]:
        """Samples of so long from now on, at least enough for a period.

        Raises:
            MeterError: they do not come.
        """
        self.sampler.drain()
        until_s = time.monotonic() + duration_s
        found = self.sampler.drain()
        while time.monotonic() < until_s or any(
            len(channel_of(found, channel)) < PERIOD_SAMPLES for channel in self.sampler.channels
        ):
            time.sleep(DRAIN_S)
            found = np.concatenate([found, self.sampler.drain()])
        return found

    def channel(self, name: str | None) -> Channel:
        """The channel of that name; None for that of a meter that has just one.

        Raises:
            FileError: there is none of that name, or none is named of several.
        """
        for channel in self.sampler.channels:
            if channel.name == (name or ""):
                return channel
        names = [channel.name for channel in self.sampler.channels]
        known = f"one of --channel {', '.join(names)}" if names != [""] else "no --channel: it has just one"
        raise FileError(f"{self.device.path}: meter: found {name or 'no channel named'}, expected {known}")


def channel_of(samples: NDArray[Any], channel: Channel) -> NDArray[Any]:
    """The samples of one channel."""
    own: NDArray[Any] = samples[samples["channel"] == channel.number]
    return own


def channel_trace(samples: NDArray[Any], channel: Channel) -> Trace:
    """Intervals of mean power of the samples of one channel, of which there are enough for a period."""
    own = channel_of(samples, channel)
    period_ns = channel.period_ns(own["ready_ns"])
    return trace_of(own, channel.scale, period_ns=period_ns, lag_ns=channel.lag_s(period_ns * 1e-9) * 1e9)


def meter_of(name: str) -> tuple[Device, Ina226Meter | Ina226Group | Instrument]:
    """A device and its meter.

    Raises:
        FileError: there is no such device, its file is wrong, or it has no meter.
    """
    device = load_device(name)
    meter = device.meter
    if meter is None:
        raise FileError(
            f"{device.path}: meter: is null; describe the meter (docs/meters.md) or name another device"
        )
    if not isinstance(meter, Ina226Meter | Ina226Group | Instrument):
        raise FileError(f"{device.path}: meter.kind: {meter.kind!r} is not a kind this version opens")
    return device, meter


@contextmanager
def open_meter(name: str, *, calibrated: bool = True) -> Iterator[OpenMeter]:
    """The meter of a device, running; a simulated chip is fed by this process.

    Args:
        name: of the device, or path of its file.
        calibrated: apply its calibration, where it has one.

    Raises:
        FileError: there is none.
        MeterError: it cannot be opened.
    """
    device, meter = meter_of(name)
    calibration = (calibrations_of(device) or calibration_of(device)) if calibrated else None
    with Sampler(meter, subject_pid=os.getpid(), reply_s=device.reply_s, calibration=calibration) as sampler:
        yield OpenMeter(device=device, sampler=sampler)


def print_sightings(*, as_json: bool) -> None:
    """Print the meters this machine shows."""
    found = list(sightings())
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        name = f"kind: {one.kind}" + (f", {one.what}" if one.what else "")
        typer.echo(name + (f"  # {one.note}" if one.note else ""))
    if not found:
        typer.echo("this machine shows no meter; the device host has a simulated one")


def show_meter(name: str, *, as_json: bool) -> None:
    """Print what a meter says of itself, and a second of what it measures."""
    with open_meter(name) as meter:
        samples = meter.collect(SHOWN_S)
        facts: dict[str, Any] = {
            "device": meter.device.id,
            "origin": str(meter.sampler.origin),
            "boundary": meter.device.meter.boundary if meter.device.meter else "",
            "calibration": _calibrations(meter.device),
            **{key: value for key, value in meter.sampler.configuration.items() if key != "origin"},
            "link": meter.sampler.link._asdict(),
            "watts": {channel.name: channel.scale.as_record() for channel in meter.sampler.channels},
            "measured": measured(meter, samples),
        }
    if list(facts["watts"]) == [""]:
        facts["watts"] = facts["watts"][""]
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for line in _lines(facts):
        typer.echo(line)


def measured(meter: OpenMeter, samples: NDArray[Any]) -> Mapping[str, Any]:
    """Means of samples, of each channel where there are several, and then the sum of those that count."""
    found = {channel.name: means(samples, channel) for channel in meter.sampler.channels}
    if list(found) == [""]:
        return found[""]
    return {
        "power_mean_w": sum(found[name]["power_mean_w"] for name in meter.sampler.total),
        "total": list(meter.sampler.total),
        "channels": found,
    }


def means(samples: NDArray[Any], channel: Channel) -> dict[str, float]:
    """Means of the samples of one channel; voltage and current only where it gives both."""
    own = channel_of(samples, channel)
    trace = channel_trace(samples, channel)
    pair: dict[str, float] = {}
    if isinstance(channel.scale, Scale):
        pair["voltage_v"] = float(np.mean(channel.scale.voltage_v(own["bus"].astype(np.float64))))
        pair["current_a"] = float(np.mean(channel.scale.current_a(own["shunt"].astype(np.float64))))
    return {
        "samples": len(own),
        "period_s": channel.period_ns(own["ready_ns"]) * 1e-9,
        **pair,
        "power_mean_w": float(np.average(trace.power_w, weights=trace.end_ns - trace.begin_ns)),
    }


def record_meter(name: str, out: Path, seconds: float) -> None:
    """Write raw samples to a file, and beside it what they were recorded with.

    Raises:
        FileError: the file is there, or cannot be written.
    """
    beside = out.with_name(out.name + BESIDE)
    for path in (out, beside):
        if path.exists():
            raise FileError(f"{path}: is there; a recording is never overwritten, give another name")
    with open_meter(name) as meter, _new(out) as file:
        until_s = time.monotonic() + seconds
        count = 0
        stamps: dict[int, list[NDArray[Any]]] = {channel.number: [] for channel in meter.sampler.channels}
        meter.sampler.drain()
        while (
            time.monotonic() < until_s
            or min(sum(map(len, each)) for each in stamps.values()) < PERIOD_SAMPLES
        ):
            time.sleep(DRAIN_S)
            for samples in by_channel(samples_of(meter.sampler.drain())):
                file.write(encode(Chunk(case=0, sitting=1, part=1, first=count, samples=samples)))
                stamps[int(samples["channel"][0])].append(samples["ready_ns"].copy())
                count += len(samples)
        factors = {
            channel.name: _factors(np.concatenate(stamps[channel.number]), channel)
            for channel in meter.sampler.channels
        }
        total = {"total": list(meter.sampler.total), "channels": factors}
        facts = {
            "source": f"meter of {meter.device.id}, {utc_now()}",
            "origin": str(meter.sampler.origin),
            "device": meter.device.id,
            "meter": dict(meter.sampler.configuration),
            **(factors[""] if list(factors) == [""] else total),
            "samples": count,
            "lost": meter.sampler.overrun,
        }
        rate_hz = sum(1 / each["period_s"] for each in factors.values())
    beside.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"{count} samples ({rate_hz:.1f} /s) in {out}, how to read them in {beside}")


def _new(path: Path) -> BinaryIO:
    try:
        return path.open("xb")
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from error


def _factors(ready_ns: NDArray[Any], channel: Channel) -> dict[str, Any]:
    """What is needed to read the recorded samples of one channel, by their stamps."""
    period_s = channel.period_ns(ready_ns) * 1e-9
    factors = {
        "watts": channel.scale.as_record(),
        "period_s": period_s,
        "lag_s": channel.lag_s(period_s),
    }
    return {"channel": channel.number, **factors} if channel.name else factors


def _calibrations(device: Device) -> Any:
    """Path of the meter's calibration record, or of those of its channels; None where there is none."""
    paths = {name: str(path) for name, path in device.calibrations.items()}
    return paths or (None if device.calibration is None else str(device.calibration))


def _lines(facts: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    for key, value in facts.items():
        if isinstance(value, Mapping):
            yield f"{'  ' * depth}{key}:"
            yield from _lines(value, depth + 1)
        else:
            yield f"{'  ' * depth}{key}: {_printed(value)}"


def _printed(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "none" if value is None else str(value)
