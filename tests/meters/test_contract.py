"""What holds for every meter, however its registers are reached."""

import numpy as np
import pytest

from harness.meters import Flag
from harness.meters.i2c import open_i2c
from harness.meters.ina226 import Ina226
from harness.meters.scale import Scale
from harness.meters.simulated import SimulatedIna226
from harness.meters.stream import conversion_period_ns
from harness.meters.virtual import VirtualClock
from harness.profile import ChipErrors, Origin

from .adapter import BOTH, WORDS_ONLY, Adapter
from .rigs import METER, chip, on_i2c

Model = tuple[SimulatedIna226, VirtualClock]
"""A chip and its clock."""


class Contract:
    """A stream of a chip 3 % slow on a load of 5 W; subclasses say how it is reached."""

    origin = Origin.MEASURED
    access = "simulated"

    @pytest.fixture
    def model(self) -> Model:
        """The chip and its clock."""
        clock = VirtualClock(10**9)
        return chip(clock, errors=ChipErrors(clock=0.03), wire_s=30e-6), clock

    @pytest.fixture
    def stream(self, model: Model, monkeypatch: pytest.MonkeyPatch) -> Ina226:
        """The stream, not yet opened."""
        registers, clock = model
        self.adapter(registers).install(monkeypatch)
        return Ina226(on_i2c(), open_i2c("/dev/i2c-1", 0x40), clock=clock, sleep=clock.sleep)

    def adapter(self, registers: SimulatedIna226) -> Adapter:
        """What lies between the driver and the chip."""
        return Adapter(registers)

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
        assert self.access == configuration["access"]

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


class TestBatchedTransfers(Contract):
    """On a bus of this machine that reads several registers in one transfer."""

    access = "i2c_rdwr_batch"


class TestCombinedTransfers(Contract):
    """On a bus of this machine that reads one register in a transfer, as on a Raspberry Pi 0 to 4."""

    access = "i2c_rdwr"

    def adapter(self, registers: SimulatedIna226) -> Adapter:
        """What lies between the driver and the chip."""
        return Adapter(registers, functions=BOTH, most_reads=1)


class TestWordTransfers(Contract):
    """On a bus of this machine that speaks SMBus words only, as the kernel's i2c-stub."""

    access = "smbus_word"

    def adapter(self, registers: SimulatedIna226) -> Adapter:
        """What lies between the driver and the chip."""
        return Adapter(registers, functions=WORDS_ONLY)


class TestSimulated(Contract):
    """On the modelled chip itself."""

    origin = Origin.SIMULATED

    @pytest.fixture
    def stream(self, model: Model) -> Ina226:
        """The stream, not yet opened."""
        registers, clock = model
        return Ina226(METER, registers, clock=clock, sleep=clock.sleep)
