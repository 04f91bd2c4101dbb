"""This module tells which points of several objectives dominate which; moocore does the work.

Equal points dominate each other not, so all of them stay. A point that is not finite is on no front.
"""

import moocore
import numpy as np
from numpy.typing import NDArray


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
    known = np.isfinite(points)
    if known.all():
        return np.asarray(moocore.is_nondominated(points, keep_weakly=True), np.bool_)
    finite = known.all(axis=1)
    found = np.zeros(len(points), np.bool_)
    if finite.any():
        found[finite] = moocore.is_nondominated(points[finite], keep_weakly=True)
    return found
