"""Calibrations: fitted, refused, written, read, applied."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.calibration import (
    MISTAKES,
    Calibration,
    Circumstances,
    Reading,
    fit,
    must_be_of,
    read_calibration,
    write_calibration,
)
from harness.errors import FileError, MeasurementError, MeterError
from harness.meters.scale import Scale
from harness.meters.stream import calibrated
from harness.meters.word import PowerWord

CIRCUMSTANCES = Circumstances(
    device="rpi5-a",
    meter={"kind": "ina226", "address": 0x40, "shunt_ohm": 0.01, "config": "0x4027"},
    date="2026-03-01T10:00:00+00:00",
    reference="bench multimeter 7",
    reference_u=0.0005,
    temperature_c=24.0,
    shunt="R010 1 %",
)
POINTS = ((4.5, 0.0), (5.0, 0.5), (5.25, 1.5), (5.5, 3.0))


def readings(
    *,
    voltage: tuple[float, float] = (1.0, 0.0),
    current: tuple[float, float] = (1.0, 0.0),
    points: Sequence[tuple[float, float]] = POINTS,
) -> list[Reading]:
    """What a meter shows whose true values are gain x indicated + offset."""
    return [
        Reading(
            reference_v=volts,
            reference_a=amperes,
            indicated_v=(volts - voltage[1]) / voltage[0],
            indicated_a=(amperes - current[1]) / current[0],
            samples=800,
        )
        for volts, amperes in points
    ]


def fitted(taken: Sequence[Reading]) -> Calibration:
    """With the usual circumstances."""
    return fit(taken, CIRCUMSTANCES, zero_noise_v=2.5e-6)


@given(st.floats(0.92, 1.08), st.floats(-0.05, 0.05), st.floats(0.92, 1.08), st.floats(-0.01, 0.01))
def test_gain_and_offset_are_found(gain_v: float, offset_v: float, gain_a: float, offset_a: float) -> None:
    """Any meter that is a line off is found to be that line, and its residuals are nothing."""
    made = fitted(readings(voltage=(gain_v, offset_v), current=(gain_a, offset_a)))

    assert (gain_v, gain_a) == pytest.approx((made.voltage.gain, made.current.gain))
    assert (offset_v, offset_a) == pytest.approx((made.voltage.offset, made.current.offset), abs=1e-9)
    assert [0.0] * 8 == pytest.approx([*made.voltage.residuals, *made.current.residuals], abs=1e-9)


def test_a_copy_of_the_chip_is_corrected() -> None:
    """1.5 % too much on the bus is taken back: the watts come out to a part in a thousand."""
    made = fitted(readings(voltage=(1 / 1.015, 0.0)))
    scale = calibrated(Scale(shunt_ohm=0.01, vbus_tap="load"), made)
    shunt, bus = 1.0 * 0.01 / 2.5e-6, 5.0 * 1.015 / 1.25e-3

    assert 5.0 == pytest.approx(scale.watts(shunt, bus), rel=1e-3)


def test_the_uncertainty_is_the_references_and_the_scatters() -> None:
    """Readings on the line leave the reference's uncertainty; scatter adds to it."""
    taken = readings()
    scattered = [
        replace(one, indicated_v=one.indicated_v + error)
        for one, error in zip(taken, (4e-3, -4e-3, -4e-3, 4e-3), strict=True)
    ]

    assert 0.0005 == pytest.approx(fitted(taken).voltage.standard_uncertainty)
    assert 0.0005 < fitted(scattered).voltage.standard_uncertainty < 0.002


@pytest.mark.parametrize("gain", MISTAKES)
def test_known_mistakes_are_named(gain: float) -> None:
    """A gain that comes from a mistake of the field is refused with the mistake."""
    with pytest.raises(MeasurementError) as caught:
        fitted(readings(current=(gain, 0.0)))

    assert MISTAKES[gain] in str(caught.value)
    assert "calibrate again" in str(caught.value)


@pytest.mark.parametrize(
    ("taken", "sentence"),
    [
        (readings(points=POINTS[:2]), "2 readings make no calibration; at least 3"),
        ([], "0 readings make no calibration"),
        (readings(points=POINTS[1:]), "no reading was taken at zero current"),
        (readings(points=[(5.0, 0.0), (5.01, 1.0), (5.02, 2.0)]), "voltage: .* too close to tell a gain"),
        (
            readings(points=[(4.5, 0.0), (5.0, 0.0), (5.5, 0.0)]),
            "current: the readings lie between 0 and 0 A",
        ),
        (readings(current=(-1.0, 0.0)), "current: the gain is -1; the sign is wrong: swap the two wires"),
        (
            readings(voltage=(2.4, 0.0)),
            "voltage: the gain is 2.4; no chip is that far off.*swapped addresses",
        ),
    ],
)
def test_readings_that_carry_no_calibration_are_refused(taken: Sequence[Reading], sentence: str) -> None:
    """The sentence says what is wrong with them."""
    with pytest.raises(MeasurementError, match=sentence):
        fitted(taken)


def test_a_reading_off_the_line_is_named() -> None:
    """A load that was not steady shows as the one reading that does not fit."""
    taken = readings()
    taken[2] = replace(taken[2], reference_a=1.6)

    with pytest.raises(MeasurementError, match=r"lies .* off the line, more than .*was the load steady"):
        fitted(taken)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    """All of it, and the digest of the file."""
    made = fitted(readings(voltage=(0.985, 0.001)))
    write_calibration(made, tmp_path / "cal.json")
    read = read_calibration(tmp_path / "cal.json")

    assert made == replace(read, sha256="")
    assert 64 == len(read.sha256)
    assert {"voltage_u", "current_u", "date", "reference"} <= set(read.summary())


def test_a_record_is_never_overwritten(tmp_path: Path) -> None:
    """A calibration that was used must stay what it was."""
    write_calibration(fitted(readings()), tmp_path / "cal.json")

    with pytest.raises(FileError, match="never overwritten"):
        write_calibration(fitted(readings()), tmp_path / "cal.json")


def mutations() -> Mapping[str, object]:
    """Records that are none, by what is wrong."""
    return {
        "no json": "{",
        "a list": [],
        "a later schema": {"schema": 2},
        "a gain that is no number": {"voltage": {"gain": "1"}},
        "a gain that is not finite": {"voltage": {"gain": float("inf")}},
        "a gain nobody could have fitted": {"current": {"gain": 10.0}},
        "no uncertainty": {"current": {"standard_uncertainty": 0}},
        "an unknown key": {"voltage": {"slope": 1}},
        "readings of another form": {"readings": [{"volts": 1}]},
        "deep nesting": "[" * 100_000,
    }


@pytest.mark.parametrize("what", mutations())
def test_what_is_no_record_is_refused_in_a_sentence(tmp_path: Path, what: str) -> None:
    """A file somebody edited is never applied in part."""
    path = tmp_path / "cal.json"
    write_calibration(fitted(readings()), path)
    record, change = json.loads(path.read_text()), mutations()[what]
    if isinstance(change, dict):
        for key, value in change.items():
            record[key] = {**record[key], **value} if isinstance(value, dict) else value
        change = json.dumps(record)
    path.write_text(change if isinstance(change, str) else json.dumps(change))

    with pytest.raises(FileError, match=r"cal\.json: is no"):
        read_calibration(path)


@pytest.mark.parametrize(("key", "value"), [("address", 0x41), ("shunt_ohm", 0.1), ("kind", "iio")])
def test_the_calibration_of_another_meter_is_refused(key: str, value: object) -> None:
    """Another address, shunt or kind is another meter."""
    meter = {"kind": "ina226", "address": 0x40, "shunt_ohm": 0.01}
    made = fitted(readings())
    must_be_of(made, meter, Path("cal.json"))

    with pytest.raises(FileError, match=f"was made for a meter with {key}"):
        must_be_of(made, {**meter, key: value}, Path("cal.json"))


def test_a_meter_of_power_cannot_be_calibrated_so() -> None:
    """Gains of voltage and current mean nothing to it."""
    with pytest.raises(MeterError, match="only one of current and voltage"):
        calibrated(PowerWord(unit_w=1e-6), fitted(readings()))


def test_without_a_calibration_nothing_changes() -> None:
    """The readout stays as it is."""
    scale = Scale(shunt_ohm=0.01, vbus_tap="load")

    assert scale is calibrated(scale, None)
