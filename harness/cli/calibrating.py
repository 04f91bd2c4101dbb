"""This module asks for readings of a reference instrument beside the meter's own, and makes the calibration."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from harness.calibration import Calibration, Circumstances, Reading, fit, identity_of, write_calibration
from harness.cli.metering import OpenMeter, channel_of, means, open_meter
from harness.errors import FileError, MeterError
from harness.meters.scale import Scale
from harness.meters.stream import Channel
from harness.profile import Ina226Group
from harness.provenance import utc_now
from harness.quantities import print_share

READ_BACK = ("manufacturer_id", "die_id", "config")
COLUMNS = ("reference_v", "reference_a", "indicated_v", "indicated_a")
ZERO_A = 1e-6
"""A current the reference shows as nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a person says of one calibration.

    Attributes:
        device: name of the device.
        reference, reference_u, temperature_c, shunt: as of `harness.calibration.Circumstances`.
        seconds: length of one reading.
        channel: of a meter that has several; None for the only one.
    """

    device: str
    reference: str
    reference_u: float
    temperature_c: float | None
    shunt: str
    seconds: float
    channel: str | None = None


def calibrate_meter(session: Session, readings: Path | None, out: Path) -> None:
    """Take or read the readings, fit, print and write the record.

    Raises:
        MeasurementError: the readings carry no calibration.
        FileError: a file is wrong, or the record is there.
    """
    if out.exists():
        raise FileError(f"{out}: is there; a calibration is never overwritten, give another name")
    with open_meter(session.device, calibrated=False) as meter:
        channel = meter.channel(session.channel)
        if not isinstance(channel.scale, Scale):
            raise MeterError(
                "this meter gives power or energy; only one of current and voltage can be calibrated"
            )
        taken, zero_noise_v = _ask(meter, channel, session) if readings is None else (_read(readings), None)
        if zero_noise_v is None:
            zero_noise_v = _zero_noise_v(meter, channel, session)
        configuration = meter.sampler.configuration
        if channel.name:
            configuration = configuration["channels"][channel.name]
        circumstances = Circumstances(
            device=meter.device.id,
            meter={
                **_identity(meter, channel),
                **{key: configuration[key] for key in READ_BACK if key in configuration},
            },
            date=utc_now(),
            reference=session.reference,
            reference_u=session.reference_u,
            temperature_c=session.temperature_c,
            shunt=session.shunt,
        )
    calibration = fit(taken, circumstances, zero_noise_v=zero_noise_v)
    write_calibration(calibration, out)
    for line in _told(calibration):
        typer.echo(line)
    where = f"in meter.channels.{session.channel}" if session.channel else "in the device's file"
    typer.echo(f"written to {out}; name it {where}: calibration: {out.name}")


def _identity(meter: OpenMeter, channel: Channel) -> Mapping[str, Any]:
    """What tells the chip of the channel from another."""
    found = meter.device.meter
    if found is None:
        return {}
    return identity_of(found.channels[channel.name] if isinstance(found, Ina226Group) else found)


def _ask(meter: OpenMeter, channel: Channel, session: Session) -> tuple[Sequence[Reading], float | None]:
    """Readings typed in one after the other, until an empty line."""
    typer.echo(
        "For each load: let it settle, then type volts and amperes of the reference, such as `5.003 0.512`."
    )
    typer.echo("Take one with the load disconnected (`5.012 0`). An empty line ends it.")
    taken: list[Reading] = []
    zero_noise_v = None
    while answer := typer.prompt(f"reading {len(taken) + 1}", default="", show_default=False).strip():
        try:
            reference_v, reference_a = (_number(part) for part in answer.split())
        except ValueError:
            typer.echo("that is not two numbers; again")
            continue
        samples = meter.collect(session.seconds)
        indicated = means(samples, channel)
        taken.append(
            Reading(
                reference_v=reference_v,
                reference_a=reference_a,
                indicated_v=indicated["voltage_v"],
                indicated_a=indicated["current_a"],
                samples=int(indicated["samples"]),
            )
        )
        typer.echo(f"the meter says {indicated['voltage_v']:.4f} V and {indicated['current_a']:.4f} A")
        if abs(reference_a) <= ZERO_A:
            zero_noise_v = _noise_v(samples, channel)
    return taken, zero_noise_v


def _zero_noise_v(meter: OpenMeter, channel: Channel, session: Session) -> float:
    """Scatter of the raw shunt voltage; asked for where no reading was at zero current."""
    typer.confirm("Is the load disconnected now? The noise at zero current is measured", abort=True)
    return _noise_v(meter.collect(session.seconds), channel)


def _noise_v(samples: NDArray[Any], channel: Channel) -> float:
    lsb_v = channel.scale.shunt_lsb_v if isinstance(channel.scale, Scale) else math.nan
    return float(channel_of(samples, channel)["shunt"].std()) * lsb_v


def _read(path: Path) -> Sequence[Reading]:
    """Readings of a CSV file with the columns of `Reading`; `samples` may be left out."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise FileError(
                    f"{path}: line 1: the column {missing[0]} is missing; expected {', '.join(COLUMNS)}"
                )
            return [_reading(path, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path}: cannot be read: {error}") from error


def _reading(path: Path, line: int, row: dict[str, str | None]) -> Reading:
    try:
        values = {name: _number(row[name] or "") for name in COLUMNS}
        samples = int(row.get("samples") or 1)
    except ValueError as error:
        raise FileError(f"{path}: line {line}: {error}; expected numbers in {', '.join(COLUMNS)}") from error
    return Reading(**values, samples=samples)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is no number")
    return value


def _told(calibration: Calibration) -> Sequence[str]:
    lines = []
    for what, unit, line in (("voltage", "V", calibration.voltage), ("current", "A", calibration.current)):
        worst = float(np.max(np.abs(line.residuals)))
        lines.append(
            f"{what}: gain {line.gain:.5f}, offset {line.offset:+.3g} {unit}, largest residual {worst:.2g} {unit}, "
            f"standard uncertainty {print_share(line.standard_uncertainty, 3)}"
        )
    lines.append(f"noise at zero current: {calibration.zero_noise_v * 1e6:.2f} uV")
    return lines
