"""Tests of the power of a device that does nothing."""

import pytest
from judging.tables import case_result
from records import closed, opened

from harness.judging.idle import mean_idle_power, sitting_idle_w
from harness.judging.limits import Verdict, judge
from harness.judging.stats import BETWEEN
from harness.quantities import parse_limit

Attempt = tuple[int, int]


def idle(*attempts: Attempt, power_w: float = 1.0) -> tuple[list[object], list[object]]:
    """Records of attempts at sittings, each 0.02 W above the one before it, after it 0.01 W more than before."""
    begun = [
        opened(sitting=sitting, part=part, idle_before_w=power_w + 0.02 * place)
        for place, (sitting, part) in enumerate(attempts)
    ]
    ended = [
        closed(sitting=sitting, part=part, idle_after_w=power_w + 0.02 * place + 0.01)
        for place, (sitting, part) in enumerate(attempts)
    ]
    return begun, ended


def test_attempts_of_a_sitting_are_one() -> None:
    """A sitting in parts is one sitting: what its parts differ by is not how the next sitting would differ."""
    records = idle((1, 1), (1, 2), (2, 1))

    assert pytest.approx({1: 1.015, 2: 1.045}) == sitting_idle_w(*records)
    assert (2, None) == (mean_idle_power(*records, 0.95).n, mean_idle_power(*records, 0.95).upper)


@pytest.mark.parametrize(
    ("sittings", "verdict"), [(1, Verdict.INCONCLUSIVE), (2, Verdict.INCONCLUSIVE), (4, Verdict.PASS)]
)
def test_too_few_sittings_pass_no_limit(sittings: int, verdict: Verdict) -> None:
    """The mean of one or two sittings is no figure without an interval by nature: it decides nothing."""
    estimate = mean_idle_power(*idle(*((number, 1) for number in range(1, sittings + 1))), 0.95)
    case = case_result()
    case = case_result(estimates={**case.estimates, "idle_power_w": estimate})
    judgement = judge(case, parse_limit("idle_power_w < 1.2"))

    assert (BETWEEN, sittings) == (estimate.method, estimate.n)
    assert verdict is judgement.verdict
    assert ("3 are needed" in judgement.advice) is (verdict is Verdict.INCONCLUSIVE)
