"""Tests of estimates and their bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging.series import autoregressive

from harness.judging.stats import (
    BETWEEN,
    WITHIN,
    Estimate,
    between_sittings,
    ratio,
    wilson,
)


def mean(series: np.ndarray) -> Estimate:
    """The estimate of the mean of one sitting."""
    return ratio([series], [np.ones(len(series))])


def test_wilson_of_all_right() -> None:
    """1000 right of 1000 do not prove perfection: the interval is .9962 to 1."""
    estimate = wilson(1000, 1000)

    assert pytest.approx(0.9962, abs=5e-5) == estimate.lo
    assert estimate.hi == 1.0


@given(n=st.integers(1, 500), data=st.data())
def test_wilson_holds_its_share(n: int, data: st.DataObject) -> None:
    """The interval holds the share, lies within 0 and 1, and is wider than its one-sided bounds."""
    right = data.draw(st.integers(0, n))
    estimate = wilson(right, n)

    assert 0 <= estimate.lo <= estimate.lower <= right / n + 1e-12
    assert right / n - 1e-12 <= estimate.upper <= estimate.hi <= 1


@pytest.mark.slow
def test_coverage_with_dependent_values() -> None:
    """The nominal 95 % interval of an AR(1) series of phi .9 and n 2000 covers 92 to 98 %."""
    estimates = [mean(autoregressive(2000, 0.9, seed)) for seed in range(400)]
    given_ = [estimate for estimate in estimates if estimate.lo is not None]
    covered = sum(estimate.lo <= 0 <= estimate.hi for estimate in given_)

    assert len(given_) > 350
    assert 0.92 <= covered / len(given_) <= 0.98


def test_few_effective_cycles_have_no_interval() -> None:
    """Below 50 effective cycles the mean is given without an interval, with the reason."""
    estimate = mean(autoregressive(300, 0.98, 1))

    assert estimate.value is not None
    assert (None, None) == (estimate.lo, estimate.upper)
    assert estimate.reason.startswith("insufficient: 300 cycles are worth")


def test_three_sittings_make_the_interval() -> None:
    """With three sittings the interval is theirs, however many cycles they hold."""
    rng = np.random.default_rng(2)
    pieces = [rng.normal(level, 0.001, 10_000) for level in (1.0, 1.1, 1.2)]
    estimate = ratio(pieces, [np.ones(10_000)] * 3)

    assert (BETWEEN, 3, "sittings") == (estimate.method, estimate.n, estimate.unit)
    assert estimate.hi - estimate.lo == pytest.approx(2 * 4.302653 * 0.1 / np.sqrt(3), rel=1e-2)


def test_two_sittings_are_labelled() -> None:
    """Two sittings tell nothing of the next: the interval is called within one sitting."""
    rng = np.random.default_rng(2)
    estimate = ratio([rng.normal(1, 0.1, 200), rng.normal(1, 0.1, 200)], [np.ones(200)] * 2)

    assert estimate.method == WITHIN
    assert estimate.hi - estimate.lo == pytest.approx(2 * 1.96 * 0.1 / 20, rel=0.1)


def test_ratio_of_sums() -> None:
    """Energy over inferences is the ratio of the sums, not the mean of the ratios."""
    energy, inferences = np.array([1.0] * 60 + [4.0] * 60), np.array([1.0] * 60 + [2.0] * 60)

    assert pytest.approx(300 / 180) == ratio([energy], [inferences]).value


def test_interval_holds_the_pooled_value() -> None:
    """Where the pooled percentile lies outside the interval of the sittings, that one is widened."""
    estimate = between_sittings([1.0, 1.1, 1.05], 2.0)

    assert (2.0, 2.0) == (estimate.hi, estimate.upper)


def test_complement_swaps_the_bounds() -> None:
    """The upper bound of the error is one minus the lower bound of the accuracy."""
    accuracy = wilson(90, 100)
    error = accuracy.complement()

    assert pytest.approx(0.1) == error.value
    assert (1 - accuracy.hi, 1 - accuracy.lower) == (error.lo, error.upper)
