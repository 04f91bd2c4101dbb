"""Tests of how far a limit may be tightened."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from judging.tables import around, at, case_result

from harness.judging.alternatives import NEAR
from harness.judging.cases import CaseResult
from harness.judging.front import rank
from harness.judging.limits import Verdict, judge
from harness.judging.recommendation import recommend
from harness.judging.stats import wilson
from harness.judging.tightening import STEPS, Tightening, tightening
from harness.quantities import parse_limit
from harness.suite import Limit

FIGURES = st.one_of(
    st.tuples(st.just("latency_p99_s"), st.sampled_from(["<", "<="]), st.floats(1e-6, 1.0)),
    st.tuples(st.just("power_mean_w"), st.sampled_from(["<", "<="]), st.floats(1e-3, 1e3)),
    st.tuples(st.just("accuracy"), st.sampled_from([">", ">="]), st.floats(0.5, 0.999)),
)


def case_of(name: str, value: float, width: float) -> CaseResult:
    """A case with that figure and that relative width of its bounds."""
    estimate = wilson(round(1000 * value), 1000) if name == "accuracy" else around(value, width)
    return case_result(**{name: estimate})


def loosened(change: Tightening, steps: float) -> Limit:
    """The limit tightened a little less than it is said."""
    step = abs(change.after.bound - change.before.bound) / steps
    looser = step if change.after.bound < change.before.bound else -step
    return replace(change.after, bound=change.after.bound + looser)


@given(FIGURES, st.floats(0.001, 0.2), st.floats(0.001, 0.9))
def test_the_change_that_is_said_is_the_least(
    figure: tuple[str, str, float], width: float, slack: float
) -> None:
    """Made as tight as is said, the limit is no longer passed; made tighter by a little less, it still is."""
    name, comparison, value = figure
    case = case_of(name, value, width)
    near = case.estimate(name).lower if name == "accuracy" else case.estimate(name).upper
    bound = near * (1 - slack) if name == "accuracy" else near * (1 + slack)
    judgement = judge(case, Limit(quantity=name, comparison=comparison, bound=bound))
    assume(judgement.verdict is Verdict.PASS)
    change = tightening(judgement)
    assume(change is not None)

    assert Verdict.PASS is not judge(case, change.after).verdict
    assert Verdict.PASS is judge(case, loosened(change, STEPS / 1.01)).verdict


@given(st.integers(2, 5), st.data())
def test_the_answer_really_changes(count: int, data: st.DataObject) -> None:
    """With the limit as tight as the recommendation says the answer is another; a little looser it is the same."""
    places = data.draw(
        st.lists(
            st.tuples(st.floats(1e-3, 2e-3), st.floats(1e-3, 2e-3), st.integers(90, 99)),
            min_size=count,
            max_size=count,
        )
    )
    cases = [at(f"m{i}", *place) for i, place in enumerate(places)]
    limit = parse_limit("latency_p99_s < 0.0021")
    found = recommend(rank(cases, [limit]))
    ranking = rank(cases, [limit])
    change = tightening(ranking.leader.judgements[0])
    assume(change is not None and change.share < NEAR)

    assert f"The answer changes if {change}" in " ".join(found.change)
    assert found.ship != recommend(rank(cases, [change.after])).ship
    assert found.ship == recommend(rank(cases, [loosened(change, STEPS / 1.01)])).ship


@pytest.mark.parametrize(
    ("limit", "changes", "said"),
    [
        (
            "accuracy >= 0.9",
            {"accuracy": wilson(356, 360)},
            "accuracy >= 90.0 % becomes >= 97.55 % (7.6 percentage points higher)",
        ),
        (
            "latency_p99_s < 0.00001",
            {"latency_p99_s": around(9e-6, 0.01)},
            "latency p99 < 10.0 µs becomes < 9.089 µs (9.1 % lower)",
        ),
        ("memory_peak_bytes <= 1e9", {}, "peak memory <= 1.00 GB becomes <= 99.0 MB (90.1 % lower)"),
    ],
)
def test_it_is_said_without_doubt(limit: str, changes: dict[str, object], said: str) -> None:
    """Both bounds are told with their units, and the step as points of a share or relative to the limit."""
    assert said == str(tightening(judge(case_result(**changes), parse_limit(limit))))


def test_what_is_not_passed_has_no_such_change() -> None:
    """A limit that fails or is not decided need not be tightened."""
    for limit in ("accuracy >= 0.95", "accuracy >= 0.999"):
        assert tightening(judge(case_result(), parse_limit(limit))) is None


def test_the_limit_is_told_as_it_was_written() -> None:
    """A limit of 150.5 ms that becomes a tighter one of 150.35 ms is not told as one of 150."""
    change = tightening(judge(case_of("latency_p99_s", 0.1502, 0.001), parse_limit("latency_p99_s < 0.1505")))

    assert str(change).startswith("latency p99 < 150.5 ms becomes < 150.3")


@pytest.mark.parametrize(
    ("text", "after", "share"), [("accuracy >= 0.95", 0.96, 0.2), ("power_mean_w < 5", 4.0, 0.2)]
)
def test_the_share_of_a_share_is_of_what_is_left_of_1(text: str, after: float, share: float) -> None:
    """From 95 to 96 % is a fifth of the error that is allowed; other limits are their own measure."""
    limit = parse_limit(text)
    change = Tightening(before=limit, after=replace(limit, bound=after), passed_by=after, digits=3)

    assert pytest.approx(share) == change.share
