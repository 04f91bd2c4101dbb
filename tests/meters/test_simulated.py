"""The modelled chip keeps the data sheet (TI SBOS547B), one fact a test."""

import statistics

import pytest

from harness.meters import ina226
from harness.meters.monitor import signed
from harness.meters.scale import Scale
from harness.meters.simulated import OVF, WIRE_400_KHZ_S, SimulatedIna226
from harness.meters.virtual import VirtualClock
from harness.meters.waveforms import Level, PiecewiseWaveform
from harness.profile import ChipErrors

from .rigs import chip

PAIR_S = 1240e-6


def running(
    power_w: float = 5.0, config: int = 0x4027, **settings: object
) -> tuple[VirtualClock, SimulatedIna226]:
    """A clock and a chip that was just set up."""
    clock = VirtualClock(10**9)
    model = chip(clock, power_w, **settings)
    model.write_u16(ina226.CONFIG, config)
    return clock, model


@pytest.mark.parametrize(
    ("register", "value"),
    [(0, 0x4127), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (0xFE, 0x5449), (0xFF, 0x2260)],
)
def test_power_on_values(register: int, value: int) -> None:
    """Table 7-1: what each register holds after power-on."""
    assert value == chip(VirtualClock()).read_u16(register)


@pytest.mark.parametrize("register", [1, 2, 3, 4, 0xFE, 0xFF])
def test_results_and_identity_are_read_only(register: int) -> None:
    """Writing a result or an identity register changes nothing."""
    _, model = running()
    before = model.read_u16(register)
    model.write_u16(register, 0x1234)

    assert before == model.read_u16(register)


def test_void_bits_read_zero_and_bit_14_reads_one() -> None:
    """CONFIG keeps bit 14 at 1, CALIBRATION has 15 bits, MASK/ENABLE no bits 9 to 5, and keeps APOL and LEN."""
    _, model = running()
    for register in (0, 5, 6):
        model.write_u16(register, 0x7FFF)

    assert [0x4FFF, 0x7FFF, 0x7C03] == [model.read_u16(register) for register in (0, 5, 6)]
    model.write_u16(5, 0xFFFF)
    assert model.read_u16(5) == 0x7FFF


def test_reset_bit_clears_itself_and_everything() -> None:
    """RST sets all registers to their power-on values, CALIBRATION too."""
    clock, model = running()
    model.write_u16(5, 2048)
    clock.sleep(1)
    model.read_u16(1)
    model.write_u16(0, 0x8000)

    assert [0x4127, 0, 0, 0] == [model.read_u16(register) for register in (0, 1, 2, 5)]


def test_brown_out_is_a_power_on() -> None:
    """After a dip of the supply settings and results are gone."""
    clock, model = running()
    clock.sleep(1)
    model.read_u16(1)
    model.brown_out()

    assert [0x4127, 0, 0] == [model.read_u16(register) for register in (0, 1, 2)]


def test_flag_rises_at_the_end_of_the_pair() -> None:
    """Shunt and bus conversion follow each other; the flag rises after both, not before."""
    clock, model = running()
    clock.sleep(PAIR_S - 1e-6)
    early = model.read_u16(6) & ina226.CVRF
    clock.sleep(2e-6)

    assert early == 0
    assert ina226.CVRF == model.read_u16(6) & ina226.CVRF


def test_reading_mask_enable_clears_the_flag() -> None:
    """A second look finds the flag down until the next conversion."""
    clock, model = running()
    clock.sleep(1.5 * PAIR_S)
    model.read_u16(6)

    assert model.read_u16(6) & ina226.CVRF == 0
    clock.sleep(PAIR_S)
    assert ina226.CVRF == model.read_u16(6) & ina226.CVRF


def test_other_reads_leave_the_flag() -> None:
    """SHUNT, BUS and CONFIG may be read without touching the flag."""
    clock, model = running()
    clock.sleep(1.5 * PAIR_S)
    for register in (0, 1, 2, 3, 4):
        model.read_u16(register)

    assert ina226.CVRF == model.read_u16(6) & ina226.CVRF


def test_writing_config_clears_the_flag_and_restarts() -> None:
    """The same value written again halts the running conversion and begins a new one."""
    clock, model = running()
    clock.sleep(1.9 * PAIR_S)
    model.write_u16(0, 0x4027)
    clock.sleep(0.9 * PAIR_S)
    before = model.read_u16(6) & ina226.CVRF
    clock.sleep(0.2 * PAIR_S)

    assert before == 0
    assert ina226.CVRF == model.read_u16(6) & ina226.CVRF


def test_power_down_keeps_the_flag_and_the_results() -> None:
    """A write that selects power-down does not clear the flag; nothing is converted any more."""
    clock, model = running()
    clock.sleep(1.5 * PAIR_S)
    shunt = model.read_u16(1)
    model.write_u16(0, 0x4020)
    clock.sleep(10)

    assert ina226.CVRF == model.read_u16(6) & ina226.CVRF
    assert shunt == model.read_u16(1)
    assert model.read_u16(6) & ina226.CVRF == 0


def test_recovery_from_power_down_takes_40_us() -> None:
    """The first conversion after power-down begins 40 us late."""
    clock, model = running(config=0x4020)
    model.write_u16(0, 0x4027)
    clock.sleep(PAIR_S + 30e-6)
    early = model.read_u16(6)
    clock.sleep(20e-6)

    assert early == 0
    assert ina226.CVRF == model.read_u16(6)


@pytest.mark.parametrize(("mode", "length_s"), [(1, 1100e-6), (2, 140e-6), (3, 1240e-6)])
def test_triggered_modes_convert_once(mode: int, length_s: float) -> None:
    """One write of CONFIG, one conversion of the channels of the mode."""
    clock, model = running(config=0x4020 | mode)
    clock.sleep(length_s - 1e-6)
    early = model.read_u16(6)
    clock.sleep(2e-6)
    ready = model.read_u16(6)
    clock.sleep(10)

    assert [0, ina226.CVRF, 0] == [early, ready, model.read_u16(6)]


def test_bus_is_stale_in_shunt_only_mode() -> None:
    """In mode 5 BUS keeps its last value, before the first conversion 0."""
    clock, model = running(config=0x4025)
    clock.sleep(1)

    assert [4000, 0] == [model.read_u16(1), model.read_u16(2)]
    model.write_u16(0, 0x4027)
    clock.sleep(1)
    bus = model.read_u16(2)
    model.write_u16(0, 0x4025)
    clock.sleep(1)
    assert [4000, 4000] == [bus, model.read_u16(2)]


def test_each_channel_sees_its_own_interval() -> None:
    """The shunt value is the mean current of the shunt conversion; what happens during the bus conversion is unseen."""
    clock = VirtualClock(0)
    load = PiecewiseWaveform(
        [
            Level(duration_s=550e-6, power_w=0.0),
            Level(duration_s=550e-6, power_w=10.0),
            Level(duration_s=140e-6, power_w=100.0),
        ],
        periodic=True,
    )
    model = SimulatedIna226(load, rail_v=5.0, shunt_ohm=0.01, clock=clock)
    model.write_u16(0, 0x4027)
    clock.sleep(PAIR_S + 1e-9)

    assert 4000 == pytest.approx(model.read_u16(1), abs=1)


def test_results_hold_until_the_next_cycle_ends() -> None:
    """All results change together at the end of the averaging cycle."""
    clock = VirtualClock(0)
    load = PiecewiseWaveform([Level(duration_s=4 * PAIR_S, power_w=5.0)], rest_w=10.0)
    model = SimulatedIna226(load, rail_v=5.0, shunt_ohm=0.01, clock=clock)
    model.write_u16(0, 0x4227)  # average of 4
    clock.sleep(4.5 * PAIR_S)
    first = model.read_u16(1)
    clock.sleep(3 * PAIR_S)
    held = model.read_u16(1)
    clock.sleep(1 * PAIR_S)

    assert [4000, 4000, 8000] == [first, held, model.read_u16(1)]


def test_averaging_lengthens_the_cycle() -> None:
    """With AVG = 16 the flag comes after 16 pairs."""
    clock, model = running(config=0x4427)
    clock.sleep(15.9 * PAIR_S)
    early = model.read_u16(6)
    clock.sleep(0.2 * PAIR_S)

    assert [0, ina226.CVRF] == [early, model.read_u16(6)]


@pytest.mark.parametrize("clock_error", [0.1, -0.05])
def test_the_chip_has_its_own_clock(clock_error: float) -> None:
    """A chip that is 10 % slow needs 10 % longer."""
    clock, model = running(errors=ChipErrors(clock=clock_error))
    clock.sleep(PAIR_S * (1 + clock_error) - 1e-6)
    early = model.read_u16(6)
    clock.sleep(2e-6)

    assert [0, ina226.CVRF] == [early, model.read_u16(6)]


def test_data_sheet_vector() -> None:
    """Section 8.2: 10 A at 11.98 V over 2 milliohm give 8000, 9584, 10000 and 4792 counts, 119.8 W."""
    clock, model = running(119.8, config=0x4127, rail_v=11.98, shunt_ohm=0.002)
    model.write_u16(5, 0x0A00)
    clock.sleep(1)

    assert [0x1F40, 0x2570, 0x12B8, 0x2710] == [model.read_u16(register) for register in (1, 2, 3, 4)]
    scale = Scale(shunt_ohm=0.002, vbus_tap="load")
    assert 119.8 == pytest.approx(scale.watts(model.read_u16(1), model.read_u16(2)))


def test_calibration_2048_makes_current_equal_shunt() -> None:
    """With CALIBRATION at 2048 CURRENT reads as SHUNT; at 0 CURRENT and POWER read 0."""
    clock, model = running()
    clock.sleep(1)
    without = [model.read_u16(3), model.read_u16(4)]
    model.write_u16(5, 2048)
    clock.sleep(1)

    assert [0, 0] == without
    assert model.read_u16(1) == model.read_u16(4)


@pytest.mark.parametrize(("power_w", "counts"), [(50.0, 0x7FFF), (-50.0, -0x8000)])
def test_shunt_saturates_at_both_ends(power_w: float, counts: int) -> None:
    """Beyond the range of 81.92 mV SHUNT stays at its end."""
    clock, model = running(power_w)
    clock.sleep(1)

    assert counts == signed(model.read_u16(1))


def test_negative_shunt_is_twos_complement() -> None:
    """-80 mV read 0x8300."""
    clock, model = running(-40.0)
    clock.sleep(1)

    assert model.read_u16(1) == 0x8300


def test_overflow_is_flagged() -> None:
    """A CURRENT beyond 16 bits sets OVF; without calibration nothing can overflow."""
    clock, model = running(40.0)
    clock.sleep(1)
    calm = model.read_u16(6) & OVF
    model.write_u16(5, 0x7FFF)
    clock.sleep(1)

    assert [0, OVF] == [calm, model.read_u16(6) & OVF]


def test_errors_of_the_chip_shift_its_counts() -> None:
    """Offset and gain of each channel act as volts on its input."""
    errors = ChipErrors(shunt_offset_v=10e-6, shunt_gain=0.001, bus_offset_v=7.5e-3, bus_gain=-0.001)
    clock, model = running(errors=errors)
    clock.sleep(1)

    assert [4000 + 4 + 4, 4000 + 6 - 4] == [model.read_u16(1), model.read_u16(2)]


def test_source_tap_sees_the_drop_of_the_shunt() -> None:
    """Before the shunt the bus input reads the load's voltage plus the drop, and the scale takes it off again."""
    clock, model = running(vbus_tap="source")
    clock.sleep(1)
    shunt, bus = model.read_u16(1), model.read_u16(2)

    assert [4000, 4008] == [shunt, bus]
    assert 5.0 == pytest.approx(Scale(shunt_ohm=0.01, vbus_tap="source").watts(shunt, bus))


def noisy(seed: int = 1) -> tuple[VirtualClock, SimulatedIna226]:
    """A chip whose shunt channel has 25 uV (10 counts) of noise."""
    return running(errors=ChipErrors(seed=seed, shunt_noise_v=25e-6))


def test_noise_has_its_deviation_and_no_bias() -> None:
    """Over 4000 conversions the noise has the standard deviation asked for and a mean near zero."""
    clock, model = noisy()
    counts = []
    for _ in range(4000):
        clock.sleep(PAIR_S)
        counts.append(model.read_u16(1) - 4000)

    assert 10 == pytest.approx(statistics.stdev(counts), rel=0.05)
    assert 0 == pytest.approx(statistics.mean(counts), abs=0.5)
    assert 0 == pytest.approx(statistics.correlation(counts[1:], counts[:-1]), abs=0.05)


def test_noise_belongs_to_the_conversion_not_to_the_reader() -> None:
    """Conversion 100 has the same value for a reader who saw all before and one who slept."""
    (busy_clock, busy), (lazy_clock, lazy) = noisy(), noisy()
    for _ in range(100):
        busy_clock.sleep(PAIR_S)
        busy.read_u16(1)
    lazy_clock.sleep(100 * PAIR_S)

    assert busy_clock() == pytest.approx(lazy_clock(), abs=1e3)
    assert busy.read_u16(1) == lazy.read_u16(1)


def test_another_seed_is_another_noise() -> None:
    """The seed makes the noise."""
    values = []
    for seed in (1, 2):
        clock, model = noisy(seed)
        clock.sleep(1)
        values.append(model.read_u16(1))

    assert values[0] != values[1]


def test_a_pause_of_a_year_costs_nothing() -> None:
    """However long nobody looked, only the last cycle is worked out."""
    clock, model = running()
    asked = []
    energy_j = model._load.energy_j
    model._load.energy_j = lambda at_ns: asked.append(at_ns) or energy_j(at_ns)
    clock.sleep(365 * 86400.0)

    assert model.read_u16(1) == pytest.approx(4000, abs=200)  # doubles resolve 5e8 J to 1e-7 J
    assert len(asked) < 10


def test_the_wire_takes_its_time() -> None:
    """One register with its pointer takes 120 us at 400 kHz."""
    clock, model = running(wire_s=WIRE_400_KHZ_S)
    before_ns = clock()
    model.read_u16(1)

    assert 120_000 == clock() - before_ns
