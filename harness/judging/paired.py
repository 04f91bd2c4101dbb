"""This module estimates how two cases differ from what they share: the same items, the same sittings.

A pair cancels what both have in common. The share of right items is compared on the items both answered, for
an equal share can hide that every tenth answer differs; latency and energy by the log-ratios of sittings, for
the replicate is the sitting. All intervals are at `harness.judging.stats.CONFIDENCE`, and all differences are those of
the candidate against the base.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, norm
from scipy.stats import t as student

from harness.judging.stats import CONFIDENCE, REPLICATES, Estimate, absent
from harness.quantities import counted

PAIRED = "paired log-ratios of sittings"
UNPAIRED = "log-ratios of sittings, not paired (Welch)"
NEWCOMBE = "Newcombe's paired score interval over items"

POWER = 0.8
"""Chance with which the smallest detectable difference would be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """How two cases answered the same items.

    Attributes:
        both, neither: items both got right, and both got wrong.
        lost: items the base got right and the candidate wrong.
        won: items the base got wrong and the candidate right.
    """

    both: int
    lost: int
    won: int
    neither: int

    @property
    def items(self) -> int:
        """Items both answered."""
        return self.both + self.lost + self.won + self.neither

    @property
    def disagreement(self) -> float:
        """Share of the items on which one is right and the other wrong."""
        return (self.lost + self.won) / self.items

    @property
    def base(self) -> float:
        """Share the base got right."""
        return (self.both + self.lost) / self.items

    @property
    def candidate(self) -> float:
        """Share the candidate got right."""
        return (self.both + self.won) / self.items


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A difference with the chance that nothing but noise made it.

    Attributes:
        effect: candidate minus base for shares, candidate / base - 1 for what is positive.
        p: two-sided chance of such a difference or a larger one were there none; None where it cannot be had.
    """

    effect: Estimate
    p: float | None


def flips(base: Mapping[int, bool], candidate: Mapping[int, bool]) -> Flips:
    """Count how the items of both were answered; items of one alone are left out.

    Args:
        base: item to whether it was answered rightly.
        candidate: the same of the other case.
    """
    answers = [(base[item], candidate[item]) for item in base.keys() & candidate.keys()]
    return Flips(
        both=answers.count((True, True)),
        lost=answers.count((True, False)),
        won=answers.count((False, True)),
        neither=answers.count((False, False)),
    )


def mcnemar(table: Flips) -> float:
    """Exact two-sided p of as many items lost against won by chance alone; 1 where no item flipped."""
    flipped = table.lost + table.won
    return float(binomtest(table.lost, flipped).pvalue) if flipped else 1.0


def difference(table: Flips) -> Shift:
    """Difference of the shares of right items, with exact McNemar's p.

    The interval is the square-and-add one of Wilson limits with the correlation of the answers taken in
    (R. G. Newcombe, Statistics in Medicine 17, 1998, p. 2635, method 10).
    """
    if not table.items:
        return Shift(effect=absent("both have no item in common"), p=None)
    lo, hi = _newcombe(table, (1 + CONFIDENCE) / 2)
    lower, upper = _newcombe(table, CONFIDENCE)
    effect = Estimate(
        value=(table.won - table.lost) / table.items,
        lo=lo,
        hi=hi,
        lower=lower,
        upper=upper,
        method=NEWCOMBE,
        n=table.items,
        unit="items",
    )
    return Shift(effect=effect, p=mcnemar(table))


def smallest_difference(table: Flips) -> float | None:
    """Difference of the shares that would be found with the chance `POWER`; None where no item flipped."""
    if not table.lost + table.won:
        return None
    deviations = norm.ppf((1 + CONFIDENCE) / 2) + norm.ppf(POWER)
    return float(deviations) * math.sqrt(table.disagreement / table.items)


def relative_change(base: Sequence[float], candidate: Sequence[float], *, paired: bool) -> Shift:
    """Relative change of a positive figure, from the logarithms of the sittings' own figures.

    Args:
        base: one figure per sitting.
        candidate: the same of the other case, in the order of the base where `paired`.
        paired: the sittings of a pair saw the same items in the same order.
    """
    fewest = min(len(base), len(candidate))
    if not fewest:
        return Shift(effect=absent("one side has no figure of a single sitting"), p=None)
    if min(*base, *candidate) <= 0:
        return Shift(effect=absent("a figure is not above 0, so that there is no ratio"), p=None)
    a, b = np.log(np.asarray(base, np.float64)), np.log(np.asarray(candidate, np.float64))
    method = PAIRED if paired else UNPAIRED
    centre = float(b.mean() - a.mean())
    if fewest < REPLICATES:
        reason = (
            f"{counted(fewest, 'sitting')} cannot tell how the next would differ, {REPLICATES} are needed"
        )
        value = math.expm1(centre)
        return Shift(effect=Estimate(value=value, n=fewest, unit="sittings", reason=reason), p=None)
    error, freedom = _paired_error(b - a) if paired else _welch_error(a, b)

    def bound(side: int, confidence: float) -> float:
        return math.expm1(centre + side * float(student.ppf(confidence, freedom)) * error)

    effect = Estimate(
        value=math.expm1(centre),
        lo=bound(-1, (1 + CONFIDENCE) / 2),
        hi=bound(1, (1 + CONFIDENCE) / 2),
        lower=bound(-1, CONFIDENCE),
        upper=bound(1, CONFIDENCE),
        method=method,
        n=fewest,
        unit="sittings",
    )
    return Shift(effect=effect, p=_p_value(centre, error, freedom))


def within_margin(effect: Estimate, margin: float) -> bool:
    """Both one-sided bounds lie inside -margin to +margin: two one-sided tests (D. J. Schuirmann, 1987)."""
    if effect.lower is None or effect.upper is None:
        return False
    return -margin < effect.lower and effect.upper < margin


def holm(p_values: Sequence[float]) -> list[float]:
    """P values raised so that a whole family of tests errs once in 20 at 0.05 (S. Holm, 1979), in their order."""
    raised = [0.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - place)))
        raised[index] = highest
    return raised


def _paired_error(ratios: np.ndarray) -> tuple[float, float]:
    return float(ratios.std(ddof=1)) / math.sqrt(len(ratios)), len(ratios) - 1


def _welch_error(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Standard error of the difference of means and its degrees of freedom (Welch and Satterthwaite)."""
    parts = [float(each.var(ddof=1)) / len(each) for each in (a, b)]
    square = sum(parts)
    if square == 0:
        return 0.0, len(a) + len(b) - 2
    freedom = square**2 / sum(
        part**2 / (len(each) - 1) for part, each in zip(parts, (a, b), strict=True) if part
    )
    return math.sqrt(square), freedom


def _p_value(centre: float, error: float, freedom: float) -> float:
    if error == 0:
        return 1.0 if centre == 0 else 0.0
    return 2 * float(student.sf(abs(centre) / error, freedom))


def _newcombe(table: Flips, confidence: float) -> tuple[float, float]:
    """Lower and upper bound of candidate minus base, each at `confidence`."""
    n = table.items
    before, after = table.both + table.lost, table.both + table.won
    (low_b, high_b), (low_a, high_a) = (_wilson(right, n, confidence) for right in (before, after))
    base, candidate = before / n, after / n
    phi = _correlation(table)

    def reach(of_candidate: float, of_base: float) -> float:
        return math.sqrt(max(0.0, of_candidate**2 - 2 * phi * of_candidate * of_base + of_base**2))

    value = candidate - base
    return (
        max(-1.0, value - reach(candidate - low_a, high_b - base)),
        min(1.0, value + reach(high_a - candidate, base - low_b)),
    )


def _wilson(right: int, n: int, confidence: float) -> tuple[float, float]:
    both = binomtest(right, n).proportion_ci(2 * confidence - 1, method="wilson")
    return float(both.low), float(both.high)


def _correlation(table: Flips) -> float:
    """Of the answers, drawn towards 0 where it is positive, as method 10 does."""
    sides = (
        (table.both + table.lost)
        * (table.won + table.neither)
        * (table.both + table.won)
        * (table.lost + table.neither)
    )
    if not sides:
        return 0.0
    excess = table.both * table.neither - table.lost * table.won
    if excess > 0:
        return max(0.0, excess - table.items / 2) / math.sqrt(sides)
    return excess / math.sqrt(sides)
