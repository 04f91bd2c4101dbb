"""This module counts figures as equal that the user calls equal: those in one box of a declared width.

Boxes are laid from 0, or from 1 in a logarithm, so that "as good as" is transitive: were two figures equal
when they lie close, a could equal b and b equal c while a beats c.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.suite import Indifference

EDGE = 1e-9
"""A figure this close below an edge, in widths, is on it: 0.3 / 0.1 is not to fall into the box of 0.2."""


def place(values: NDArray[np.float64], box: Indifference) -> NDArray[np.float64]:
    """Number of the box of each value; what is not above 0 has no logarithm and lies below all others."""
    if not box.relative:
        steps = values / box.width
    else:
        steps = np.log(np.maximum(values, np.finfo(np.float64).tiny)) / np.log1p(box.width)
    found: NDArray[np.float64] = np.floor(steps + EDGE)
    return found


def boxes(points: NDArray[np.float64], widths: Sequence[Indifference | None]) -> NDArray[np.float64]:
    """Points with each figure replaced by the number of its box; a column without a width stays as it is.

    Args:
        points: shape (n, d).
        widths: one for each column; empty for none at all.
    """
    columns = [
        points[:, column] if box is None else place(points[:, column], box)
        for column, box in enumerate(widths)
    ]
    return np.stack(columns, axis=1) if columns else points
