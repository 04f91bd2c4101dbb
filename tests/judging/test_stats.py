"""Tests of estimates and their bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from harness.stats import (
    BETWEEN,
    WITHIN,
    Estimate,
    autocorrelation_time,
    between_sittings,
    least_n,
    order_bounds,
    percentiles,
    pooled_time,
    ratio,
    wilson,
)


def autoregressive(n: int, phi: float, seed: int) -> np.ndarray:
    """A stationary AR(1) series of variance 1 / (1 - phi^2)."""
    noise = np.random.default_rng(seed).standard_normal(n + 1000)
    return lfilter([1.0], [1.0, -phi], noise)[1000:]


def mean(series: np.ndarray) -> Estimate:
    """The estimate of the mean of one sitting."""
    return ratio([series], [np.ones(len(series))])


@pytest.mark.parametrize(
    ("p", "confidence", "expected"),
    [
        (0.90, 0.95, 29),
        (0.90, 0.99, 44),
        (0.95, 0.95, 59),
        (0.95, 0.99, 90),
        (0.99, 0.95, 299),
        (0.99, 0.99, 459),
        (0.999, 0.95, 2995),
        (0.999, 0.99, 4603),
    ],
)
def test_least_n(p: float, confidence: float, expected: int) -> None:
    """A percentile has an upper bound from exactly this many independent values on."""
    enough, too_few = np.arange(expected), np.arange(expected - 1)

    assert expected == least_n(p, confidence)
    assert expected - 1 == order_bounds(enough, p, 1.0, confidence)[1]
    assert order_bounds(too_few, p, 1.0, confidence)[1] is None


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


def test_autocorrelation_time_of_independent_values() -> None:
    """Independent values count fully."""
    series = np.random.default_rng(1).standard_normal(20_000)

    assert pytest.approx(1.0, abs=0.1) == autocorrelation_time(series)


@pytest.mark.parametrize("phi", [0.5, 0.9])
def test_autocorrelation_time_of_ar1(phi: float) -> None:
    """An AR(1) series has the autocorrelation time (1 + phi) / (1 - phi)."""
    assert pytest.approx((1 + phi) / (1 - phi), rel=0.2) == autocorrelation_time(
        autoregressive(200_000, phi, 3)
    )


@pytest.mark.parametrize("series", [[], [1.0], [5.0] * 100, [0.1] * 1000])
def test_autocorrelation_time_of_a_constant(series: list[float]) -> None:
    """A series that never changes, or is hardly one, counts as independent."""
    assert autocorrelation_time(series) == 1.0


def test_time_is_not_taken_across_the_seam() -> None:
    """Two sittings at different levels, each independent inside, stay independent."""
    rng = np.random.default_rng(5)
    pieces = [rng.standard_normal(4000), rng.standard_normal(4000) + 100]

    assert pytest.approx(1.0, abs=0.1) == pooled_time(pieces)
    assert autocorrelation_time(np.concatenate(pieces)) > 100


@pytest.mark.slow
def test_coverage_with_dependent_values() -> None:
    """The nominal 95 % interval of an AR(1) series of phi .9 and n 2000 covers 92 to 98 %."""
    estimates = [mean(autoregressive(2000, 0.9, seed)) for seed in range(400)]
    given_ = [estimate for estimate in estimates if estimate.lo is not None]
    covered = sum(estimate.lo <= 0 <= estimate.hi for estimate in given_)

    assert len(given_) > 350
    assert 0.92 <= covered / len(given_) <= 0.98


@pytest.mark.slow
def test_wrong_upper_bounds_of_p99() -> None:
    """With phi .9 and n 3000 at most 5 % of the 95 % upper bounds of p99 are too low."""
    truth = 2.326348 / np.sqrt(1 - 0.9**2)
    wrong = 0
    for seed in range(200):
        series = (autoregressive(3000, 0.9, seed) * 1e6).astype(np.int64)
        upper = percentiles([series], [0.99], scale=1e-6)[0].upper
        wrong += upper is not None and upper < truth

    assert wrong / 200 <= 0.05


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


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_percentile_is_a_value_that_occurred(values: list[int], p: float) -> None:
    """The point is numpy's inverted CDF and the bounds that exist enclose it."""
    series = np.array(values, np.int64)
    estimate = percentiles([series], [p])[0]

    assert float(np.quantile(series, p, method="inverted_cdf")) == estimate.value
    assert estimate.lower is None or estimate.lower <= estimate.value
    assert estimate.upper is None or estimate.value <= estimate.upper
    assert (estimate.hi is None) == bool(estimate.reason)


def test_too_few_for_p99() -> None:
    """A bound that does not exist is None, with about how many inferences are missing."""
    estimate = percentiles([np.random.default_rng(3).permutation(200)], [0.99])[0]

    assert (None, None) == (estimate.hi, estimate.upper)
    assert estimate.reason.startswith("n too small for an upper bound: 200 inferences are worth")


def test_limits_take_the_worse_of_both_bounds() -> None:
    """Sittings that agree do not make up for too few inferences."""
    estimate = percentiles([np.arange(50, dtype=np.int64)] * 3, [0.99])[0]

    assert estimate.method == BETWEEN
    assert estimate.hi is not None
    assert estimate.upper is None


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
