"""This module draws cases as points: shape is precision, colour is device, or model where there is one device."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from harness.judging.front import Placing
from harness.quantities import print_value
from harness.report.axes import Axis, value_of
from harness.report.drawing import COLOURS, PAPER
from harness.report.places import Place, place_of

SHAPES: Mapping[str, str] = {"fp32": "o", "fp16": "s", "int8": "^", "int4": "D", "bf16": "P"}
OTHER_SHAPE = "X"

DETAILED = 40
"""Up to this many points all have labels and links, above it only those on the front or possibly so."""

DOTTED = 300
"""More further points than this are drawn as dots of an image, which keeps the page small."""

DOTS = 1000
"""More than these are small and grey: neither shape nor colour would be told apart."""

GREY = "#8a929c"

SMALL_POINTS = 7.0
"""Size of the letters that say how far a bar goes on."""

CROWD_ORDER = 0.5
"""The crowd lies below everything else."""


def colours_of(placings: Sequence[Placing]) -> tuple[Mapping[str, str], Callable[[Placing], str]]:
    """Colour by device, or by model where there is one device; further ones begin again."""
    by_model = len({placing.case.device for placing in placings}) == 1

    def key(placing: Placing) -> str:
        return placing.case.model if by_model else placing.case.device

    names = sorted({key(placing) for placing in placings})
    hues = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    return hues, lambda placing: hues[key(placing)]


def draw_crowd(
    axes: Axes, placings: Sequence[Placing], names: tuple[str, str], colour_of: Callable[[Placing], str]
) -> None:
    """Small hollow points without bars and links, for thousands of cases that are not on the front."""
    dotted = len(placings) > DOTTED
    groups: dict[tuple[str, str], list[Placing]] = {}
    for placing in placings:
        groups.setdefault((colour_of(placing), placing.case.precision), []).append(placing)
    for (colour, precision), group in groups.items():
        x, y = ([value_of(placing, name) for placing in group] for name in names)
        axes.scatter(
            x,
            y,
            s=4 if len(placings) > DOTS else 14,
            marker=SHAPES.get(precision, OTHER_SHAPE),
            facecolors="none",
            edgecolors=colour if len(placings) <= DOTS else GREY,
            linewidths=0.8,
            alpha=None if dotted else 0.5,
            antialiased=not dotted,  # few colours make a small image
            zorder=CROWD_ORDER,
        )
    if dotted:
        axes.set_rasterization_zorder(CROWD_ORDER + 0.1)  # below it all is one image


def draw_bars(
    axes: Axes, placings: Sequence[Placing], x: Axis, y: Axis, colour_of: Callable[[Placing], str]
) -> None:
    """Intervals of those on the front or possibly so; one that goes beyond the axis ends in an arrow."""
    groups: dict[str, list[Placing]] = {}
    for placing in placings:
        if place_of(placing).worth:
            groups.setdefault(colour_of(placing), []).append(placing)
    caps = 2 if len(placings) <= DETAILED else 0
    for colour, group in groups.items():
        (xs, across), (ys, up) = (
            (
                [value_of(placing, axis.name) for placing in group],
                np.array([_span(placing, axis) for placing in group]).T,
            )
            for axis in (x, y)
        )
        axes.errorbar(xs, ys, xerr=across, yerr=up, fmt="none", ecolor=colour, elinewidth=1, capsize=caps)
        for placing in group:
            _draw_arrows(axes, placing, x, y, colour)


def _draw_arrows(axes: Axes, placing: Placing, x: Axis, y: Axis, colour: str) -> None:
    """An arrow at each end of a bar that is cut, with the figure it goes on to."""
    across, up = value_of(placing, x.name), value_of(placing, y.name)
    for axis, markers in ((x, "<>"), (y, "v^")):
        estimate = placing.case.estimate(axis.name)
        cuts = ((estimate.lo, axis.low, -1), (estimate.hi, axis.high, 1))
        for marker, (end, edge, side) in zip(markers, cuts, strict=True):
            if end is None or side * end <= side * edge:
                continue
            point = (edge, up) if axis is x else (across, edge)
            axes.plot(*point, marker=marker, color=colour, markersize=5, linestyle="", zorder=2)
            axes.annotate(
                f"to {print_value(axis.name, end)}",
                point,
                xytext=(0, 4) if axis is x else (5, 0),
                textcoords="offset points",
                ha="right" if axis is x and side > 0 else "left",
                va="bottom" if axis is x else "center",
                fontsize=SMALL_POINTS,
            )


def draw_point(axes: Axes, placing: Placing, names: tuple[str, str], colour: str, link: str | None) -> None:
    """One case worth a label: filled on the front, hollow possibly on it, small and faint off it."""
    place = place_of(placing)
    x, y = (value_of(placing, name) for name in names)
    points = axes.scatter(
        [x],
        [y],
        s=52 if place.worth else 26,
        marker=SHAPES.get(placing.case.precision, OTHER_SHAPE),
        facecolors=colour if place is Place.FRONT else PAPER,
        edgecolors=colour,
        linewidths=1.4 if place.worth else 0.9,
        alpha=1.0 if place.worth else 0.6,
        zorder=3,
    )
    points.set_urls([link])


def _span(placing: Placing, axis: Axis) -> tuple[float, float]:
    """Distances to both ends of the interval as far as they are drawn; an end that is not known is not drawn."""
    estimate = placing.case.estimate(axis.name)
    value = value_of(placing, axis.name)
    below = 0.0 if estimate.lo is None else max(0.0, value - max(estimate.lo, axis.low))
    above = 0.0 if estimate.hi is None else max(0.0, min(estimate.hi, axis.high) - value)
    return below, above
