"""This module tells how surely cases keep their limits: by tiers, in whose order they are ranked.

Scatter widens the bounds of a case, so that it neither passes nor fails; that must not lift it above cases that pass,
nor a case whose figures break a limit above one of which the same is sure.
"""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from harness.judging.dominance import layers
from harness.judging.limits import Judgement, Verdict, worst


class Tier(IntEnum):
    """How surely a case keeps its limits."""

    PASSES = 0
    UNDECIDED = 1
    BREAKS = 2
    """By its figures it breaks a limit, be it for sure or not."""


def tier_of(judgements: Sequence[Judgement]) -> Tier:
    """The tier of a case; without limits it passes."""
    if worst(judgements) is Verdict.FAIL or violation_of(judgements) > 0:
        return Tier.BREAKS
    return Tier.PASSES if worst(judgements) in {None, Verdict.PASS} else Tier.UNDECIDED


def violation_of(judgements: Sequence[Judgement]) -> float:
    """The largest violation of a limit by the figures, relative to the limit; 0 where they keep all."""
    return max((each.violation for each in judgements if each.violation is not None), default=0.0)


def tiered_layers(points: NDArray[np.float64], tiers: Sequence[Tier]) -> list[int]:
    """Number of the front each point lies on among those of its own tier and the tiers before it, from 1.

    So what is not decided pushes nobody back that passes.

    Args:
        points: one row each, all objectives to be small, all finite, shape (n, d).
        tiers: of each.
    """
    own, found = np.array(tiers, np.int64), np.zeros(len(points), np.int64)
    for tier in np.unique(own):
        among = np.flatnonzero(own <= tier)
        found[own == tier] = layers(points[among])[own[among] == tier]
    return [int(each) for each in found]
