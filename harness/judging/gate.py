"""This module judges a run by a policy: each gate on each case is PASS, FAIL or INCONCLUSIVE, with its evidence.

A threshold is a hard limit and judged as one. A change against a baseline is judged by its one-sided bounds
at 95 %: what is not shown to be inside is not passed. Percents are of the baseline's own figure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.errors import FileError
from harness.judging.cases import CaseResult, case_results
from harness.judging.compare import COMPARED, Change, compare, print_effect
from harness.judging.limits import Verdict, judge, print_limit
from harness.judging.stats import CONFIDENCE, Estimate, more_to_decide
from harness.names import hint
from harness.policy import Action, Gate, Kind, Policy
from harness.quantities import QUANTITIES, Direction, print_value
from harness.store import Run
from harness.suite import Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One gate applied to one case.

    Attributes:
        gate: the one applied.
        case: the case's figures.
        verdict: INCONCLUSIVE also where the case is incomplete.
        evidence: the sentence that tells why.
    """

    gate: Gate
    case: CaseResult
    verdict: Verdict
    evidence: str

    @property
    def incomplete(self) -> bool:
        """No more measuring of this kind decides it: work of the case is missing, or the figure of the gate."""
        return bool(self.case.incomplete) or self.case.estimate(self.gate.quantity).value is None

    def blocks(self, *, allow_inconclusive: bool = False) -> bool:
        """The run is stopped by it."""
        undecided = self.verdict is Verdict.INCONCLUSIVE and allow_inconclusive and not self.incomplete
        return self.gate.action is Action.BLOCK and self.verdict is not Verdict.PASS and not undecided


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A run judged by a policy.

    Attributes:
        policy: what was asked.
        run: id of the run judged.
        baseline: id of the run compared with; None without one.
        origin: of the power figures; None without a meter.
        cases: of the run, in the order of its plan.
        findings: gate by gate, each in the order of the cases.
        mixed: fields the user asked to mix and that differ from the baseline.
    """

    policy: Policy
    run: str
    baseline: str | None
    origin: str | None
    cases: Sequence[CaseResult]
    findings: Sequence[Finding]
    mixed: Sequence[str]

    def blocking(self, *, allow_inconclusive: bool = False) -> list[Finding]:
        """Findings that stop the run; none where it may pass."""
        return [each for each in self.findings if each.blocks(allow_inconclusive=allow_inconclusive)]


def review(run: Run, policy: Policy, baseline: Run | None = None, *, mix: Collection[str] = ()) -> Review:
    """Judge each case of a run by each gate that is meant for it.

    Args:
        run: the run in question.
        policy: its gates.
        baseline: the run that changes are counted from; None where no gate needs one.
        mix: fields in which the two may differ, as of `harness.judging.compare`.

    Raises:
        FileError: a gate is meant for no case, needs a baseline that is not given, or is about a quantity
            that is not compared.
        MeasurementError: run and baseline must not be compared.
    """
    cases = case_results(run)
    _refuse(policy, cases, baseline)
    comparison = compare(baseline, run, mix=mix) if baseline is not None else None
    changes = {
        pair.candidate.case: {change.quantity: change for change in pair.changes}
        for pair in (comparison.pairs if comparison else ())
        if pair.base.case == pair.candidate.case
    }
    return Review(
        policy=policy,
        run=run.start.run,
        baseline=baseline.start.run if baseline is not None else None,
        origin=run.start.origin,
        cases=cases,
        findings=[
            _find(gate, case, changes.get(case.case, {}))
            for gate in policy.gates
            for case in cases
            if _meant(gate, case)
        ],
        mixed=comparison.mixed if comparison else (),
    )


def print_gate(gate: Gate) -> str:
    """A gate for people: `latency p99 at most 5 % worse than the baseline`."""
    title = QUANTITIES[gate.quantity].title
    if gate.relative:
        amount = f"{100 * gate.amount:g} %"
    elif gate.quantity == "accuracy":
        amount = f"{100 * gate.amount:g} point{'' if 100 * gate.amount == 1 else 's'}"
    else:
        amount = print_value(gate.quantity, gate.amount)
    match gate.kind:
        case Kind.MIN_IMPROVEMENT:
            return f"{title} at least {amount} better than the baseline"
        case Kind.MAX_DEGRADATION:
            return f"{title} at most {amount} worse than the baseline"
        case _ if gate.relative:
            return f"{title} {'at most' if _smaller(gate) else 'at least'} {amount} of the baseline"
        case _:
            return print_limit(_limit(gate))


def _refuse(policy: Policy, cases: Sequence[CaseResult], baseline: Run | None) -> None:
    faults = []
    for number, gate in enumerate(policy.gates):
        place = f"{policy.path}: gates[{number}]"
        if not any(_meant(gate, case) for case in cases):
            pattern = gate.cases[0]
            faults.append(
                f"{place}.cases: match no case of the run; {hint(pattern, [c.case for c in cases])}"
            )
        if gate.needs_baseline and gate.quantity not in COMPARED:
            faults.append(
                f"{place}.quantity: {gate.quantity} is not compared with a baseline; {hint(gate.quantity, COMPARED)}"
            )
        if gate.needs_baseline and baseline is None:
            faults.append(f"{place}: {gate.name}: needs a baseline; name its run with --baseline")
    if faults:
        raise FileError(*faults)


def _meant(gate: Gate, case: CaseResult) -> bool:
    return any(fnmatchcase(case.case, pattern) for pattern in gate.cases)


def _find(gate: Gate, case: CaseResult, changes: Mapping[str, Change]) -> Finding:
    if case.incomplete:
        verdict, evidence = Verdict.INCONCLUSIVE, f"The case is incomplete: {case.incomplete}."
    elif not gate.needs_baseline:
        judgement = judge(case, _limit(gate))
        verdict, evidence = judgement.verdict, judgement.evidence
    elif gate.quantity in changes:
        verdict, evidence = _weigh(gate, changes[gate.quantity])
        left_out = case.left_out(gate.quantity)
        if verdict is Verdict.PASS and left_out:
            verdict, evidence = Verdict.INCONCLUSIVE, f"Not decided: {left_out}."
    else:
        verdict, evidence = Verdict.INCONCLUSIVE, "The baseline has no such case."
    return Finding(gate=gate, case=case, verdict=verdict, evidence=evidence)


def _weigh(gate: Gate, change: Change) -> tuple[Verdict, str]:
    """Judge the change for the worse against what is allowed of it."""
    effect, base = change.effect, change.base
    near, far = (effect.upper, effect.lower) if _smaller(gate) else (effect.lower, effect.upper)
    if effect.value is None or base is None or not base:
        return (
            Verdict.INCONCLUSIVE,
            f"The change is not known: {effect.reason or 'the baseline has no figure'}.",
        )
    allowed = _allowed(gate, base)
    shown = print_effect(gate.quantity, effect.value)
    if near is None or far is None:
        return Verdict.INCONCLUSIVE, f"The change {shown} has no bounds: {effect.reason}."
    sign = 1 if _smaller(gate) else -1
    bound = print_effect(gate.quantity, sign * allowed)
    basis = f"({100 * CONFIDENCE:g} %, {effect.method}, n = {effect.n} {effect.unit})"
    if sign * near <= allowed:
        return (
            Verdict.PASS,
            f"The change is {shown}; its bound {print_effect(gate.quantity, near)} {basis} keeps {bound}.",
        )
    if sign * far > allowed:
        return (
            Verdict.FAIL,
            f"The change is {shown}; its bound {print_effect(gate.quantity, far)} {basis} is beyond {bound}.",
        )
    advice = _advice(effect, abs(near - effect.value), abs(allowed - sign * effect.value))
    return Verdict.INCONCLUSIVE, f"The change {shown} {basis} is too unsure against {bound}: {advice}."


def _allowed(gate: Gate, base: float) -> float:
    """How much worse it may be: a relative change, or a difference of the accuracy; negative for better."""
    scale = base if gate.quantity == "accuracy" else 1.0
    amount = gate.amount * scale if gate.relative else gate.amount * scale / base
    match gate.kind:
        case Kind.MAX_DEGRADATION:
            return amount
        case Kind.MIN_IMPROVEMENT:
            return -amount
        case _:
            return amount - scale if _smaller(gate) else scale - amount


def _advice(effect: Estimate, width: float, gap: float) -> str:
    """How many more would decide."""
    more = more_to_decide(effect, width, gap)
    if more is None:
        return f"too near for more {effect.unit} to decide"
    return f"measure about {more} more {effect.unit}"


def _smaller(gate: Gate) -> bool:
    return QUANTITIES[gate.quantity].direction is Direction.SMALLER


def _limit(gate: Gate) -> Limit:
    return Limit(quantity=gate.quantity, comparison=gate.comparison, bound=gate.amount)
