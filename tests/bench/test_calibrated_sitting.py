"""A calibration named in the device's file goes to the meter and into the record of the sitting."""

from pathlib import Path
from typing import Any

import pytest

from harness.calibration import Circumstances, Reading, fit, identity_of, write_calibration
from harness.errors import FileError
from harness.profile import Meter

from .test_sitting import Room
from .values import METER, device


def record(folder: Path, meter: Meter, **changes: Any) -> Path:
    """A calibration of a meter, 1.5 % off in voltage."""
    readings = [
        Reading(
            reference_v=volts,
            reference_a=amperes,
            indicated_v=1.015 * volts,
            indicated_a=amperes,
            samples=800,
        )
        for volts, amperes in ((4.5, 0.0), (5.0, 1.0), (5.5, 2.0))
    ]
    circumstances = Circumstances(
        device="here",
        meter={**identity_of(meter), **changes},
        date="2026-03-01T10:00:00+00:00",
        reference="multimeter 7",
        reference_u=0.0005,
        temperature_c=None,
        shunt="",
    )
    write_calibration(fit(readings, circumstances, zero_noise_v=2.5e-6), folder / "cal.json")
    return folder / "cal.json"


def test_the_calibration_is_handed_on_and_kept(tmp_path: Path) -> None:
    """The meter gets it, and the record says which it was, by date, reference, uncertainty and digest."""
    room = Room(tmp_path, on=device(meter=METER, calibration=record(tmp_path, METER)))
    asked: dict[str, Any] = {}
    room.sitting.open_sampler = lambda *_, **settings: asked.update(settings) or room.sampler
    room.sitting.measure()
    kept = room.notebook.openings[0].meter["calibration"]

    assert 1 / 1.015 == pytest.approx(asked["calibration"].voltage.gain)
    assert ("2026-03-01T10:00:00+00:00", "multimeter 7") == (kept["date"], kept["reference"])
    assert 0.0005 == pytest.approx(kept["voltage_u"])
    assert 64 == len(kept["sha256"])


def test_without_one_the_record_says_so(tmp_path: Path) -> None:
    """An uncalibrated meter has none, which is what an absolute figure is refused by."""
    room = Room(tmp_path)
    room.sitting.measure()

    assert room.notebook.openings[0].meter["calibration"] is None


def test_that_of_another_shunt_is_refused(tmp_path: Path) -> None:
    """A calibration does not go on with another shunt; nothing is measured."""
    room = Room(tmp_path, on=device(meter=METER, calibration=record(tmp_path, METER, shunt_ohm=0.1)))

    with pytest.raises(FileError, match=r"was made for a meter with shunt_ohm 0\.1, the profile says 0\.01"):
        room.sitting.measure()
    assert [] == room.notebook.measured
