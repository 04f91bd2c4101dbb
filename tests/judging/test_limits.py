"""Tests of verdicts on limits."""

import math

import pytest
from judging.tables import case_result

from harness.limits import Verdict, judge, judge_all, worst
from harness.quantities import parse_limit
from harness.stats import Estimate

LATENCY = Estimate(
    value=0.148, lo=0.144, hi=0.152, lower=0.145, upper=0.151, method="between sittings", n=3, unit="sittings"
)


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [
        ("latency_p99_s < 0.152", Verdict.PASS),
        ("latency_p99_s < 0.151", Verdict.INCONCLUSIVE),
        ("latency_p99_s <= 0.151", Verdict.PASS),
        ("latency_p99_s < 0.149", Verdict.INCONCLUSIVE),
        ("latency_p99_s < 0.145", Verdict.FAIL),
        ("latency_p99_s <= 0.145", Verdict.INCONCLUSIVE),
        ("latency_p99_s < 0.1", Verdict.FAIL),
        ("latency_p99_s > 0.1", Verdict.PASS),
        ("latency_p99_s >= 0.147", Verdict.INCONCLUSIVE),
        ("latency_p99_s > 0.2", Verdict.FAIL),
    ],
)
def test_bounds_decide(limit: str, verdict: Verdict) -> None:
    """PASS when the bound towards the limit is inside, FAIL when the other is outside, else neither."""
    assert verdict is judge(case_result(latency_p99_s=LATENCY), parse_limit(limit)).verdict


def test_undecided_says_how_much_more() -> None:
    """Half the gap between value and bound asks for three times the sittings on top."""
    judgement = judge(case_result(latency_p99_s=LATENCY), parse_limit("latency_p99_s < 0.1495"))

    assert "run about 9 more sittings" in judgement.evidence


def test_too_near_to_decide() -> None:
    """Where only very many more would decide, none are advised."""
    judgement = judge(case_result(latency_p99_s=LATENCY), parse_limit("latency_p99_s < 0.14801"))

    assert "too near the limit" in judgement.evidence


def test_a_missing_bound_never_passes() -> None:
    """A value far inside whose bound cannot be had is undecided, and what is missing is told."""
    reason = "n too small for an upper bound: about 99 more inferences"
    estimate = Estimate(
        value=0.1, lower=0.09, method="within one sitting", n=200, unit="inferences", reason=reason
    )
    judgement = judge(case_result(latency_p99_s=estimate), parse_limit("latency_p99_s < 10"))

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert reason in judgement.evidence


def test_without_an_interval_the_value_decides_and_says_so() -> None:
    """Peak memory has no interval by nature."""
    case = case_result(memory_peak_bytes=Estimate(value=2e8))
    judgement = judge(case, parse_limit("memory_peak_bytes < 1e8"))

    assert judgement.verdict is Verdict.FAIL
    assert judgement.violation == 1.0
    assert judgement.evidence == (
        "The value 200 MB decides against peak memory < 100 MB, for there is no interval."
    )


@pytest.mark.parametrize("value", [None, math.nan])
def test_an_absent_figure_is_undecided(value: float | None) -> None:
    """What was not measured neither passes nor fails."""
    case = case_result(energy_per_inference_j=Estimate(value=value, reason="no meter"))
    judgement = judge(case, parse_limit("energy_per_inference_j < 1"))

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.evidence == "energy_per_inference_j is absent (no meter)."


def test_power_limits_say_what_is_not_in_the_bound() -> None:
    """The meter's own error is named where it matters."""
    judgement = judge(case_result(), parse_limit("energy_per_inference_j < 100"))

    assert "the meter's own error is not known and not in it" in judgement.evidence


def test_error_is_one_minus_accuracy() -> None:
    """A limit on the error is judged from the accuracy."""
    case = case_result()

    assert (
        judge(case, parse_limit("error <= 0.5")).verdict
        is judge(case, parse_limit("accuracy >= 0.5")).verdict
    )


def test_the_worst_verdict_is_the_case_s() -> None:
    """One failed limit fails the case; no limits give no verdict."""
    limits = [parse_limit(f"latency_p99_s < {bound}") for bound in (1, 0.149, 0.1)]
    judgements = judge_all(case_result(latency_p99_s=LATENCY), limits)

    assert worst(judgements) is Verdict.FAIL
    assert worst(judgements[:2]) is Verdict.INCONCLUSIVE
    assert worst(judgements[:1]) is Verdict.PASS
    assert worst([]) is None
