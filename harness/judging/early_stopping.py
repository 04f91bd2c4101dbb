"""This module computes the latency percentile that MLPerf's load generator publishes for a single stream.

It is the least latency that the percentile keeps with a confidence of 99 %, the inferences taken as independent:
an upper bound published as the figure (MLCommons, `mlcommons/inference`, loadgen: `early_stopping.cc` and
`results.cc`; Inference Rules, appendix on early stopping). It starts with one value beyond it, so it is one rank
more cautious than the exact bound and needs 64 inferences at p90, 662 at p99. It is there to be held against
published figures; a figure of it is no MLPerf result.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from harness.judging.stats import Estimate, absent

CONFIDENCE = 0.99
"""Of the bound; the load generator's tolerance is 0."""

LEVELS = {"latency_p90_early_stopping_s": 0.90, "latency_p99_early_stopping_s": 0.99}
"""The percentile of a single stream, and the one that stands for several streams."""


def early_stopping(pieces: Sequence[NDArray[np.int64]], *, scale: float = 1.0) -> dict[str, Estimate]:
    """The percentiles of `LEVELS`, of all values together; absent where they are too few.

    Args:
        pieces: one array per sitting, none empty.
        scale: factor from the values to the unit of the estimates.
    """
    values = np.concatenate(pieces)
    n = len(values)
    ranks = {name: rank_from_top(n, p) for name, p in LEVELS.items()}
    values.partition([n - rank for rank in ranks.values() if rank] or [0])
    return {
        name: Estimate(value=float(values[n - ranks[name]]) * scale)
        if ranks[name]
        else absent(f"n too small: {n} inferences, early stopping at p{100 * p:g} needs {fewest(p)}")
        for name, p in LEVELS.items()
    }


def rank_from_top(n: int, p: float) -> int:
    """Place of the published value among n, counted from the largest, which is 1; 0 for too few values.

    It is the greatest t for which t or fewer of n independent values lie beyond the percentile with a chance of
    no more than 1 %.
    """
    rank = int(binom.ppf(1 - CONFIDENCE, n, 1 - p))
    while rank > 0 and binom.cdf(rank, n, 1 - p) > 1 - CONFIDENCE:
        rank -= 1
    return rank


def fewest(p: float) -> int:
    """Least number of values: 64 at p90, 662 at p99."""
    n = 2
    while not rank_from_top(n, p):
        n *= 2
    low, high = n // 2, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if rank_from_top(middle, p) else (middle, high)
    return high
