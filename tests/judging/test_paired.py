"""Tests of paired estimates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging.paired import (
    PAIRED,
    UNPAIRED,
    Flips,
    difference,
    flips,
    holm,
    mcnemar,
    relative_change,
    smallest_difference,
    within_margin,
)
from harness.judging.stats import Estimate

tables = st.builds(
    Flips,
    both=st.integers(0, 200),
    lost=st.integers(0, 40),
    won=st.integers(0, 40),
    neither=st.integers(1, 200),
)


def test_items_of_one_side_are_left_out() -> None:
    """Only items that both answered are counted."""
    table = flips(
        {1: True, 2: True, 3: False, 4: False, 5: True}, {1: True, 2: False, 3: True, 4: False, 6: True}
    )

    assert Flips(both=1, lost=1, won=1, neither=1) == table


def test_no_flip_is_no_difference() -> None:
    """Where no item flipped p is 1 and nothing can be said of what would be found."""
    table = Flips(both=90, lost=0, won=0, neither=10)

    assert 1.0 == mcnemar(table)
    assert smallest_difference(table) is None


@pytest.mark.parametrize(("lost", "won", "expected"), [(0, 6, 2 * 0.5**6), (1, 5, 14 / 64), (3, 3, 1.0)])
def test_exact_mcnemar(lost: int, won: int, expected: float) -> None:
    """P is that of a fair coin that falls so unevenly or more."""
    assert pytest.approx(expected) == mcnemar(Flips(both=50, lost=lost, won=won, neither=4))


def test_newcombe_of_the_paper() -> None:
    """36 both, 12 and 2 of one alone, 0 neither: .0569 to .3404 (Newcombe 1998, method 10)."""
    effect = difference(Flips(both=36, lost=2, won=12, neither=0)).effect

    assert pytest.approx(0.2) == effect.value
    assert (pytest.approx(0.0569, abs=5e-5), pytest.approx(0.3404, abs=5e-5)) == (effect.lo, effect.hi)


def test_pairing_pays() -> None:
    """At 70 % right 5 % disagreement of 3092 items finds a difference of 1.1 points."""
    table = Flips(both=2087, lost=77, won=78, neither=850)

    assert pytest.approx(0.0113, abs=1e-4) == smallest_difference(table)


@given(tables)
def test_interval_holds_the_difference(table: Flips) -> None:
    """The interval holds the difference, and that of the other direction is its mirror."""
    effect = difference(table).effect
    mirror = difference(Flips(both=table.both, lost=table.won, won=table.lost, neither=table.neither)).effect

    assert effect.lo <= effect.lower <= effect.value + 1e-12
    assert effect.value - 1e-12 <= effect.upper <= effect.hi
    assert pytest.approx(-effect.hi, abs=1e-12) == mirror.lo


def test_a_shared_level_cancels_in_pairs() -> None:
    """Sittings that differ by half among themselves still show a change of 2 %."""
    base = [1.0, 1.5, 2.0]
    found = relative_change(base, [1.02, 1.531, 2.04], paired=True)
    alone = relative_change(base, [1.02, 1.531, 2.04], paired=False)

    assert (PAIRED, 3, "sittings") == (found.effect.method, found.effect.n, found.effect.unit)
    assert 0.015 < found.effect.lo < found.effect.value < found.effect.hi < 0.025
    assert UNPAIRED == alone.effect.method
    assert alone.effect.lo < -0.3
    assert found.p < 0.01
    assert alone.p > 0.5


def test_two_sittings_have_no_interval() -> None:
    """Two sittings give the change without bounds and say why."""
    found = relative_change([1.0, 1.0], [1.1, 1.1], paired=True)

    assert pytest.approx(0.1) == found.effect.value
    assert (None, None, None) == (found.effect.lo, found.effect.upper, found.p)
    assert "2 sittings" in found.effect.reason


@pytest.mark.parametrize(("base", "candidate"), [([], [1.0]), ([1.0, 1.0, 1.0], [1.0, 0.0, 1.0])])
def test_what_has_no_ratio_is_absent(base: list[float], candidate: list[float]) -> None:
    """No sitting, or a figure that is not above 0, gives no change."""
    found = relative_change(base, candidate, paired=False)

    assert (None, None) == (found.effect.value, found.p)
    assert found.effect.reason


@pytest.mark.parametrize(("candidate", "expected"), [([2.0] * 3, 1.0), ([3.0] * 3, 0.0)])
def test_figures_without_spread(candidate: list[float], expected: float) -> None:
    """What never varies differs for sure, or not at all."""
    for paired in (True, False):
        assert pytest.approx(expected, abs=1e-12) == relative_change([2.0] * 3, candidate, paired=paired).p


def test_welch_agrees_with_scipy() -> None:
    """Unpaired sittings are compared by Welch's test of their logarithms."""
    from scipy.stats import ttest_ind

    base, candidate = [1.0, 1.1, 1.05, 0.97], [1.2, 1.1, 1.3]
    expected = ttest_ind(np.log(candidate), np.log(base), equal_var=False).pvalue

    assert pytest.approx(float(expected)) == relative_change(base, candidate, paired=False).p


def test_holm_of_a_known_family() -> None:
    """.01, .04, .03, .005 become .03, .06, .06, .02 (Holm 1979)."""
    assert pytest.approx([0.03, 0.06, 0.06, 0.02]) == holm([0.01, 0.04, 0.03, 0.005])
    assert [] == holm([])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_only_raises(values: list[float]) -> None:
    """A raised p is never smaller, never above 1, and keeps the order."""
    raised = holm(values)

    assert all(value <= higher <= 1 or value == higher for value, higher in zip(values, raised, strict=True))
    order = sorted(range(len(values)), key=values.__getitem__)
    assert [raised[i] for i in order] == sorted(raised)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"), [(-0.01, 0.01, True), (-0.03, 0.01, False), (None, 0.01, False)]
)
def test_sameness_needs_both_bounds(lower: float | None, upper: float | None, expected: bool) -> None:
    """Two cases are the same only where both one-sided bounds are inside the margin."""
    assert within_margin(Estimate(value=0.0, lower=lower, upper=upper), 0.02) is expected


@pytest.mark.slow
def test_coverage_of_newcombe() -> None:
    """The nominal 95 % interval of a paired difference covers 92 to 98 %."""
    rng = np.random.default_rng(5)
    counts = rng.multinomial(200, [0.80, 0.04, 0.07, 0.09], size=1000)
    effects = [difference(Flips(both=a, lost=b, won=c, neither=d)).effect for a, b, c, d in counts.tolist()]

    assert 0.92 <= np.mean([effect.lo <= 0.03 <= effect.hi for effect in effects]) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("paired", [True, False])
def test_false_passes_at_the_bound(paired: bool) -> None:
    """Where the true change is just what is allowed, the upper bound says less in about 5 % of all comparisons."""
    rng = np.random.default_rng(11)
    passes = 0
    for _ in range(1000):
        base = np.exp(rng.normal(0, 0.01, 5))
        candidate = 1.05 * (base if paired else 1.0) * np.exp(rng.normal(0, 0.01, 5))
        passes += relative_change(base.tolist(), candidate.tolist(), paired=paired).effect.upper < 0.05

    assert 30 <= passes <= 70


@pytest.mark.slow
def test_a_family_errs_once_in_twenty() -> None:
    """Eight cases of which none changed give any answer in at most about 5 % of all comparisons."""
    rng = np.random.default_rng(12)
    wrong = 0
    for _ in range(500):
        shifts = [
            relative_change(
                np.exp(rng.normal(0, 0.01, 5)).tolist(), np.exp(rng.normal(0, 0.01, 5)).tolist(), paired=True
            )
            for _ in range(8)
        ]
        wrong += min(holm([shift.p for shift in shifts])) <= 0.05

    assert wrong <= 40
