"""This module asks for readings of a reference instrument beside the meter's own, and makes the calibration."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer

from harness.calibration import Calibration, Circumstances, Reading, fit, identity_of, write_calibration
from harness.cli.metering import OpenMeter, measured, open_meter
from harness.errors import FileError, MeterError
from harness.meters.scale import Scale
from harness.provenance import utc_now

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
    """

    device: str
    reference: str
    reference_u: float
    temperature_c: float | None
    shunt: str
    seconds: float


def calibrate_meter(session: Session, readings: Path | None, out: Path) -> None:
    """Take or read the readings, fit, print and write the record.

    Raises:
        MeasurementError: the readings carry no calibration.
        FileError: a file is wrong, or the record is there.
    """
    if out.exists():
        raise FileError(f"{out}: is there; a calibration is never overwritten, give another name")
    with open_meter(session.device, calibrated=False) as meter:
        if not isinstance(meter.sampler.scale, Scale):
            raise MeterError(
                "this meter gives power or energy; only one of current and voltage can be calibrated"
            )
        taken, zero_noise_v = _ask(meter, session) if readings is None else (_read(readings), None)
        if zero_noise_v is None:
            zero_noise_v = _zero_noise_v(meter, session)
        configuration = meter.sampler.configuration
        circumstances = Circumstances(
            device=meter.device.id,
            meter={
                **(identity_of(meter.device.meter) if meter.device.meter else {}),
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
    typer.echo(f"written to {out}; name it in the device's file: calibration: {out.name}")


def _ask(meter: OpenMeter, session: Session) -> tuple[Sequence[Reading], float | None]:
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
        means = measured(meter, samples)
        taken.append(
            Reading(
                reference_v=reference_v,
                reference_a=reference_a,
                indicated_v=means["voltage_v"],
                indicated_a=means["current_a"],
                samples=len(samples),
            )
        )
        typer.echo(f"the meter says {means['voltage_v']:.4f} V and {means['current_a']:.4f} A")
        if abs(reference_a) <= ZERO_A and isinstance(meter.sampler.scale, Scale):
            zero_noise_v = float(samples["shunt"].std()) * meter.sampler.scale.shunt_lsb_v
    return taken, zero_noise_v


def _zero_noise_v(meter: OpenMeter, session: Session) -> float:
    """Scatter of the raw shunt voltage; asked for where no reading was at zero current."""
    typer.confirm("Is the load disconnected now? The noise at zero current is measured", abort=True)
    samples = meter.collect(session.seconds)
    scale = meter.sampler.scale
    return float(samples["shunt"].std()) * (scale.shunt_lsb_v if isinstance(scale, Scale) else math.nan)


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
            f"standard uncertainty {line.standard_uncertainty:.3%}"
        )
    lines.append(f"noise at zero current: {calibration.zero_noise_v * 1e6:.2f} uV")
    return lines
