"""Tests of which limit, loosened, would let another case lead."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from judging.tables import around, at, case_result

from harness.judging.cases import CaseResult
from harness.judging.front import rank
from harness.judging.loosening import Loosening, loosenings
from harness.judging.recommendation import recommend
from harness.judging.stats import Estimate
from harness.judging.tightening import STEPS
from harness.quantities import parse_limit
from harness.suite import Limit

PLACES = st.tuples(
    st.floats(1e-3, 2e-3),
    st.floats(1e-3, 2e-3),
    st.integers(90, 99),
    st.floats(4.0, 16.0),
    st.floats(0.001, 0.2),
)
LIMIT = parse_limit("power_mean_w <= 8")


def case_of(name: str, place: tuple[float, float, int, float, float]) -> CaseResult:
    """A case at a place in the objectives, with that power and the relative width of its bounds."""
    latency, energy, right, power, width = place
    return at(name, latency, energy, right, power_mean_w=around(power, width))


def nearly(change: Loosening) -> Limit:
    """The limit loosened a little less than is said."""
    step = (change.after.bound - change.before.bound) * 1.01 / STEPS
    return replace(change.after, bound=change.after.bound - step)


@given(st.lists(PLACES, min_size=2, max_size=6))
def test_the_loosening_that_is_said_is_the_least(
    places: list[tuple[float, float, int, float, float]],
) -> None:
    """Made as loose as is said, another case is shipped; loosened a little less, no other one is."""
    cases = [case_of(f"m{i}", place) for i, place in enumerate(places)]
    ranking = rank(cases, [LIMIT])
    found = loosenings(ranking)
    assume(found)
    change = found[0]

    assert recommend(rank(cases, [change.after])).ship == f"Ship {change.leader.case.case}."
    before = rank(cases, [nearly(change)])
    assert before.leader.case is ranking.leader.case or before.rival is not None
    assert change.leader.case is not ranking.leader.case
    assert LIMIT.bound < change.after.bound <= 2 * LIMIT.bound


@given(st.lists(PLACES, min_size=2, max_size=6), st.floats(8.0, 16.0))
def test_where_none_is_said_none_is_enough(
    places: list[tuple[float, float, int, float, float]], bound: float
) -> None:
    """Where a case is shipped and no loosening is told, none up to the double makes it another."""
    cases = [case_of(f"m{i}", place) for i, place in enumerate(places)]
    ranking, looser = rank(cases, [LIMIT]), rank(cases, [replace(LIMIT, bound=bound)])
    assume(recommend(ranking).ship.startswith("Ship m") or recommend(ranking).ship.startswith("Ship bench"))
    assume(not loosenings(ranking) and looser.rival is None)
    assert looser.leader.case is ranking.leader.case


@pytest.mark.parametrize(
    ("text", "estimate", "said"),
    [
        (
            "power_mean_w <= 8",
            {"power_mean_w": Estimate(value=9.0)},
            "mean power <= 9.00 W in place of 8.00 W",
        ),
        ("power_mean_w < 8", {"power_mean_w": Estimate(value=9.0)}, "mean power < 9.01 W in place of 8.00 W"),
        ("accuracy >= 0.98", {"accuracy": Estimate(value=0.97)}, "accuracy >= 97.0 % in place of 98.0 %"),
    ],
)
def test_it_is_said_with_what_it_would_bring(text: str, estimate: dict[str, Estimate], said: str) -> None:
    """Both bounds are told, who would lead, and what that gives."""
    best = {"accuracy": Estimate(value=0.99)}
    frugal = case_result(
        "bench-a/onnxruntime/frugal/fp32", energy_per_inference_j=around(1e-3), **(best | estimate)
    )
    cases = [case_result("bench-a/onnxruntime/a/fp32", **best), frugal]
    change = recommend(rank(cases, [parse_limit(text)])).change

    assert any(
        each.startswith(f"With {said}: bench-a/onnxruntime/frugal/fp32 would lead (80 % less")
        for each in change
    )


def test_no_limit_is_loosened_to_more_than_the_double() -> None:
    """What would need more, or would bring another case no lead, is not told."""
    far = at("far", 1, 1, 99, power_mean_w=Estimate(value=17.0))
    behind = at("behind", 3, 3, 90, power_mean_w=Estimate(value=9.0))

    assert [] == loosenings(rank([at("a", 2, 2, 95), far, behind], [LIMIT]))
