"""This module lays out the uncertainty budget of a case for a reader: each term with its size and its source."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.budget import COVERAGE_FACTOR, Budget, compared
from harness.judging.cases import CaseResult
from harness.quantities import QUANTITIES, print_share, print_value

SHOWN = "energy_per_inference_j"
"""The figure whose budget is written out; that of the mean power is the same."""

FIGURES = (SHOWN, "energy_above_idle_per_inference_j", "power_mean_w")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One term as text.

    Attributes:
        name: of the term.
        kind: `A` from repetition, `B` from what is known beforehand.
        u: relative standard uncertainty; `unknown` where nobody knows it.
        share: of the sum of squares; empty where one of its parts is not known.
        evaluation: how u came.
        source: where it is known from.
    """

    name: str
    kind: str
    u: str
    share: str
    evaluation: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """What the page says of the uncertainty of a case's energy and power.

    Attributes:
        lines: of the gross energy, Type A first; empty where there is no budget.
        figures: sentences with value, Type A, Type B and U, one for each figure.
        standing: whether figures are absolute.
        remark: what the budget does not cover, or why there is none; empty for nothing.
    """

    lines: Sequence[Line]
    figures: Sequence[str]
    standing: str
    remark: str


def uncertainty_of(case: CaseResult, leader: CaseResult | None = None) -> Uncertainty:
    """The uncertainty of one case.

    Args:
        case: which one.
        leader: the case it is measured against; None for none.
    """
    budget = case.budgets.get(SHOWN)
    if budget is None:
        return Uncertainty(lines=(), figures=(), standing="", remark=f"No budget: {case.unbudgeted}.")
    return Uncertainty(
        lines=_lines(case, budget),
        figures=[
            *(_figure(case, name, case.budgets[name]) for name in FIGURES if name in case.budgets),
            *_against(case, budget, leader),
        ],
        standing=_standing(case, budget),
        remark=budget.remark,
    )


def _lines(case: CaseResult, budget: Budget) -> list[Line]:
    type_a = _type_a(case, SHOWN)
    estimate = case.estimate(SHOWN)
    total = budget.combined(type_a or 0.0) ** 2 or 1.0

    def share(u: float | None) -> str:
        return print_share(u**2 / total) if u is not None and budget.complete else ""

    repetition = Line(
        name="repetition",
        kind="A",
        u="unknown" if type_a is None else _percent(type_a),
        share=share(type_a),
        evaluation=f"{estimate.method or 'none'}, n = {estimate.n} {estimate.unit}".strip(),
        source="the cycles",
    )
    missing = [
        Line(name=each.name, kind="B", u="unknown", share="", evaluation="not known", source=each.reason)
        for each in budget.missing
    ]
    known = [
        Line(
            name=term.name,
            kind="B",
            u=_percent(term.u),
            share=share(term.u),
            evaluation=term.evaluation,
            source=term.source,
        )
        for term in budget.terms
    ]
    return [repetition, *missing, *known]


def _figure(case: CaseResult, name: str, budget: Budget) -> str:
    type_a = _type_a(case, name)
    value = print_value(name, case.estimate(name).value)
    known = "unknown, and not in U" if type_a is None else _percent(type_a)
    if not budget.complete:
        known = "unknown" if type_a is None else _percent(type_a)
        return (
            f"{QUANTITIES[name].title} {value}: U is not known, for Type B is not (u of Type A {known}; of Type B only "
            f"the terms that are known, {_percent(budget.u)} together)."
        )
    expanded = _percent(budget.expanded(type_a or 0.0))
    return (
        f"{QUANTITIES[name].title} {value}: U = {expanded} (k = {COVERAGE_FACTOR:g}; "
        f"u of Type A {known}, of Type B {_percent(budget.u)})."
    )


def _against(case: CaseResult, budget: Budget, leader: CaseResult | None) -> list[str]:
    """What of the meter is left in the ratio to the leader; nothing where another meter measured it."""
    theirs = leader.budgets.get(SHOWN) if leader is not None else None
    if leader is None or theirs is None or leader.case == case.case or leader.device != case.device:
        return []
    if not (budget.complete and theirs.complete):
        words = (
            f"Against {leader.case} on the same meter an error that multiplies both alike cancels; which errors of "
            "this meter do is not known, so the intervals hold the repetition of both alone."
        )
        return [words]
    left = _percent(COVERAGE_FACTOR * compared(theirs, budget))
    sentence = (
        f"Against {leader.case} on the same meter the gains cancel: {left} of Type B is left in the ratio of their "
        f"energies (k = {COVERAGE_FACTOR:g}), and the repetition of both, which is what the intervals hold."
    )
    return [sentence]


def _standing(case: CaseResult, budget: Budget) -> str:
    if case.origin != "measured":
        return f"Not absolute: the power is {case.origin}."
    if not budget.complete:
        unknown = " and ".join(each.name for each in budget.missing)
        return f"Not absolute: of this meter the {unknown} is not known."
    if not budget.calibrated:
        return "Not absolute: this meter was never calibrated, so the limits of its parts stand in its place."
    return "Absolute: the meter was calibrated."


def _type_a(case: CaseResult, name: str) -> float | None:
    """Relative standard uncertainty by repetition; None where too little was repeated."""
    estimate = case.estimate(name)
    if estimate.type_a is None or not estimate.value:
        return None
    return estimate.type_a / abs(estimate.value)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share >= 5e-5 else "< 0.005 %"
