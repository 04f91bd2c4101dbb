"""Tests of scores on declared scales."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging.tables import at, case_result

from harness.errors import FileError
from harness.judging.cases import CaseResult
from harness.judging.policies import POLICIES, policy_of
from harness.judging.scores import Scoring, fit_weights, score, sensitivity
from harness.judging.stats import Estimate, absent
from harness.suite import Bounds

SCALES = {
    name: Bounds(quantity=name, best=0.0, worst=worst)
    for name, worst in (
        ("latency_p99_s", 10.0),
        ("energy_per_inference_j", 10.0),
        ("error", 1.0),
        ("work_flop", 1e6),
    )
}
figures = st.tuples(st.floats(0.1, 20), st.floats(0.1, 20), st.integers(0, 100))


def names(scoring: Scoring) -> list[str]:
    """Models in the order of their scores."""
    return [each.case.split("/")[2] for each in scoring.scores]


def with_work(case: CaseResult, flop: float) -> CaseResult:
    """A case whose nominal work is stated."""
    return case_result(case.case, estimates={**case.estimates, "work_flop": Estimate(value=flop)})


@pytest.mark.parametrize("policy", ["equal"])
@given(cases=st.lists(figures, min_size=2, max_size=8), more=figures)
def test_another_case_changes_no_score_and_no_order(
    policy: str, cases: list[tuple[float, float, int]], more: tuple[float, float, int]
) -> None:
    """Rank reversal is impossible: scores depend on their case alone."""
    known = [at(f"m{place}", *each) for place, each in enumerate(cases)]
    alone = score(known, policy_of(policy), SCALES)
    together = score([*known, at("more", *more)], policy_of(policy), SCALES)

    assert names(alone) == [name for name in names(together) if name != "more"]
    assert {each.case: (each.chebyshev, each.spotis) for each in alone.scores}.items() <= {
        each.case: (each.chebyshev, each.spotis) for each in together.scores
    }.items()


def test_spotis_is_the_weighted_sum_of_distances() -> None:
    """The sum of SPOTIS and the augmented Chebyshev score of a case are those of their definitions."""
    [found] = score([at("a", 2, 5, 90)], policy_of("equal"), SCALES).scores

    assert pytest.approx((0.2 + 0.5 + 0.1) / 3) == found.spotis
    assert pytest.approx(0.5 / 3 + 1e-3 * found.spotis) == found.chebyshev


def test_chebyshev_reaches_what_a_sum_cannot() -> None:
    """A case in a hollow of the front wins under some weights by Chebyshev and under none by a sum."""
    distances = np.array([[0.0, 1.0], [0.6, 0.6], [1.0, 0.0]])

    assert sensitivity(distances, "sum")[1] == 0
    assert sensitivity(distances, "chebyshev")[1] > 0.1
    assert pytest.approx(1.0) == sum(sensitivity(distances, "chebyshev"))


def test_the_classic_policy_weighs_work_latency_and_accuracy() -> None:
    """`flops-latency-accuracy` is 0.40, 0.35 and 0.25 of the distances, summed."""
    case = with_work(at("a", 2, 5, 90), 5e5)
    [found] = score([case], POLICIES["flops-latency-accuracy"], SCALES).scores

    assert pytest.approx(0.40 * 0.5 + 0.35 * 0.2 + 0.25 * 0.1) == found.spotis


def test_a_case_better_than_the_best_is_refused() -> None:
    """A value beyond the declared best is refused with its name, not folded back."""
    scales = {**SCALES, "latency_p99_s": Bounds(quantity="latency_p99_s", best=3.0, worst=10.0)}

    with pytest.raises(FileError, match=r"bounds\.latency_p99_s: the best is declared as 3, .*a/fp32 has 2"):
        score([at("a", 2, 5, 90)], policy_of("equal"), scales)


def test_a_missing_scale_is_refused() -> None:
    """Without a declared scale there is no score, and the key that is missing is named."""
    with pytest.raises(FileError, match=r"bounds\.work_flop: is missing"):
        score([], policy_of("flops-latency-accuracy"), {k: v for k, v in SCALES.items() if k != "work_flop"})


def test_an_absent_figure_has_no_score() -> None:
    """A case without a figure of the policy is told with its reason."""
    case = with_work(at("a", 2, 5, 90), 1.0)
    without = case_result(case.case, estimates={**case.estimates, "work_flop": absent("no macs")})
    scoring = score([without], policy_of("flops-latency-accuracy"), SCALES)

    assert ([], {case.case: "work_flop is absent: no macs"}) == (list(scoring.scores), scoring.unscored)


def test_weights_are_scaled() -> None:
    """Weights in place of the policy's add up to 1."""

    assert {"latency_p99_s": 0.75, "error": 0.25} == policy_of(
        "equal", {"latency_p99_s": 3, "error": 1}
    ).weights


@pytest.mark.parametrize("weights", [{"error": -1.0, "latency_p99_s": 2.0}, {"error": 0.0}])
def test_weights_below_nothing_are_refused(weights: dict[str, float]) -> None:
    """A weight below 0, and weights that are all 0, make no policy."""
    with pytest.raises(FileError, match="--weight"):
        policy_of("equal", weights)


def test_an_unknown_policy_names_the_nearest() -> None:
    """A misspelt policy is refused with the known one."""
    with pytest.raises(FileError, match="equal"):
        policy_of("equl")


def test_preferences_find_weights() -> None:
    """Who prefers the frugal case over the fast one gets weights that do, with the range of those that agree."""
    fast, frugal, rivals = at("fast", 1, 9, 90), at("frugal", 9, 1, 90), at("both", 5, 5, 90)
    scoring = score([fast, frugal, rivals], policy_of("equal"), SCALES)
    fit = fit_weights(scoring, [(frugal.case, fast.case), (rivals.case, fast.case)])

    assert (2, 2) == (fit.kept, fit.asked)
    assert fit.weights["energy_per_inference_j"] > fit.weights["latency_p99_s"]
    assert 0 < fit.agreeing < fit.tried == 231
    refitted = score([fast, frugal, rivals], policy_of("equal", fit.weights), SCALES)
    assert names(refitted).index("frugal") < names(refitted).index("fast")


def test_preferences_that_contradict_are_not_all_kept() -> None:
    """Of two opposite preferences one is kept at most."""
    a, b = at("a", 1, 9, 90), at("b", 9, 1, 90)
    scoring = score([a, b], policy_of("equal"), SCALES)

    assert 1 == fit_weights(scoring, [(a.case, b.case), (b.case, a.case)]).kept


def test_a_preference_for_an_unknown_case_is_refused() -> None:
    """A preference names cases that have scores."""
    with pytest.raises(FileError, match="nobody: is no case with a score"):
        fit_weights(score([at("a", 1, 9, 90)], policy_of("equal"), SCALES), [("nobody", "nothing")])


def test_a_preference_between_runs_is_refused() -> None:
    """A case that has a score in two runs is not the one or the other by chance."""
    cases = [at("a", 1, 1, 99, run="r1"), at("a", 5, 5, 50, run="r2"), at("b", 2, 2, 98, run="r1")]
    scoring = score(cases, policy_of("equal"), SCALES)
    better, worse = (f"bench-a/onnxruntime/{name}/fp32" for name in "ab")

    with pytest.raises(FileError, match="a/fp32: has a score in 2 of the runs"):
        fit_weights(scoring, [(better, worse)])
