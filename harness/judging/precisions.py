"""This module compares the precisions of one model by their answers to the same items of the same run.

An equal accuracy can hide that one answer in ten differs, so the answers are compared in pairs: which items
were lost and which were won, with exact McNemar's p, raised by Holm over all pairs of the ranking.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.judging.cases import CaseResult
from harness.judging.courses import Course
from harness.judging.paired import Flips, Shift, difference, flips, holm, smallest_difference
from harness.judging.replicates import answers

FINEST = ("fp64", "fp32", "tf32", "bf16", "fp16", "int16", "int8", "int4")
"""Precisions from the finest on; the finest of a model is what the others are compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionPair:
    """A precision against the finest of the same model, engine and device in one run.

    Attributes:
        run: id of the run.
        base, candidate: ids of the cases; the base is the finer one.
        table: how both answered the same items.
        shift: accuracy of the candidate less that of the base, with exact McNemar's p.
        p_family: p raised by Holm over all pairs of the ranking; None without p.
        detectable: difference that would have been found 4 times out of 5; None where no item flipped.
        margin: by how much the accuracy may be lower; None where the user stated none.
    """

    run: str
    base: str
    candidate: str
    table: Flips
    shift: Shift
    p_family: float | None
    detectable: float | None
    margin: float | None

    @property
    def not_inferior(self) -> bool | None:
        """The one-sided bound shows that no more than the margin was lost; None without a margin."""
        if self.margin is None:
            return None
        lower = self.shift.effect.lower
        return lower is not None and lower > -self.margin


def precision_pairs(
    cases: Sequence[CaseResult],
    taken: Mapping[tuple[str, str], Sequence[Course]],
    margin: float | None = None,
) -> list[PrecisionPair]:
    """Each coarser precision against the finest of its model, in the order of the cases.

    Args:
        cases: of one or more runs.
        taken: courses by run and case.
        margin: by how much the accuracy may be lower; None for no such statement.
    """
    families: dict[tuple[str, ...], list[CaseResult]] = {}
    for case in cases:
        if taken.get((case.run, case.case)):
            families.setdefault((case.run, case.device, case.engine, case.model), []).append(case)
    pairs = [
        _pair(base, candidate, taken, margin)
        for family in families.values()
        for base in [min(family, key=_coarseness)]
        for candidate in family
        if candidate is not base
    ]
    pairs = [pair for pair in pairs if pair.table.items]
    raised = holm([pair.shift.p if pair.shift.p is not None else 1.0 for pair in pairs])
    return [replace(pair, p_family=p) for pair, p in zip(pairs, raised, strict=True)]


def _pair(
    base: CaseResult,
    candidate: CaseResult,
    taken: Mapping[tuple[str, str], Sequence[Course]],
    margin: float | None,
) -> PrecisionPair:
    table = flips(*(answers(taken[case.run, case.case]) for case in (base, candidate)))
    return PrecisionPair(
        run=base.run,
        base=base.case,
        candidate=candidate.case,
        table=table,
        shift=difference(table),
        p_family=None,
        detectable=smallest_difference(table) if table.items else None,
        margin=margin,
    )


def _coarseness(case: CaseResult) -> tuple[int, str]:
    known = FINEST.index(case.precision) if case.precision in FINEST else len(FINEST)
    return known, case.precision
