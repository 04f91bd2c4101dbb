"""This module tells which points of several objectives dominate which; moocore does the work.

Equal points dominate each other not, so all of them stay. A point that is not finite is on no front.
"""

import moocore
import numpy as np
from numpy.typing import NDArray


def layers(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the front each point lies on, from 1; equal points share it, and a point that is not finite has 0.

    Args:
        points: one row each, all objectives to be small, shape (n, d).
    """
    finite = np.isfinite(points).all(axis=1)
    found = np.zeros(len(points), np.int64)
    if finite.all() and len(points):
        found += moocore.pareto_rank(points) + 1
    elif finite.any():
        found[finite] = moocore.pareto_rank(points[finite]) + 1
    return found
