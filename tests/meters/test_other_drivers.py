"""Faults found in other drivers of this chip, each kept out by a test.

Sources: issues of github.com/RobTillaart/INA226 (by number), of elschopi/TI_INA226_micropython, chrisb2/pi_ina219 and
Zanduino/INA, and the code of e71828/pi_ina226 and jean-claudeF/INA226.
"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.meters import Flag, Raw, ina226
from harness.meters.i2c import open_i2c
from harness.meters.ina226 import Ina226
from harness.meters.scale import Scale
from harness.meters.simulated import OVF, SimulatedIna226
from harness.meters.virtual import VirtualClock

from .adapter import Adapter
from .rigs import chip, on_i2c

COUNTS = st.integers(-0x8000, 0x7FFF), st.integers(0, 0x7FFF)
SHUNTS = st.floats(1e-4, 10)


def session(
    power_w: float = 5.0, *, config: int = 0x4127, calibration: int = 0, mask: int = 0, samples: int = 3
) -> tuple[list[Raw], list[str], SimulatedIna226]:
    """Samples of a whole session on a chip found in some state, what went over the wire, and the chip after it."""
    clock = VirtualClock(10**9)
    model = chip(clock, power_w)
    for register, value in (
        (ina226.CONFIG, config),
        (ina226.CALIBRATION, calibration),
        (ina226.MASK_ENABLE, mask),
    ):
        model.write_u16(register, value)
    clock.sleep(1)
    adapter = Adapter(model)
    with pytest.MonkeyPatch.context() as patch:
        adapter.install(patch)
        with Ina226(on_i2c(), open_i2c("/dev/i2c-1", 0x40), clock=clock, sleep=clock.sleep) as driver:
            raws = [driver.next() for _ in range(samples)]
            driver.configuration()
    return raws, adapter.wire, model


def test_negative_current_stays_negative() -> None:
    """RobTillaart 7: current towards the source is negative, and so is its power."""
    raws, _, _ = session(-5.0)

    assert {-4000} == {raw.shunt for raw in raws}
    assert -5.0 == pytest.approx(Scale(shunt_ohm=0.01, vbus_tap="load").watts(raws[0].shunt, raws[0].bus))


@given(SHUNTS)
def test_a_count_is_not_ten_times_itself(shunt_ohm: float) -> None:
    """RobTillaart 11: one count of current is 2.5 uV over the shunt, for any shunt."""

    assert 2.5e-6 / shunt_ohm == pytest.approx(
        Scale(shunt_ohm=shunt_ohm, vbus_tap="load").current_a(1), rel=1e-12
    )


@pytest.mark.parametrize("calibration", [0, 2048, 0x7FFF])
def test_calibration_is_neither_written_nor_of_influence(calibration: int) -> None:
    """RobTillaart 47, elschopi: CALIBRATION has 15 bits. It is left alone, and no figure depends on it."""
    raws, wire, model = session(calibration=calibration)

    assert calibration == model.read_u16(ina226.CALIBRATION)
    assert not [line for line in wire if line.startswith("write 05")]
    assert {(4000, 4000)} == {(raw.shunt, raw.bus) for raw in raws}


@given(*COUNTS, SHUNTS)
def test_nothing_is_truncated(shunt: int, bus: int, shunt_ohm: float) -> None:
    """RobTillaart 49 and 53: every count of current and voltage is in the watts, for any shunt, to the last digits."""
    watts = Scale(shunt_ohm=shunt_ohm, vbus_tap="load").watts(shunt, bus)

    assert shunt * 2.5e-6 / shunt_ohm * (bus * 1.25e-3) == pytest.approx(watts, rel=1e-12, abs=0)


@given(*COUNTS)
def test_power_is_voltage_times_current(shunt: int, bus: int) -> None:
    """RobTillaart: power and the product of voltage and current are the same number."""
    scale = Scale(shunt_ohm=0.01, vbus_tap="load")

    assert scale.voltage_v(bus) * scale.current_a(shunt) == pytest.approx(scale.watts(shunt, bus), rel=1e-12)


def test_power_does_not_overflow() -> None:
    """RobTillaart before 0.5.5: the greatest current times the greatest voltage is what it is, in arrays too."""
    scale = Scale(shunt_ohm=0.0001, vbus_tap="load")
    shunt, bus = np.array([0x7FFF, -0x8000], np.int16), np.array([0x7FFF, 0x7FFF], np.uint16)

    assert [819.175 * 40.95875, -819.2 * 40.95875] == pytest.approx(scale.watts(shunt, bus).tolist())


@pytest.mark.parametrize("mask", [0x0001, 0x0002, 0x0003, 0x0403, 0x8001])
def test_the_bits_of_mask_enable_are_left_alone(mask: int) -> None:
    """RobTillaart 61: LEN, APOL and the alert functions stay as somebody set them."""
    _, wire, model = session(mask=mask)

    assert mask == model.read_u16(ina226.MASK_ENABLE) & 0xFC03
    assert not [line for line in wire if line.startswith("write 06")]


@pytest.mark.parametrize("config", [0x4025, 0x4005, 0x4020, 0x4023, 0x4026])
def test_no_stale_voltage(config: int) -> None:
    """RobTillaart 60: of a chip found measuring current alone, or asleep, the first sample has a fresh voltage."""
    raws, _, model = session(config=config)

    assert {(4000, 4000, 0)} == {(raw.shunt, raw.bus, raw.flags) for raw in raws}
    assert config == model.read_u16(ina226.CONFIG)


def test_a_count_of_the_shunt_is_2_5_uv() -> None:
    """Elschopi 2: not the 10 uV of an INA219, an error of four times."""

    assert 1.0 == pytest.approx(Scale(shunt_ohm=0.01, vbus_tap="load").current_a(4000))


@pytest.mark.parametrize("shunt_ohm", [1e-5, 1e-3, 0.5, 100.0, 1000.0])
def test_no_shunt_is_too_small_or_too_large(shunt_ohm: float) -> None:
    """pi_ina219 4: shunts whose calibration value does not fit the chip's register are computed like any other."""

    assert 8.19175e-2 / shunt_ohm == pytest.approx(
        Scale(shunt_ohm=shunt_ohm, vbus_tap="load").current_a(0x7FFF)
    )


def test_an_arithmetic_overflow_in_the_chip_concerns_nobody() -> None:
    """RobTillaart 15: OVF speaks of CURRENT and POWER, which are not used; a good sample is not called saturated."""
    raws, wire, _ = session(40.0, calibration=0x7FFF)

    assert any(int(line[-4:], 16) & OVF for line in wire if line.startswith("read 06"))
    assert {(32000, 4000, 0)} == {(raw.shunt, raw.bus, raw.flags) for raw in raws}


@pytest.mark.parametrize(("power_w", "flags"), [(40.9, 0), (41.0, Flag.SATURATED), (-41.0, Flag.SATURATED)])
def test_saturation_is_told_from_the_counts(power_w: float, flags: int) -> None:
    """What the shunt input cannot show is flagged, without asking a status bit."""
    raws, _, _ = session(power_w)

    assert {flags} == {raw.flags for raw in raws}


def test_current_and_power_of_the_chip_are_not_read() -> None:
    """jean-claudeF reads POWER as signed, e71828 with 25.2 counts: registers 03 and 04 never go over the wire."""
    _, wire, _ = session(samples=70)

    assert not [line for line in wire if " 03:" in line or " 04:" in line]


def test_the_data_sheets_own_power_comes_out() -> None:
    """e71828 is 0.8 % high: TI's example of 10 A at 11.98 V is 119.8 W."""

    assert 119.8 == pytest.approx(Scale(shunt_ohm=0.002, vbus_tap="load").watts(0x1F40, 0x2570), rel=1e-12)


def test_nothing_else_swallows_the_flag() -> None:
    """e71828 reads MASK/ENABLE before each figure: here every look is followed by results or by another look."""
    _, wire, _ = session(samples=70)
    after = {
        follower[:7]
        for line, follower in pairwise(wire)
        if line.startswith("read 06") and int(line[-4:], 16) & ina226.CVRF
    }

    assert {"read 01"} == after


def test_nothing_is_written_while_measuring() -> None:
    """jean-claudeF writes the calibration before each reading: here CONFIG is written at the begin and at the end."""
    _, wire, _ = session(samples=70)

    assert ["write 00:4027", "write 00:4127"] == [line for line in wire if line.startswith("write")]


def test_equal_readings_are_all_kept() -> None:
    """Zeus drops what equals the reading before: a steady load gives as many samples as conversions."""
    raws, _, _ = session(samples=50)

    assert {(4000, 4000)} == {(raw.shunt, raw.bus) for raw in raws}
    steps = np.diff([raw.ready_ns for raw in raws])
    assert (np.abs(steps - 1.24e6) < 1e5).all()
