"""Tests of percentiles and their bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging.series import autoregressive

from harness.judging.percentiles import least_n, order_bounds, percentiles
from harness.judging.stats import BETWEEN, look_confidence


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
    assert estimate.reason.startswith(
        "n too small for an upper bound: inferences that follow each other resemble"
    )


def test_limits_take_the_worse_of_both_bounds() -> None:
    """Sittings that agree do not make up for too few inferences."""
    estimate = percentiles([np.arange(50, dtype=np.int64)] * 3, [0.99])[0]

    assert estimate.method == BETWEEN
    assert estimate.hi is not None
    assert estimate.upper is None


def test_the_looks_make_a_bound_dearer() -> None:
    """Three looks at a run ask for 408 effective inferences where one asks for 299."""

    assert 408 == least_n(0.99, look_confidence(3))
