"""The project's meters that read a kernel driver, on the real drivers: hwmon `ina2xx` and IIO `ina2xx-adc`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.instruments import HwmonMeter, IioMeter
from harness.meters.hwmon import HwmonPower
from harness.meters.opening import open_stream
from harness.meters.scale import Scale
from harness.meters.word import PowerWord

from .stub import MODULES, StubChip, bound, device_node, load, unload

DEVICE = """
schema: 1
id: stub
board: x86-64
identity: {{kind: none}}
connection: local
meter:
  kind: ina226
  bus: {{kind: i2c, path: {path}}}
  address: 0x40
  shunt_ohm: 0.01
  vbus_tap: load
  boundary: the stub
"""

STATES = ((8000, 9584), (12345, 3999), (32000, 4000), (4000, 28800))


def hwmon_meter(**attributes: str) -> HwmonMeter:
    """The chip in the kernel's hwmon tree."""
    names = dict.fromkeys(("power", "energy", "current", "voltage")) | attributes
    return HwmonMeter(kind="hwmon", chip="ina226", device=None, period_s=0.01, boundary="the stub", **names)


@pytest.fixture
def hwmon_chip() -> Iterator[tuple[StubChip, Path]]:
    """The chip, and its folder in the kernel's hwmon tree."""
    chip = StubChip(0x40)
    chip.power_on()
    load("ina2xx.ko")
    with bound(0x40):
        [folder] = (
            path for path in Path("/sys/class/hwmon").iterdir() if (path / "name").read_text() == "ina226\n"
        )
        yield chip, folder
    unload("ina2xx")


@pytest.mark.parametrize("shunt_uohm", [10_000, 75_000, 150_000, 330_000, 1_000_000])
def test_hwmon_watts_are_repaired(hwmon_chip: tuple[StubChip, Path], shunt_uohm: int) -> None:
    """Where the kernel is off by up to 20 %, the meter's watts are those of the registers, but for the chip's steps."""
    chip, folder = hwmon_chip
    (folder / "shunt_resistor").write_text(f"{shunt_uohm}\n")
    for meter in (hwmon_meter(power="power1_input"), hwmon_meter(current="curr1_input", voltage="in1_input")):
        source = HwmonPower(meter)
        source.open()
        assert isinstance(source.readout, PowerWord | Scale)
        for shunt, bus in STATES:
            chip.converted(shunt, bus)
            true_w = shunt * 2.5e-6 / (shunt_uohm * 1e-6) * bus * 1.25e-3
            step_w = 25 * 2.5e-6 / (shunt_uohm * 1e-6) + 0.5e-3 * bus * 1.25e-3

            assert true_w == pytest.approx(source.readout.watts(*source.read()), abs=step_w + 5e-4 * true_w)
        source.close()


def test_selftest_runs_and_finds_that_the_stub_does_not_convert(tmp_path: Path) -> None:
    """The command measures the kernel's bus, and says of a chip whose every sample is the same that it is unfit."""
    chip = StubChip(0x40)
    chip.power_on()
    chip.converted(4000, 9600)
    device = tmp_path / "stub.yaml"
    device.write_text(DEVICE.format(path=device_node()))
    command = [
        sys.executable,
        "-m",
        "harness",
        "meter",
        "selftest",
        str(device),
        "--elsewhere",
        "--seconds",
        "0.5",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 3 == done.returncode, done.stderr
    assert "ok    bus:" in done.stdout
    assert "INA226, measured" in done.stdout
    assert "every sample is the same" in done.stdout
    assert 0x4127 == chip.register(0)


def test_iio_samples_are_the_registers() -> None:
    """From the kernel's own buffer come the very integers of the registers, the shunt with its sign."""
    chip = StubChip(0x40)
    chip.power_on()
    names = (MODULES / "iio.order").read_text().split()
    load(*names)
    try:
        with bound(0x40):
            chip.converted(-8000, 9584)
            meter = IioMeter(
                kind="iio",
                chip="ina226",
                device=None,
                shunt_ohm=0.01,
                vbus_tap="load",
                shunt_conversion_s=1100e-6,
                bus_conversion_s=140e-6,
                average=1,
                boundary="the stub",
            )
            with open_stream(meter, None) as stream:
                samples = [stream.next() for _ in range(20)]
                word = chip.register(0)
    finally:
        for name in reversed(names):
            unload(name.removesuffix(".ko").replace("-", "_"))

    assert {(-8000, 9584)} == {(sample.shunt, sample.bus) for sample in samples}
    assert samples == sorted(samples)
    assert 0x4027 == word
