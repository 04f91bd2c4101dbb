"""Tests of estimates and their bounds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging.series import autoregressive
from scipy.stats import t

from harness.judging.stats import (
    BETWEEN,
    WITHIN,
    Estimate,
    between_sittings,
    more_to_decide,
    ratio,
    wilson,
)


def mean(series: np.ndarray) -> Estimate:
    """The estimate of the mean of one sitting, which may be below 0."""
    return ratio([series], [np.ones(len(series))], signed=True)


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
    assert (
        "so that the 300 measured tell no more than 7 independent ones would; 50 are needed"
        in estimate.reason
    )


def test_three_sittings_make_the_interval() -> None:
    """With three sittings the interval is theirs, however many cycles they hold."""
    rng = np.random.default_rng(2)
    pieces = [rng.normal(level, 0.001, 10_000) for level in (1.0, 1.1, 1.2)]
    estimate = ratio(pieces, [np.ones(10_000)] * 3)

    assert (BETWEEN, 3, "sittings") == (estimate.method, estimate.n, estimate.unit)
    assert estimate.hi - estimate.lo == pytest.approx(2 * 4.302653 * 0.1 / np.sqrt(3), rel=3e-2)


@given(st.lists(st.floats(1e-9, 1e3), min_size=3, max_size=8), st.sampled_from([0.95, 0.983]))
def test_no_scatter_takes_a_bound_below_zero(figures: list[float], confidence: float) -> None:
    """Of figures above 0 every bound is a number from 0 on, in order, also with the meter's error in it."""
    for estimate in (
        between_sittings(figures, confidence=confidence),
        replace(between_sittings(figures, confidence=confidence), type_b=3 * figures[0]).absolute(),
    ):
        assert 0 <= estimate.lo <= estimate.value * (1 + 1e-9)
        assert 0 <= estimate.lower <= estimate.value * (1 + 1e-9)
        assert estimate.value * (1 - 1e-9) <= estimate.upper < np.inf
        assert estimate.value * (1 - 1e-9) <= estimate.hi < np.inf


@given(st.lists(st.floats(0.99, 1.01), min_size=3, max_size=8))
def test_alike_sittings_have_the_t_interval(figures: list[float]) -> None:
    """Where sittings differ by a percent the log scale changes the interval by less than a twentieth of its width."""
    logarithmic, plain = between_sittings(figures), between_sittings(figures, signed=True)
    width = plain.hi - plain.lo

    assert logarithmic.lo == pytest.approx(plain.lo, abs=0.05 * width + 1e-12)
    assert logarithmic.hi == pytest.approx(plain.hi, abs=0.05 * width + 1e-12)
    assert logarithmic.type_a == plain.type_a


def test_what_may_be_below_zero_has_the_plain_interval() -> None:
    """A difference, and a figure that is not above 0, has bounds on the plain scale: they may be below 0."""
    figures = [8e-6, 9e-6, 45e-6]

    assert between_sittings(figures, signed=True).lo < 0 < between_sittings(figures).lo
    assert between_sittings([-1.0, 2.0, 3.0]).lo < -1


def test_one_slow_cycle_takes_no_bound_below_zero() -> None:
    """Within a sitting too a mean latency has a lower bound above 0, whatever one cycle does to its scatter."""
    series = np.ones(200)
    series[100] = 5e3
    estimate = ratio([series], [np.ones(200)])

    assert 0 < estimate.lo < estimate.value < estimate.hi
    assert ratio([series], [np.ones(200)], signed=True).lo < 0


@pytest.mark.parametrize(("scatter", "sittings"), [(0.02, 3), (0.3, 5), (0.6, 3), (0.6, 5), (1.0, 3)])
def test_the_mean_is_covered_however_sittings_scatter(scatter: float, sittings: int) -> None:
    """Of lognormal sittings the 95 % interval holds their true mean in 92 to 97 of 100."""
    rng = np.random.default_rng([226, sittings])
    truth = np.exp(scatter**2 / 2)
    drawn = np.exp(scatter * rng.standard_normal((4000, sittings)))
    found = [between_sittings(each) for each in drawn]

    assert 0.92 <= np.mean([each.lo <= truth <= each.hi for each in found]) <= 0.97


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


@given(n=st.integers(2, 12), share=st.floats(0.15, 0.999))
def test_so_many_more_sittings_and_no_fewer_decide(n: int, share: float) -> None:
    """The advised number of sittings brings the t bound of the same spread to the limit; one fewer does not."""
    width = float(t.ppf(0.95, n - 1)) / n**0.5
    gap = width * share
    more = more_to_decide(Estimate(value=1.0, n=n, unit="sittings"), width, gap)

    assert more is not None
    assert float(t.ppf(0.95, n + more - 1)) / (n + more) ** 0.5 <= gap * (1 + 1e-12)
    assert more == 1 or float(t.ppf(0.95, n + more - 2)) / (n + more - 1) ** 0.5 > gap * (1 - 1e-12)


def test_many_inferences_are_counted_without_being_listed() -> None:
    """Half the gap takes three times as many on top; where a hundred times would not do there is no advice."""
    estimate = Estimate(value=1.0, n=10**9, unit="inferences")

    assert 3 * 10**9 == more_to_decide(estimate, 2.0, 1.0)
    assert more_to_decide(estimate, 1.0, 0.0) is None
    assert more_to_decide(estimate, 50.0, 1.0) is None
