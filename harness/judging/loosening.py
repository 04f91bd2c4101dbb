"""This module tells which one limit, loosened a little, would let another case lead.

A case leads that passes every limit and stands first among those that do; so the bound of its figure decides here too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from harness.judging.boxes import boxes
from harness.judging.front import MIXABLE, Placing, Ranking, deciding_objective, rank
from harness.judging.limits import Judgement, Verdict, deciding_figure, print_bound, print_limit
from harness.judging.tiers import Tier
from harness.judging.tightening import passable, relative_change
from harness.suite import Limit

MOST = 2
"""Loosened limits that are told, the nearest first."""

MOST_SHARE = 1.0
"""A limit is loosened by this share of itself at most, that is to its double."""

TRIED = 8
"""Cases that are tried, the nearest first: each costs a ranking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loosening:
    """A limit made just so loose that another case leads.

    Attributes:
        before: the limit as it is.
        after: the same with a bound of few digits that the other case passes.
        leader: who leads then, as it is placed now.
    """

    before: Limit
    after: Limit
    leader: Placing

    @property
    def share(self) -> float:
        """How much looser, relative to the limit; of a share that is to be large, to the rest of 1."""
        return relative_change(self.before, self.after)

    def __str__(self) -> str:
        return f"{print_limit(self.after)} in place of {print_bound(self.before)}"


def loosenings(ranking: Ranking) -> list[Loosening]:
    """By which limits, each loosened alone, another case would lead, the nearest first.

    There are none where nobody passes every limit, or an undecided case beats who does.
    """
    leader = ranking.leader
    if leader is None or leader.tier is not Tier.PASSES or ranking.rival is not None:
        return []
    found: list[Loosening] = []
    nearest = sorted(_candidates(ranking, leader), key=lambda each: (each.share, each.leader.case.case))
    for each in nearest[:TRIED]:
        if (
            len(found) < MOST
            and all(each.before != other.before for other in found)
            and _leads(ranking, each)
        ):
            found.append(each)
    return found


def _candidates(ranking: Ranking, leader: Placing) -> Iterator[Loosening]:
    """Loosened limits of cases that miss only one, and are not behind the leader in what orders the front."""
    own = _place(leader, ranking)
    for placing in ranking.placings:
        missed = [each for each in placing.judgements if each.verdict is not Verdict.PASS]
        if len(missed) == 1 and not placing.case.incomplete and _place(placing, ranking) <= own:
            found = _loosening(placing, missed[0])
            if found is not None and found.share <= MOST_SHARE:
                yield found


def _place(placing: Placing, ranking: Ranking) -> float:
    """The figure that orders the cases of one front, in the box where it counts as equal."""
    name = deciding_objective(ranking.objectives)
    width = next((each for each in ranking.indifference if each.quantity == name), None)
    value = placing.case.estimate(name).value
    return float(boxes(np.array([[value]], np.float64), [width])[0, 0])


def _loosening(placing: Placing, judgement: Judgement) -> Loosening | None:
    """The limit just so loose that a case passes it; None where no loosening is enough, or it cannot be written."""
    limit = judgement.limit
    near = deciding_figure(placing.case, limit)
    if near is None or placing.case.left_out(limit.quantity):
        return None
    bound = passable(near, limit)
    return (
        None if bound is None else Loosening(before=limit, after=replace(limit, bound=bound), leader=placing)
    )


def _leads(ranking: Ranking, change: Loosening) -> bool:
    """The case stands first under the changed limit, passes all of them, and no undecided case dominates it."""
    limits = [change.after if limit == change.before else limit for limit in ranking.limits]
    after = rank(
        [placing.case for placing in ranking.placings],
        limits,
        mix=MIXABLE,
        objectives=ranking.objectives,
        indifference=ranking.indifference,
    )
    first = after.leader
    return (
        first is not None
        and first.case is change.leader.case
        and first.tier is Tier.PASSES
        and after.rival is None
    )
