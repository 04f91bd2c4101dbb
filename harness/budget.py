"""This module is the uncertainty budget of a figure: each known error, its size and its source, and what is not known.

It follows the Guide to the Expression of Uncertainty in Measurement (JCGM 100:2008). A figure of energy or power
has two kinds of uncertainty. Type A is seen in the spread of repeated sittings (`harness.judging.stats`). Type B is
known beforehand, from data sheets and from how the meter is wired; it is the same in every repetition, so no
number of cycles makes it smaller. All terms are relative to the figure and mostly multiply it. The terms of
single meters are in `harness.monitors` and `harness.accuracy`.

A limit `a` without more knowledge is taken as a rectangular distribution, u = a / sqrt(3) (clause 4.3.7).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

COVERAGE_FACTOR = 2.0
"""U = k u with k = 2, about 95 % (JCGM 100:2008 clause 6.2)."""


class Effect(StrEnum):
    """How an error enters the figure, and so what a comparison on one rig keeps of it."""

    GAIN = "gain"  # multiplies every figure alike: cancels in a ratio
    OFFSET = "offset"  # the same volts for every case: cancels as far as the cases draw alike
    SHARE = (
        "share"  # multiplies one of several channels: cancels as far as its share of the energy is the same
    )
    OWN = "own"  # of each figure alone: cancels in nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """What the meter saw of a case.

    Attributes:
        shunt_v, bus_v: mean voltages in the windows; None of a meter that tells power or energy alone.
        power_w: mean power in the windows.
        window_s: mean length of a window.
        edge_s: limit of how far an edge of a window may lie from where the meter has it.
        step: power step at an edge over the mean power, 0 to 1; 0 where the same work goes on outside.
        clock_s: limit of how far a clock of the meter's own may be off at an edge; 0 where it has none.
        interval_s: time over which the meter tells one mean power; an edge inside it is shared out by time. 0 where
            that is in `edge_s`.
        uncovered: share of the windows that no conversion covers.
        samples: conversions in all windows.
        shunt_scatter_lsb: standard deviation of neighbouring shunt readings, in counts.
    """

    shunt_v: float | None
    bus_v: float | None
    power_w: float
    window_s: float
    edge_s: float
    step: float
    clock_s: float = 0.0
    interval_s: float = 0.0
    uncovered: float = 0.0
    samples: int = 1
    shunt_scatter_lsb: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One line of a budget.

    Attributes:
        name: what may be wrong.
        effect: how it enters.
        u: relative standard uncertainty of the figure by it.
        evaluation: how u came from what is known, such as `limit 1 % / sqrt(3)`.
        source: where it is known from.
    """

    name: str
    effect: Effect
    u: float
    evaluation: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A line of a budget of which nobody knows the size.

    Attributes:
        name: what may be wrong.
        reason: why its size is not known, and what would make it known; without a full stop.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """All Type B terms of one figure.

    Attributes:
        terms: those whose size is known, in the order of the model.
        calibrated: gains and offsets come from a calibration of this board; only then is a figure absolute.
        remark: what the terms do not cover; empty for nothing.
        missing: those whose size is not known; with any of them there is no Type B uncertainty of the figure.
    """

    terms: Sequence[Term]
    calibrated: bool
    remark: str = ""
    missing: Sequence[Missing] = ()

    @property
    def complete(self) -> bool:
        """The size of each term is known."""
        return not self.missing

    @property
    def u(self) -> float:
        """Relative standard uncertainty, Type B alone; of an incomplete budget that of the known terms."""
        return math.hypot(*(term.u for term in self.terms))

    def combined(self, type_a: float) -> float:
        """Relative standard uncertainty with that of the repetitions, also relative."""
        return math.hypot(self.u, type_a)

    def expanded(self, type_a: float) -> float:
        """U = k u, relative."""
        return COVERAGE_FACTOR * self.combined(type_a)


def above_idle(budget: Budget, power_w: float, idle_w: float, idle_limit_w: float) -> Budget:
    """The budget of the figure less idle power: offsets cancel, gains stay, the rest weighs more.

    Args:
        budget: of the gross figure.
        power_w: its mean power.
        idle_w: what is taken off, below power_w.
        idle_limit_w: how far the idle power during the windows may lie from idle_w, half the difference of the
            one before and the one after.

    Raises:
        ValueError: nothing is left above idle.
    """
    above_w = power_w - idle_w
    if above_w <= 0:
        raise ValueError("the mean power is not above the idle power")
    weight = power_w / above_w
    kept = [
        term if term.effect is Effect.GAIN else replace(term, u=weight * term.u)
        for term in budget.terms
        if term.effect is not Effect.OFFSET
    ]
    idle = rectangular(
        "idle power", Effect.OWN, idle_limit_w / above_w, "half of idle after less idle before"
    )
    return replace(budget, terms=(*kept, idle))


def compared(base: Budget, candidate: Budget) -> float:
    """Relative standard uncertainty, Type B, that is left in the ratio of two figures of one rig and range.

    Gains cancel. Offsets are the same volts in both and cancel as far as both draw the same power; what multiplies one
    of several channels cancels as far as its share is the same. What is each figure's own stays. Both budgets are
    complete.
    """
    left: list[float] = []
    sides = [{term.name: term for term in budget.terms} for budget in (base, candidate)]
    for name in dict.fromkeys(
        name for side in sides for name in side
    ):  # one side may have what the other lacks
        effects = {side[name].effect for side in sides if name in side}
        ours, theirs = (side[name].u if name in side else 0.0 for side in sides)
        if Effect.OWN in effects:
            left += [ours, theirs]
        elif effects != {Effect.GAIN}:
            left.append(ours - theirs)
    return math.hypot(*left)


def window_terms(point: OperatingPoint) -> list[Term]:
    """Where the window lies on the meter's time, and what of it the meter did not see; the same for every meter."""
    return [
        _edges("edges of the window", point, point.edge_s, "from the cycles"),
        *(
            [_edges("clock of the bridge", point, point.clock_s, "from the echoes of the bridge")]
            if point.clock_s
            else []
        ),
        *(
            [
                _edges(
                    "samples across an edge", point, point.interval_s / 4, "a quarter of a sample's interval"
                )
            ]
            if point.step and point.interval_s
            else []
        ),
        rectangular(
            "uncovered time", Effect.OWN, point.uncovered, "windows less conversions, from the cycles"
        ),
    ]


def rectangular(name: str, effect: Effect, limit: float, source: str) -> Term:
    """The term of which nothing but a limit is known."""
    return Term(
        name=name,
        effect=effect,
        u=limit / math.sqrt(3),
        evaluation=f"limit {100 * limit:.3g} % / sqrt(3)",
        source=source,
    )


def rounded(name: str, step: float, of: str, source: str) -> Term:
    """The term of rounding to a step, relative to the figure; each figure rounds in its own way.

    Args:
        name: of the term.
        step: relative to the figure.
        of: the step for people, such as `2.5 µV`.
        source: where it is known from.
    """
    return Term(
        name=name, effect=Effect.OWN, u=step / math.sqrt(12), evaluation=f"{of} / sqrt(12)", source=source
    )


def _edges(name: str, point: OperatingPoint, edge_s: float, source: str) -> Term:
    return rectangular(
        name,
        Effect.OWN,
        2 * point.step * edge_s / point.window_s,
        f"2 edges x {1e6 * edge_s:.3g} µs x power step {point.step:.2g}, {source}",
    )
