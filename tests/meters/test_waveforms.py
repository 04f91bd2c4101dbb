"""What feeds a simulated meter: exact integrals, and the CPU use of a process."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.meters.virtual import VirtualClock
from harness.meters.waveforms import POINTS, CpuWaveform, Level, PiecewiseWaveform

LEVELS = st.lists(
    st.builds(
        Level,
        duration_s=st.floats(1e-4, 1.0),
        power_w=st.floats(1.0, 10.0),
        ripple_w=st.floats(0.0, 0.5),
        ripple_hz=st.floats(10.0, 2000.0),
    ),
    min_size=1,
    max_size=5,
)


@given(LEVELS, st.booleans(), st.integers(-(10**9), 10**10), st.integers(0, 10**9))
def test_energy_never_falls(levels: list[Level], periodic: bool, begin_ns: int, length_ns: int) -> None:
    """The integral of a positive power rises, before, within and after the levels."""
    waveform = PiecewiseWaveform(levels, periodic=periodic, rest_w=1.0)
    energy_j = waveform.energy_j(begin_ns + length_ns) - waveform.energy_j(begin_ns)

    assert energy_j >= 0.5e-9 * length_ns - 1e-9
    assert energy_j <= 10.5e-9 * length_ns + 1e-3


def test_levels_are_integrated_exactly() -> None:
    """3 W for 10 ms, then 8 W for 5 ms, then 1 W again."""
    waveform = PiecewiseWaveform(
        [Level(duration_s=0.01, power_w=3.0), Level(duration_s=0.005, power_w=8.0)],
        begin_ns=10**6,
        rest_w=1.0,
    )

    assert [-1e-3, 0.0, 0.03, 0.07, 0.08] == pytest.approx(
        [waveform.energy_j(10**6 + at_ns) for at_ns in (-(10**6), 0, 10**7, 15 * 10**6, 25 * 10**6)]
    )


def test_a_ripple_is_integrated_exactly() -> None:
    """Half a cycle of a sine of 1 W at 1 kHz is 1 / (pi 1000) J above the level."""
    waveform = PiecewiseWaveform([Level(duration_s=1.0, power_w=5.0, ripple_w=1.0, ripple_hz=1000.0)])

    assert 5.0 * 0.0005 + 1 / (math.pi * 1000) == pytest.approx(waveform.energy_j(500_000))


def test_a_periodic_waveform_repeats() -> None:
    """A thousand rounds take a thousand times the energy of one."""
    waveform = PiecewiseWaveform(
        [Level(duration_s=0.001, power_w=8.0), Level(duration_s=0.001, power_w=3.0)], periodic=True
    )

    assert 11.0 == pytest.approx(waveform.energy_j(2 * 10**9))
    assert 11.0 + 0.008 == pytest.approx(waveform.energy_j(2 * 10**9 + 10**6))


def watched() -> tuple[CpuWaveform, VirtualClock, list[int]]:
    """A waveform of a process whose CPU time the test sets, in virtual time."""
    clock, used = VirtualClock(10**9), [0]
    waveform = CpuWaveform(lambda: used[0], idle_w=2.0, core_w=3.0, clock=clock)
    waveform.energy_j(clock())
    return waveform, clock, used


def test_cpu_use_is_spread_evenly_between_two_readings() -> None:
    """Half way between two readings half of the CPU time between them is taken to be used."""
    waveform, clock, used = watched()
    clock.sleep(0.010)
    used[0] = 4_000_000
    whole_j = waveform.energy_j(clock())

    assert 2.0 * 0.010 + 3.0 * 0.004 == pytest.approx(whole_j)
    assert whole_j / 2 == pytest.approx(waveform.energy_j(10**9 + 5_000_000))


def test_an_idle_process_takes_idle_power() -> None:
    """Without CPU use only the idle power is left."""
    waveform, clock, _ = watched()
    clock.sleep(1.0)

    assert 2.0 == pytest.approx(waveform.energy_j(clock()))


def test_memory_of_cpu_use_is_bounded() -> None:
    """However long it runs, the number of remembered readings is bounded, and the recent ones stay."""
    waveform, clock, used = watched()
    for _ in range(POINTS + 100):
        clock.sleep(1e-3)
        used[0] += 500_000
        waveform.energy_j(clock())

    assert len(waveform._at_ns) <= POINTS
    assert 3.5e-3 == pytest.approx(waveform.energy_j(clock()) - waveform.energy_j(clock() - 10**6))
