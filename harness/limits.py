"""This module judges a case under hard limits: PASS, FAIL or INCONCLUSIVE, each with its sentence of evidence.

Not the point estimate but the one-sided bound at 95 % decides: at a true p99 of 150.5 ms under a limit of
150 ms the estimate passes in half of all runs, the bound in 2 % (simulated, n = 1000). A run is looked at
once, at its end; looking again and again until it passes would undo the 95 %.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.cases import CaseResult
from harness.quantities import JOULE, QUANTITIES, WATT, print_value
from harness.stats import CONFIDENCE, Estimate
from harness.suite import Limit

TOO_NEAR = 100
"""More than this many times the work done is not advised; the figure is then too near the limit to decide."""


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
    """

    limit: Limit
    verdict: Verdict
    value: float | None
    decided_by: str
    evidence: str
    violation: float | None


def judge(case: CaseResult, limit: Limit) -> Judgement:
    """Apply one limit to one case."""
    estimate = case.estimate(limit.quantity)
    value = estimate.value
    if value is None or not math.isfinite(value):
        verdict = Verdict.INCONCLUSIVE
        evidence = f"{limit.quantity} is absent ({estimate.reason or 'not a finite number'})."
        return Judgement(
            limit=limit, verdict=verdict, value=None, decided_by="", evidence=evidence, violation=None
        )
    beyond = value - limit.bound if _upper(limit) else limit.bound - value
    verdict, decided_by, evidence = _decide(estimate, value, limit)
    return Judgement(
        limit=limit,
        verdict=verdict,
        value=value,
        decided_by=decided_by,
        evidence=evidence,
        violation=max(0.0, beyond) / (abs(limit.bound) or 1.0),
    )


def worst(judgements: Iterable[Judgement]) -> Verdict | None:
    """The verdict of a case: its worst one; None without limits."""
    order = list(Verdict)
    return max((judgement.verdict for judgement in judgements), key=order.index, default=None)


def judge_all(case: CaseResult, limits: Sequence[Limit]) -> tuple[Judgement, ...]:
    """Apply each limit to one case, in the order of the limits."""
    return tuple(judge(case, limit) for limit in limits)


def print_limit(limit: Limit) -> str:
    """A limit for people: `latency p99 < 150 ms`."""
    title = QUANTITIES[limit.quantity].title
    return f"{title} {limit.comparison} {print_value(limit.quantity, limit.bound)}"


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


def _decide(estimate: Estimate, value: float, limit: Limit) -> tuple[Verdict, str, str]:
    """The verdict, what decided it, and the sentence."""
    name = limit.quantity
    shown = print_value(name, value)
    if not estimate.method:
        verdict = Verdict.PASS if inside(value, limit) else Verdict.FAIL
        sentence = f"The value {shown} decides against {print_limit(limit)}, for there is no interval."
        return verdict, f"value {shown}", sentence
    near, far = (estimate.upper, estimate.lower) if _upper(limit) else (estimate.lower, estimate.upper)
    towards, away = ("upper", "lower") if _upper(limit) else ("lower", "upper")
    if near is not None and inside(near, limit):
        return Verdict.PASS, *_evidence(towards, near, limit, estimate)
    if far is not None and not inside(far, limit):
        return Verdict.FAIL, *_evidence(away, far, limit, estimate)
    advice = _advice(estimate, value, near, limit)
    return (
        Verdict.INCONCLUSIVE,
        "",
        f"The estimate {shown} is too unsure against {print_limit(limit)}: {advice}",
    )


def _evidence(side: str, bound: float, limit: Limit, estimate: Estimate) -> tuple[str, str]:
    decided_by = f"{side} bound {print_value(limit.quantity, bound)}"
    where = "inside" if inside(bound, limit) else "outside"
    meter = "; the meter's own error is not in it" if QUANTITIES[limit.quantity].unit in (WATT, JOULE) else ""
    return decided_by, (
        f"The {decided_by} ({100 * CONFIDENCE:g} %, {estimate.method}, n = {estimate.n} {estimate.unit}{meter}) "
        f"is {where} {print_limit(limit)}."
    )


def _advice(estimate: Estimate, value: float, near: float | None, limit: Limit) -> str:
    """How many more sittings, cycles or items would decide (half-widths shrink with the root of n)."""
    if near is None:
        return f"{estimate.reason or 'there is no bound'}."
    gap = abs(limit.bound - value)
    width = abs(near - value)
    more = math.ceil(estimate.n * ((width / gap) ** 2 - 1)) if gap else math.inf
    if more > TOO_NEAR * estimate.n:
        return f"too near the limit for more {estimate.unit} to decide ({estimate.method})."
    return f"run about {max(1, int(more))} more {estimate.unit} ({estimate.method}, n = {estimate.n})."
