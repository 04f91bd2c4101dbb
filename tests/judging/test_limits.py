"""Tests of verdicts on limits."""

import math
from dataclasses import replace

import pytest
from judging.tables import case_result

from harness.judging.limits import Verdict, judge, judge_all, print_limit, worst
from harness.judging.stats import Estimate, between_sittings, look_confidence
from harness.judging.steadiness import State, Steadiness, Stretch
from harness.quantities import parse_limit

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
    """Half the gap between value and bound asks for fewer than three times the sittings on top: t shrinks too."""
    judgement = judge(case_result(latency_p99_s=LATENCY), parse_limit("latency_p99_s < 0.1495"))

    assert "run about 3 more sittings" in judgement.evidence


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


def throttled(sitting: int = 2) -> Steadiness:
    """A sitting that was throttled after its first cycles."""
    stretch = Stretch(cycles=10, duration_s=1.0, latency_p50_s=0.149, power_mean_w=4.0)
    return Steadiness(
        sitting=sitting,
        state=State.THROTTLED,
        cut=0,
        cut_s=0.0,
        changes=(),
        throttling="throttle count of cpu0 rose from 1 to 2",
        outliers=(0, 0),
        first_minute=stretch,
        sustained=None,
        throttled=stretch,
    )


def test_a_throttled_case_does_not_pass_on_its_cool_figures() -> None:
    """Figures from before the throttling pass no limit on time or power; those of the answers do."""
    case = case_result(courses=(throttled(),))
    latency, accuracy = (judge(case, parse_limit(text)) for text in ("latency_p99_s < 1", "accuracy > 0.5"))

    assert (Verdict.INCONCLUSIVE, Verdict.PASS) == (latency.verdict, accuracy.verdict)
    assert "sitting 2 was throttled (throttle count of cpu0 rose from 1 to 2)" in latency.evidence
    assert "the median latency is 149 ms" in latency.evidence
    assert Verdict.FAIL is judge(case, parse_limit("latency_p99_s < 1e-6")).verdict


def test_a_quick_run_points_to_the_standard_one() -> None:
    """What a look cannot decide is left to the standard protocol, not to a number of cycles."""
    reason = "n too small for an upper bound: 84000 inferences are worth 210 independent ones, 408 are needed"
    estimate = Estimate(
        value=7e-6,
        lower=6e-6,
        method="within one sitting",
        n=84_000,
        unit="inferences",
        reason=reason,
        factor=1.94,
    )
    quick = case_result(latency_p99_s=estimate, conditions={"protocol.name": "quick"})
    full = case_result(latency_p99_s=estimate)
    limit = parse_limit("latency_p99_s < 0.15")

    assert judge(quick, limit).evidence == (
        f"7.00 µs is not decided against latency p99 < 150 ms: {reason}; "
        "a quick run is only a look, run the standard protocol."
    )
    assert judge(full, limit).advice == f"{reason}; run about 1.9 times as long."


def test_what_is_decided_needs_no_advice() -> None:
    """Advice is for what is not decided."""

    assert "" == judge(case_result(), parse_limit("latency_p99_s < 1")).advice


def test_the_confidence_of_the_bound_is_told() -> None:
    """The evidence names the confidence that the number of looks asks for."""
    estimate = replace(LATENCY, confidence=look_confidence(3))

    assert (
        "(98.3 %, between sittings"
        in judge(case_result(latency_p99_s=estimate), parse_limit("latency_p99_s < 1")).evidence
    )


@pytest.mark.parametrize("least", [1e-6, 1e-12, 1e-300])
def test_a_bound_far_away_is_told_like_any_other(least: float) -> None:
    """One sitting that is next to nothing puts a bound where its square is no float; nothing is decided by it."""
    energy = between_sittings([least, 0.01, 0.01], confidence=look_confidence(3))
    judgement = judge(
        case_result(energy_per_inference_j=energy), parse_limit("energy_per_inference_j < 0.02")
    )

    assert Verdict.INCONCLUSIVE is judgement.verdict
    assert "too near the limit for more sittings to decide" in judgement.advice


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("latency_p99_s < 0.150", "latency p99 < 150 ms"),
        ("latency_p99_s < 0.1505", "latency p99 < 150.5 ms"),
        ("memory_peak_bytes <= 1073741824", "peak memory <= 1.073741824 GB"),
        ("power_mean_w <= 2.9996", "mean power <= 2.9996 W"),
        ("accuracy >= 0.95", "accuracy >= 95.0 %"),
        ("accuracy >= 0.9555", "accuracy >= 95.55 %"),
        ("latency_p99_s < 0", "latency p99 < 0 s"),
    ],
)
def test_a_limit_is_told_as_it_was_written(text: str, told: str) -> None:
    """Its bound is not rounded: a bound of 150.2 ms is not inside 150 ms."""
    assert told == print_limit(parse_limit(text))
