"""The driver: what it says on the bus, word by word, and what it makes of the answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Never

import numpy as np
import pytest

from harness.errors import MeterError
from harness.meters import Flag, Raw, ina226
from harness.meters.ina226 import Ina226, lag_s, nominal_period_s
from harness.meters.simulated import WIRE_400_KHZ_S, SimulatedIna226
from harness.meters.stream import conversion_period_ns
from harness.meters.virtual import VirtualClock
from harness.profile import ChipErrors, Ina226Meter, Origin

from .rigs import METER, chip, on_i2c
from .scripted import Read, ScriptedBus, Write

IDENTIFY = [Read(0xFE, 0x5449), Read(0xFF, 0x2260)]
OPEN = [*IDENTIFY, Read(0x00, 0x4127), Write(0x00, 0x4027), Read(0x00, 0x4027)]
CLOSE = [Write(0x00, 0x4127)]
UP, DOWN = Read(0x06, 0x0008), Read(0x06, 0x0000)
NACK = OSError(121, "Remote I/O error")


class Ticking(VirtualClock):
    """A virtual clock on which each reading takes a microsecond."""

    def __call__(self) -> int:
        """The reading."""
        self.sleep(1e-6)
        return self.now_ns


def conversation(
    *during: Read | Write, before: Sequence[Read | Write] = OPEN, after: Sequence[Read | Write] = CLOSE
) -> tuple[Ina226, ScriptedBus]:
    """A driver whose bus must carry exactly this, and its bus."""
    clock = Ticking()
    bus = ScriptedBus([*before, *during, *after])
    return Ina226(METER, bus, clock=clock, sleep=clock.sleep), bus


def test_opening_identifies_sets_up_and_closing_restores() -> None:
    """Identity, the CONFIG found, the one wanted, its read-back; on exit the one found comes back."""
    driver, bus = conversation()
    with driver:
        pass

    bus.finish()


def test_closing_twice_is_harmless() -> None:
    """A second exit writes nothing."""
    driver, bus = conversation()
    with driver:
        pass
    driver.__exit__(None, None, None)

    bus.finish()


@pytest.mark.parametrize(
    ("manufacturer", "die", "said"),
    [
        (0, 0x2260, "copy"),
        (0x5449, 0x2270, "INA260"),
        (0x4954, 0x6022, "swapped"),
        (0x55, 0xAA, "another chip"),
    ],
)
def test_another_chip_is_refused(manufacturer: int, die: int, said: str) -> None:
    """A chip with other identity words is refused by name and address, and never written to."""
    words = [Read(0xFE, manufacturer), Read(0xFF, die), Read(0x00, 0x4127)]
    driver, bus = conversation(before=words, after=[])
    with pytest.raises(MeterError, match=f"at 0x40.*{said}"), driver:
        pass

    bus.finish()


def test_any_revision_of_the_die_is_accepted() -> None:
    """The low four bits of DIE ID are the revision."""
    driver, bus = conversation(before=[IDENTIFY[0], Read(0xFF, 0x2263), *OPEN[2:]])
    with driver:
        pass

    bus.finish()


def test_a_config_that_does_not_hold_is_refused() -> None:
    """A CONFIG that reads back differently means that somebody else drives the chip; it is given back all the same."""
    driver, _ = conversation(
        before=[*OPEN[:-1], Read(0, 0x4127), Read(0, 0x4127), Write(0, 0x4127)], after=[]
    )

    with pytest.raises(MeterError, match="kernel driver"), driver:
        pass


def test_silence_while_opening_is_a_meter_error() -> None:
    """A chip that does not acknowledge is an error of the bench."""
    driver, _ = conversation(before=[Read(0xFE, NACK)], after=[])

    with pytest.raises(MeterError, match="check wiring"), driver:
        pass


def test_a_sample_is_flag_then_shunt_then_bus() -> None:
    """The flag is polled, then SHUNT and BUS are read once each, and nothing else."""
    driver, bus = conversation(DOWN, DOWN, UP, Read(0x01, 0x1F40), Read(0x02, 0x2570))
    with driver:
        raw = driver.next()

    assert (8000, 9584, 0) == (raw.shunt, raw.bus, raw.flags)
    bus.finish()


def test_negative_current_is_negative() -> None:
    """-80 mV is 0x8300 on the wire; only SHUNT is signed."""
    driver, _ = conversation(DOWN, UP, Read(0x01, 0x8300), Read(0x02, 0x7000))
    with driver:
        raw = driver.next()

    assert (-32000, 0x7000) == (raw.shunt, raw.bus)


@pytest.mark.parametrize(("shunt", "bus"), [(0x7FFF, 4000), (0x8000, 4000), (0x8001, 4000), (100, 0x7FFF)])
def test_the_end_of_the_range_is_flagged(shunt: int, bus: int) -> None:
    """A register at the end of its range marks the sample."""
    driver, _ = conversation(DOWN, UP, Read(0x01, shunt), Read(0x02, bus))
    with driver:
        raw = driver.next()

    assert Flag.SATURATED == raw.flags


def test_a_failed_read_is_tried_again() -> None:
    """A register read that fails is repeated within the same conversion."""
    driver, bus = conversation(DOWN, UP, Read(0x01, NACK), Read(0x01, 9), Read(0x02, 8))
    with driver:
        raw = driver.next()

    assert (9, 8) == (raw.shunt, raw.bus)
    bus.finish()


def test_a_conversion_that_cannot_be_read_surfaces_as_missed() -> None:
    """After three failures the conversion is given up, and the next one says so."""
    driver, bus = conversation(DOWN, UP, *[Read(0x01, NACK)] * 3, DOWN, UP, Read(0x01, 9), Read(0x02, 8))
    with driver:
        raw = driver.next()

    assert raw.flags & Flag.MISSED
    bus.finish()


def driven(meter: Ina226Meter = METER, **settings: object) -> tuple[Ina226, SimulatedIna226, VirtualClock]:
    """A driver on a modelled chip in virtual time, the chip and the clock."""
    clock = VirtualClock(10**9)
    model = chip(clock, **{"wire_s": 20e-6, **settings})
    return Ina226(meter, model, clock=clock, sleep=clock.sleep), model, clock


def test_a_dead_bus_becomes_an_error_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chip that stops answering is told with the bus's last error, after at most about a second."""
    driver, model, clock = driven()
    with driver:
        driver.next()
        begin_ns = clock()

        def dead(_register: int) -> Never:
            raise NACK

        monkeypatch.setattr(model, "read_u16", dead)
        with pytest.raises(MeterError, match="Remote I/O error"):
            driver.next()

    assert 0.9e9 < clock() - begin_ns < 1.2e9


def test_a_flag_that_somebody_else_swallows_is_told() -> None:
    """Without a conversion-ready flag the driver gives up and says what to look for."""
    driver, model, _ = driven()
    model._start = lambda _at_ns: None
    with driver:
        model._started_ns = 1 << 62
        with pytest.raises(MeterError, match="nothing else reads the chip"):
            driver.next()


@pytest.mark.parametrize("wire_s", [20e-6, WIRE_400_KHZ_S, 250e-6])
@pytest.mark.parametrize("slow", [0.0, 0.03, 0.10, -0.005, -0.016, -0.03, -0.10])
def test_every_conversion_is_seen_once_on_a_chip_with_its_own_clock(slow: float, wire_s: float) -> None:
    """From a chip up to 10 % off a thousand conversions arrive, none missed, none twice.

    Few of them were not witnessed, however long a look takes; once its clock is learnt, stamps are right to the
    distance of two looks.
    """
    driver, model, _ = driven(errors=ChipErrors(clock=slow), wire_s=wire_s)
    with driver:
        samples = [driver.next() for _ in range(1000)]
        ends_ns = [model._started_ns + (n + 1) * 1.24e6 * (1 + slow) for n in range(1000)]

    assert not any(sample.flags & ~Flag.LATE for sample in samples)
    assert sum(sample.flags == Flag.LATE for sample in samples) < 100
    errors_ns = [abs(sample.ready_ns - end) for sample, end in zip(samples, ends_ns, strict=True)]
    assert max(errors_ns[20:]) < wire_s * 2e9 + 40e3
    assert period_of(samples) == pytest.approx(1.24e6 * (1 + slow), rel=2e-4)


@pytest.mark.parametrize("slow", [0.0, 0.03, 0.10, -0.03, -0.08])
def test_the_fastest_setting_is_read_without_loss(slow: float) -> None:
    """At 588 and 140 us, where a look takes a quarter of the period, nothing is missed once the clock is learnt."""
    meter = replace(METER, shunt_conversion_s=588e-6, bus_conversion_s=140e-6)
    driver, _, _ = driven(meter, errors=ChipErrors(clock=slow), wire_s=140e-6)
    with driver:
        samples = [driver.next() for _ in range(1500)][100:]

    assert not any(sample.flags & Flag.MISSED for sample in samples)
    assert period_of(samples) == pytest.approx(0.728e6 * (1 + slow), rel=1e-3)


def period_of(samples: Sequence[Raw]) -> float:
    """Measured period of a driver's samples."""
    return conversion_period_ns(np.array([sample.ready_ns for sample in samples]))


def test_a_late_look_is_placed_by_the_rhythm() -> None:
    """Where the sampler came 0.8 ms late, the stamp is still that of the conversion, marked LATE, none missed."""
    driver, model, clock = driven()
    with driver:
        for _ in range(50):
            driver.next()
        clock.sleep(1.24e-3 + 0.8e-3)
        late = driver.next()
        end_ns = model._started_ns + 51 * 1.24e6

    assert Flag.LATE == late.flags
    assert abs(late.ready_ns - end_ns) < 100e3


def test_lost_conversions_are_flagged() -> None:
    """After five periods without a look the next sample is MISSED and stamped at its own end."""
    driver, model, clock = driven()
    with driver:
        for _ in range(50):
            driver.next()
        clock.sleep(5.5 * 1.24e-3)
        after = driver.next()
        end_ns = model._started_ns + 55 * 1.24e6

    assert after.flags & Flag.MISSED
    assert abs(after.ready_ns - end_ns) < 150e3


def test_after_a_long_pause_a_fresh_conversion_is_witnessed() -> None:
    """After a minute nothing is presumed: the stamp is witnessed again, and what went by is MISSED."""
    driver, model, clock = driven()
    with driver:
        for _ in range(50):
            driver.next()
        clock.sleep(60.0005)
        after = driver.next()
        phase = (after.ready_ns - model._started_ns) / 1.24e6

    assert Flag.MISSED == after.flags
    assert abs(phase - round(phase)) < 0.05


@pytest.mark.parametrize("conversions_us", [(1100, 140), (8244, 8244)])
def test_a_browned_out_chip_is_set_up_anew(conversions_us: tuple[int, int]) -> None:
    """A chip that lost its settings, faster or slower than ours, is noticed at once, set up, and flagged RESET."""
    shunt_us, bus_us = conversions_us
    meter = replace(METER, shunt_conversion_s=shunt_us * 1e-6, bus_conversion_s=bus_us * 1e-6)
    driver, model, _ = driven(meter)
    with driver:
        before = [driver.next() for _ in range(20)]
        model.brown_out()
        after = [driver.next() for _ in range(20)]
        word = model.read_u16(ina226.CONFIG)

    assert 0x4127 != word
    assert not any(sample.flags & Flag.RESET for sample in before)
    assert [Flag.RESET | Flag.MISSED] == [sample.flags for sample in after if sample.flags & Flag.RESET]
    assert after[0].flags & Flag.RESET


def test_config_is_looked_at_now_and_then() -> None:
    """A chip whose settings went wrong without any other sign is found out within 64 conversions."""
    driver, model, _ = driven()
    with driver:
        driver.next()
        model._word = 0x4067  # as if a bit had flipped, of a setting nearly as fast
        flags = [driver.next().flags for _ in range(64)]

    assert any(flag & Flag.RESET for flag in flags)


def test_interval_is_centred_on_the_shunt_conversion() -> None:
    """The lag is half the bus conversion, as slow as the chip is."""
    period_s = nominal_period_s(METER)

    assert 1240e-6 == pytest.approx(period_s)
    assert 70e-6 == pytest.approx(lag_s(METER, period_s))
    assert 77e-6 == pytest.approx(lag_s(METER, 1.1 * period_s))


def test_the_origin_is_the_bus() -> None:
    """A modelled chip is simulated, one on a real bus is measured."""
    assert Origin.SIMULATED is Ina226(METER, ScriptedBus([])).origin
    assert Origin.MEASURED is Ina226(on_i2c(), ScriptedBus([])).origin
