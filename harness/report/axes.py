"""This module lays out the axes of a picture of cases: scales, ticks, and what limits forbid."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from harness.judging.front import Placing
from harness.quantities import QUANTITIES, Direction, print_value
from harness.report.drawing import INK
from harness.suite import Limit

REACH = 0.75
"""How far bars are drawn beyond the outermost cases, in lengths of what the cases span."""

USUAL = 2.0
"""Or in lengths of the usual bar, where that is more."""

LOG_SPAN = 3.0
"""An axis whose values span more than this factor is logarithmic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A quantity to be drawn along an axis.

    Attributes:
        name: of the quantity.
        logarithmic: values span more than `LOG_SPAN`, all above 0.
        floor: the scale begins no lower: 0 but where a case, by a difference, lies below it.
        low, high: how far bars are drawn, so that one long bar does not squeeze all cases into a corner.
    """

    name: str
    logarithmic: bool
    floor: float = 0.0
    low: float = -math.inf
    high: float = math.inf

    @property
    def title(self) -> str:
        """Name for people."""
        return QUANTITIES[self.name].title


def axis_of(name: str, placings: Sequence[Placing]) -> Axis:
    """The axis that some cases need for a quantity."""
    values = [value_of(placing, name) for placing in placings]
    logarithmic = min(values) > 0 and max(values) > LOG_SPAN * min(values)

    def place(value: float) -> float:
        return value if not logarithmic else math.log(value) if value > 0 else -math.inf

    bars = sorted(
        abs(place(end) - place(value))
        for placing, value in zip(placings, values, strict=True)
        for end in (placing.case.estimate(name).lo, placing.case.estimate(name).hi)
        if end is not None
    )
    usual = bars[(len(bars) - 1) // 2] if bars else 0.0
    least, most = place(min(values)), place(max(values))
    beyond = max(REACH * (most - least), USUAL * usual)
    floor = -math.inf if min(values) < 0 else 0.0
    if not 0 < beyond < math.inf:
        return Axis(name=name, logarithmic=logarithmic, floor=floor)
    ends = (least - beyond, most + beyond)
    low, high = (math.exp(end) for end in ends) if logarithmic else ends
    return Axis(name=name, logarithmic=logarithmic, floor=floor, low=low, high=high)


def value_of(placing: Placing, name: str) -> float:
    """A figure of a case; NaN, which is not drawn, where it is absent."""
    value = placing.case.estimate(name).value
    return math.nan if value is None else value


def draw_axes(axes: Axes, x: Axis, y: Axis) -> None:
    """Grid, ticks with their units, and titles."""
    axes.grid(visible=True, color=INK, alpha=0.12, linewidth=0.6)
    axes.margins(0.12)
    for axis, line, rescale in ((x, axes.xaxis, axes.set_xscale), (y, axes.yaxis, axes.set_yscale)):
        if axis.logarithmic:
            rescale("log", nonpositive="clip")
            line.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            line.set_minor_locator(NullLocator())
        else:
            line.set_major_locator(MaxNLocator(6))
            low, high = line.get_view_interval()
            line.set_view_interval(max(axis.floor, low), high, ignore=True)  # whatever a bar says
        line.set_major_formatter(FuncFormatter(lambda value, _, name=axis.name: print_value(name, value)))
    kind = {True: ", logarithmic", False: ""}
    axes.set_xlabel(x.title + kind[x.logarithmic])
    axes.set_ylabel(y.title + kind[y.logarithmic])


def draw_limits(axes: Axes, limits: Sequence[Limit], x: str, y: str) -> None:
    """Shade what a limit forbids, where its line lies inside the picture."""
    for limit in limits:
        name, bound = limit.quantity, limit.bound
        if name == "accuracy":
            name, bound = "error", 1 - bound
        if name not in {x, y} or QUANTITIES[name].direction is not Direction.SMALLER:
            continue
        ends = axes.get_xlim() if name == x else axes.get_ylim()
        if not ends[0] < bound < ends[1]:
            continue
        line, span = (axes.axvline, axes.axvspan) if name == x else (axes.axhline, axes.axhspan)
        line(bound, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        span(bound, ends[1], facecolor=INK, alpha=0.07, linewidth=0)
        (axes.set_xlim if name == x else axes.set_ylim)(ends)
