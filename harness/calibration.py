"""This module is the calibration of one meter on one board: gains and offsets found against a reference instrument.

True = gain x indicated + offset, for voltage and for current, by least squares over readings that both took at
the same time. A fit that cannot be trusted is refused with its most likely cause, never applied.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import linear_regression
from typing import Any

from harness.errors import FileError, MeasurementError
from harness.profile import Device, Ina226Group, Meter

SCHEMA_VERSION = 1
"""Of the record. History: 1 (0.1.0) first form."""

LEAST_READINGS = 3
"""A line through two points always fits, and so says nothing of the fit."""
LEAST_SPAN = 0.05
"""Of the largest value: readings closer together do not tell a gain from an offset."""
ZERO_SHARE = 0.002
"""Of the largest current: up to here a reading counts as one at zero current."""
LARGEST_GAIN_ERROR = 0.1
"""Beyond it something is wrong; modules with copied chips were seen up to 5.4 % off."""
RESIDUAL_SHARE = 0.002
"""Of the largest value: a reading further from the line does not lie on it. A genuine chip keeps 0.1 %."""
COVERAGE_FACTOR = 3.0
"""And further than this many standard uncertainties of the reference."""

MISTAKES: Mapping[float, str] = {
    10.0: "shunt_ohm is ten times too large: R010 and not R100, or R001 and not R010",
    0.1: "shunt_ohm is ten times too small: R100 and not R010, or R010 and not R001",
    100.0: "shunt_ohm is a hundred times too large",
    0.01: "shunt_ohm is a hundred times too small",
    2.0: "half of the current passes beside the shunt, or shunt_ohm is twice too large",
    0.5: "shunt_ohm is half of what is wired",
    4.0: "the shunt register is taken at 2.5 uV where it counts 10 uV, as an INA219 does",
    0.25: "the shunt register is taken at 10 uV where it counts 2.5 uV",
}
"""Gains of the current that come from mistakes known from the field, each within a tenth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the reference and the meter said at the same time.

    Attributes:
        reference_v, reference_a: by the reference instrument.
        indicated_v, indicated_a: by the uncalibrated meter, mean over `samples`.
        samples: of the meter.
    """

    reference_v: float
    reference_a: float
    indicated_v: float
    indicated_a: float
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """True = gain x indicated + offset.

    Attributes:
        gain: relative.
        offset: in the unit of the channel.
        residuals: true less fitted of each reading, in that unit.
        standard_uncertainty: relative at the largest reading: the reference's, and what the readings scatter
            about the line.
    """

    gain: float
    offset: float
    residuals: Sequence[float]
    standard_uncertainty: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a calibration holds for, and how it was made.

    Attributes:
        device: id of the device.
        meter: `kind`, `address` and `shunt_ohm` of the profile, and `manufacturer_id`, `die_id` and `config` as read.
        date: ISO 8601, UTC.
        reference: the instrument, with its number.
        reference_u: its relative standard uncertainty, of voltage and of current.
        temperature_c: of the board; None where nobody measured it.
        shunt: what is known of the shunt, such as its number; empty for nothing.
    """

    device: str
    meter: Mapping[str, Any]
    date: str
    reference: str
    reference_u: float
    temperature_c: float | None
    shunt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The calibration of one meter.

    Attributes:
        voltage, current: the two lines.
        zero_noise_v: standard deviation of the raw shunt voltage at zero current.
        readings: all that were used.
        circumstances: what it holds for.
        sha256: digest of the file it was read from; empty for one that was just made.
    """

    voltage: Line
    current: Line
    zero_noise_v: float
    readings: Sequence[Reading]
    circumstances: Circumstances
    sha256: str = ""

    def summary(self) -> Mapping[str, Any]:
        """What the record of a sitting keeps of it, as plain JSON."""
        return {
            "date": self.circumstances.date,
            "reference": self.circumstances.reference,
            "voltage_u": self.voltage.standard_uncertainty,
            "current_u": self.current.standard_uncertainty,
            "zero_noise_v": self.zero_noise_v,
            "temperature_c": self.circumstances.temperature_c,
            "sha256": self.sha256,
        }


def fit(readings: Sequence[Reading], circumstances: Circumstances, *, zero_noise_v: float) -> Calibration:
    """The calibration that the readings give.

    Raises:
        MeasurementError: they do not carry one; the sentence says why.
    """
    largest_a = max((abs(reading.reference_a) for reading in readings), default=0.0)
    if len(readings) < LEAST_READINGS:
        raise MeasurementError(
            f"{len(readings)} readings make no calibration; at least {LEAST_READINGS} are needed, one of them with "
            "the load disconnected"
        )
    if not any(abs(reading.reference_a) <= ZERO_SHARE * largest_a for reading in readings):
        raise MeasurementError(
            "no reading was taken at zero current, so the offset is not known; disconnect the load and take one"
        )
    reference_u = circumstances.reference_u
    voltage = _line(
        "voltage", "V", [(one.indicated_v, one.reference_v) for one in readings], reference_u=reference_u
    )
    current = _line(
        "current", "A", [(one.indicated_a, one.reference_a) for one in readings], reference_u=reference_u
    )
    return Calibration(
        voltage=voltage,
        current=current,
        zero_noise_v=zero_noise_v,
        readings=tuple(readings),
        circumstances=circumstances,
    )


def _line(what: str, unit: str, points: Sequence[tuple[float, float]], *, reference_u: float) -> Line:
    indicated = [point[0] for point in points]
    true = [point[1] for point in points]
    largest = max(abs(value) for value in true)
    if max(true) - min(true) < LEAST_SPAN * largest or max(indicated) == min(indicated):
        raise MeasurementError(
            f"{what}: the readings lie between {min(true):g} and {max(true):g} {unit}, too close to tell a gain from "
            f"an offset; take them over at least {100 * LEAST_SPAN:.0f} % of the largest"
        )
    gain, offset = linear_regression(indicated, true)
    if abs(gain - 1) > LARGEST_GAIN_ERROR:
        raise MeasurementError(f"{what}: the gain is {gain:.4g}; {_cause(what, gain)}")
    residuals = tuple(value - (gain * seen + offset) for seen, value in points)
    for value, residual in zip(true, residuals, strict=True):
        limit = max(RESIDUAL_SHARE * largest, COVERAGE_FACTOR * reference_u * abs(value))
        if abs(residual) > limit:
            raise MeasurementError(
                f"{what}: the reading at {value:g} {unit} lies {residual:+.3g} {unit} off the line, more than "
                f"{limit:.3g} {unit}; was the load steady while both were read? Take it again"
            )
    scatter = math.sqrt(sum(residual**2 for residual in residuals) / (len(points) - 2))
    return Line(
        gain=gain,
        offset=offset,
        residuals=residuals,
        standard_uncertainty=math.hypot(reference_u, scatter / largest),
    )


def _cause(what: str, gain: float) -> str:
    """What a person should look at."""
    if gain < 0:
        return "the sign is wrong: swap the two wires at the shunt"
    if what == "current":
        for known, mistake in MISTAKES.items():
            if abs(gain / known - 1) < LARGEST_GAIN_ERROR:
                return f"most likely {mistake}. Correct meter.shunt_ohm or the wiring, then calibrate again"
    return (
        "no chip is that far off: is this the rail the reference measures (two meters with swapped addresses?), and "
        "are meter.shunt_ohm and meter.vbus_tap as it is wired?"
    )


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write the record; a file that is there is not overwritten.

    Raises:
        FileError: it is there, or cannot be written.
    """
    record = {"schema": SCHEMA_VERSION, **asdict(calibration)}
    del record["sha256"]
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(record, indent=2) + "\n")
    except FileExistsError as error:
        raise FileError(f"{path}: is there; a calibration is never overwritten, give another name") from error
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from error


def read_calibration(path: Path) -> Calibration:
    """The calibration in a file.

    Raises:
        FileError: it cannot be read, or is none.
    """
    try:
        content = path.read_bytes()
        record = json.loads(content)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: is no JSON: {error}; write it with `harness meter calibrate`") from error
    try:
        return _calibration(record, hashlib.sha256(content).hexdigest())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(
            f"{path}: is no calibration of this version ({error}); write it with `harness meter calibrate`"
        ) from error


def _calibration(record: Mapping[str, Any], sha256: str) -> Calibration:
    if record["schema"] != SCHEMA_VERSION:
        raise ValueError(f"schema is not {SCHEMA_VERSION}")
    lines = {}
    for name in ("voltage", "current"):
        fields = record[name]
        line = Line(**{**fields, "residuals": tuple(map(_finite, fields["residuals"]))})
        for value in (line.gain, line.offset, line.standard_uncertainty):
            _finite(value)
        if abs(line.gain - 1) > LARGEST_GAIN_ERROR or not 0 < line.standard_uncertainty < 1:
            raise ValueError(
                f"the gain of {name} is {line.gain}, its uncertainty {line.standard_uncertainty}"
            )
        lines[name] = line
    circumstances = Circumstances(**record["circumstances"])
    if not isinstance(circumstances.meter, dict):
        raise ValueError("circumstances.meter is no mapping")  # noqa: TRY004 -- a fault of the file
    return Calibration(
        **lines,
        zero_noise_v=_finite(record["zero_noise_v"]),
        readings=tuple(Reading(**reading) for reading in record["readings"]),
        circumstances=circumstances,
        sha256=sha256,
    )


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def calibration_of(device: Device) -> Calibration | None:
    """The calibration a device's file names; None where it names none.

    Raises:
        FileError: it cannot be read, is none, or is of another meter.
    """
    if device.calibration is None or device.meter is None:
        return None
    calibration = read_calibration(device.calibration)
    must_be_of(calibration, identity_of(device.meter), device.calibration)
    return calibration


def calibrations_of(device: Device) -> Mapping[str, Calibration]:
    """The calibration of each channel of a group that the device's file names one of; empty for any other meter.

    Raises:
        FileError: one cannot be read, is none, or is of another chip.
    """
    if not isinstance(device.meter, Ina226Group):
        return {}
    found = {}
    for name, path in device.calibrations.items():
        found[name] = read_calibration(path)
        must_be_of(found[name], identity_of(device.meter.channels[name]), path)
    return found


def summary_of(calibration: Calibration | Mapping[str, Calibration] | None) -> Mapping[str, Any] | None:
    """What the record of a sitting keeps of a meter's calibration, or of those of its channels, by channel."""
    if isinstance(calibration, Mapping):
        return {name: each.summary() for name, each in calibration.items()} or None
    return None if calibration is None else calibration.summary()


def identity_of(meter: Meter) -> Mapping[str, Any]:
    """What tells one meter of a profile from another: `kind`, and `address` and `shunt_ohm` where it has them."""
    names = ("kind", "address", "shunt_ohm")
    return {name: getattr(meter, name) for name in names if getattr(meter, name, None) is not None}


def must_be_of(calibration: Calibration, meter: Mapping[str, Any], path: Path) -> None:
    """Refuse the calibration of another meter, or of this one with another shunt.

    Args:
        calibration: as read.
        meter: `kind`, `address` and `shunt_ohm` of the profile; what it lacks is not compared.
        path: of the record, for the message.

    Raises:
        FileError: it is of another meter.
    """
    made_for = calibration.circumstances.meter
    for key in ("kind", "address", "shunt_ohm"):
        if key in meter and made_for.get(key) != meter[key]:
            raise FileError(
                f"{path}: was made for a meter with {key} {made_for.get(key)!r}, the profile says {meter[key]!r}; "
                "calibrate this meter, or correct the profile"
            )
