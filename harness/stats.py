"""This module estimates figures and their bounds from cycles that depend on each other.

The replicate is the sitting: what one sitting cannot show is how the next would differ, so with three
sittings or more the interval is a t interval over sittings. Within one sitting neighbouring cycles resemble
each other, so their number is divided by the autocorrelation time before it is believed.

All intervals are at `CONFIDENCE`. A bound that the data cannot give is None with the reason, never a number.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.stats import beta, binom, binomtest
from scipy.stats import t as student

CONFIDENCE = 0.95
"""Of the two-sided interval `lo` to `hi`, and of each of the one-sided bounds `lower` and `upper` alone."""

REPLICATES = 3
"""Least number of sittings from which an interval between them is made."""

EFFECTIVE = 50
"""Least number of effectively independent cycles for an interval of a mean within a sitting."""

NEARLY_INDEPENDENT = 1.2
"""Below this autocorrelation time, in values, the exact binomial ranks are used."""

TAIL = 0.9
"""The highest percentile whose exceedances are frequent enough to tell an autocorrelation time by."""

BETWEEN = "between sittings"
WITHIN = "within one sitting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure and how far it can be trusted.

    Attributes:
        value: the point estimate; None where it cannot be had.
        lo, hi: two-sided interval; None for an end that cannot be had.
        lower, upper: one-sided bounds, for limits; None where they cannot be had.
        method: how the interval was made; empty where there is none by nature, as of a maximum.
        n: how many of `unit` the interval rests on; 0 where there is none.
        unit: what was counted: `sittings`, `cycles`, `inferences` or `items`.
        reason: why the value or a bound is absent, and what would help; empty where nothing is.
    """

    value: float | None
    lo: float | None = None
    hi: float | None = None
    lower: float | None = None
    upper: float | None = None
    method: str = ""
    n: int = 0
    unit: str = ""
    reason: str = ""

    def complement(self) -> "Estimate":
        """The estimate of one minus the figure, such as the error from the accuracy."""
        return Estimate(
            value=_one_minus(self.value),
            lo=_one_minus(self.hi),
            hi=_one_minus(self.lo),
            lower=_one_minus(self.upper),
            upper=_one_minus(self.lower),
            method=self.method,
            n=self.n,
            unit=self.unit,
            reason=self.reason,
        )


def absent(reason: str) -> Estimate:
    """The estimate of a figure that cannot be had."""
    return Estimate(value=None, reason=reason)


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
    size = next_fast_len(2 * n, real=True)
    spectrum = rfft(series, size)
    covariance = irfft(spectrum.real**2 + spectrum.imag**2, size)[:n]
    if covariance[0] <= np.finfo(np.float64).eps * n:
        return 1.0
    even = n // 2 * 2
    pairs = (covariance[0:even:2] + covariance[1:even:2]) / covariance[0]
    negative = np.flatnonzero(pairs < 0)
    cut = int(negative[0]) if len(negative) else len(pairs)
    return max(1.0, float(2 * pairs[:cut].sum() - 1))


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


def ratio(
    numerators: Sequence[NDArray[np.float64]],
    denominators: Sequence[NDArray[np.float64]],
    *,
    unit: str = "cycles",
) -> Estimate:
    """Ratio of sums, such as energy over inferences, the mean over sittings.

    Within a sitting the variance is that of the residuals numerator - ratio x denominator, with their
    number divided by their autocorrelation time. With denominators of 1 this is the mean.

    Args:
        numerators: one array per sitting, cycles in order.
        denominators: the same, all positive.
        unit: what one value of an array is.
    """
    ratios = np.array([a.sum() / b.sum() for a, b in zip(numerators, denominators, strict=True)])
    value = float(ratios.mean())
    if len(ratios) >= REPLICATES:
        return between_sittings(ratios)
    n = sum(len(piece) for piece in numerators)
    variance = effective = 0.0
    for a, b, r in zip(numerators, denominators, ratios, strict=True):
        residuals = a - r * b
        independent = len(a) / autocorrelation_time(residuals)
        effective += independent
        if len(a) > 1:
            variance += float(residuals.var(ddof=1)) / independent / float(b.mean()) ** 2
    if effective < EFFECTIVE:
        reason = (
            f"insufficient: {n} {unit} are worth {effective:.0f} independent ones, {EFFECTIVE} are needed"
        )
        return Estimate(value=value, method=WITHIN, n=n, unit=unit, reason=reason)
    error = math.sqrt(variance) / len(ratios)
    return _student(value, value, error, effective - len(ratios), method=WITHIN, n=n, unit=unit)


def between_sittings(values: ArrayLike, value: float | None = None) -> Estimate:
    """T interval over figures of single sittings.

    Args:
        values: one per sitting, at least two.
        value: the published figure where it is not their mean; the two-sided interval is widened to hold it.
    """
    each = np.asarray(values, np.float64)
    centre, error = float(each.mean()), float(each.std(ddof=1)) / math.sqrt(len(each))
    return _student(
        centre if value is None else value,
        centre,
        error,
        len(each) - 1,
        method=BETWEEN,
        n=len(each),
        unit="sittings",
    )


def percentiles(
    pieces: Sequence[NDArray[np.int64]], levels: Sequence[float], *, scale: float = 1.0
) -> list[Estimate]:
    """Percentiles by sorted rank, bounded by order statistics and, with enough sittings, between sittings.

    The point is a value that occurred (`inverted_cdf`), without interpolation. Dependent values count as
    fewer: their number is divided by the autocorrelation time of "above the percentile", the larger of
    that at p and at p90, because above a high percentile too few values are left to tell it by.

    With three sittings or more `lo` and `hi` are the t interval over the sittings' own percentiles; `lower`
    and `upper` are then the worse of both methods.

    Args:
        pieces: one array per sitting, values in order of time, none empty.
        levels: each above 0 and below 1.
        scale: factor from the values to the unit of the estimates.
    """
    ordered = np.sort(np.concatenate(pieces))
    times = {
        level: pooled_time([piece > ordered[_rank(len(ordered), level)] for piece in pieces])
        for level in {*levels, *(min(p, TAIL) for p in levels)}
    }
    return [_percentile(pieces, ordered, p, max(times[p], times[min(p, TAIL)]), scale) for p in levels]


def _percentile(
    pieces: Sequence[NDArray[np.int64]], ordered: NDArray[np.int64], p: float, tau: float, scale: float
) -> Estimate:
    n = len(ordered)
    value = float(ordered[_rank(n, p)]) * scale
    lower, upper = order_bounds(ordered, p, tau, CONFIDENCE)
    lo, hi = order_bounds(ordered, p, tau, (1 + CONFIDENCE) / 2)
    within = Estimate(
        value=value,
        lo=_scaled(lo, scale),
        hi=_scaled(hi, scale),
        lower=_scaled(lower, scale),
        upper=_scaled(upper, scale),
        method=WITHIN,
        n=n,
        unit="inferences",
        reason=_too_few(n, p, tau, CONFIDENCE if upper is None else (1 + CONFIDENCE) / 2)
        if hi is None
        else "",
    )
    if len(pieces) < REPLICATES:
        return within
    ranks = [_rank(len(piece), p) for piece in pieces]
    own = [float(np.partition(piece, k)[k]) * scale for piece, k in zip(pieces, ranks, strict=True)]
    between = between_sittings(own, value)
    return replace(
        between,
        lower=_worse(min, within.lower, between.lower),
        upper=_worse(max, within.upper, between.upper),
        reason=within.reason if within.upper is None else "",
    )


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


def wilson(right: int, n: int) -> Estimate:
    """Share of right items with Wilson's score interval, the items taken as a sample.

    Args:
        right: items answered right.
        n: distinct items, at least 1.
    """
    both = binomtest(right, n).proportion_ci(CONFIDENCE, method="wilson")
    # A two-sided interval at 90 % has the one-sided bounds at 95 % for its ends.
    each = binomtest(right, n).proportion_ci(2 * CONFIDENCE - 1, method="wilson")
    return Estimate(
        value=right / n,
        lo=float(both.low),
        hi=float(both.high),
        lower=float(each.low),
        upper=float(each.high),
        method="Wilson over items",
        n=n,
        unit="items",
    )


def _student(
    value: float, centre: float, error: float, freedom: float, *, method: str, n: int, unit: str
) -> Estimate:
    """T interval around the centre, widened to hold the value where the two differ."""
    both = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    one = float(student.ppf(CONFIDENCE, freedom)) * error
    return Estimate(
        value=value,
        lo=min(value, centre - both),
        hi=max(value, centre + both),
        lower=min(value, centre - one),
        upper=max(value, centre + one),
        method=method,
        n=n,
        unit=unit,
    )


def _rank(n: int, p: float) -> int:
    """Place of the percentile in n sorted values, from 0: the least k with (k + 1) / n >= p."""
    return min(n - 1, max(0, math.ceil(n * p - 1e-9 * n) - 1))


def _too_few(n: int, p: float, tau: float, confidence: float = CONFIDENCE) -> str:
    needed = max(n + 1, least_n(p, confidence, tau))
    return (
        f"n too small for an upper bound: {n} inferences are worth {n / tau:.0f} independent ones; "
        f"run about {needed / n:.2g} times as many"
    )


def _worse(choose: Callable[[float, float], float], a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else choose(a, b)


def _scaled(x: float | None, scale: float) -> float | None:
    return None if x is None else x * scale


def _one_minus(x: float | None) -> float | None:
    return None if x is None else 1 - x
