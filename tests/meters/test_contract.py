"""What holds for every meter, however its registers are reached."""

import errno
from pathlib import Path

import numpy as np
import pytest
import smbus2

from harness.errors import MeterError
from harness.meters import Flag
from harness.meters.i2c import CombinedTransfers, WordTransfers, open_i2c
from harness.meters.ina226 import Ina226
from harness.meters.scale import Scale
from harness.meters.simulated import SimulatedIna226
from harness.meters.stream import conversion_period_ns
from harness.meters.virtual import VirtualClock
from harness.profile import ChipErrors, Origin

from .adapter import Adapter
from .rigs import METER, chip, on_i2c

Model = tuple[SimulatedIna226, VirtualClock]
"""A chip and its clock."""

WORDS_ONLY = smbus2.I2cFunc.SMBUS_WORD_DATA


class Contract:
    """A stream of a chip 3 % slow on a load of 5 W; subclasses say how it is reached."""

    origin = Origin.MEASURED
    functions = smbus2.I2cFunc.I2C

    @pytest.fixture
    def model(self) -> Model:
        """The chip and its clock."""
        clock = VirtualClock(10**9)
        return chip(clock, errors=ChipErrors(clock=0.03), wire_s=30e-6), clock

    @pytest.fixture
    def stream(self, model: Model, monkeypatch: pytest.MonkeyPatch) -> Ina226:
        """The stream, not yet opened."""
        registers, clock = model
        Adapter(registers, functions=self.functions).install(monkeypatch)
        return Ina226(on_i2c(), open_i2c("/dev/i2c-1", 0x40), clock=clock, sleep=clock.sleep)

    def test_known_watts_come_out(self, stream: Ina226) -> None:
        """The load's power is what the samples say, to the counts of the chip."""
        with stream:
            samples = [stream.next() for _ in range(20)]

        scale = Scale.of(METER)
        assert {5.0} == {round(scale.watts(sample.shunt, sample.bus), 9) for sample in samples}

    def test_stamps_rise_by_the_chips_own_period(self, stream: Ina226) -> None:
        """The measured period is the chip's, not the nominal one."""
        with stream:
            stamps = np.array([stream.next().ready_ns for _ in range(200)])

        assert 1.03 * 1.24e6 == pytest.approx(conversion_period_ns(stamps), rel=1e-3)
        assert (np.diff(stamps) > 0).all()

    def test_stamps_are_on_the_given_clock(self, stream: Ina226, model: Model) -> None:
        """A sample ended before now, and not long ago."""
        _, clock = model
        with stream:
            raw = stream.next()

            assert 0 <= clock() - raw.ready_ns == raw.delay_ns < 1e6

    def test_nothing_is_missed_by_a_punctual_reader(self, stream: Ina226) -> None:
        """No flags on an undisturbed meter."""
        with stream:
            assert {0} == {stream.next().flags for _ in range(100)}

    def test_a_late_reader_is_told(self, stream: Ina226, model: Model) -> None:
        """Conversions that went by unread are flagged on the next one."""
        _, clock = model
        with stream:
            for _ in range(20):
                stream.next()
            clock.sleep(0.02)

            assert stream.next().flags & Flag.MISSED

    def test_the_configuration_is_read_back(self, stream: Ina226) -> None:
        """Settings come from the chip, as plain values."""
        with stream:
            configuration = stream.configuration()

        assert ("0x4027", 1, 7) == tuple(configuration[key] for key in ("config", "average", "mode"))
        assert 1100e-6 == pytest.approx(configuration["shunt_conversion_s"])
        assert 140e-6 == pytest.approx(configuration["bus_conversion_s"])

    def test_the_chip_is_left_as_found(self, stream: Ina226, model: Model) -> None:
        """After closing, also twice, CONFIG is what it was."""
        registers, _ = model
        registers.write_u16(0, 0x4527)
        with stream:
            stream.next()
        stream.__exit__(None, None, None)

        assert registers.read_u16(0) == 0x4527

    def test_the_origin_is_told(self, stream: Ina226) -> None:
        """A figure says where it comes from."""
        assert self.origin is stream.origin


class TestCombinedTransfers(Contract):
    """On a bus of this machine that takes combined transfers."""


class TestWordTransfers(Contract):
    """On a bus of this machine that speaks SMBus words only."""

    functions = WORDS_ONLY


class TestSimulated(Contract):
    """On the modelled chip itself."""

    origin = Origin.SIMULATED

    @pytest.fixture
    def stream(self, model: Model) -> Ina226:
        """The stream, not yet opened."""
        registers, clock = model
        return Ina226(METER, registers, clock=clock, sleep=clock.sleep)


def opened(
    monkeypatch: pytest.MonkeyPatch, **settings: object
) -> tuple[Adapter, CombinedTransfers | WordTransfers]:
    """An adapter with a chip behind it, and how it was reached."""
    clock = VirtualClock()
    adapter = Adapter(chip(clock), **settings)
    adapter.install(monkeypatch)
    return adapter, open_i2c("/dev/i2c-1", 0x40)


def test_combined_transfers_are_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that can do both is used with combined transfers."""
    assert isinstance(opened(monkeypatch)[1], CombinedTransfers)


@pytest.mark.parametrize("settings", [{"functions": WORDS_ONLY}, {"refuse_combined": True}])
def test_words_are_the_fallback(monkeypatch: pytest.MonkeyPatch, settings: dict[str, object]) -> None:
    """Where combined transfers are not offered, or refused with EOPNOTSUPP, words are used."""
    _, registers = opened(monkeypatch, **settings)

    assert isinstance(registers, WordTransfers)
    assert registers.read_u16(0xFE) == 0x5449


@pytest.mark.parametrize("functions", [smbus2.I2cFunc.I2C, WORDS_ONLY])
def test_words_travel_high_byte_first(monkeypatch: pytest.MonkeyPatch, functions: int) -> None:
    """What is written is what the chip gets and what is read again, bit for bit."""
    adapter, registers = opened(monkeypatch, functions=functions)
    registers.write_u16(5, 0x0A5B)

    assert [0x0A5B, 0x0A5B] == [adapter.chip.read_u16(5), registers.read_u16(5)]


def test_a_register_is_one_transfer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pointer write and read travel in one combined transfer, and its messages are built once."""
    adapter, registers = opened(monkeypatch)
    before = adapter.transfers
    registers.read_u16(1)
    messages = registers._reads[1]
    registers.read_u16(1)

    assert adapter.transfers == before + 2
    assert messages is registers._reads[1]


def test_an_empty_address_is_told_and_the_bus_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing answers, the message names bus and address, and the bus is free again."""
    adapter = Adapter(chip(VirtualClock()), address=0x41)
    adapter.install(monkeypatch)

    with pytest.raises(MeterError, match=r"/dev/i2c-1: nothing answers at 0x40.*A0 and A1"):
        open_i2c("/dev/i2c-1", 0x40)
    assert adapter.closed == 1


def test_a_poor_adapter_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter without either kind of transfer is refused with its functions."""
    with pytest.raises(MeterError, match="0x00010000"):
        opened(monkeypatch, functions=int(smbus2.I2cFunc.SMBUS_QUICK))


def test_a_chip_held_by_the_kernel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """EBUSY means that a kernel driver owns the chip."""
    adapter = Adapter(chip(VirtualClock()))
    adapter.fail = [errno.EBUSY]
    adapter.install(monkeypatch)

    with pytest.raises(MeterError, match="kernel driver"):
        open_i2c("/dev/i2c-1", 0x40)


def test_a_missing_bus_is_told(tmp_path: Path) -> None:
    """A device node that does not exist is an error that says what to do."""
    with pytest.raises(MeterError, match="Enable the bus"):
        open_i2c(str(tmp_path / "i2c-9"), 0x40)


@pytest.mark.parametrize("functions", [smbus2.I2cFunc.I2C, WORDS_ONLY])
def test_closing_twice_is_harmless(monkeypatch: pytest.MonkeyPatch, functions: int) -> None:
    """The device node is closed once."""
    adapter, registers = opened(monkeypatch, functions=functions)
    registers.close()
    registers.close()

    assert adapter.closed == 1
