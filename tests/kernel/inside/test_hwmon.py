"""The project's figures against the kernel's hwmon driver `ina2xx`, over many states and shunts.

The kernel rounds: to mV, mA and uW, half away from zero, and its step of current to a whole number of uA
(drivers/hwmon/ina2xx.c, `ina2xx_set_shunt`). That second rounding is a gain error of up to 20 %, computed here.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from meters.rigs import METER

from harness.meters.i2c import I2cBus, RegisterBus, WordTransfers
from harness.meters.scale import Scale

from .states import STATES
from .stub import StubChip, bound, device_node, load, unload

GAIN_PERCENT = {
    *((1000, 0.0), (2000, 0.0), (5000, 0.0), (10_000, 0.0), (100_000, 0.0)),
    *((3300, 0.06), (7500, -0.10), (15_000, 0.20), (33_000, 0.32), (75_000, -1.0), (82_000, -1.6)),
    *((150_000, 2.0), (330_000, 5.6), (1_000_000, 20.0)),
}
"""Shunt in uohm, and by how much the kernel's current is off."""
SHUNTS_UOHM = sorted(shunt for shunt, _ in GAIN_PERCENT)


@pytest.fixture(scope="module")
def hwmon() -> Iterator[Path]:
    """Folder of the chip at 0x40 in the kernel's hwmon tree."""
    StubChip(0x40).power_on()
    load("ina2xx.ko")
    with bound(0x40):
        [folder] = (
            path for path in Path("/sys/class/hwmon").iterdir() if (path / "name").read_text() == "ina226\n"
        )
        yield folder
    unload("ina2xx")


@pytest.fixture
def registers_beside(hwmon: Path) -> Iterator[RegisterBus]:
    """Registers of the chip while the kernel's driver is bound: by words and by force, as only a test may."""
    assert hwmon
    with I2cBus(device_node()) as bus:
        bus.smbus.force = True
        yield WordTransfers(bus, 0x40, lambda: None)


@pytest.fixture
def kernel_chip(hwmon: Path) -> StubChip:
    """The chip, with its driver bound and its settings as that left them."""
    assert hwmon
    chip = StubChip(0x40)
    chip.set({0: 0x4527, 5: 2048})
    return chip


def closest(value: int, divisor: int) -> int:
    """The kernel's DIV_ROUND_CLOSEST: half away from zero."""
    return (abs(value) + divisor // 2) // divisor * (1 if value >= 0 else -1)


def figures(hwmon: Path) -> list[int]:
    """Shunt and bus voltage in mV, current in mA, power in uW, as the kernel says."""
    names = ("in0_input", "in1_input", "curr1_input", "power1_input")
    return [int((hwmon / name).read_text()) for name in names]


def test_the_kernel_sets_the_chip_up(hwmon: Path) -> None:
    """On binding: an average of 16, CALIBRATION 2048, a shunt of 10 milliohm."""
    chip = StubChip(0x40)

    assert (0x4527, 2048) == (chip.register(0), chip.register(5))
    assert "10000\n" == (hwmon / "shunt_resistor").read_text()


@pytest.mark.parametrize("shunt_uohm", SHUNTS_UOHM)
def test_the_kernel_agrees_but_for_its_rounding(hwmon: Path, kernel_chip: StubChip, shunt_uohm: int) -> None:
    """Shunt and bus voltage agree to the kernel's mV; current and power agree once its own step is taken back."""
    (hwmon / "shunt_resistor").write_text(f"{shunt_uohm}\n")
    scale = Scale.of(replace(METER, shunt_ohm=shunt_uohm * 1e-6))
    step_ua = closest(2_500_000, shunt_uohm)
    repair = 2_500_000 / shunt_uohm / step_ua
    # Every state at the kernel's own shunt, a fifth of them at each other one: the emulator is slow.
    for shunt, bus in STATES if shunt_uohm == 10_000 else STATES[::5]:
        if 25 * step_ua * (abs(shunt) * bus // 20_000) >= 1 << 31:
            continue  # the kernel's own 32-bit overflow, at small shunts only
        kernel_chip.converted(shunt, bus)
        shunt_mv, bus_mv, current_ma, power_uw = figures(hwmon)

        assert closest(shunt, 400) == shunt_mv
        assert closest(bus * 1250, 1000) == bus_mv
        assert closest(shunt * step_ua, 1000) == current_ma
        assert 1e3 * scale.voltage_v(bus) == pytest.approx(bus_mv, abs=0.5)
        assert 1e3 * scale.current_a(shunt) == pytest.approx(current_ma * repair, abs=0.5 * repair + 1e-9)
        # The chip's POWER has no sign and drops what is less than one of its counts.
        count_uw = 25 * step_ua * repair
        assert -1e-6 < abs(scale.watts(shunt, bus)) * 1e6 - power_uw * repair < count_uw * (1 + 1e-9) + 1e-6


@pytest.mark.parametrize(("shunt_uohm", "percent"), sorted(GAIN_PERCENT))
def test_the_kernels_gain_error_is_as_computed(
    hwmon: Path, kernel_chip: StubChip, shunt_uohm: int, percent: float
) -> None:
    """The kernel's current is off by its rounded step alone, and by as much as the arithmetic says."""
    (hwmon / "shunt_resistor").write_text(f"{shunt_uohm}\n")
    kernel_chip.converted(32000, 4000)
    found_a = figures(hwmon)[2] * 1e-3
    true_a = Scale.of(replace(METER, shunt_ohm=shunt_uohm * 1e-6)).current_a(32000)

    assert percent == pytest.approx(100 * (found_a / true_a - 1), abs=0.06)


def test_the_sign_of_power_is_lost_in_the_kernel_and_kept_here(hwmon: Path, kernel_chip: StubChip) -> None:
    """-2 A at 11.98 V are -23.96 W; the chip's POWER, and so the kernel, say +23.956250 W."""
    (hwmon / "shunt_resistor").write_text("10000\n")
    kernel_chip.converted(-8000, 9584)

    assert [-20, 11980, -2000, 23_956_250] == figures(hwmon)
    assert -23.96 == pytest.approx(Scale.of(METER).watts(-8000, 9584))


def test_a_chip_that_lost_its_supply_is_set_up_by_the_kernel(hwmon: Path) -> None:
    """Zeros with CALIBRATION at 0 mean a reset to the kernel, as they do to our driver: it writes both anew."""
    chip = StubChip(0x40)
    chip.power_on()
    begin_s = time.monotonic()
    figures(hwmon)

    assert (0x4527, 2048) == (chip.register(0), chip.register(5))
    assert time.monotonic() > begin_s


def test_the_registers_say_the_same_to_both(hwmon: Path, registers_beside: RegisterBus) -> None:
    """Opened before the kernel's driver, ours reads the very integers the kernel computes from."""
    chip = StubChip(0x40)
    chip.set({0: 0x4527, 5: 2048})
    chip.converted(12345, 3999)

    assert (12345, 3999) == registers_beside.read_u16s(1, 2)
    assert [31, 4999] == figures(hwmon)[:2]
