"""This module judges what a test measured: by limits and against a baseline, on bounds and never on estimates.

A test passes, fails with its evidence, is skipped as inconclusive with what would decide it, or is an error
where the measurement itself is not to be used.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import MeasurementError
from harness.judging.cases import FIGURES, CaseResult
from harness.judging.compare import compare, print_effect
from harness.judging.limits import Verdict, judge_all, print_limit
from harness.judging.stats import Estimate
from harness.pytest_plugin.openrun import Measured
from harness.quantities import QUANTITIES, SHARE, Direction, bound_name, print_value
from harness.store import Run
from harness.suite import Limit


class IncompleteError(MeasurementError):
    """So much of a case is missing that no figure of it is to be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a test asked for, and what was found.

    Attributes:
        asked: in words.
        verdict: the answer.
        text: the figure, its interval, and the evidence.
    """

    asked: str
    verdict: Verdict
    text: str


def judge_limits(result: CaseResult, limits: Sequence[Limit]) -> Iterator[Finding]:
    """Apply limits.

    Raises:
        IncompleteError: no figure of the case is to be used, or it lacks one that a limit is about.
    """
    if result.incomplete:
        raise IncompleteError(f"{result.case}: is incomplete: {result.incomplete}")
    judgements = judge_all(result, limits)
    lacking = [judgement.evidence for judgement in judgements if judgement.value is None]
    if lacking:
        raise IncompleteError(f"{result.case}: is incomplete: {' '.join(lacking)}")
    for judgement in judgements:
        name = judgement.limit.quantity
        figure = f"{name} = {print_figure(name, result.estimate(name))}"
        yield Finding(
            asked=print_limit(judgement.limit),
            verdict=judgement.verdict,
            text=f"{figure}. {judgement.evidence}",
        )


def judge_change(base: Run, measured: Measured, margins: Mapping[str, float]) -> Iterator[Finding]:
    """Compare a case with the same case of another run: it must not be worse by more than the margins.

    Raises:
        MeasurementError: the runs differ in what must agree.
        FileError: the other run does not hold the case.
    """
    case = measured.result.case
    [pair] = compare(base, measured.run, ([case], [case]), margins=margins).pairs
    for name, margin in margins.items():
        change = pair.change(name)
        larger_is_worse = QUANTITIES[name].direction is Direction.SMALLER
        verdict = _not_worse(change.effect, margin, larger_is_worse=larger_is_worse)
        allowed = f"{100 * margin:g} {'pp' if QUANTITIES[name].unit is SHARE else '%'}"
        values = f"{print_value(name, change.base)} to {print_value(name, change.candidate)}"
        yield Finding(
            asked=f"{QUANTITIES[name].title} worse by at most {allowed} than in {base.start.run}",
            verdict=verdict,
            text=f"{name} went from {values}, {_effect(name, change.effect)}",
        )


def print_figure(name: str, estimate: Estimate) -> str:
    """A figure with its interval, or why it has none."""
    value = print_value(name, estimate.value)
    if estimate.lo is None and estimate.hi is None:
        return f"{value} ({estimate.reason})" if estimate.reason else value
    return (
        f"{value} ({print_value(name, estimate.lo)} to {print_value(name, estimate.hi)}, {estimate.method})"
    )


def properties(measured: Measured, findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """Names and values for a JUnit file: figures in SI units with their bounds, and the verdicts."""
    result = measured.result
    yield "case", result.case
    yield "run", measured.run.start.run
    yield "origin", result.origin or "no meter"
    yield "executed_precision", result.executed_precision
    yield "cycles", str(result.cycles)
    yield "void", str(result.void)
    for name in FIGURES:
        estimate = result.estimate(name)
        sides = (
            (name, estimate.value),
            (bound_name(name, "lo"), estimate.lo),
            (bound_name(name, "hi"), estimate.hi),
        )
        yield from ((key, repr(value)) for key, value in sides if value is not None and math.isfinite(value))
    for finding in findings:
        yield f"verdict: {finding.asked}", finding.verdict.value


def _not_worse(effect: Estimate, margin: float, *, larger_is_worse: bool) -> Verdict:
    """One-sided test of non-inferiority at the confidence of all bounds."""
    near, far = (effect.upper, effect.lower) if larger_is_worse else (effect.lower, effect.upper)
    sign = 1 if larger_is_worse else -1
    if near is not None and sign * near <= margin:
        return Verdict.PASS
    if far is not None and sign * far > margin:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE


def _effect(name: str, effect: Estimate) -> str:
    if effect.value is None:
        return f"which cannot be compared: {effect.reason}."
    shown = print_effect(name, effect.value)
    if effect.lo is None or effect.hi is None:
        return f"{shown}; {effect.reason}."
    return (
        f"{shown} ({print_effect(name, effect.lo)} to {print_effect(name, effect.hi)}, {effect.method}, "
        f"n = {effect.n} {effect.unit})."
    )
