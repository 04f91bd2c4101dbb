"""The bound of the clock map holds whatever the line does."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.meters.clockmap import DRIFT, PARTS, UNSURE_NS, ClockMap

LIMIT_NS = 30_000_000
PERIOD_US = 1240
OFFSET_NS = 123_456_789_012


def true_ns(at_us: int, drift: float) -> int:
    """This machine's clock at an instant of a bridge whose clock runs slower by the drift."""
    return OFFSET_NS + round(at_us * 1000 * (1 + drift))


def exchanges(
    clocks: ClockMap, *, drift: float, delay_ns: int, seed: int, samples: int = 4000, least_ns: int = 0
) -> Iterator[int]:
    """Feed a map with samples and markers over a line of random delays; yields after each sample."""
    dice = random.Random(seed)  # noqa: S311  chance, not a secret
    marked_ns = arrival_ns = 0
    for number in range(1, samples):
        at_us = number * PERIOD_US
        end_ns = true_ns(at_us, drift)
        arrival_ns = max(arrival_ns, end_ns + least_ns + dice.randrange(delay_ns))
        clocks.heard(at_us, arrival_ns)
        if marked_ns and marked_ns + least_ns + dice.randrange(delay_ns) < end_ns:
            clocks.echoed(at_us, marked_ns, arrival_ns)
            marked_ns = 0
        if not marked_ns and number % 40 == 0:
            marked_ns = end_ns + dice.randrange(PERIOD_US * 1000)
        yield at_us


@given(
    st.floats(-DRIFT, DRIFT), st.integers(1000, 5_000_000), st.integers(0, 10**6), st.integers(0, 3_000_000)
)
def test_the_bound_holds(drift: float, delay_ns: int, seed: int, least_ns: int) -> None:
    """For every delay and every drift that is allowed, the stamp is off by no more than is said."""
    clocks = ClockMap(LIMIT_NS)
    for at_us in exchanges(clocks, drift=drift, delay_ns=delay_ns, seed=seed, samples=400, least_ns=least_ns):
        off_ns = abs(clocks.stamp_ns(at_us) - true_ns(at_us, drift))

        assert off_ns <= clocks.uncertainty_ns(at_us)
    assert 0 == clocks.contradictions


def test_the_rate_is_learnt() -> None:
    """After half a minute the rate is known to a few ppm, and the bound is no wider than the fastest exchange."""
    clocks = ClockMap(LIMIT_NS)
    for _ in exchanges(clocks, drift=60e-6, delay_ns=300_000, seed=1, samples=30_000):
        pass

    assert pytest.approx(1 + 60e-6, abs=5e-6) == clocks.rate
    assert clocks.uncertainty_ns(30_000 * PERIOD_US) < 300_000
    assert clocks.residual_ns is not None
    assert clocks.residual_ns < PERIOD_US * 1000


def test_nothing_is_known_without_an_echo() -> None:
    """Arrivals alone bound one side only."""
    clocks = ClockMap(LIMIT_NS)
    clocks.heard(1000, 5_000_000)

    assert UNSURE_NS == clocks.uncertainty_ns(1000)
    assert None is clocks.residual_ns


def test_the_bound_widens_while_nothing_is_heard() -> None:
    """Ten seconds ahead the clocks may have parted by 2 ms more."""
    clocks = ClockMap(LIMIT_NS)
    *_, at_us = exchanges(clocks, drift=0.0, delay_ns=100_000, seed=2, samples=200)
    now_ns, later_ns = clocks.uncertainty_ns(at_us), clocks.uncertainty_ns(at_us + 10_000_000)

    assert pytest.approx(DRIFT * 10e9, abs=2) == later_ns - now_ns


def test_a_slow_echo_is_not_used() -> None:
    """Over the limit an echo is rejected, and counted."""
    clocks = ClockMap(LIMIT_NS)
    clocks.heard(1000, OFFSET_NS + 2_000_000)
    clocks.echoed(1000, OFFSET_NS + 2_000_000 - LIMIT_NS - 1, OFFSET_NS + 2_000_000)

    assert (0, 1) == (clocks.echoes, clocks.rejected)


def test_a_clock_that_jumps_is_noticed() -> None:
    """Bounds that cross are begun anew: the error is bounded again once a marker was echoed."""
    clocks = ClockMap(LIMIT_NS)
    *_, at_us = exchanges(clocks, drift=0.0, delay_ns=100_000, seed=3, samples=200)
    later_us = at_us + PERIOD_US
    jumped_ns = true_ns(later_us, 0.0) - 50_000_000
    clocks.heard(later_us, jumped_ns + 50_000)

    assert 1 == clocks.contradictions
    assert UNSURE_NS == clocks.uncertainty_ns(later_us)
    clocks.echoed(later_us, jumped_ns - 50_000, jumped_ns + 50_000)
    assert clocks.uncertainty_ns(later_us) < UNSURE_NS


def test_a_long_talk_takes_no_more_memory() -> None:
    """The line is fitted to the latest half minute."""
    clocks = ClockMap(LIMIT_NS)
    for _ in exchanges(clocks, drift=0.0, delay_ns=100_000, seed=4, samples=40_000):
        pass

    assert PARTS == len(clocks._parts)
