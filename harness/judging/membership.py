"""This module says how sure it is that a case is on the front, by resampling its cycles in blocks.

In each resample the figures of all cases are computed anew from blocks of consecutive items drawn for all cases
together, and the front is found anew. To that comes for each case what only sittings show, a t distribution
with as many sittings as there were, and for each meter one error shared by all of its cases, so that it
cancels on one meter and counts between meters. The share of resamples in which a case is on the front makes
three classes; its decimals are not to be trusted. Probabilities of this kind: arXiv:1910.08413.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import moocore
import numpy as np
from numpy.typing import NDArray

from harness.judging.blocks import GRID, LEVEL, Blocks
from harness.judging.boxes import boxes
from harness.judging.stats import REPLICATES
from harness.suite import Indifference

RESAMPLES = 1000
SEED = 226

SURE, UNLIKELY = 0.95, 0.05
"""From the one on a case is on the front, below the other it is dominated."""

TAIL_FLOOR = 0.5
"""A percentile of a resample is looked for no further down than here."""


class FrontClass(StrEnum):
    """Where resampling puts a case."""

    ON_FRONT = "on front"
    POSSIBLE = "possible"
    DOMINATED = "dominated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How sure the place of a case is.

    Attributes:
        share: of the resamples in which it is on the front.
        dominator: place of the case that dominates it by the point estimates and does so most clearly; None
            for one that nobody dominates.
        dominated: share of the resamples in which that case dominates it; None without one.
        margins: what that case has against it: latency and energy over the own less 1, and the difference of the
            errors; empty without one.
        between: how sittings differ is in it; without that nobody is called on the front.
    """

    share: float
    between: bool
    dominator: int | None = None
    dominated: float | None = None
    margins: Sequence[float] = ()

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
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Standing]:
    """How sure the place of each case is.

    Args:
        blocks: one for each case.
        points: their point estimates of latency p99, energy per inference and error, shape (n, 3).
        widths: of the boxes in which figures count as equal, one for each objective; empty for none.
        resamples: how many.
        seed: of the draws; each case and each run has its own stream, so that a case more changes no other's.
    """
    draws = replicates(blocks, points, resamples=resamples, seed=seed)
    boxed = boxes(draws.reshape(-1, points.shape[1]), widths).reshape(draws.shape)
    members = np.zeros(len(points), np.int64)
    for each in boxed:
        members += moocore.is_nondominated(each, keep_weakly=True)
    flat = boxes(points, widths)
    front = np.flatnonzero(moocore.is_nondominated(flat, keep_weakly=True))
    on_front = set(front.tolist())
    between = all(len(each.deviations) >= REPLICATES for each in blocks)
    return [
        Standing(share=share, between=between)
        if place in on_front
        else _dominated(Standing(share=share, between=between), place, points, flat, boxed, front)
        for place, share in enumerate((members / resamples).tolist())
    ]


def replicates(
    blocks: Sequence[Blocks], points: NDArray[np.float64], *, resamples: int = RESAMPLES, seed: int = SEED
) -> NDArray[np.float64]:
    """Figures of all cases in each resample, shape (resamples, n, 3)."""
    draws = np.empty((resamples, len(blocks), points.shape[1]))
    shapes = sorted({(each.group, tuple(each.sizes)) for each in blocks})
    for group, sizes in shapes:
        places = [i for i, each in enumerate(blocks) if (each.group, tuple(each.sizes)) == (group, sizes)]
        weights = _weights(sizes, resamples, _stream(seed, "blocks", group))
        draws[:, places] = _drawn([blocks[i] for i in places], points[places], weights)
    for place, each in enumerate(blocks):
        if len(each.deviations) >= REPLICATES:
            draws[:, place, :2] *= _sitting_factors(
                each, resamples, _stream(seed, "sitting", f"{each.group} {each.case}")
            )
    for meter in {each.meter for each in blocks}:
        errors = _stream(seed, "meter", meter).standard_normal(resamples)
        for place, each in enumerate(blocks):
            if each.meter == meter and each.gain:
                draws[:, place, 1] *= np.exp(each.gain * errors)
    return draws


def _drawn(
    blocks: Sequence[Blocks], points: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Figures of cases that draw together, changed as their blocks say, shape (resamples, n, 3)."""

    def sums(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        table = np.stack([getattr(each, name) for each in blocks], axis=1)
        return weights @ table, table.sum(axis=0)

    energy, all_energy = sums("energy_j")
    count, all_count = sums("inferences")
    late, all_late = sums("beyond")
    items, all_items = sums("items")
    right, all_right = sums("right")
    draws = np.empty((len(weights), len(blocks), 3))
    # The share beyond the point grows by a factor; the percentile lies where the share was smaller by it.
    growth = (late / count) / np.maximum(all_late / all_count, 1 - LEVEL)
    beyond = np.minimum((1 - LEVEL) / np.maximum(growth, 1e-9), TAIL_FLOOR)
    for place, each in enumerate(blocks):
        centre = float(np.interp(LEVEL, GRID, each.slow_s))
        found = np.interp(1 - beyond[:, place], GRID, each.slow_s)
        draws[:, place, 0] = points[place, 0] * found / centre
    draws[:, :, 1] = points[:, 1] * (energy / count) / (all_energy / all_count)
    shift = all_right / all_items - right / np.maximum(items, 1)
    draws[:, :, 2] = points[:, 2] + shift
    return draws


def _weights(sizes: Sequence[int], resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each block is drawn in each resample; each sitting gets as many as it has."""
    drawn = [rng.multinomial(size, np.full(size, 1 / size), resamples) for size in sizes]
    return np.concatenate(drawn, axis=1).astype(np.float64)


def _sitting_factors(blocks: Blocks, resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Factors on latency and energy by what sittings differ; each is t distributed, both move together."""
    sittings = len(blocks.deviations)
    directions = rng.standard_normal((resamples, sittings)) @ blocks.deviations / math.sqrt(sittings - 1)
    surprise = np.sqrt(rng.chisquare(sittings - 1, resamples) / (sittings - 1))
    return np.exp(directions / math.sqrt(sittings) / surprise[:, None])


def _dominated(  # noqa: PLR0917  a place and the tables it stands in
    standing: Standing,
    place: int,
    points: NDArray[np.float64],
    flat: NDArray[np.float64],
    boxed: NDArray[np.float64],
    front: NDArray[np.int64],
) -> Standing:
    """With the case on the front that dominates it most clearly: that gains most where it gains least."""
    better = front[(flat[front] <= flat[place]).all(axis=1)]
    gains = (points[better] - points[place]) / np.maximum(np.abs(points[place]), 1e-300)
    clearest = int(better[np.lexsort((gains.sum(axis=1), gains.max(axis=1)))[0]])
    theirs, own = boxed[:, clearest], boxed[:, place]
    beaten = (theirs <= own).all(axis=1) & (theirs < own).any(axis=1)
    *ratios, _ = points[clearest] / np.where(points[place] == 0, 1.0, points[place]) - 1
    margins = (*ratios, points[clearest, -1] - points[place, -1])
    return replace(
        standing,
        dominator=clearest,
        dominated=float(beaten.mean()),
        margins=tuple(float(margin) for margin in margins),
    )


def _stream(seed: int, *names: str) -> np.random.Generator:
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])
