"""The INA219: settings, registers, identity, and that the steps of the family read it as they read an INA226."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from harness.errors import MeterError
from harness.instruments import Ina219Meter
from harness.meters import Flag
from harness.meters.i2c import open_i2c
from harness.meters.ina219 import CONVERSIONS_S, Config, Ina219, open_ina219
from harness.meters.scale import Scale
from harness.meters.stream import conversion_period_ns
from harness.meters.virtual import VirtualClock

from .adapter import WORDS_ONLY, Adapter
from .rigs import chip, steady
from .simulated_ina219 import POWER_ON, SimulatedIna219

METER = Ina219Meter(
    kind="ina219",
    path="/dev/i2c-1",
    address=0x40,
    shunt_ohm=0.1,
    shunt_range_v=0.16,
    shunt_conversion_s=532e-6,
    bus_conversion_s=532e-6,
    boundary="the rail of the tests",
)


@pytest.fixture
def clock() -> VirtualClock:
    """Virtual time."""
    return VirtualClock(10**9)


@pytest.fixture
def model(clock: VirtualClock) -> SimulatedIna219:
    """A chip 3 % slow on a load of 5 W at 5 V, on a bus of 400 kHz."""
    return SimulatedIna219(steady(5.0), clock, slow=0.03, wire_ns=120_000)


@pytest.fixture
def stream(model: SimulatedIna219, clock: VirtualClock) -> Ina219:
    """Its driver, not yet opened."""
    return Ina219(METER, model, clock=clock, sleep=clock.sleep)


def scale_of(stream: Ina219) -> Scale:
    """The factors it tells."""
    return Scale.from_record(stream.configuration()["watts"])


@pytest.mark.parametrize(
    ("meter", "word"),
    [
        (replace(METER, shunt_range_v=0.32), POWER_ON),
        (METER, 0b0011_0001_1001_1111),
        (replace(METER, shunt_range_v=0.04, shunt_conversion_s=68.1e-3), 0b0010_0001_1111_1111),
        (replace(METER, shunt_range_v=0.08, bus_conversion_s=1.06e-3), 0b0010_1100_1001_1111),
    ],
    ids=["power-on", "160 mV", "40 mV, mean of 128", "80 mV, mean of 2"],
)
def test_settings_are_those_of_the_data_sheet(meter: Ina219Meter, word: int) -> None:
    """Each field stands where TI SBOS448G section 8.6.2.1 has it; the first is the chip's own choice at power-on."""
    assert word == Config.of(meter).encode()
    assert Config.of(meter) == Config.decode(word)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shunt_range_v": 0.1}, "0.04, 0.08, 0.16 and 0.32 V"),
        ({"shunt_range_v": 0.01}, "0.04, 0.08, 0.16 and 0.32 V"),
        ({"shunt_conversion_s": 1.1e-3}, "not one of the chip's 0.532, 1.06"),
    ],
)
def test_a_setting_it_does_not_have_is_refused(
    model: SimulatedIna219, changes: dict[str, float], words: str
) -> None:
    """The message names what the chip has."""
    with pytest.raises(MeterError, match=words):
        Ina219(replace(METER, **changes), model)


def test_known_watts_come_out(stream: Ina219) -> None:
    """1 A through 100 mohm are 10000 counts of 10 uV, 5 V are 1250 counts of 4 mV above three bits of flags."""
    with stream:
        samples = [stream.next() for _ in range(20)]
        scale = scale_of(stream)

    assert {(10_000, 1250)} == {(sample.shunt, sample.bus) for sample in samples}
    assert {5.0} == {round(scale.watts(sample.shunt, sample.bus), 9) for sample in samples}


def test_every_conversion_is_seen_once(stream: Ina219) -> None:
    """The flag goes down with each, so stamps rise by the chip's own period and nothing is missed."""
    with stream:
        samples = [stream.next() for _ in range(300)]
    stamps = np.array([sample.ready_ns for sample in samples])

    assert 1.03 * 1.064e6 == pytest.approx(conversion_period_ns(stamps), rel=1e-3)
    assert not any(sample.flags & (Flag.MISSED | Flag.RESET) for sample in samples)


@pytest.mark.parametrize(
    ("adapter", "access"),
    [({}, "i2c_rdwr_batch"), ({"most_reads": 1}, "i2c_rdwr"), ({"functions": WORDS_ONLY}, "smbus_word")],
    ids=["batched", "combined", "words"],
)
def test_it_is_read_over_every_kind_of_transfer(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, adapter: dict[str, int], access: str
) -> None:
    """An adapter is learnt on CONFIG and CALIBRATION, for there are no identity words; figures are the same on each."""
    registers = SimulatedIna219(steady(5.0), clock)
    Adapter(registers, **adapter).install(monkeypatch)
    bus = open_i2c(METER.path, METER.address, probed=(0, 5))
    with Ina219(METER, bus, clock=clock, sleep=clock.sleep) as stream:
        raw = stream.next()

        assert (10_000, 1250) == (raw.shunt, raw.bus)
        assert access == stream.configuration()["access"]


def test_a_late_reader_is_told(stream: Ina219, clock: VirtualClock) -> None:
    """Conversions that went by unread are flagged on the next one."""
    with stream:
        for _ in range(20):
            stream.next()
        clock.sleep(0.02)

        assert stream.next().flags & Flag.MISSED


def test_negative_current_is_signed(clock: VirtualClock) -> None:
    """Current out of the load is negative in every range: the register repeats its sign."""
    model = SimulatedIna219(steady(-5.0), clock)
    with Ina219(METER, model, clock=clock, sleep=clock.sleep) as stream:
        assert -10_000 == stream.next().shunt


@pytest.mark.parametrize(("range_v", "saturated"), [(0.08, True), (0.16, False)])
def test_the_end_of_the_chosen_range_is_flagged(
    clock: VirtualClock, range_v: float, *, saturated: bool
) -> None:
    """100 mV stand at the end of 80 mV and well within 160 mV."""
    model = SimulatedIna219(steady(5.0), clock)
    meter = replace(METER, shunt_range_v=range_v)
    with Ina219(meter, model, clock=clock, sleep=clock.sleep) as stream:
        assert saturated is bool(stream.next().flags & Flag.SATURATED)


def test_old_results_are_not_taken_for_new(model: SimulatedIna219, clock: VirtualClock) -> None:
    """A flag from before the setting was written is gone when the first conversion is waited for."""
    clock.sleep(0.1)
    assert model.read_u16(2) & 2
    with Ina219(METER, model, clock=clock, sleep=clock.sleep) as stream:
        before_ns = clock()
        raw = stream.next()

    assert raw.ready_ns > before_ns


def test_a_chip_that_was_reset_is_set_up_anew(stream: Ina219, model: SimulatedIna219) -> None:
    """After its supply was gone for a moment it works on at another range; that is seen, flagged, and put right."""
    with stream:
        for _ in range(20):
            stream.next()
        model.reset()
        flags = [stream.next().flags for _ in range(100)]

        assert any(each & Flag.RESET for each in flags)
        assert Config.of(METER).encode() == model.config


def test_the_chip_is_left_as_found(stream: Ina219, model: SimulatedIna219) -> None:
    """CONFIG and CALIBRATION are what they were, though it was reset to see what it is."""
    model.write_u16(0, 0x1234 & ~7 | 5)
    model.write_u16(5, 0x0A00)
    with stream:
        stream.next()

    assert (0x1234 & ~7 | 5, 0x0A00) == (model.config, model.calibration)


def test_an_ina226_is_not_taken_for_it(clock: VirtualClock) -> None:
    """What has identity words is another part, and its kind is named."""
    with (
        pytest.raises(MeterError, match=r"another part of TI's.*meter.kind ina226"),
        Ina219(METER, chip(clock), clock=clock, sleep=clock.sleep),
    ):
        pass


def test_what_does_not_reset_like_it_is_refused(model: SimulatedIna219, clock: VirtualClock) -> None:
    """Without identity words the power-on value of CONFIG is what can be checked."""
    model.reset = lambda: None  # type: ignore[method-assign]
    model.config = 0x0000

    with (
        pytest.raises(MeterError, match=r"after a reset CONFIG reads 0x0000.*0x399f"),
        Ina219(METER, model, clock=clock, sleep=clock.sleep),
    ):
        pass


def test_no_bus_is_told_by_the_same_words() -> None:
    """An absent bus has the sentence of every meter on I2C."""
    with (
        pytest.raises(MeterError, match="cannot be opened"),
        open_ina219(replace(METER, path="/dev/i2c-none")),
    ):
        pass


def test_the_configuration_is_read_back(stream: Ina219) -> None:
    """Settings come from the chip, with what the bench needs of a meter."""
    with stream:
        found = stream.configuration()

    assert ("INA219", "0x319f", 7, 0.16) == tuple(
        found[key] for key in ("chip", "config", "mode", "shunt_range_v")
    )
    assert 1.064e-3 == pytest.approx(found["period_s"])
    assert 266e-6 == pytest.approx(found["lag_s"])
    assert (532e-6, 532e-6) == (found["shunt_conversion_s"], found["bus_conversion_s"])


def test_the_model_clears_its_flag_by_power_alone(model: SimulatedIna219, clock: VirtualClock) -> None:
    """TI SBOS448G section 8.6.3.2: looking at the flag leaves it, reading POWER and a new mode take it down."""
    clock.sleep(0.1)
    looked = [model.read_u16(2) & 2 for _ in range(2)]
    model.read_u16(3)

    assert [2, 2] == looked
    assert not model.read_u16(2) & 2


def test_the_model_has_the_data_sheets_power_on_values(model: SimulatedIna219) -> None:
    """CONFIG 399Fh and nothing else, before anything is set (TI SBOS448G table 2)."""
    assert (0x399F, 0) == (model.read_u16(0), model.read_u16(5))


def test_conversion_times_rise_with_their_codes() -> None:
    """One conversion to the mean of 128, each about twice the one before (TI SBOS448G section 8.6.2.1)."""
    times = list(CONVERSIONS_S)

    assert sorted(times) == times
    assert all(1.9 < after / before < 2.1 for before, after in pairwise(times))
