"""Tests of bounds on the log scale, by figures worked out by hand and by what a change of unit must not do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from harness.judging.autocorrelation import autocorrelation_time
from harness.judging.bounds import bounds_of_mean, widened
from harness.judging.stats import between_sittings, ratio

SCALES = st.sampled_from([1e-6, 1e-3, 1.0, 1e3])


def test_the_modified_cox_interval() -> None:
    """Of logarithms -1, 0 and 1: m = 0, s^2 = 1, exp(1/2 -+ 4.302653 sqrt(1/3 + 1/4)) at 95 %."""
    bounds = bounds_of_mean(np.exp([-1.0, 0.0, 1.0]))

    assert pytest.approx((np.exp(0.5 - 3.286205), np.exp(0.5 + 3.286205)), rel=1e-5) == bounds.at(0.975)


@pytest.mark.parametrize("each", [[-1.0, 0.0, 1.0], [0.0, 1.0, 2.0]])
def test_what_is_not_above_0_has_the_plain_interval(each: list[float]) -> None:
    """The mean with Student's t: 4.302653 / sqrt(3) to each side."""
    bounds = bounds_of_mean(np.array(each))

    assert pytest.approx((np.mean(each) - 2.484138, np.mean(each) + 2.484138), abs=1e-5) == bounds.at(0.975)


@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=6), SCALES)
def test_the_unit_changes_no_interval(each: list[float], scale: float) -> None:
    """Figures in another unit have the same bounds in it."""
    one, other = between_sittings(each), between_sittings(scale * np.array(each))

    assert pytest.approx((scale * one.lo, scale * one.hi)) == (other.lo, other.hi)


@given(st.integers(0, 20), SCALES)
def test_cycles_of_one_sitting_have_a_relative_error(seed: int, scale: float) -> None:
    """The error of the logarithm is the relative one, with as many degrees of freedom as independent cycles less 1."""
    cycles = scale * (5 + np.random.default_rng(seed).standard_normal(100))
    found = ratio([cycles], [np.ones(100)])
    independent = 100 / autocorrelation_time(cycles - cycles.mean())
    error = cycles.std(ddof=1) / np.sqrt(independent)
    factor = np.exp(t.ppf(0.975, independent - 1) * error / cycles.mean())

    if found.hi is not None:
        assert pytest.approx((cycles.mean() / factor, cycles.mean() * factor)) == (found.lo, found.hi)
    assert (found.hi is None) is (independent < 50)


@given(st.floats(0.1, 10), st.floats(0.01, 3), st.floats(0.01, 3), SCALES)
def test_two_distances_are_joined_by_squares(value: float, own: float, other: float, scale: float) -> None:
    """Above 0 those of the logarithms, in any unit; a bound that is not known stays so."""
    upper = widened(scale * value, scale * value * np.exp(own), scale * value * other)
    lower = widened(scale * value, scale * value * np.exp(-own), -scale * value * other)

    assert pytest.approx(scale * value * np.exp(np.hypot(own, other))) == upper
    assert pytest.approx(scale * value * np.exp(-np.hypot(own, other))) == lower
    assert widened(value, None, other) is None


def test_below_0_distances_are_joined_as_they_are() -> None:
    """3 and 4 make 5."""
    assert (-6.0, 4.0) == (widened(-1.0, -4.0, -4.0), widened(-1.0, 2.0, 4.0))
