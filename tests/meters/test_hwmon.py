"""Sensors of the kernel's hwmon tree, and the rounding of its ina2xx driver undone."""

from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import MeterError
from harness.instruments import HwmonMeter
from harness.meters.hwmon import find_chip, open_hwmon, rounding_gain
from harness.meters.scale import SHUNT_LSB_V
from harness.meters.word import readout_from

from .test_instruments import HWMON
from .trees import hwmon


@pytest.mark.parametrize(
    ("shunt_mohm", "error"),
    [
        (3.3, 0.0006),
        (7.5, -0.0010),
        (15, 0.0020),
        (33, 0.0032),
        (75, -0.010),
        (82, -0.016),
        (150, 0.020),
        (330, 0.056),
        (1000, 0.20),
        (2, 0),
        (5, 0),
        (10, 0),
        (100, 0),
    ],
)
def test_the_drivers_gain_error_is_known(shunt_mohm: float, error: float) -> None:
    """What the driver shows, times the gain, is the current; its error is that of whole uA per count."""
    gain = rounding_gain("ina226", shunt_mohm * 1e-3)

    assert error == pytest.approx(1 / gain - 1, abs=0.0005)


@given(st.integers(-0x8000, 0x7FFF), st.integers(100, 4_900_000))
def test_the_current_is_that_of_the_register(code: int, shunt_uohm: int) -> None:
    """The driver's arithmetic in integers, undone, is the register's volts over the shunt, to half a mA."""
    lsb_ua = (2_500_000 + shunt_uohm // 2) // shunt_uohm
    shown_ma = round(code * lsb_ua / 1000)
    gain = rounding_gain("ina226", shunt_uohm * 1e-6)

    assert code * SHUNT_LSB_V / (shunt_uohm * 1e-6) == pytest.approx(
        shown_ma * 1e-3 * gain, abs=0.51e-3 * gain
    )


def test_a_shunt_whose_count_rounds_to_nothing_is_refused() -> None:
    """From 5 ohm on the driver's count is 0 uA; no gain brings that back."""
    with pytest.raises(MeterError, match="rounds one count of current to 0 uA"):
        rounding_gain("ina226", 6.0)


def test_another_chip_has_no_such_error() -> None:
    """Only drivers whose arithmetic is known are corrected."""
    assert 1.0 == rounding_gain("ltc2947", 0.33)


def test_the_gain_reaches_the_watts(tmp_path: Path) -> None:
    """With 330 mohm the power of the driver is 5.6 % too large, and the readout takes it back."""
    hwmon(tmp_path, 0, "ina226", "1-0040", power1_input=1_056_000, update_interval=35, shunt_resistor=330_000)
    with open_hwmon(HWMON, tmp_path) as stream:
        raw = stream.next()
        configuration = stream.configuration()

    assert 1.0 == pytest.approx(readout_from(configuration["watts"]).watts(raw.shunt, raw.bus), rel=1e-4)
    assert 0.947 == pytest.approx(configuration["rounding_gain"], abs=1e-4)


def test_a_power_that_may_overflow_is_refused(tmp_path: Path) -> None:
    """With 1 mohm the driver's 32 bits do not hold every power; current and voltage do."""
    hwmon(tmp_path, 0, "ina226", "1-0040", power1_input=0, update_interval=35, shunt_resistor=1000)

    with (
        pytest.raises(MeterError, match=r"name meter\.current and meter\.voltage"),
        open_hwmon(HWMON, tmp_path),
    ):
        pass


def test_the_number_of_a_chip_does_not_matter(tmp_path: Path) -> None:
    """Chips are found by name and device, whatever number they got at boot."""
    hwmon(tmp_path, 4, "cpu_thermal", "soc")
    wanted = hwmon(tmp_path, 11, "ina226", "1-0041")
    hwmon(tmp_path, 2, "ina226", "1-0040")

    assert wanted == find_chip("ina226", "1-0041", tmp_path).path


def test_two_chips_of_one_name_are_not_guessed_at(tmp_path: Path) -> None:
    """Without the device the message shows both."""
    hwmon(tmp_path, 0, "ina226", "1-0040")
    hwmon(tmp_path, 1, "ina226", "1-0041")

    with pytest.raises(MeterError, match=r"2 hwmon chips.*1-0040.*1-0041"):
        find_chip("ina226", None, tmp_path)


def test_a_chip_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    """The message lists what the kernel shows."""
    hwmon(tmp_path, 0, "nvme", "nvme0")

    with pytest.raises(MeterError, match="no hwmon chip ina226 on 1-0040; it shows nvme on nvme0"):
        find_chip("ina226", "1-0040", tmp_path)


def test_a_chip_without_an_update_interval_needs_a_period(tmp_path: Path) -> None:
    """The message names the key."""
    hwmon(tmp_path, 0, "ina226", "1-0040", power1_input=0)

    with pytest.raises(MeterError, match=r"meter\.period_s"), open_hwmon(HWMON, tmp_path):
        pass


def test_an_attribute_that_is_no_number_is_told(tmp_path: Path) -> None:
    """The message shows path and content."""
    hwmon(tmp_path, 0, "ina226", "1-0040", power1_input="N/A", update_interval=1)

    with pytest.raises(MeterError, match=r"power1_input: found b'N/A"), open_hwmon(HWMON, tmp_path) as stream:
        stream.next()


def test_a_current_beyond_the_sample_is_refused(tmp_path: Path) -> None:
    """40 A do not fit; they are not another number."""
    hwmon(tmp_path, 0, "ina226", "1-0040", curr1_input=40_000, in1_input=5000, update_interval=1)
    meter = HwmonMeter(**{**asdict(HWMON), "power": None, "current": "curr1_input", "voltage": "in1_input"})

    with pytest.raises(MeterError, match="40000 mA"), open_hwmon(meter, tmp_path) as stream:
        stream.next()
