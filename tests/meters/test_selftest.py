"""Faults of a bench, each on the simulated chip, and what the selftest says of them in plain words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from harness.errors import MeterError
from harness.findings import Finding
from harness.meters.i2c import I2cBus, RegisterBus
from harness.meters.ina226 import nominal_period_s
from harness.meters.scale import Scale
from harness.meters.selftest import (
    Known,
    TimedRegisters,
    exercise,
    histogram,
    judge_bus,
    judge_response,
    judge_samples,
)
from harness.meters.sightings import neighbours
from harness.meters.stream import SAMPLE, conversion_period_ns
from harness.meters.virtual import VirtualClock
from harness.profile import ChipErrors, Ina226Meter

from .adapter import Adapter
from .rigs import METER, chip

NOISY = ChipErrors(shunt_noise_v=2.5e-6, bus_noise_v=1.25e-3)
WIRE_100_KHZ_S, WIRE_400_KHZ_S = 48 / 100e3, 48 / 400e3


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one exercise of a chip gave."""

    samples: np.ndarray
    access_s: Sequence[float]

    def judged(self, known: Known = Known(), meter: Ina226Meter = METER) -> dict[str, Finding]:  # noqa: B008
        """Findings by what they are of."""
        found = judge_samples(
            self.samples,
            Scale.of(meter),
            period_ns=conversion_period_ns(self.samples["ready_ns"]),
            nominal_ns=nominal_period_s(meter) * 1e9,
            known=known,
        )
        return {finding.what: finding for finding in found}


def seen(registers: RegisterBus, clock: VirtualClock, meter: Ina226Meter = METER) -> Seen:
    """Half a second of a chip in virtual time."""
    raws, access_s = exercise(meter, registers, duration_s=0.5, clock=clock, sleep=clock.sleep)
    return Seen(samples=np.array([tuple(raw) for raw in raws], SAMPLE), access_s=access_s)


def healthy(power_w: float = 2.0, **settings: object) -> Seen:
    """A chip as its profile says, but for these settings."""
    clock = VirtualClock(10**9)
    arguments = {"errors": NOISY, "wire_s": WIRE_400_KHZ_S, **settings}
    return seen(chip(clock, power_w, **arguments), clock)


def test_a_healthy_meter_has_nothing_to_be_looked_at() -> None:
    """At 400 kHz, with the right shunt, on the right rail, nothing is amiss."""
    measured = healthy()
    found = measured.judged(Known(voltage_v=5.0, power_w=2.0))

    assert {True, None} >= {finding.ok for finding in (*found.values(), *judge_bus(METER, measured.access_s))}
    assert [True, True, True] == [found[what].ok for what in ("rate", "voltage", "power")]


class SwappedRegisters:
    """Registers behind something that hands the low byte over first."""

    def __init__(self, registers: RegisterBus) -> None:
        self._registers = registers
        self.access = registers.access
        self.close = registers.close

    def read_u16(self, register: int) -> int:
        """The word, its bytes exchanged."""
        return int.from_bytes(self._registers.read_u16(register).to_bytes(2, "big"), "little")

    def read_u16s(self, *registers: int) -> tuple[int, ...]:
        """The words, their bytes exchanged."""
        return tuple(self.read_u16(register) for register in registers)

    def write_u16(self, register: int, value: int) -> None:
        """Set the word with its bytes exchanged."""
        self._registers.write_u16(register, int.from_bytes(value.to_bytes(2, "big"), "little"))


def test_wrong_byte_order_is_found() -> None:
    """A meter whose bytes come in the wrong order is refused by name of the fault, before any figure."""
    clock = VirtualClock(10**9)

    with pytest.raises(MeterError, match="the bytes of each word are swapped"):
        seen(SwappedRegisters(chip(clock)), clock)


def test_a_shunt_wrong_by_ten_is_found_by_the_load() -> None:
    """R100 is wired, the profile says R010: who knows the load roughly is told which shunt it most likely is."""
    found = healthy(shunt_ohm=0.1).judged(Known(power_w=3.0))

    assert found["power"].ok is False
    assert "20 W, about 3 W were said" in found["power"].found
    assert "shunt_ohm is ten times too small: R100 and not R010" in found["power"].advice


def test_a_shunt_wrong_by_ten_the_other_way_is_found_too() -> None:
    """R010 is wired, the profile says R100."""
    meter = replace(METER, shunt_ohm=0.1)
    clock = VirtualClock(10**9)
    found = seen(chip(clock, 2.0, errors=NOISY), clock, meter).judged(Known(power_w=2.0), meter)

    assert found["power"].ok is False
    assert "shunt_ohm is ten times too large: R010 and not R100" in found["power"].advice


def test_a_wrong_address_is_found_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers at 0x40; the look around the bus finds the INA226 at 0x41."""
    Adapter({0x41: chip(VirtualClock(10**9))}).install(monkeypatch)
    with I2cBus("/dev/i2c-1") as bus:
        with pytest.raises(MeterError, match="nothing answers at 0x40"):
            bus.registers(0x40)

        assert [(0x41, "an INA226")] == list(neighbours(bus.registers))


def test_swapped_addresses_are_found_by_the_voltage() -> None:
    """The chip of the 12 V rail answers where that of the 5 V rail should: the voltage gives it away."""
    found = healthy(rail_v=12.0).judged(Known(voltage_v=5.0))

    assert found["voltage"].ok is False
    assert "are those of two meters swapped?" in found["voltage"].advice


def test_swapped_addresses_are_found_by_the_work() -> None:
    """A meter that does not see this machine work is on something else; one that does is not."""
    scale = Scale.of(METER)
    idle, busy = (
        scale.watts(measured.samples["shunt"].astype(float), measured.samples["bus"].astype(float))
        for measured in (healthy(2.0), healthy(3.0))
    )

    assert judge_response(idle, busy).ok is True
    assert judge_response(idle, idle).ok is False
    assert "are two addresses swapped?" in judge_response(idle, idle).advice


def test_a_copy_of_the_chip_is_found_by_a_voltmeter() -> None:
    """1.5 % on the bus voltage is beyond any genuine chip, and is said to be a copy."""
    errors = replace(NOISY, bus_gain=0.015)
    found = healthy(errors=errors).judged(Known(voltage_v=5.0))

    assert found["voltage"].ok is False
    assert "+1.50 % off the 5 V given" in found["voltage"].found
    assert "it is a copy" in found["voltage"].advice


def test_a_copy_of_the_chip_is_bounded_without_a_voltmeter() -> None:
    """Where nothing known is given, the voltage of an uncalibrated module is bounded, not trusted."""
    found = healthy(errors=replace(NOISY, bus_gain=0.015)).judged()

    assert found["voltage"].ok is None
    assert "bounded to 2 % for a module nobody calibrated" in found["voltage"].found


def test_a_bus_at_100_khz_is_found() -> None:
    """Three registers take longer than a conversion: the speed, the loss and both cures are told."""
    measured = healthy(wire_s=WIRE_100_KHZ_S)
    [bus] = judge_bus(METER, measured.access_s)

    assert bus.ok is False
    assert "480 us for a register" in bus.found
    assert "no more than 100 kHz" in bus.advice
    assert "i2c_arm_baudrate=400000" in bus.advice
    assert "conversions will be lost: lengthen shunt_conversion_s" in bus.advice


def test_a_bus_at_400_khz_is_not() -> None:
    """120 us for a register are what 48 bits take."""
    [bus] = judge_bus(METER, healthy().access_s)

    assert bus.ok is True
    assert "120 us for a register" in bus.found


def test_lost_conversions_are_counted() -> None:
    """One sample in twenty taken away is a rate that is not to be measured with."""
    measured = healthy()
    kept = np.delete(measured.samples, np.arange(5, len(measured.samples), 20))
    found = replace(measured, samples=kept).judged()

    lost = len(measured.samples) - len(kept)
    assert found["rate"].ok is False
    assert f"{lost} lost" in found["rate"].found


def test_the_noise_at_zero_current_is_measured() -> None:
    """One LSB of noise and no offset, with the load disconnected."""
    found = healthy(0.0).judged(Known(is_unloaded=True))["noise"]

    assert found.ok is True
    assert "at zero current" in found.found
    assert 1.04 == pytest.approx(float(found.found.split()[0]), abs=0.1)


def test_an_offset_beyond_a_genuine_chip_is_found() -> None:
    """30 uV at zero current are more than the data sheet allows, or no zero current."""
    found = healthy(0.0, errors=replace(NOISY, shunt_offset_v=30e-6)).judged(Known(is_unloaded=True))["noise"]

    assert found.ok is False
    assert "more than the 10 uV of a genuine chip" in found.advice


def test_a_chip_on_another_clock_is_found() -> None:
    """Conversions a fifth too long are no INA226 at that setting."""
    found = healthy(errors=replace(NOISY, clock=0.2)).judged()["chip clock"]

    assert found.ok is False
    assert "+20.00 %" in found.found


def test_a_current_beyond_the_range_is_found() -> None:
    """10 A through 10 mohm are more than 81.92 mV."""
    found = healthy(50.0).judged()

    assert found["range"].ok is False
    assert "take a smaller one" in found["range"].advice


def test_wires_the_wrong_way_round_are_found() -> None:
    """A negative power means that the shunt's wires are swapped."""
    measured = healthy()
    measured.samples["shunt"] *= -1

    assert "swap the two wires" in measured.judged()["power"].advice


def test_a_converter_that_stands_still_is_noted() -> None:
    """Equal samples throughout are not what a real chip gives."""
    assert "is it converting?" in healthy(errors=ChipErrors()).judged()["converter"].advice


def test_times_are_counted_by_their_length() -> None:
    """The histogram ends with the longest that occurs, and holds all."""
    bins = list(histogram([10e-6, 49e-6, 120e-6, 450e-6]))

    assert [2, 0, 1, 0, 0, 1] == [count for _, count in bins]
    assert "up to  500 us" == bins[-1][0]
    assert [] == list(histogram([]))
    assert [("over  5000 us", 1)] == list(histogram([1.0]))[-1:]


def test_timed_registers_are_the_chips() -> None:
    """They read, write and close as those behind them, and a batch is shared among its registers."""
    clock = VirtualClock(10**9)
    closed: list[bool] = []
    registers = TimedRegisters(chip(clock, wire_s=1e-4, release=lambda: closed.append(True)), clock)
    registers.write_u16(5, 77)

    assert 77 == registers.read_u16(5)
    assert (0x5449, 0x2260) == registers.read_u16s(0xFE, 0xFF)
    assert [1e-4] * 3 == pytest.approx(registers.access_s)
    registers.close()
    assert [True] == closed
