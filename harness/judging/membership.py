"""This module says how sure it is that a case is on the front, by resampling its cycles in blocks.

In each resample the figures of all cases are computed anew from blocks of consecutive items drawn for all cases
together, and the front is found anew. To that comes for each case what only sittings show, a t distribution
with as many sittings as there were, and for each meter one error shared by all of its cases, so that it
cancels on one meter and counts between meters. A quantity that is had once a sitting, such as the cold start,
changes by the sittings alone. The share of resamples in which a case is on the front makes
three classes; its decimals are not to be trusted. Probabilities of this kind: arXiv:1910.08413.
"""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import moocore
import numpy as np
from numpy.typing import NDArray

from harness.judging.blocks import GRID, SUMS, Blocks
from harness.judging.boxes import boxes
from harness.judging.objectives import OBJECTIVES
from harness.judging.replicates import LEVELS, RATIOS, SIGNED
from harness.judging.stats import REPLICATES
from harness.suite import Indifference

RESAMPLES = 1000
SEED = 226

SURE, UNLIKELY = 0.95, 0.05
"""From the one on a case is on the front, below the other it is dominated."""

EVEN = 0.5
"""On fewer of the fronts than this, once undecided cases count too, a case that passes is beaten by one of them."""

PASSING, UNDECIDED = 0, 1
"""The tiers of cases that pass every limit, and of those that may."""

TAIL_FLOOR = 0.5
"""A percentile of a resample is looked for no further down than here; a median no further than half as far again."""


class FrontClass(StrEnum):
    """Where resampling puts a case."""

    ON_FRONT = "on front"
    POSSIBLE = "possible"
    DOMINATED = "dominated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How sure the place of a case is.

    Attributes:
        share: of the resamples in which it is on the front, of its own tier and those before it.
        dominator: place of the case that dominates it by the point estimates and does so most clearly; None
            for one that nobody dominates.
        dominated: share of the resamples in which that case dominates it; None without one.
        margins: what that case has against it, for each objective: the figure over the own less 1, of the error
            the difference; empty without one.
        between: how sittings differ is in it; without that nobody is called on the front.
        overall: of a case that passes, share of the resamples in which it is on the front once undecided cases
            count too; None where there are none.
        rival: place of the undecided case that most often dominates it; None where `overall` is at least `EVEN`.
    """

    share: float
    between: bool
    dominator: int | None = None
    dominated: float | None = None
    margins: Sequence[float] = ()
    overall: float | None = None
    rival: int | None = None

    @property
    def front_class(self) -> FrontClass:
        """The class the share makes."""
        if self.share >= SURE and self.between:
            return FrontClass.ON_FRONT
        return FrontClass.POSSIBLE if self.share >= UNLIKELY else FrontClass.DOMINATED


def standings(
    blocks: Sequence[Blocks],
    points: NDArray[np.float64],
    widths: Sequence[Indifference | None] = (),
    *,
    objectives: Sequence[str] = OBJECTIVES,
    tiers: Sequence[int] = (),
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Standing]:
    """How sure the place of each case is, among those of its own tier and the tiers before it.

    Args:
        blocks: one for each case, each of which knows every objective.
        points: their point estimates of the objectives, shape (n, d).
        widths: of the boxes in which figures count as equal, one for each objective; empty for none.
        objectives: quantities, in the order of the points.
        tiers: of each case, the surer to keep its limits the smaller; empty where all are of one.
        resamples: how many.
        seed: of the draws; each case and each run has its own stream, so that a case more changes no other's.
    """
    draws = replicates(blocks, points, objectives=objectives, resamples=resamples, seed=seed)
    boxed = boxes(draws.reshape(-1, points.shape[1]), widths).reshape(draws.shape)
    own = np.array(tiers or [0] * len(points), np.int64)
    members, overall = np.zeros(len(points), np.int64), np.zeros(len(points), np.int64)
    flat = boxes(points, widths)
    fronts: dict[int, NDArray[np.int64]] = {}
    for tier in np.unique(own).tolist():
        among = np.flatnonzero(own <= tier)
        theirs, passing = own[among] == tier, (own[among] == PASSING) & (tier == UNDECIDED)
        for each in boxed if len(among) == len(own) else boxed[:, among]:
            on = moocore.is_nondominated(each, keep_weakly=True)
            members[among[theirs]] += on[theirs]
            overall[among[passing]] += on[passing]
        fronts[tier] = among[moocore.is_nondominated(flat[among], keep_weakly=True)]
    on_front = {
        place for tier, front in fronts.items() for place in front.tolist() if int(own[place]) == tier
    }
    between = all(_replicated(each) for each in blocks)
    differences = np.array([name == "error" for name in objectives])
    found = [Standing(share=share, between=between) for share in (members / resamples).tolist()]
    undecided = np.flatnonzero(own == UNDECIDED)
    if len(undecided):
        for place in np.flatnonzero(own == PASSING).tolist():
            share = float(overall[place] / resamples)
            beaten = share < EVEN and place in on_front
            rival = _most_often(boxed, undecided, place) if beaten else None
            found[place] = replace(found[place], overall=share, rival=rival)
    return [
        each
        if place in on_front
        else _dominated(each, place, points, flat, boxed, fronts[int(own[place])], differences)
        for place, each in enumerate(found)
    ]


def replicates(
    blocks: Sequence[Blocks],
    points: NDArray[np.float64],
    *,
    objectives: Sequence[str] = OBJECTIVES,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> NDArray[np.float64]:
    """Figures of all cases in each resample, shape (resamples, n, d)."""
    draws = np.empty((resamples, len(blocks), points.shape[1]))
    shapes = sorted({(each.group, tuple(each.sizes)) for each in blocks})
    for group, sizes in shapes:
        places = [i for i, each in enumerate(blocks) if (each.group, tuple(each.sizes)) == (group, sizes)]
        weights = _weights(sizes, resamples, _stream(seed, "blocks", group))
        for column, name in enumerate(objectives):
            own = points[places, column]
            draws[:, places, column] = _drawn([blocks[i] for i in places], own, weights, name)
    signed = np.array([name in SIGNED for name in objectives])
    for place, each in enumerate(blocks):
        if _replicated(each):
            stream = _stream(seed, "sitting", f"{each.group} {each.case}")
            steps = _sitting_steps(each, objectives, resamples, stream)
            draws[:, place] = np.where(
                signed, draws[:, place] + steps, draws[:, place] * _factors(steps, signed)
            )
    for meter in {each.meter for each in blocks}:
        errors = _stream(seed, "meter", meter).standard_normal(resamples)
        for place, each in enumerate(blocks):
            for column, name in enumerate(objectives):
                if each.meter == meter and each.gains.get(name):
                    if name in SIGNED:
                        draws[:, place, column] += points[place, column] * each.gains[name] * errors
                    else:
                        draws[:, place, column] *= np.exp(each.gains[name] * errors)
    return draws


def _replicated(blocks: Blocks) -> bool:
    """There are sittings enough to know how the next would differ."""
    return len(blocks.sizes) >= REPLICATES


def _drawn(
    blocks: Sequence[Blocks], points: NDArray[np.float64], weights: NDArray[np.float64], name: str
) -> NDArray[np.float64]:
    """A figure of cases that draw together, changed as their blocks say, shape (resamples, n)."""

    def drawn(tables: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        return weights @ np.stack(tables, axis=1)

    def sums(tables: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        whole = np.sum(tables, axis=1)
        return np.where(empty, whole, drawn(tables)), whole

    # Only blocks may be drawn that are empty for a case, as those before it had settled: then it stays as it is.
    counted = [each.items if name == "error" else each.sums["inferences"] for each in blocks]
    empty = drawn(counted) == 0
    if name == "error":
        items, all_items = sums(counted)
        right, all_right = sums([each.right for each in blocks])
        return points + all_right / all_items - right / items
    if name in LEVELS:
        late, all_late = sums([each.beyond[name] for each in blocks])
        count, all_count = sums(counted)
        beyond = 1 - LEVELS[name]
        # The share beyond the point grows by a factor; the percentile lies where the share was smaller by it.
        growth = (late / count) / np.maximum(all_late / all_count, beyond)
        found = np.minimum(beyond / np.maximum(growth, 1e-9), max(TAIL_FLOOR, 1.5 * beyond))
        return np.stack(
            [
                point * np.interp(1 - share, GRID, each.slow_s) / np.interp(1 - beyond, GRID, each.slow_s)
                for point, share, each in zip(points, found.T, blocks, strict=True)
            ],
            axis=1,
        )
    if name not in SUMS:
        return np.broadcast_to(points, (len(weights), len(points)))
    pairs = {each: sums([one.sums[each] for one in blocks]) for each in SUMS[name]}
    now, whole = ({each: pair[place] for each, pair in pairs.items()} for place in (0, 1))
    if name in SIGNED:
        return points + _of_sums(name, now) - _of_sums(name, whole)
    return points * _of_sums(name, now) / _of_sums(name, whole)


def _of_sums(name: str, sums: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    if name == "energy_delay_product_js":
        return sums["energy_j"] * sums["window_s"] / sums["inferences"] ** 2
    above, below = RATIOS[name]
    return sums[above] / sums[below]


def _weights(sizes: Sequence[int], resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each block is drawn in each resample; each sitting gets as many as it has."""
    drawn = [rng.multinomial(size, np.full(size, 1 / size), resamples) for size in sizes]
    return np.concatenate(drawn, axis=1).astype(np.float64)


def _factors(steps: NDArray[np.float64], signed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Factors by relative steps; 1 where a step is added, which has a unit."""
    return np.exp(np.where(signed, 0.0, steps))


def _sitting_steps(
    blocks: Blocks, objectives: Sequence[str], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Steps of the objectives by what sittings differ; each is t distributed, and all move together.

    They are relative, and of what may be below 0 in its unit.
    """
    sittings = len(blocks.sizes)
    still = np.zeros(sittings)  # of the error: it is that of the items, whichever sitting they were in
    deviations = np.stack([blocks.deviations.get(name, still) for name in objectives], axis=1)
    directions = rng.standard_normal((resamples, sittings)) @ deviations / math.sqrt(sittings - 1)
    surprise = np.sqrt(rng.chisquare(sittings - 1, resamples) / (sittings - 1))
    return directions / math.sqrt(sittings) / surprise[:, None]


def _dominated(  # noqa: PLR0917  a place and the tables it stands in
    standing: Standing,
    place: int,
    points: NDArray[np.float64],
    flat: NDArray[np.float64],
    boxed: NDArray[np.float64],
    front: NDArray[np.int64],
    differences: NDArray[np.bool_],
) -> Standing:
    """With the case on the front that dominates it most clearly: that gains most where it gains least."""
    better = front[(flat[front] <= flat[place]).all(axis=1)]
    gains = (points[better] - points[place]) / np.maximum(np.abs(points[place]), 1e-300)
    clearest = int(better[np.lexsort((gains.sum(axis=1), gains.max(axis=1)))[0]])
    theirs, own = boxed[:, clearest], boxed[:, place]
    beaten = (theirs <= own).all(axis=1) & (theirs < own).any(axis=1)
    ratios = points[clearest] / np.where(points[place] == 0, 1.0, points[place]) - 1
    margins = np.where(differences, points[clearest] - points[place], ratios)
    return replace(
        standing,
        dominator=clearest,
        dominated=float(beaten.mean()),
        margins=tuple(margins.tolist()),
    )


def _most_often(boxed: NDArray[np.float64], others: NDArray[np.int64], place: int) -> int:
    """Which of some others dominates a case in the most of the resamples."""
    theirs, own = boxed[:, others], boxed[:, [place]]
    beaten = (theirs <= own).all(axis=2) & (theirs < own).any(axis=2)
    return int(others[beaten.mean(axis=0).argmax()])


def _stream(seed: int, *names: str) -> np.random.Generator:
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])
