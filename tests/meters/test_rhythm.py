"""The rhythm learns a chip's clock and places ends nobody witnessed."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.meters import Flag
from harness.meters.rhythm import Rhythm

NOMINAL_NS = 1_240_000.0


def after(rhythm: Rhythm, ends_ns: Sequence[float], width_ns: float = 40_000) -> list[tuple[int, Flag]]:
    """Stamps of ends witnessed between two looks of that distance."""
    return [rhythm.place(round(end - width_ns / 2), round(end + width_ns / 2)) for end in ends_ns]


@given(st.floats(0.9, 1.1), st.lists(st.integers(1, 5), min_size=40, max_size=80), st.integers(0, 10**15))
def test_the_period_of_any_chip_is_learnt(slow: float, steps: list[int], begin_ns: int) -> None:
    """From a chip up to 10 % off, with conversions lost here and there, the period comes out to 0.1 %."""
    period_ns = NOMINAL_NS * slow
    rhythm = Rhythm(NOMINAL_NS)
    rhythm.restart(begin_ns)
    number = 0
    for step in [1] * 20 + steps:
        number += step
        after(rhythm, [begin_ns + number * period_ns])

    assert period_ns == pytest.approx(rhythm.period_ns, rel=1e-3)


@given(st.floats(0.97, 1.03), st.floats(0.5, 20.4))
def test_an_unwitnessed_end_is_the_last_one_before_the_look(slow: float, late_periods: float) -> None:
    """However late the look, the stamp is the latest end before it, and what was lost is flagged."""
    period_ns = NOMINAL_NS * slow
    rhythm = Rhythm(NOMINAL_NS)
    rhythm.restart(0)
    after(rhythm, [period_ns * n for n in range(1, 101)])
    look_ns = round(100 * period_ns + (1 + late_periods) * period_ns)
    stamp_ns, flags = rhythm.place(round(100 * period_ns) + 20_000, look_ns)
    behind = (look_ns - stamp_ns) / period_ns

    assert -0.01 < behind < 1.01
    assert flags & Flag.LATE
    assert bool(flags & Flag.MISSED) == (round((stamp_ns - 100 * period_ns) / period_ns) > 1)


@given(
    st.floats(0.9, 1.1),
    st.integers(0, 2**32 - 1),
    st.floats(0.5, 0.55),
)
def test_coarse_looks_teach_the_period_too(slow: float, seed: int, width_periods: float) -> None:
    """Where two looks are never closer than half a period, their middles still give the period, on a long baseline."""
    period_ns = NOMINAL_NS * slow
    width_ns = width_periods * NOMINAL_NS
    rhythm = Rhythm(NOMINAL_NS)
    rhythm.restart(0)
    phases = Random(seed)  # noqa: S311 - where in a look an end falls
    for number in range(1, 1501):
        phase = phases.random()
        rhythm.place(
            round(number * period_ns - phase * width_ns), round(number * period_ns + (1 - phase) * width_ns)
        )

    assert period_ns == pytest.approx(rhythm.period_ns, rel=2e-3)


def test_a_new_baseline_does_not_forget_the_old_period() -> None:
    """When a baseline is full and another begins, the period stays until the new one is long."""
    rhythm = Rhythm(NOMINAL_NS)
    rhythm.restart(0)
    period_ns = 1.02 * NOMINAL_NS
    after(rhythm, [period_ns * n for n in range(1, 4100)])
    learnt_ns = rhythm.period_ns
    # Each end of these is seen a little later than the one before.
    for number in range(4100, 4100 + 100):
        rhythm.place(
            round(period_ns * number), round(period_ns * number + 0.4 * NOMINAL_NS * (number - 4099) / 100)
        )

    assert period_ns == pytest.approx(learnt_ns, rel=1e-6)
    assert learnt_ns == rhythm.period_ns


def test_a_restart_is_no_loss() -> None:
    """After a new start of the chip the first end has nothing before it that could be missed."""
    rhythm = Rhythm(NOMINAL_NS)
    rhythm.restart(0)
    after(rhythm, [NOMINAL_NS])
    rhythm.restart(10**9)

    assert [(10**9 + 1_240_000, Flag(0))] == after(rhythm, [10**9 + NOMINAL_NS])


def test_the_phase_is_forgotten_after_64_periods() -> None:
    """A silence of 64 periods is too long to count over."""
    rhythm = Rhythm(NOMINAL_NS)
    rhythm.restart(0)

    assert not rhythm.forgotten(round(64 * NOMINAL_NS))
    assert rhythm.forgotten(round(66 * NOMINAL_NS))
