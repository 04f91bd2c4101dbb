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

from harness.calibration import calibration_of
from harness.catalog import load_device
from harness.errors import FileError
from harness.instruments import Instrument
from harness.meters.intervals import trace_of
from harness.meters.replay import BESIDE
from harness.meters.scale import Scale
from harness.meters.sightings import sightings
from harness.meters.stream import PERIOD_SAMPLES, Sampler, conversion_period_ns
from harness.profile import Device, Ina226Meter
from harness.provenance import utc_now
from harness.store.power import Chunk, encode, samples_of
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
        found = [self.sampler.drain()]
        while time.monotonic() < until_s or sum(map(len, found)) < PERIOD_SAMPLES:
            time.sleep(DRAIN_S)
            found.append(self.sampler.drain())
        return np.concatenate(found)

    def trace(self, samples: NDArray[Any]) -> Trace:
        """Their intervals of mean power."""
        period_ns = conversion_period_ns(samples["ready_ns"])
        lag_ns = self.sampler.lag_s(period_ns * 1e-9) * 1e9
        return trace_of(samples, self.sampler.scale, period_ns=period_ns, lag_ns=lag_ns)


def meter_of(name: str) -> tuple[Device, Ina226Meter | Instrument]:
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
    if not isinstance(meter, Ina226Meter | Instrument):
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
    calibration = calibration_of(device) if calibrated else None
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
        facts = {
            "device": meter.device.id,
            "origin": str(meter.sampler.origin),
            "boundary": meter.device.meter.boundary if meter.device.meter else "",
            "calibration": None if meter.device.calibration is None else str(meter.device.calibration),
            **{key: value for key, value in meter.sampler.configuration.items() if key != "origin"},
            "link": meter.sampler.link._asdict(),
            "watts": meter.sampler.scale.as_record(),
            "measured": measured(meter, samples),
        }
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        if isinstance(value, Mapping):
            typer.echo(f"{key}:")
            for inner, figure in value.items():
                typer.echo(f"  {inner}: {_printed(figure)}")
        else:
            typer.echo(f"{key}: {_printed(value)}")


def measured(meter: OpenMeter, samples: NDArray[Any]) -> Mapping[str, Any]:
    """Means of samples; voltage and current only of a meter that gives both."""
    trace = meter.trace(samples)
    scale = meter.sampler.scale
    pair: dict[str, float] = {}
    if isinstance(scale, Scale):
        pair["voltage_v"] = float(np.mean(scale.voltage_v(samples["bus"].astype(np.float64))))
        pair["current_a"] = float(np.mean(scale.current_a(samples["shunt"].astype(np.float64))))
    return {
        "samples": len(samples),
        "period_s": conversion_period_ns(samples["ready_ns"]) * 1e-9,
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
        count, stamps = 0, []
        meter.sampler.drain()
        while time.monotonic() < until_s or count < PERIOD_SAMPLES:
            time.sleep(DRAIN_S)
            samples = meter.sampler.drain()
            if len(samples):
                chunk = Chunk(case=0, sitting=1, part=1, first=count, samples=samples_of(samples))
                file.write(encode(chunk))
                count += len(samples)
                stamps.append(samples["ready_ns"])
        period_s = conversion_period_ns(np.concatenate(stamps)) * 1e-9
        facts = {
            "source": f"meter of {meter.device.id}, {utc_now()}",
            "origin": str(meter.sampler.origin),
            "device": meter.device.id,
            "meter": dict(meter.sampler.configuration),
            "watts": meter.sampler.scale.as_record(),
            "period_s": period_s,
            "lag_s": meter.sampler.lag_s(period_s),
            "samples": count,
            "lost": meter.sampler.overrun,
        }
    beside.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"{count} samples ({1 / period_s:.1f} /s) in {out}, how to read them in {beside}")


def _new(path: Path) -> BinaryIO:
    try:
        return path.open("xb")
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from error


def _printed(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "none" if value is None else str(value)
