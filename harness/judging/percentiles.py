"""This module estimates percentiles by sorted rank and bounds them by order statistics.

A percentile is a value that occurred, never one between two. Dependent values count as fewer than they are.
A bound for which there are too few values does not exist; MLPerf's early stopping asks for one rank more.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom

from harness.judging.autocorrelation import pooled_time
from harness.judging.stats import CONFIDENCE, REPLICATES, WITHIN, Estimate, between_sittings, resembling

NEARLY_INDEPENDENT = 1.2
"""Below this autocorrelation time, in values, the exact binomial ranks are used."""

TAIL = 0.9
"""The highest percentile whose exceedances are frequent enough to tell an autocorrelation time by."""


def percentiles(
    pieces: Sequence[NDArray[np.int64]],
    levels: Sequence[float],
    *,
    scale: float = 1.0,
    confidence: float = CONFIDENCE,
) -> list[Estimate]:
    """Percentiles by sorted rank, bounded by order statistics and, with enough sittings, between sittings.

    The point is a value that occurred (`inverted_cdf`), without interpolation. Dependent values count as
    fewer: their number is divided by the autocorrelation time of "above the percentile", the larger of
    that at p and at p90, because above a high percentile too few values are left to tell it by.

    With three sittings or more `lo` and `hi` are the interval over the sittings' own percentiles, on the log scale
    as `harness.judging.stats.between_sittings` makes it; `lower` and `upper` are then the worse of both methods.

    Args:
        pieces: one array per sitting, values in order of time, none empty.
        levels: each above 0 and below 1.
        scale: factor from the values to the unit of the estimates.
        confidence: of each one-sided bound.
    """
    ordered = np.sort(np.concatenate(pieces))
    times = {
        level: pooled_time([piece > ordered[rank_of(len(ordered), level)] for piece in pieces])
        for level in {*levels, *(min(p, TAIL) for p in levels)}
    }
    return [
        _percentile(pieces, ordered, p, max(times[p], times[min(p, TAIL)]), scale, confidence) for p in levels
    ]


def order_bounds(
    ordered: NDArray[np.int64] | NDArray[np.float64], p: float, tau: float, confidence: float
) -> tuple[float | None, float | None]:
    """One-sided lower and upper bounds of a percentile, each at `confidence`; None where too few values.

    Args:
        ordered: values, sorted.
        p: 0 < p < 1.
        tau: autocorrelation time in values; nearly 1 takes the exact binomial ranks, else those of
            n / tau values by the beta distribution (Clopper and Pearson).
        confidence: of each bound alone.
    """
    n = len(ordered)
    if tau < NEARLY_INDEPENDENT:
        j = int(binom.ppf(1 - confidence, n, p))
        k = int(binom.ppf(confidence, n, p)) + 1
        return (float(ordered[j - 1]) if j >= 1 else None), (float(ordered[k - 1]) if k <= n else None)
    m = n / tau
    lower = upper = None
    if (1 - p) ** m <= 1 - confidence:
        share = float(beta.ppf(1 - confidence, p * m, (1 - p) * m + 1))
        lower = float(ordered[math.floor(share * (n - 1))])
    if p**m <= 1 - confidence:
        share = float(beta.ppf(confidence, p * m + 1, (1 - p) * m))
        upper = float(ordered[math.ceil(share * (n - 1))])
    return lower, upper


def least_n(p: float, confidence: float = CONFIDENCE, tau: float = 1.0) -> int:
    """Least number of values with which a percentile has an upper bound (299 at p99 and 95 %)."""
    return math.ceil(tau * math.log(1 - confidence) / math.log(p))


def rank_of(n: int, p: float) -> int:
    """Place of the percentile in n sorted values, from 0: the least k with (k + 1) / n >= p."""
    return min(n - 1, max(0, math.ceil(n * p - 1e-9 * n) - 1))


def _percentile(  # noqa: PLR0917  in the order they are said
    pieces: Sequence[NDArray[np.int64]],
    ordered: NDArray[np.int64],
    p: float,
    tau: float,
    scale: float,
    confidence: float,
) -> Estimate:
    n = len(ordered)
    value = float(ordered[rank_of(n, p)]) * scale
    lower, upper = order_bounds(ordered, p, tau, confidence)
    lo, hi = order_bounds(ordered, p, tau, (1 + CONFIDENCE) / 2)
    missing = confidence if upper is None else (1 + CONFIDENCE) / 2 if hi is None else None
    needed = None if missing is None else max(math.floor(n / tau) + 1, least_n(p, missing))
    within = Estimate(
        value=value,
        lo=_scaled(lo, scale),
        hi=_scaled(hi, scale),
        lower=_scaled(lower, scale),
        upper=_scaled(upper, scale),
        method=WITHIN,
        n=n,
        unit="inferences",
        reason="" if needed is None else _too_few(n, tau, needed),
        confidence=confidence,
        factor=None if needed is None else needed * tau / n,
    )
    if len(pieces) < REPLICATES:
        return within
    ranks = [rank_of(len(piece), p) for piece in pieces]
    own = [float(np.partition(piece, k)[k]) * scale for piece, k in zip(pieces, ranks, strict=True)]
    between = between_sittings(own, value, confidence=confidence)
    return replace(
        between,
        lower=_worse(min, within.lower, between.lower),
        upper=_worse(max, within.upper, between.upper),
        reason=within.reason if within.upper is None else "",
        factor=within.factor if within.upper is None else None,
    )


def _too_few(n: int, tau: float, needed: int) -> str:
    return f"n too small for an upper bound: {resembling(n, 'inferences', n / tau)}; {needed} are needed"


def _worse(choose: Callable[[float, float], float], a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else choose(a, b)


def _scaled(x: float | None, scale: float) -> float | None:
    return None if x is None else x * scale
