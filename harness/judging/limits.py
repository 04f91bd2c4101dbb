"""This module judges a case under hard limits: PASS, FAIL or INCONCLUSIVE, each with its sentence of evidence.

Not the point estimate but the one-sided bound decides: at a true p99 of 150.5 ms under a limit of 150 ms the
estimate passes in half of all runs, the bound in 2 % (simulated, n = 1000). Looking again and again until it
passes would undo that, so a suite declares how often it may be looked at, and each bound is made surer by it:
three looks at 98.3 % err no oftener than one at 95 %.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from scipy.stats import norm

from harness.budget import COVERAGE_FACTOR
from harness.judging.cases import CaseResult
from harness.judging.stats import Estimate, more_to_decide
from harness.quantities import JOULE, QUANTITIES, SHARE, WATT, parse_limit, print_value
from harness.suite import Limit

FEWEST_DIGITS, MOST_DIGITS = 3, 12
"""Of a bound that is printed."""

LIMIT_SETS: Mapping[str, Sequence[str]] = {
    "edge": ("latency_p99_s < 0.150", "memory_peak_bytes <= 1e9", "power_mean_w <= 3"),
}
"""Named sets of limits: `edge` has what the field commonly asks of a device at the edge (1 GB is 10^9 bytes)."""

QUICK = "quick"
"""The protocol that is a look, not a result."""


class Verdict(StrEnum):
    """What a limit says of a case."""

    PASS = "PASS"  # noqa: S105  (a verdict, no password)
    INCONCLUSIVE = "INCONCLUSIVE"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One limit applied to one case.

    Attributes:
        limit: the one applied.
        verdict: PASS when the bound towards the limit is inside, FAIL when the other bound is outside.
        value: the point estimate; None where it is absent.
        decided_by: which figure decided, such as `upper bound`, with its value; empty where nothing is decided.
        evidence: the sentence that tells why, and what to do when nothing is decided.
        violation: how far the value is beyond the limit, relative to the limit; 0 inside, None without a value.
        advice: what would decide it, or that nothing does; empty where it is decided.
        passed_by: the bound, or the value where there is none by nature, that is inside; None unless it passes.
    """

    limit: Limit
    verdict: Verdict
    value: float | None
    decided_by: str
    evidence: str
    violation: float | None
    advice: str = ""
    passed_by: float | None = None


def parse_limits(texts: Iterable[str]) -> list[Limit]:
    """Limits from texts such as `latency_p99_s < 0.150` and names of `LIMIT_SETS`.

    Raises:
        FileError: a text is neither.
    """
    return [parse_limit(limit) for text in texts for limit in LIMIT_SETS.get(text.strip(), (text,))]


def judge(case: CaseResult, limit: Limit) -> Judgement:
    """Apply one limit to one case."""
    # A limit in joules or watts is for the load to keep, so the meter's own error counts.
    estimate = case.estimate(limit.quantity).absolute()
    value = estimate.value
    if value is None or not math.isfinite(value):
        evidence = f"{limit.quantity} is absent ({estimate.reason or 'not a finite number'})."
        return Judgement(
            limit=limit,
            verdict=Verdict.INCONCLUSIVE,
            value=None,
            decided_by="",
            evidence=evidence,
            violation=None,
            advice=evidence,
        )
    verdict, (decided_by, evidence), advice = decide(estimate, limit), ("", ""), ""
    if verdict is Verdict.PASS and case.left_out(limit.quantity):
        verdict, advice = Verdict.INCONCLUSIVE, f"{case.left_out(limit.quantity)}."
    if verdict is Verdict.INCONCLUSIVE:
        advice = advice or _advice(case, estimate, value, limit)
        evidence = (
            f"{print_value(limit.quantity, value)} is not decided against {print_limit(limit)}: {advice}"
        )
    else:
        decided_by, evidence = _evidence(estimate, value, limit, verdict)
    beyond = value - limit.bound if _upper(limit) else limit.bound - value
    return Judgement(
        limit=limit,
        verdict=verdict,
        value=value,
        decided_by=decided_by,
        evidence=evidence,
        violation=max(0.0, beyond) / (abs(limit.bound) or 1.0),
        advice=advice,
        passed_by=_deciding(estimate, limit) if verdict is Verdict.PASS else None,
    )


def decide(estimate: Estimate, limit: Limit) -> Verdict:
    """PASS when the bound towards the limit is inside, FAIL when the other bound is outside, else INCONCLUSIVE.

    A figure without an interval by nature, such as a maximum, decides by its value; an absent one does not.
    """
    if estimate.value is None:
        return Verdict.INCONCLUSIVE
    if not estimate.method:
        return Verdict.PASS if inside(estimate.value, limit) else Verdict.FAIL
    near, far = _near_and_far(estimate, limit)
    if near is not None and inside(near, limit):
        return Verdict.PASS
    return Verdict.FAIL if far is not None and not inside(far, limit) else Verdict.INCONCLUSIVE


def worst(judgements: Iterable[Judgement]) -> Verdict | None:
    """The verdict of a case: its worst one; None without limits."""
    order = list(Verdict)
    return max((judgement.verdict for judgement in judgements), key=order.index, default=None)


def judge_all(case: CaseResult, limits: Sequence[Limit]) -> tuple[Judgement, ...]:
    """Apply each limit to one case, in the order of the limits."""
    return tuple(judge(case, limit) for limit in limits)


def print_limit(limit: Limit) -> str:
    """A limit for people: `latency p99 < 150 ms`."""
    return f"{QUANTITIES[limit.quantity].title} {limit.comparison} {print_bound(limit)}"


def print_bound(limit: Limit) -> str:
    """The bound of a limit with as many digits as it was written with, three at least: 150.5 ms is not 150 ms."""
    name, bound = limit.quantity, limit.bound
    is_share = QUANTITIES[name].unit is SHARE
    for digits in range(FEWEST_DIGITS, MOST_DIGITS):
        rounded = round(bound, digits) if is_share else float(f"{bound:.{digits}g}")
        if math.isclose(rounded, bound, rel_tol=10.0**-MOST_DIGITS):
            return print_value(name, bound, digits=digits)
    return print_value(name, bound, digits=MOST_DIGITS)


def inside(value: float, limit: Limit) -> bool:
    """The value keeps the limit, by the comparison as it is written."""
    match limit.comparison:
        case "<":
            return value < limit.bound
        case "<=":
            return value <= limit.bound
        case ">":
            return value > limit.bound
        case ">=":
            return value >= limit.bound
        case other:
            raise ValueError(f"comparison {other!r} of limit {limit} is not one of <, <=, >, >=")


def _upper(limit: Limit) -> bool:
    return limit.comparison in {"<", "<="}


def _near_and_far(estimate: Estimate, limit: Limit) -> tuple[float | None, float | None]:
    """The bound towards the limit and the one away from it."""
    return (estimate.upper, estimate.lower) if _upper(limit) else (estimate.lower, estimate.upper)


def _deciding(estimate: Estimate, limit: Limit) -> float | None:
    return _near_and_far(estimate, limit)[0] if estimate.method else estimate.value


def deciding_figure(case: CaseResult, limit: Limit) -> float | None:
    """What of a case must be inside the limit: the bound, or the value where there is none by nature; None without."""
    estimate = case.estimate(limit.quantity).absolute()
    found = _deciding(estimate, limit)
    return found if found is not None and math.isfinite(found) else None


def _evidence(estimate: Estimate, value: float, limit: Limit, verdict: Verdict) -> tuple[str, str]:
    """What decided, and the sentence."""
    shown = print_value(limit.quantity, value)
    if not estimate.method:
        return (
            f"value {shown}",
            f"The value {shown} decides against {print_limit(limit)}, for there is no interval.",
        )
    near, far = _near_and_far(estimate, limit)
    bound = near if verdict is Verdict.PASS else far
    side = "upper" if _upper(limit) is (verdict is Verdict.PASS) else "lower"
    decided_by = f"{side} bound {print_value(limit.quantity, bound)}"
    where = "inside" if verdict is Verdict.PASS else "outside"
    return decided_by, (
        f"The {decided_by} ({100 * estimate.confidence:.3g} %, {estimate.method}, n = {estimate.n} "
        f"{estimate.unit}{_meter(limit, estimate)}) is {where} {print_limit(limit)}."
    )


def _meter(limit: Limit, estimate: Estimate) -> str:
    """What the bound holds of the meter's own error, as the end of a remark; empty where no meter is behind it."""
    if QUANTITIES[limit.quantity].unit not in (WATT, JOULE):
        return ""
    if estimate.type_b is None or not estimate.value:
        return "; the meter's own error is not known and not in it"
    expanded = COVERAGE_FACTOR * estimate.type_b / abs(estimate.value)
    return f"; the meter's own error, {100 * expanded:.2g} % at k = {COVERAGE_FACTOR:g}, is in it"


def _advice(case: CaseResult, estimate: Estimate, value: float, limit: Limit) -> str:
    """How many more sittings, cycles or items would decide."""
    near, _ = _near_and_far(estimate, limit)
    longer = "a quick run is only a look, run the standard protocol" if _is_quick(case) else ""
    if near is None:
        times = f"run about {max(1.1, estimate.factor):.2g} times as long" if estimate.factor else ""
        return "; ".join(filter(None, (estimate.reason or "there is no bound", longer or times))) + "."
    gap, width = abs(limit.bound - value), abs(near - value)
    more = more_to_decide(estimate, width, gap)
    if estimate.type_b is not None and gap < float(norm.ppf(estimate.confidence)) * estimate.type_b:
        return (
            "it is nearer to the limit than the meter is sure; "
            "no more measuring decides, a calibration of the meter may."
        )
    if more is None:
        return f"too near the limit for more {estimate.unit} to decide ({estimate.method})."
    wanted = f"run about {more} more {estimate.unit} (n = {estimate.n}, {estimate.method})"
    return "; ".join(filter(None, (wanted, longer))) + "."


def _is_quick(case: CaseResult) -> bool:
    return case.conditions.get("protocol.name") == QUICK
