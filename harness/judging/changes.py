"""This module finds where a series is not like the rest of itself: at its start, and from some place on.

Two questions, for no rule answers both. What at the start is not yet like the rest is found by MSER-5 (K. P.
White, Simulation 69, 1997): the cut after which the mean is surest. What changes later is found by change
points, the partition into constant pieces of least squares with a penalty for each piece (optimal
partitioning, B. Jackson et al., IEEE Signal Processing Letters 12, 2005) on means of batches so long that
they hardly depend on each other.
"""

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from harness.judging.autocorrelation import autocorrelation_time

BATCH = 5
"""Cycles in a batch of MSER-5, and the fewest in one of the search for changes."""

NEGLIGIBLE = 0.01
"""A relative change below this is none."""

DEVIATIONS = 3.0
"""Standard errors by which the start must differ from the rest to be cut off."""

PIECE = 3
"""Batches of the shortest piece; what lasts no longer is a disturbance, not a change of course."""

LONGEST = 500
"""Batches at most; longer series have longer batches."""


def mser5(x: NDArray[np.float64]) -> tuple[int, bool]:
    """Values to cut off at the start by MSER-5, and whether a steady part was found in the first half.

    Args:
        x: at least 10 values in order of time.
    """
    means = x[: len(x) // BATCH * BATCH].reshape(-1, BATCH).mean(axis=1)
    means = means - means.mean()
    n = len(means)
    left = n - np.arange(n)
    sums, squares = np.cumsum(means[::-1])[::-1], np.cumsum((means**2)[::-1])[::-1]
    best = int(np.argmin(((squares - sums**2 / left) / left**2)[: n // 2]))
    return best * BATCH, best < n // 2 - 1


def start_cut(x: NDArray[np.float64]) -> tuple[int, bool]:
    """The cut of MSER-5 where what it cuts off differs from the rest; else 0, for noise makes cuts as well.

    Args:
        x: at least `FEWEST` values in order of time.
    """
    cut, reached = mser5(x)
    if not cut:
        return 0, True
    head, rest = x[:cut], x[cut:]
    noise = float(rest.var()) * autocorrelation_time(rest)  # the start's own scatter is what is asked about
    error = math.sqrt(noise * (1 / len(head) + 1 / len(rest)))
    step = abs(float(head.mean() - rest.mean()))
    if step <= max(DEVIATIONS * error, NEGLIGIBLE * abs(float(rest.mean()))):
        return 0, True
    return cut, reached


def changes_in(x: NDArray[np.float64]) -> list[tuple[int, float]]:
    """Places of lasting changes of the mean, each with its relative size; none where all of them are negligible."""
    size = _batch(x)
    count = len(x) // size
    if count < 2 * BATCH:
        return []
    batches = x[: count * size].reshape(count, size).mean(axis=1)
    edges = [0, *partition(batches), count]
    means = [float(batches[a:b].mean()) for a, b in itertools.pairwise(edges)]
    if max(means) - min(means) < NEGLIGIBLE * abs(means[0]):
        return []
    return [
        (edge * size, after / before - 1)
        for edge, before, after in zip(edges[1:-1], means, means[1:], strict=False)
        if before
    ]


def partition(batches: NDArray[np.float64]) -> list[int]:
    """Places where a series is cut into constant pieces of least squares, each of `PIECE` batches and at a price.

    The price is 3 ln(m) s^2 for m batches, s from the median difference of neighbours; it is raised by
    1 + 20 / m, because of few batches s itself is unsure. With independent batches about 2 % of flat series
    are cut (simulated, m = 30 to 500).

    Args:
        batches: means of batches, hardly dependent on each other.
    """
    m = len(batches)
    deviation = float(np.median(np.abs(np.diff(batches)))) / 0.954  # median |a - b| of two normal values
    price = 3 * math.log(m) * deviation**2 * (1 + 20 / m)
    centred = batches - batches.mean()
    sums = np.concatenate([[0.0], np.cumsum(centred)])
    squares = np.concatenate([[0.0], np.cumsum(centred**2)])
    cost = np.full(m + 1, np.inf)
    cost[0] = -price
    last = np.zeros(m + 1, np.int64)
    for end in range(PIECE, m + 1):
        begin = np.arange(end - PIECE + 1)
        scatter = squares[end] - squares[begin] - (sums[end] - sums[begin]) ** 2 / (end - begin)
        total = cost[begin] + scatter + price
        last[end] = np.argmin(total)
        cost[end] = total[last[end]]
    places: list[int] = []
    place = int(last[m])
    while place:
        places.append(place)
        place = int(last[place])
    return places[::-1]


def _batch(x: NDArray[np.float64]) -> int:
    """Cycles of a batch: five autocorrelation times, the median of five equal pieces."""
    coarse = max(1, len(x) // (100 * LONGEST))
    means = x[: len(x) // coarse * coarse].reshape(-1, coarse).mean(axis=1)
    tau = coarse * float(np.median([autocorrelation_time(piece) for piece in np.array_split(means, 5)]))
    return max(BATCH, math.ceil(5 * tau), len(x) // LONGEST)
