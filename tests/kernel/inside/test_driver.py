"""The project's driver on a real kernel's I2C: i2c-dev, i2c-core and i2c-stub."""

import errno
import os
import subprocess
import sys

import pytest
import smbus2
from meters.register_contract import RegisterContract
from meters.rigs import METER, on_i2c
from packaging.version import Version  # pytest brings it

from harness.errors import MeterError
from harness.meters.i2c import I2cBus, RegisterBus, open_i2c
from harness.meters.ina226 import Ina226
from harness.meters.scale import Scale

from .states import STATES
from .stub import StubChip, bound, device_node, load, unload

METER_HERE = on_i2c(METER, device_node())


class TestStub(RegisterContract):
    """The stub in the kernel."""

    @pytest.fixture
    def registers(self, registers: RegisterBus) -> RegisterBus:
        """Its registers."""
        return registers


def test_this_is_a_guest_with_the_library_asked_for() -> None:
    """The kernel is one of the guests', and smbus2 is not the system's old one."""

    assert os.uname().release.startswith("6.1")
    assert Version(smbus2.__version__) >= Version("0.6.0")


def test_the_stub_speaks_words_only(registers: RegisterBus) -> None:
    """Messages are not offered by the stub, so the driver chose SMBus words."""
    with smbus2.SMBus(device_node()) as bus:
        assert not bus.funcs & smbus2.I2cFunc.I2C
        with pytest.raises(OSError, match="not supported") as refused:
            bus.i2c_rdwr(smbus2.i2c_msg.write(0x40, [2]), smbus2.i2c_msg.read(0x40, 2))

    assert errno.EOPNOTSUPP == refused.value.errno
    assert {"access": "smbus_word"} == registers.access


def test_an_smbus_word_is_the_other_way_round(chip: StubChip, registers: RegisterBus) -> None:
    """The kernel hands 0x5449 over as 0x4954; the driver turns it."""
    with smbus2.SMBus(device_node()) as bus:
        assert 0x4954 == bus.read_word_data(chip.address, 0xFE)
    assert 0x5449 == registers.read_u16(0xFE)


def test_every_state_comes_out_as_its_watts(chip: StubChip, registers: RegisterBus) -> None:
    """Through the whole driver: volts, amperes and watts of each state, with sign and without rounding."""
    scale = Scale.of(METER_HERE)
    with Ina226(METER_HERE, registers) as driver:
        for shunt, bus in STATES:
            chip.converted(shunt, bus)
            raw = driver.next()

            assert (shunt, bus) == (raw.shunt, raw.bus)
            assert shunt * 2.5e-6 / 0.01 * (bus * 1.25e-3) == pytest.approx(
                scale.watts(raw.shunt, raw.bus), rel=1e-12
            )


def test_the_configuration_is_the_kernels_own(chip: StubChip, registers: RegisterBus) -> None:
    """CONFIG is in the chip while the driver is open, is read back from it, and is as found afterwards."""
    chip.set({0: 0x4527})
    with Ina226(METER_HERE, registers) as driver:
        configuration = driver.configuration()
        inside = chip.register(0)

    assert (0x4027, 0x4527) == (inside, chip.register(0))
    assert "0x4027" == configuration["config"]
    assert "smbus_word" == configuration["access"]
    assert device_node() == configuration["bus"]


def test_nothing_but_config_is_written(chip: StubChip, registers: RegisterBus) -> None:
    """A session leaves every register of the chip as it was; the stub would keep any write."""
    chip.converted(8000, 9584)
    chip.set({5: 0x0A00, 7: 0x1234})
    before = [chip.register(number) for number in (*range(8), 0xFE, 0xFF)]
    with Ina226(METER_HERE, registers) as driver:
        for _ in range(10):
            driver.next()

    assert before == [chip.register(number) for number in (*range(8), 0xFE, 0xFF)]


def test_what_another_process_writes_is_seen(chip: StubChip, registers: RegisterBus) -> None:
    """The driver holds nothing back: values another process puts into the chip are the next sample."""
    chip.converted(100, 100)
    writer = (
        f"from smbus2 import SMBus; SMBus({device_node()!r}).write_word_data(0x40, 1, 0x401F, force=True)"
    )
    with Ina226(METER_HERE, registers) as driver:
        before = driver.next().shunt
        subprocess.run([sys.executable, "-c", writer], check=True)
        after = driver.next().shunt

    assert (100, 8000) == (before, after)


def test_two_chips_on_the_bus_keep_apart() -> None:
    """Two drivers on one bus each get their own chip's figures."""
    for address, shunt in ((0x40, 111), (0x41, 222)):
        chip = StubChip(address)
        chip.power_on()
        chip.converted(shunt, 4000)
    with I2cBus(device_node()) as bus:
        first, second = (Ina226(METER_HERE, bus.registers(address)) for address in (0x40, 0x41))
        with first, second:
            pairs = {(first.next().shunt, second.next().shunt) for _ in range(5)}

    assert {(111, 222)} == pairs


def test_an_empty_address_is_told() -> None:
    """Where the kernel finds nobody, the message speaks of wiring and address pins."""
    with pytest.raises(MeterError, match=r"nothing answers at 0x4f.*A0 and A1"):
        open_i2c(device_node(), 0x4F)


def test_another_chip_is_told(chip: StubChip, registers: RegisterBus) -> None:
    """An INA260 in its place is named; swapped bytes are told as such."""
    for words, said in (({0xFF: 0x2270}, "INA260"), ({0xFE: 0x4954, 0xFF: 0x6022}, "swapped")):
        chip.power_on()
        chip.set(words)
        with pytest.raises(MeterError, match=said), Ina226(METER_HERE, registers):
            pass


def test_a_silent_chip_is_told(chip: StubChip, registers: RegisterBus) -> None:
    """A chip that never finishes a conversion ends in an error, not in a wait for ever."""
    chip.set({6: 0})
    with Ina226(METER_HERE, registers) as driver, pytest.raises(MeterError, match="no conversion within"):
        driver.next()


def test_a_chip_the_kernel_drives_is_refused(chip: StubChip) -> None:
    """While a kernel driver is bound the driver refuses the chip and says why, and takes it afterwards."""
    load("ina2xx.ko")
    try:
        with bound(chip.address), pytest.raises(MeterError, match="kernel driver holds the chip"):
            open_i2c(device_node(), chip.address)
        open_i2c(device_node(), chip.address).close()
    finally:
        unload("ina2xx")
