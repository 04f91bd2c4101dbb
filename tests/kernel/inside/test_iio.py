"""The project's figures against the kernel's industrial I/O driver `ina2xx-adc`, which hands out raw integers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from meters.rigs import METER

from harness.meters.scale import Scale

from .states import STATES
from .stub import MODULES, StubChip, bound, load, unload


@pytest.fixture(scope="module")
def iio() -> Iterator[Path]:
    """Folder of the chip at 0x40 in the kernel's industrial I/O tree."""
    StubChip(0x40).power_on()
    names = (MODULES / "iio.order").read_text().split()
    load(*names)
    with bound(0x40):
        [folder] = Path("/sys/bus/iio/devices").glob("iio:device*")
        yield folder
    for name in reversed(names):
        unload(name.removesuffix(".ko").replace("-", "_"))


def value(iio: Path, name: str) -> float:
    """A figure of the kernel."""
    return float((iio / name).read_text())


def test_the_kernel_agrees_in_every_integer(iio: Path) -> None:
    """Raw shunt and bus are those of the registers, the shunt with its sign; times scale they are our volts."""
    chip = StubChip(0x40)
    scale = Scale.of(METER)
    shunt_mv, bus_mv = value(iio, "in_voltage0_scale"), value(iio, "in_voltage1_scale")
    for shunt, bus in STATES:
        chip.converted(shunt, bus)
        raw = value(iio, "in_voltage0_raw"), value(iio, "in_voltage1_raw")

        assert (shunt, bus) == raw
        assert scale.voltage_v(bus) == pytest.approx(raw[1] * bus_mv * 1e-3, rel=1e-9)
        assert scale.current_a(shunt) == pytest.approx(raw[0] * shunt_mv * 1e-3 / 0.01, rel=1e-9)


@pytest.mark.parametrize(
    ("channel", "step"),
    [("in_voltage0", 0.0025), ("in_voltage1", 1.25), ("in_power2", 6.25), ("in_current3", 0.25)],
)
def test_the_kernels_steps_are_the_data_sheets(iio: Path, channel: str, step: float) -> None:
    """At 10 milliohm: 2.5 uV, 1.25 mV, 6.25 mW and 0.25 mA, in units of mV, mW and mA."""

    assert step == pytest.approx(value(iio, f"{channel}_scale"))


def test_the_kernel_sets_the_chip_up(iio: Path) -> None:
    """On binding: an average of 4 at 1.1 ms, CALIBRATION 2048."""
    assert iio
    chip = StubChip(0x40)

    assert (0x4327, 2048) == (chip.register(0), chip.register(5))
