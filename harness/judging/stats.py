"""This module estimates figures and their bounds from cycles that depend on each other.

The replicate is the sitting: what one sitting cannot show is how the next would differ, so with three
sittings or more the interval is one over sittings. Within one sitting neighbouring cycles resemble each other,
so their number is divided by the autocorrelation time before it is believed.

What is above 0 by nature, as a latency, an energy or a power, has its bounds on the log scale
(`harness.judging.bounds`); a difference, as the energy above idle, has the plain t interval.

Two-sided intervals are at `CONFIDENCE`; one-sided bounds are at it too, or at what a number of looks asks for.
A bound that the data cannot give is None with the reason, never a number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, norm, t

from harness.judging.autocorrelation import autocorrelation_time
from harness.judging.bounds import Bounds, bounds_of_mean, widened

CONFIDENCE = 0.95
"""Of the two-sided interval `lo` to `hi`, and of each one-sided bound where a run is looked at once."""

REPLICATES = 3
"""Least number of sittings from which an interval between them is made."""

EFFECTIVE = 50
"""Least number of effectively independent cycles for an interval of a mean within a sitting."""

BETWEEN = "between sittings"
WITHIN = "within one sitting"

TOO_NEAR = 100
"""So many times the work is no advice any more."""


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
        reason: why the value or a bound is absent; empty where nothing is.
        confidence: of `lower` and of `upper`, each alone.
        factor: how many times the work would give the missing bound; None where none is missing, or nobody knows.
        type_a: standard uncertainty seen in repetition, in the unit of the value; None where there is none.
        type_b: standard uncertainty the meter adds, which no repetition shows; None where there is none or nobody
            knows it. It is in no bound here: between cases on one meter most of it cancels.
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
    confidence: float = CONFIDENCE
    factor: float | None = None
    type_a: float | None = None
    type_b: float | None = None

    def absolute(self) -> "Estimate":
        """The estimate with the meter's own error in its bounds, as a limit in joules or watts needs it."""
        if self.type_b is None or self.value is None:
            return self
        both = float(norm.ppf((1 + CONFIDENCE) / 2)) * self.type_b
        one = float(norm.ppf(self.confidence)) * self.type_b
        return replace(
            self,
            lo=widened(self.value, self.lo, -both),
            hi=widened(self.value, self.hi, both),
            lower=widened(self.value, self.lower, -one),
            upper=widened(self.value, self.upper, one),
        )

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
            confidence=self.confidence,
            factor=self.factor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Where the scatter of a figure comes from, both relative to the figure.

    Attributes:
        between: standard deviation of the figures of the sittings; None with fewer than two.
        within: what it would be were the scatter of the cycles, dependent as they are, all there is; None with
            too few of them. Where `between` is much the larger, only more sittings help.
    """

    between: float | None
    within: float | None


def look_confidence(looks: int) -> float:
    """Confidence of each of so many looks at a run that together err no oftener than one does (Bonferroni)."""
    return 1 - (1 - CONFIDENCE) / looks


def absent(reason: str) -> Estimate:
    """The estimate of a figure that cannot be had."""
    return Estimate(value=None, reason=reason)


def ratio(
    numerators: Sequence[NDArray[np.float64]],
    denominators: Sequence[NDArray[np.float64]],
    *,
    unit: str = "cycles",
    signed: bool = False,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Ratio of sums, such as energy over inferences, the mean over sittings.

    Within a sitting the variance is that of the residuals numerator - ratio x denominator, with their
    number divided by their autocorrelation time. With denominators of 1 this is the mean.

    Args:
        numerators: one array per sitting, cycles in order.
        denominators: the same, all positive.
        unit: what one value of an array is.
        signed: the ratio may be below 0, as a difference may.
        confidence: of each one-sided bound.
    """
    ratios = [float(a.sum() / b.sum()) for a, b in zip(numerators, denominators, strict=True)]
    if len(ratios) >= REPLICATES:
        return between_sittings(ratios, signed=signed, confidence=confidence)
    residuals = [(a - r * b) / b.mean() for a, b, r in zip(numerators, denominators, ratios, strict=True)]
    return _within(ratios, residuals, unit, confidence, signed=signed)


def product_of_ratios(
    first: Sequence[NDArray[np.float64]],
    second: Sequence[NDArray[np.float64]],
    denominators: Sequence[NDArray[np.float64]],
    *,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Product of two ratios over the same denominator, such as energy x delay of one inference.

    Within a sitting the variance is that of the relative residuals of both ratios added up (delta method), so
    that their correlation is in it.

    Args:
        first: numerators of the one, one array per sitting, cycles in order, sums not 0.
        second: those of the other.
        denominators: the same, all positive.
        confidence: of each one-sided bound.
    """
    pieces = list(zip(first, second, denominators, strict=True))
    products = [float(a.sum() * b.sum() / n.sum() ** 2) for a, b, n in pieces]
    if len(products) >= REPLICATES:
        return between_sittings(products, confidence=confidence)
    residuals = [
        product * (a / a.mean() + b / b.mean() - 2 * n / n.mean())
        for product, (a, b, n) in zip(products, pieces, strict=True)
    ]
    return _within(products, residuals, "cycles", confidence)


def spread(numerators: Sequence[NDArray[np.float64]], denominators: Sequence[NDArray[np.float64]]) -> Spread:
    """Between and within sittings, of the ratio of sums as in `ratio`."""
    ratios = np.array([a.sum() / b.sum() for a, b in zip(numerators, denominators, strict=True)])
    variances = []
    for a, b, r in zip(numerators, denominators, ratios, strict=True):
        residuals = (a - r * b) / b.mean()
        independent = len(a) / autocorrelation_time(residuals)
        if independent >= 2:
            variances.append(float(residuals.var(ddof=1)) / independent)
    centre = float(ratios.mean())
    return Spread(
        between=float(ratios.std(ddof=1)) / centre if len(ratios) > 1 else None,
        within=math.sqrt(float(np.mean(variances))) / centre if variances else None,
    )


def between_sittings(
    values: ArrayLike, value: float | None = None, *, signed: bool = False, confidence: float = CONFIDENCE
) -> Estimate:
    """Interval of the mean over sittings from the figures of single sittings.

    Figures above 0 have theirs on the log scale, others on the plain one, as `harness.judging.bounds` says.

    Args:
        values: one per sitting, at least two.
        value: the published figure where it is not their mean; the interval is widened to hold it.
        signed: they may be below 0, as a difference may.
        confidence: of each one-sided bound.
    """
    each = np.asarray(values, np.float64)
    found = _student(
        float(each.mean()) if value is None else value,
        bounds_of_mean(each, signed=signed),
        method=BETWEEN,
        n=len(each),
        unit="sittings",
        confidence=confidence,
    )
    return replace(found, type_a=float(each.std(ddof=1)) / math.sqrt(len(each)))


def wilson(right: int, n: int, *, confidence: float = CONFIDENCE) -> Estimate:
    """Share of right items with Wilson's score interval, the items taken as a sample.

    Args:
        right: items answered right.
        n: distinct items, at least 1.
        confidence: of each one-sided bound.
    """
    both = binomtest(right, n).proportion_ci(CONFIDENCE, method="wilson")
    # A two-sided interval at 90 % has the one-sided bounds at 95 % for its ends.
    each = binomtest(right, n).proportion_ci(2 * confidence - 1, method="wilson")
    return Estimate(
        value=right / n,
        lo=float(both.low),
        hi=float(both.high),
        lower=float(each.low),
        upper=float(each.high),
        method="Wilson over items",
        n=n,
        unit="items",
        confidence=confidence,
    )


def _within(
    figures: Sequence[float],
    residuals: Sequence[NDArray[np.float64]],
    unit: str,
    confidence: float,
    *,
    signed: bool = False,
) -> Estimate:
    """Interval of the mean of a few sittings' figures from the residuals of their cycles.

    Of a figure above 0 the relative error is that of its logarithm (delta method).
    """
    value, n = float(np.mean(figures)), sum(map(len, residuals))
    variance = effective = 0.0
    for each in residuals:
        independent = len(each) / autocorrelation_time(each)
        effective += independent
        if len(each) > 1:
            variance += float(each.var(ddof=1)) / independent
    if effective < EFFECTIVE:
        return Estimate(
            value=value,
            method=WITHIN,
            n=n,
            unit=unit,
            reason=f"insufficient: {resembling(n, unit, effective)}; {EFFECTIVE} are needed for an interval",
            confidence=confidence,
            factor=EFFECTIVE / effective if effective else None,
        )
    error = math.sqrt(variance) / len(figures)
    logarithmic = value > 0 and not signed
    bounds = Bounds(
        centre=value,
        error=error / value if logarithmic else error,
        freedom=effective - len(figures),
        logarithmic=logarithmic,
    )
    found = _student(value, bounds, method=WITHIN, n=n, unit=unit, confidence=confidence)
    return replace(found, type_a=error)


def resembling(n: int, unit: str, independent: float) -> str:
    """How little dependent values tell, in words."""
    if independent > 0.99 * n:
        return f"there are {n} {unit}"
    return (
        f"{unit} that follow each other resemble each other, so that the {n} measured tell no more than "
        f"{independent:.0f} independent ones would"
    )


def _student(value: float, bounds: Bounds, *, method: str, n: int, unit: str, confidence: float) -> Estimate:
    """The estimate with its interval, widened to hold the value where that is another than the centre."""
    lo, hi = bounds.at((1 + CONFIDENCE) / 2)
    lower, upper = bounds.at(confidence)
    return Estimate(
        value=value,
        lo=min(value, lo),
        hi=max(value, hi),
        lower=min(value, lower),
        upper=max(value, upper),
        method=method,
        n=n,
        unit=unit,
        confidence=confidence,
    )


def _one_minus(x: float | None) -> float | None:
    return None if x is None else 1 - x


def more_to_decide(estimate: Estimate, width: float, gap: float) -> int | None:
    """How many more units would bring the bound of an estimate to a limit, the spread staying as it is.

    A half-width shrinks with the root of the number, and between sittings with the t quantile as well: of a few
    sittings it is mostly the quantile that is wide.

    Args:
        estimate: whose `n` units the bound rests on.
        width: from the value to its bound.
        gap: from the value to the limit.

    Returns:
        At least 1; None where `TOO_NEAR` times the work would not do.
    """
    # A bound on the log scale may be so far away that its square is no float.
    wider = width / gap if gap else math.inf
    if wider >= TOO_NEAR:
        return None
    if estimate.unit != "sittings":
        more = math.ceil(estimate.n * (wider**2 - 1))
        return max(1, more) if more <= TOO_NEAR * estimate.n else None
    sittings = np.arange(estimate.n, (TOO_NEAR + 1) * estimate.n + 1)
    widths = t.ppf(estimate.confidence, sittings - 1) / np.sqrt(sittings)
    enough = np.flatnonzero(widths[1:] * wider <= widths[0])
    return int(enough[0]) + 1 if len(enough) else None
