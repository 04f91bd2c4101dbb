"""This module tells how far a limit may be tightened before a case no longer passes it.

The bound that the verdict rests on decides, not the estimate: between the two the limit is kept by the figures but not
shown to be kept.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.judging.limits import MOST_DIGITS, Judgement, Verdict, inside, print_bound, print_limit
from harness.quantities import QUANTITIES, SHARE, print_share
from harness.suite import Limit

STEPS = 100
"""A change is told in steps of which it has this many at least, so that it is told to 1 % of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tightening:
    """A limit made just so tight that a case which passed it no longer does.

    Attributes:
        before: the limit passed.
        after: the same with a bound of few digits just beyond what the verdict rests on.
        passed_by: what that is, in the unit of the quantity.
        digits: of the new bound.
    """

    before: Limit
    after: Limit
    passed_by: float
    digits: int

    @property
    def share(self) -> float:
        """How much tighter, relative to the limit; of a share that is to be large, to the rest of 1."""
        return relative_change(self.before, self.after)

    def __str__(self) -> str:
        name = self.before.quantity
        step = self.after.bound - self.before.bound
        side = "higher" if step > 0 else "lower"
        if QUANTITIES[name].unit is SHARE:
            points = f"{abs(100 * step):.2g}"
            by = f"{points} percentage point{'s' * (points != '1')} {side}"
        else:
            by = f"{print_share(abs(step / (self.before.bound or 1.0)), 1)} {side}"
        return f"{print_limit(self.before)} becomes {self.after.comparison} {print_bound(self.after)} ({by})"


def tightening(judgement: Judgement) -> Tightening | None:
    """What breaks a passed limit; None where it is not passed, or nothing that can be written does."""
    near, limit = judgement.passed_by, judgement.limit
    if judgement.verdict is not Verdict.PASS or near is None:
        return None
    downwards = limit.comparison in {"<", "<="}
    for digits in range(3, MOST_DIGITS + 1):
        after = replace(limit, bound=_beyond(near, digits, downwards=downwards, share=_is_share(limit)))
        step = _step(near, digits, share=_is_share(limit))
        if not inside(near, after) and step * STEPS <= abs(after.bound - limit.bound):
            return Tightening(before=limit, after=after, passed_by=near, digits=digits)
    return None


def tightest(judgements: Iterable[Judgement]) -> Tightening | None:
    """Of several limits that of which the least tightening is enough; None where none is passed."""
    found = [each for each in map(tightening, judgements) if each is not None]
    return min(found, key=lambda each: each.share, default=None)


def relative_change(before: Limit, after: Limit) -> float:
    """How far the bound of a limit is moved, relative to it; of a share that is to be large, to the rest of 1."""
    larger = _is_share(before) and before.comparison in {">", ">="}
    whole = 1 - before.bound if larger else before.bound
    return abs(after.bound - before.bound) / (abs(whole) or 1.0)


def passable(near: float, limit: Limit) -> float | None:
    """The bound of few digits just so loose that a figure keeps it; None where none can be written."""
    upper, share = limit.comparison in {"<", "<="}, _is_share(limit)
    for digits in range(3, MOST_DIGITS + 1):
        step = _step(near, digits, share=share)
        even = replace(limit, bound=round(near, -round(math.log10(step))))
        if math.isclose(even.bound, near, rel_tol=1e-12) and inside(near, even):
            return even.bound
        beyond = replace(limit, bound=_beyond(near, digits, downwards=not upper, share=share))
        if inside(near, beyond) and step * STEPS <= abs(beyond.bound - limit.bound):
            return beyond.bound
    return None


def _is_share(limit: Limit) -> bool:
    return QUANTITIES[limit.quantity].unit is SHARE


def _step(value: float, digits: int, *, share: bool) -> float:
    """The unit of the last digit that is printed."""
    return 10.0 ** (-digits if share or not value else math.floor(math.log10(abs(value))) - digits + 1)


def _beyond(near: float, digits: int, *, downwards: bool, share: bool) -> float:
    """The nearest number of so many digits that is tighter than the bound, never equal to it."""
    step = _step(near, digits, share=share)
    count = math.ceil(near / step) - 1 if downwards else math.floor(near / step) + 1
    decimals = -round(math.log10(step))
    return round(count * step, decimals)
