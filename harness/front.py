"""This module ranks cases on the Pareto front of latency, energy and error, under hard limits.

A case is on the front when no other case that fails no limit is at least as good in all objectives and
better in one. Cases that fail a limit stand after all others, incomplete ones have no rank.
"""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import moocore
import numpy as np
from numpy.typing import NDArray

from harness.cases import CaseResult
from harness.errors import MeasurementError
from harness.limits import Judgement, Verdict, judge_all, worst
from harness.suite import Limit

OBJECTIVES = ("latency_p99_s", "energy_per_inference_j", "error")
"""All to be small."""

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
        layer: number of the front, 1 for the Pareto front, 2 for the front of the rest, and so on; None for
            a case that fails a limit or is incomplete.
    """

    case: CaseResult
    judgements: Sequence[Judgement]
    verdict: Verdict | None
    rank: int | None
    layer: int | None

    @property
    def on_front(self) -> bool:
        """No eligible case dominates it; never so for a case that fails a limit or is incomplete."""
        return self.layer == 1

    @property
    def violation(self) -> float:
        """The largest violation of a limit that fails, relative to the limit; 0 where none fails."""
        failed = [j.violation for j in self.judgements if j.verdict is Verdict.FAIL]
        return max((violation for violation in failed if violation is not None), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """All cases in order: eligible by layer and energy, then those failing a limit, then incomplete ones.

    Attributes:
        placings: in that order.
        limits: applied to each case.
        mixed: fields the user asked to mix and whose values differ, with the values; empty for none.
    """

    placings: Sequence[Placing]
    limits: Sequence[Limit]
    mixed: Sequence[str] = ()

    @property
    def leader(self) -> Placing | None:
        """The case of rank 1 if it fails no limit; None where there is no such case."""
        first = next(iter(self.placings), None)
        return first if first is not None and first.layer is not None else None


def rank(cases: Sequence[CaseResult], limits: Sequence[Limit], *, mix: Collection[str] = ()) -> Ranking:
    """Place each case.

    Args:
        cases: of one or more runs.
        limits: hard limits, the same for all cases.
        mix: fields of `MIXABLE` that may differ between the cases.

    Raises:
        MeasurementError: cases that would meet on the front differ in a field that matters.
    """
    complete = [case for case in cases if not case.incomplete]
    mixed = _refuse_to_mix(complete, mix)
    judged = {id(case): judge_all(case, limits) for case in cases}
    verdicts = {key: worst(judgements) for key, judgements in judged.items()}
    eligible = [case for case in complete if verdicts[id(case)] is not Verdict.FAIL]
    layer_of = dict(zip(map(id, eligible), layers(_points(eligible)), strict=True))
    unranked = [
        Placing(
            case=case,
            judgements=judged[id(case)],
            verdict=verdicts[id(case)],
            rank=None,
            layer=layer_of.get(id(case)),
        )
        for case in cases
    ]
    good = [placing for placing in unranked if placing.layer is not None]
    failing = [placing for placing in unranked if placing.layer is None and not placing.case.incomplete]
    rest = sorted((p for p in unranked if p.case.incomplete), key=lambda p: (p.case.case, p.case.run))
    groups = [
        *sorted(_equal(good), key=lambda group: (group[0].layer, _row(group[0])[1], _name(group[0]))),
        *sorted(_equal(failing), key=lambda group: (group[0].violation, _name(group[0]))),
    ]
    return Ranking(placings=[*_numbered(groups), *rest], limits=tuple(limits), mixed=mixed)


def layers(points: NDArray[np.float64]) -> list[int]:
    """Number of the front each point lies on, from 1; equal points share it.

    Args:
        points: one row each, all objectives to be small, all finite, shape (n, d).
    """
    if not len(points):
        return []
    return [int(layer) + 1 for layer in moocore.pareto_rank(points)]


def nondominated(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """True for each finite point that no finite point dominates; a point that is not finite is never on a front.

    Args:
        points: one row each, all objectives to be small, shape (n, d).
    """
    finite = np.isfinite(points).all(axis=1)
    found = np.zeros(len(points), np.bool_)
    if finite.any():
        found[finite] = moocore.is_nondominated(points[finite], keep_weakly=True)
    return found


def _row(placing: Placing) -> tuple[float, ...]:
    return _objectives(placing.case)


def _name(placing: Placing) -> tuple[str, str]:
    return placing.case.case, placing.case.run


def _objectives(case: CaseResult) -> tuple[float, ...]:
    values = [case.estimate(name).value for name in OBJECTIVES]
    return tuple(value for value in values if value is not None)


def _points(cases: Sequence[CaseResult]) -> NDArray[np.float64]:
    return np.array([_objectives(case) for case in cases], np.float64).reshape(-1, len(OBJECTIVES))


def _equal(placings: Sequence[Placing]) -> list[list[Placing]]:
    """Groups of equal figures, each in the order of the ids."""
    ordered = sorted(placings, key=lambda placing: (_row(placing), _name(placing)))
    return [list(group) for _, group in itertools.groupby(ordered, key=_row)]


def _numbered(groups: Sequence[Sequence[Placing]]) -> list[Placing]:
    numbered: list[Placing] = []
    for group in groups:
        place = len(numbered) + 1
        numbered += [
            Placing(
                case=placing.case,
                judgements=placing.judgements,
                verdict=placing.verdict,
                rank=place,
                layer=placing.layer,
            )
            for placing in group
        ]
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
    for field in dict.fromkeys(field for case in cases for field in case.conditions):
        values = dict.fromkeys(case.conditions.get(field, "not stated") for case in cases)
        if len(values) > 1:
            sentence = f"{field} differs: {', '.join(values)}"
            (told if field.partition(".")[0] in mix else refused).append(sentence)
    if refused:
        runs = ", ".join(dict.fromkeys(case.run for case in cases))
        raise MeasurementError(
            f"The cases of {runs} do not share a front: {'; '.join(refused)}. "
            "Rank them apart, or ask by name for the fields to be mixed."
        )
    return tuple(told)
