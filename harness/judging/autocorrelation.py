"""This module tells how many successive values of a series are worth one independent value."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import irfft, next_fast_len, rfft

LAGS = 512
"""Lags looked at first; eight times as many as long as the correlations have not died away."""

AT_ONCE = 1 << 19
"""Values transformed at once."""


def autocorrelation_time(x: ArrayLike) -> float:
    """Number of successive values that are worth one independent value, at least 1.

    The sum of autocorrelations is cut by the initial positive sequence (Geyer, Statistical Science 7, 1992).

    Args:
        x: one uninterrupted series in order of time; a constant or empty one gives 1.
    """
    series = np.asarray(x, np.float64)
    n = len(series)
    if n < 2:
        return 1.0
    series = series - series.mean()
    lags = min(LAGS, n)
    while True:
        covariance = _autocovariance(series, lags)
        if covariance[0] <= np.finfo(np.float64).eps * n:
            return 1.0
        even = lags // 2 * 2
        pairs = (covariance[0:even:2] + covariance[1:even:2]) / covariance[0]
        negative = np.flatnonzero(pairs < 0)
        if len(negative) or lags == n:
            cut = int(negative[0]) if len(negative) else len(pairs)
            return max(1.0, float(2 * pairs[:cut].sum() - 1))
        lags = min(8 * lags, n)


def pooled_time(pieces: Sequence[NDArray[np.float64] | NDArray[np.bool_]]) -> float:
    """Autocorrelation time of several series, each taken alone so that no seam is crossed.

    They are weighted with length x variance, for the variance of the pooled mean is the sum of just these
    products; a constant piece therefore weighs nothing.
    """
    weights = [len(piece) * float(np.var(piece)) for piece in pieces]
    if not any(weights):
        return 1.0
    times = [
        autocorrelation_time(piece) if weight else 1.0 for piece, weight in zip(pieces, weights, strict=True)
    ]
    return float(np.average(times, weights=weights))


def _autocovariance(series: NDArray[np.float64], lags: int) -> NDArray[np.float64]:
    """Sums of products of the series with itself shifted by 0 to lags - 1, block by block."""
    block = min(4 * lags, len(series))
    size = next_fast_len(block + lags, real=True)
    count = -(-len(series) // block)
    padded = np.concatenate([series, np.zeros(count * block + lags - len(series))])
    longer = np.lib.stride_tricks.sliding_window_view(padded, block + lags)[::block][:count]
    spectrum = np.zeros(size // 2 + 1, np.complex128)
    rows = max(1, AT_ONCE // size)
    for first in range(0, count, rows):
        part = longer[first : first + rows]
        spectrum += (rfft(part[:, :block], size).conj() * rfft(part, size)).sum(axis=0)
    covariance: NDArray[np.float64] = irfft(spectrum, size)[:lags]
    return covariance
