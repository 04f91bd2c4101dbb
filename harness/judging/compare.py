"""This module compares two runs, or two cases: better, worse, the same within a margin, or cannot tell.

Cases are compared in pairs. Each answer is an effect with its interval; with more than one pair the p values
are raised by Holm's method over the cases, one family for each quantity. That nothing was found is no
evidence of sameness: only bounds inside a margin the user states are. What must not be mixed is refused.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import geometric_mean
from typing import NamedTuple

from harness.errors import FileError
from harness.judging.cases import CaseResult, case_results
from harness.judging.comparable import MIXABLE, differences, explanations, refuse_to_mix
from harness.judging.courses import Course, courses
from harness.judging.paired import (
    Flips,
    Shift,
    difference,
    flips,
    holm,
    relative_change,
    smallest_difference,
    within_margin,
)
from harness.judging.replicates import answers, sitting_figures
from harness.judging.stats import CONFIDENCE, Estimate
from harness.names import hint
from harness.quantities import QUANTITIES, Direction, print_value
from harness.store import Run

COMPARED = (
    "latency_p50_s",
    "latency_p99_s",
    "energy_per_inference_j",
    "power_mean_w",
    "accuracy",
    "memory_peak_bytes",
    "cold_start_s",
)
"""Quantities of a comparison, in their order; the accuracy by its difference, the others by their ratio."""

ALPHA = 1 - CONFIDENCE


class Outcome(StrEnum):
    """What a comparison says of one quantity."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same within the margin"
    UNSURE = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How one quantity of a case changed.

    Attributes:
        quantity: its name.
        base, candidate: what the effect is made of: means over the sittings, by their logarithms, and shares of the
            items both answered; where there is no effect the published figures; None where absent.
        effect: candidate / base - 1, or candidate - base of the accuracy.
        p: of no change, alone; None where it cannot be had.
        p_family: raised by Holm over the cases of the comparison; None where `p` is.
        margin: what the user calls the same, in the unit of the effect; None where none was stated.
        outcome: the answer.
        withheld: why the figures would say more than the answer does; empty where they do not.
    """

    quantity: str
    base: float | None
    candidate: float | None
    effect: Estimate
    p: float | None
    p_family: float | None
    margin: float | None
    outcome: Outcome
    withheld: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two cases side by side.

    Attributes:
        base, candidate: their figures.
        changes: one for each quantity of `COMPARED`.
        table: how the items were answered; None where the two have no item in common.
        detectable: difference of the accuracy that would have been found 4 times out of 5; None where no item
            flipped.
    """

    base: CaseResult
    candidate: CaseResult
    changes: Sequence[Change]
    table: Flips | None
    detectable: float | None

    def change(self, quantity: str) -> Change:
        """The change of a quantity of `COMPARED`."""
        return next(change for change in self.changes if change.quantity == quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs, or two cases, compared.

    Attributes:
        base, candidate: ids of the runs.
        pairs: in the order of the base.
        alone: ids of cases that only one side has.
        mixed: fields the user asked to mix and that differ, with their values.
        differs: versions, files and settings that differ: what may be behind the changes.
    """

    base: str
    candidate: str
    pairs: Sequence[Pair]
    alone: Sequence[str]
    mixed: Sequence[str]
    differs: Sequence[str]

    @property
    def worse(self) -> list[tuple[Pair, Change]]:
        """Every change for the worse."""
        return [(pair, each) for pair in self.pairs for each in pair.changes if each.outcome is Outcome.WORSE]


def compare(
    base: Run,
    candidate: Run,
    cases: tuple[Collection[str] | None, Collection[str] | None] = (None, None),
    *,
    mix: Collection[str] = (),
    margins: Mapping[str, float] | None = None,
) -> Comparison:
    """Compare the cases of two runs that have the same id, or one case with another.

    Args:
        base: the run to compare with.
        candidate: the run in question; the same one where two of its cases are compared.
        cases: ids wanted of either side; None for all. One of each are compared whatever their ids.
        mix: fields of `MIXABLE` that may differ.
        margins: quantity to what the user calls the same: a relative change, or a difference of the accuracy.

    Raises:
        MeasurementError: the runs differ in a field that matters; the sentence names it.
        FileError: an unknown field or quantity is named, or no case is on both sides.
    """
    margins = margins or {}
    _known(mix, MIXABLE, "field to be mixed")
    _known(margins, COMPARED, "compared quantity")
    mixed = refuse_to_mix(base, candidate, mix)
    taken = [{} if run.imported else courses(run) for run in (base, candidate)]
    sides = [
        {case.case: case for case in case_results(run, found) if wanted is None or case.case in wanted}
        for run, found, wanted in zip((base, candidate), taken, cases, strict=True)
    ]
    matched = _match(*sides)
    if not matched:
        raise FileError(
            f"{base.start.run} and {candidate.start.run}: have no case in common; name one case of each to compare them"
        )
    pairs = [
        _pair(_Side(base, a, taken[0].get(a.case, ())), _Side(candidate, b, taken[1].get(b.case, ())))
        for a, b in matched
    ]
    used = {case.case for pair in matched for case in pair}
    return Comparison(
        base=base.start.run,
        candidate=candidate.start.run,
        pairs=_judge(pairs, margins),
        alone=sorted((sides[0].keys() | sides[1].keys()) - used),
        mixed=mixed,
        differs=differences(explanations(base, used), explanations(candidate, used)),
    )


def sentence(change: Change) -> str:
    """A change for people: both values, the effect with its interval, and the answer with its evidence."""
    name, effect = change.quantity, change.effect
    values = f"{print_value(name, change.base)} to {print_value(name, change.candidate)}"
    if effect.value is None:
        return f"{QUANTITIES[name].title} {values}: {change.outcome}, {effect.reason}."
    shown = print_effect(name, effect.value)
    if effect.lo is None or effect.hi is None:
        return f"{QUANTITIES[name].title} {values}, {shown}: {change.outcome}, {effect.reason}."
    interval = f"{print_effect(name, effect.lo)} to {print_effect(name, effect.hi)}"
    chance = "" if change.p_family is None else f", p = {change.p_family:.2g}"
    answer = f"{change.outcome}, for {change.withheld}" if change.withheld else f"{change.outcome}"
    return f"{QUANTITIES[name].title} {values}, {shown} ({interval}){chance}: {answer}."


def print_effect(quantity: str, value: float) -> str:
    """An effect for people: percent of a relative change, points of a difference of the accuracy."""
    return f"{100 * value:+.2f} points" if quantity == "accuracy" else f"{100 * value:+.2f} %"


class _Side(NamedTuple):
    """One of the two cases of a pair, with what its run holds of it."""

    run: Run
    case: CaseResult
    courses: Sequence[Course]


def _ratio(base: Run, candidate: Run, before: Mapping[int, float], after: Mapping[int, float]) -> Shift:
    """Paired where every sitting has a partner that saw the same items in the same order."""
    items = [
        {number: run.start.items.get(str(number)) for number in each}
        for run, each in ((base, before), (candidate, after))
    ]
    paired = items[0] == items[1]
    sides = [[each[number] for number in sorted(each)] for each in (before, after)]
    return relative_change(*sides, paired=paired)


def _pair(base: _Side, candidate: _Side) -> Pair:
    before, after = (sitting_figures(each.run, each.case.case, each.courses) for each in (base, candidate))
    table = flips(answers(base.courses), answers(candidate.courses))
    shifts = {
        name: difference(table)
        if name == "accuracy"
        else _ratio(base.run, candidate.run, before[name], after[name])
        for name in COMPARED
    }
    return Pair(
        base=base.case,
        candidate=candidate.case,
        changes=[
            _change(name, shifts[name], _compared(name, base.case, candidate.case, (before, after), table))
            for name in COMPARED
        ],
        table=table if table.items else None,
        detectable=smallest_difference(table) if table.items else None,
    )


def _compared(
    name: str,
    base: CaseResult,
    candidate: CaseResult,
    sittings: Sequence[Mapping[str, Mapping[int, float]]],
    table: Flips,
) -> Sequence[float | None]:
    """Figures of both sides of which the effect is the change, so that what stands in one line belongs together."""
    if name == "accuracy":
        if table.items:
            return table.base, table.candidate
    else:
        taken = [list(each[name].values()) for each in sittings]
        if all(each and min(each) > 0 for each in taken):
            return [geometric_mean(each) for each in taken]
    return [case.estimate(name).value for case in (base, candidate)]


def _change(name: str, found: Shift, values: Sequence[float | None]) -> Change:
    return Change(
        quantity=name,
        base=values[0],
        candidate=values[1],
        effect=found.effect,
        p=found.p,
        p_family=None,
        margin=None,
        outcome=Outcome.UNSURE,
    )


def _judge(pairs: Sequence[Pair], margins: Mapping[str, float]) -> list[Pair]:
    """The pairs with the answers, the p values raised over the cases for each quantity."""
    raised: dict[tuple[int, str], float] = {}
    for name in COMPARED:
        tested = [(place, p) for place, pair in enumerate(pairs) if (p := pair.change(name).p) is not None]
        together = holm([p for _, p in tested])
        raised |= {(place, name): p for (place, _), p in zip(tested, together, strict=True)}
    return [
        replace(
            pair,
            changes=[
                _withheld(
                    _answer(change, raised.get((place, change.quantity)), margins.get(change.quantity)),
                    pair.candidate,
                )
                for change in pair.changes
            ],
        )
        for place, pair in enumerate(pairs)
    ]


def _answer(change: Change, p_family: float | None, margin: float | None) -> Change:
    value = change.effect.value
    outcome = Outcome.UNSURE
    if margin is not None and within_margin(change.effect, margin):
        outcome = Outcome.SAME
    elif p_family is not None and p_family <= ALPHA and value:
        smaller_is_better = QUANTITIES[change.quantity].direction is Direction.SMALLER
        outcome = Outcome.BETTER if (value < 0) is smaller_is_better else Outcome.WORSE
    return replace(change, p_family=p_family, margin=margin, outcome=outcome)


def _withheld(change: Change, candidate: CaseResult) -> Change:
    """A throttled case is neither better nor as good by its cool figures."""
    left_out = candidate.left_out(change.quantity)
    if not left_out or change.outcome not in {Outcome.BETTER, Outcome.SAME}:
        return change
    return replace(change, outcome=Outcome.UNSURE, withheld=left_out)


def _match(
    base: Mapping[str, CaseResult], candidate: Mapping[str, CaseResult]
) -> list[tuple[CaseResult, CaseResult]]:
    if len(base) == len(candidate) == 1:
        return list(zip(base.values(), candidate.values(), strict=True))
    return [(case, candidate[name]) for name, case in base.items() if name in candidate]


def _known(names: Collection[str], known: Sequence[str], what: str) -> None:
    faults = [f"{name}: is no {what}; {hint(name, known)}" for name in names if name not in known]
    if faults:
        raise FileError(*faults)
