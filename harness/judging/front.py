"""This module ranks cases on the Pareto front of latency, energy and error, under hard limits.

A case is on the front when no other case that keeps the limits as surely is at least as good in all objectives and
better in one. What passes every limit stands before what is not decided, however good that looks: scatter widens the
bounds of a case, so that it fails no limit, and must not lift it above those that pass. For the same reason what by its
figures breaks a limit stands among those that fail, whether its bounds prove it or not. Incomplete cases have no rank.
"""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from harness.errors import MeasurementError
from harness.judging.blocks import Blocks
from harness.judging.boxes import boxes
from harness.judging.cases import CaseResult
from harness.judging.limits import Judgement, Verdict, judge_all, worst
from harness.judging.looks import Look
from harness.judging.membership import FrontClass, Standing, standings
from harness.judging.objectives import OBJECTIVES, needs_meter, refuse_objectives
from harness.judging.precisions import PrecisionPair
from harness.judging.scores import Fit, Scoring
from harness.judging.tiers import Tier, tier_of, tiered_layers, violation_of
from harness.suite import Indifference, Limit

MIXABLE = ("origin", "suite", "protocol", "meter")
"""What the user may ask by name to mix on one front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Where a case stands among the others.

    Attributes:
        case: its figures.
        judgements: one for each limit.
        verdict: the worst of them; None without limits.
        rank: from 1; equal figures share one, None for an incomplete case.
        layer: number of the front, 1 for the Pareto front, 2 for the front of the rest, and so on, among the cases
            of its own `tier` and those before it; None for a case that fails a limit or is incomplete.
        standing: how sure the place on or off the front is; None where nobody can tell.
        dominator: id of the case on the front that dominates it most clearly; empty for none.
        rival: id of the undecided case that most often dominates it, as of `Standing`; empty for none.
        alone: no other case fails no limit, so that it is on the front whatever it is like.
    """

    case: CaseResult
    judgements: Sequence[Judgement]
    verdict: Verdict | None
    rank: int | None
    layer: int | None
    standing: Standing | None = None
    dominator: str = ""
    rival: str = ""
    alone: bool = False

    @property
    def tier(self) -> Tier:
        """How surely it keeps the limits."""
        return tier_of(self.judgements)

    @property
    def front_class(self) -> FrontClass | None:
        """On the front, possibly so, or dominated, by resampling; None where nobody can tell."""
        return self.standing.front_class if self.standing else None

    @property
    def surely_dominated(self) -> bool:
        """Resampling puts it behind another, and how the next sitting would differ is known."""
        return (
            self.standing is not None
            and self.standing.between
            and self.standing.front_class is FrontClass.DOMINATED
        )

    @property
    def judged(self) -> bool:
        """What limits say of it counts: its work is whole, though it may lack an objective."""
        return not self.case.incomplete or bool(self.case.lacking)

    @property
    def on_front(self) -> bool:
        """No eligible case dominates it; never so for a case that fails a limit or is incomplete."""
        return self.layer == 1

    @property
    def violation(self) -> float:
        """The largest violation of a limit by the figures, relative to the limit; 0 where they keep all."""
        return violation_of(self.judgements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """All cases by tier, in the first two by layer and energy, in the last by violation; then incomplete ones.

    Attributes:
        placings: in that order.
        limits: applied to each case.
        mixed: fields the user asked to mix and whose values differ, with the values; empty for none.
        objectives: quantities of the front, all to be small.
        left_out: usual objective to why it is none of these; empty where none is left out.
        rival: undecided case that keeps every limit by its figures and beats the leader, which passes every limit;
            None for none.
        unfinished: run that was broken off to its status.
        complete: runs that were measured to their end.
        indifference: differences in objectives that count for nothing; empty for none.
        precisions: how the precisions of each model answered the same items.
        looks: which look at its suite each run is.
        remeasured: run to the run whose short list it measured afresh.
        scoring: scores of the cases that fail no limit; None where none were asked for.
        fit: weights that agree with stated preferences; None where none were stated.
    """

    placings: Sequence[Placing]
    limits: Sequence[Limit]
    mixed: Sequence[str] = ()
    objectives: Sequence[str] = OBJECTIVES
    indifference: Sequence[Indifference] = ()
    precisions: Sequence[PrecisionPair] = ()
    looks: Sequence[Look] = ()
    remeasured: Mapping[str, str] = field(default_factory=dict)
    scoring: Scoring | None = None
    fit: Fit | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    rival: Placing | None = None
    unfinished: Mapping[str, str] = field(default_factory=dict)
    complete: Collection[str] = ()

    @property
    def leader(self) -> Placing | None:
        """The case of rank 1 if it fails no limit; None where it does, or nothing has a rank."""
        first = next(iter(self.placings), None)
        return first if first is not None and first.layer is not None else None

    @property
    def shortlist(self) -> list[Placing]:
        """What is worth another measurement: cases that fail no limit, but those that are surely dominated."""
        return [
            placing
            for placing in self.placings
            if placing.on_front or (placing.layer is not None and not placing.surely_dominated)
        ]


def rank(
    cases: Sequence[CaseResult],
    limits: Sequence[Limit],
    *,
    mix: Collection[str] = (),
    objectives: Sequence[str] = OBJECTIVES,
    indifference: Sequence[Indifference] = (),
    blocks: Mapping[tuple[str, str], Blocks] | None = None,
) -> Ranking:
    """Place each case.

    Args:
        cases: of one or more runs.
        limits: hard limits, the same for all cases.
        mix: fields of `MIXABLE` that may differ between the cases.
        objectives: quantities of the front, all to be small; a case that lacks one is incomplete.
        indifference: figures in one box of this width are equal; a quantity that is no objective is passed over.
        blocks: of each run and case, for telling how sure the front is; None for not telling.

    Raises:
        FileError: an objective is not published or is better larger.
        MeasurementError: cases that would meet on the front differ in a field that matters.
    """
    refuse_objectives(objectives)
    cases = [_lacking(case, objectives) for case in cases]
    complete = [case for case in cases if not case.incomplete]
    mixed = _refuse_to_mix(complete, mix)
    judged = {id(case): judge_all(case, limits) for case in cases}
    verdicts = {key: worst(judgements) for key, judgements in judged.items()}
    eligible = [case for case in complete if verdicts[id(case)] is not Verdict.FAIL]
    widths = [next((each for each in indifference if each.quantity == name), None) for name in objectives]
    points = _points(eligible, objectives)
    flat = boxes(points, widths)
    rows = dict(zip(map(id, eligible), map(tuple, flat.tolist()), strict=True))
    tiers = [tier_of(judged[id(case)]) for case in eligible]
    numbers = tiered_layers(flat, tiers)
    layer_of = dict(zip(map(id, eligible), numbers, strict=True))
    sure = _standings(eligible, points, widths, blocks or {}, objectives, tiers)
    unranked = [
        Placing(
            case=case,
            judgements=judged[id(case)],
            verdict=verdicts[id(case)],
            rank=None,
            layer=layer_of.get(id(case)),
            standing=sure.get(id(case)),
            dominator=_dominator(eligible, sure.get(id(case))),
            rival=_most_often(eligible, sure.get(id(case))),
            alone=len(eligible) == 1 and case is eligible[0],
        )
        for case in cases
    ]
    complete_ones = [placing for placing in unranked if not placing.case.incomplete]
    keeping = [
        [each for each in complete_ones if each.tier is tier] for tier in (Tier.PASSES, Tier.UNDECIDED)
    ]
    breaking = [placing for placing in complete_ones if placing.tier is Tier.BREAKS]
    rest = sorted((p for p in unranked if p.case.incomplete), key=lambda p: (p.case.case, p.case.run))
    second = list(objectives).index(deciding_objective(objectives))
    rows |= {id(placing.case): _objectives(placing.case, objectives) for placing in breaking}
    groups = [
        *(
            group
            for tier in keeping
            for group in sorted(
                _equal(tier, rows),
                key=lambda group: (
                    group[0].layer,
                    rows[id(group[0].case)][second],
                    _objectives(group[0].case, objectives)[second],
                    _name(group[0]),
                ),
            )
        ),
        *sorted(
            _equal(breaking, rows | {id(p.case): (p.violation, *rows[id(p.case)]) for p in breaking}),
            key=lambda group: (group[0].violation, _name(group[0])),
        ),
    ]
    placings = [*_numbered(groups), *rest]
    return Ranking(
        placings=placings,
        rival=_rival(placings, eligible, rows),
        limits=tuple(limits),
        mixed=mixed,
        objectives=tuple(objectives),
        indifference=tuple(each for each in widths if each is not None),
    )


def deciding_objective(objectives: Sequence[str]) -> str:
    """The objective that orders the cases of one layer: the second, by default the energy; one alone by itself."""
    return objectives[min(1, len(objectives) - 1)]


def _lacking(case: CaseResult, objectives: Sequence[str]) -> CaseResult:
    """The case, incomplete where it lacks an objective."""
    if case.incomplete:
        return case
    lacking, faults = [], []
    for name in objectives:
        estimate = case.estimate(name)
        if estimate.value is None or not math.isfinite(estimate.value):
            shown = "accuracy" if name == "error" else name
            found = "absent" if estimate.value is None else f"{estimate.value}, not a finite number"
            lacking.append(name)
            faults.append(f"{shown} is {found}" + (f": {estimate.reason}" if estimate.reason else ""))
    rest = [name for name in objectives if name not in lacking]
    if faults and rest and case.origin is None and all(map(needs_meter, lacking)):
        faults.append(f"{' '.join(f'--objective {name}' for name in rest)} would rank it")
    return replace(case, incomplete="; ".join(faults), lacking=tuple(lacking)) if faults else case


def _standings(  # noqa: PLR0917  the cases and what is known of each
    eligible: Sequence[CaseResult],
    points: NDArray[np.float64],
    widths: Sequence[Indifference | None],
    blocks: Mapping[tuple[str, str], Blocks],
    objectives: Sequence[str],
    tiers: Sequence[Tier],
) -> dict[int, Standing]:
    """How sure each place is, where for all eligible cases it is known how every objective varies."""
    found = [blocks.get((case.run, case.case)) for case in eligible]
    known = [
        replace(each, gains=_gains(case, objectives))
        for each, case in zip(found, eligible, strict=True)
        if each is not None and all(map(each.knows, objectives))
    ]
    if not known or len(known) < len(eligible):
        return {}
    sure = standings(known, points, widths, objectives=objectives, tiers=tiers)
    return dict(zip(map(id, eligible), sure, strict=True))


def _gains(case: CaseResult, objectives: Sequence[str]) -> dict[str, float]:
    """Relative standard uncertainty the meter adds to each objective of which it is known."""
    estimates = {name: case.estimate(name) for name in objectives}
    return {
        name: each.type_b / abs(each.value)
        for name, each in estimates.items()
        if each.type_b is not None and each.value
    }


def _dominator(eligible: Sequence[CaseResult], standing: Standing | None) -> str:
    return "" if standing is None or standing.dominator is None else eligible[standing.dominator].case


def _most_often(eligible: Sequence[CaseResult], standing: Standing | None) -> str:
    return "" if standing is None or standing.rival is None else eligible[standing.rival].case


def _rival(
    placings: Sequence[Placing], eligible: Sequence[CaseResult], rows: Mapping[int, tuple[float, ...]]
) -> Placing | None:
    """The undecided case that dominates the leader by the figures, or does so most often; None for none.

    One that lacks the figure of a limit is none: nobody knows that it keeps the limit.
    """
    leader = next(iter(placings), None)
    if leader is None or leader.layer is None or leader.tier is not Tier.PASSES:
        return None
    may = [
        each
        for each in placings
        if each.layer is not None
        and each.tier is Tier.UNDECIDED
        and all(judgement.value is not None for judgement in each.judgements)
    ]
    own = rows[id(leader.case)]
    for each in may:
        theirs = rows[id(each.case)]
        if theirs != own and all(a <= b for a, b in zip(theirs, own, strict=True)):
            return each
    place = leader.standing.rival if leader.standing else None
    return None if place is None else next((each for each in may if each.case is eligible[place]), None)


def _name(placing: Placing) -> tuple[str, str]:
    return placing.case.case, placing.case.run


def _objectives(case: CaseResult, objectives: Sequence[str]) -> tuple[float, ...]:
    values = [case.estimate(name).value for name in objectives]
    return tuple(value for value in values if value is not None)


def _points(cases: Sequence[CaseResult], objectives: Sequence[str]) -> NDArray[np.float64]:
    return np.array([_objectives(case, objectives) for case in cases], np.float64).reshape(
        -1, len(objectives)
    )


def _equal(placings: Sequence[Placing], rows: Mapping[int, tuple[float, ...]]) -> list[list[Placing]]:
    """Groups of equal rows, each in the order of the ids."""

    def row(placing: Placing) -> tuple[float, ...]:
        return rows[id(placing.case)]

    ordered = sorted(placings, key=lambda placing: (row(placing), _name(placing)))
    return [list(group) for _, group in itertools.groupby(ordered, key=row)]


def _numbered(groups: Sequence[Sequence[Placing]]) -> list[Placing]:
    numbered: list[Placing] = []
    for group in groups:
        place = len(numbered) + 1
        numbered += [replace(placing, rank=place) for placing in group]
    return numbered


def _refuse_to_mix(cases: Sequence[CaseResult], mix: Collection[str]) -> tuple[str, ...]:
    """Sentences on the fields that differ and may.

    Raises:
        MeasurementError: a field differs that may not.
    """
    if not cases:
        return ()
    told: list[str] = []
    refused: list[str] = []
    for name in dict.fromkeys(name for case in cases for name in case.conditions):
        values = dict.fromkeys(case.conditions.get(name, "not stated") for case in cases)
        if len(values) > 1:
            sentence = f"{name} differs: {', '.join(values)}"
            (told if name.partition(".")[0] in mix else refused).append(sentence)
    if refused:
        runs = ", ".join(dict.fromkeys(case.run for case in cases))
        raise MeasurementError(
            f"The cases of {runs} do not share a front: {'; '.join(refused)}. "
            "Rank them apart, or ask by name for the fields to be mixed."
        )
    return tuple(told)
