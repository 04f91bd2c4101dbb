"""This module draws cases as points: two quantities against each other, with 95 % bars.

Shape is precision, colour is device (or model, where there is one device). Filled is on the front, hollow is
possibly on it, small and faint is not; a label says the rest, so nothing rests on colour alone.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from harness.judging.front import Placing, Ranking
from harness.quantities import QUANTITIES, Direction, print_value
from harness.report.drawing import COLOURS, FONT_POINTS, INK, PAPER, Picture, drawing, printable
from harness.report.labels import Box, place_labels
from harness.report.places import Place, place_of
from harness.suite import Limit

SHAPES: Mapping[str, str] = {"fp32": "o", "fp16": "s", "int8": "^", "int4": "D", "bf16": "P"}
OTHER_SHAPE = "X"

LOG_SPAN = 3.0
"""An axis whose values span more than this factor is logarithmic."""

DETAILED = 40
"""Up to this many points all have labels and links, above it only those on the front or possibly so."""

LINKED = 60
"""Points with bars, labels and links at most, the best ranks first; the table holds all."""

DOTTED = 300
"""More further points than this are drawn as dots of an image, which keeps the page small."""

DOTS = 1000
"""More than these are small and grey: neither shape nor colour would be told apart."""

GREY = "#8a929c"

CROWD_ORDER = 0.5
"""The crowd lies below everything else."""

LONGEST = 48
"""Letters of a label; the rest is cut."""

LETTER = 0.58
"""Mean width of a letter in units of the size of the font, for placing labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A quantity to be drawn along an axis.

    Attributes:
        name: of the quantity.
        logarithmic: values span more than `LOG_SPAN`, all above 0.
    """

    name: str
    logarithmic: bool

    @property
    def title(self) -> str:
        """Name for people."""
        return QUANTITIES[self.name].title


def draw_scatters(ranking: Ranking, links: Mapping[int, str]) -> list[Picture]:
    """Each pair of the objectives, at most three of them; none where no case is ranked.

    Args:
        ranking: what to draw.
        links: place in the ranking to the address that its point leads to, such as `#case-1`.
    """
    pairs = enumerate(itertools.combinations(ranking.objectives[:3], 2), 1)
    pictures = [draw_scatter(ranking, x, y, links, f"front-{number}") for number, (x, y) in pairs]
    return [picture for picture in pictures if picture is not None]


def draw_scatter(
    ranking: Ranking, x: str, y: str, links: Mapping[int, str], name: str = "front"
) -> Picture | None:
    """Draw all ranked cases; None where there are none.

    Args:
        ranking: what to draw.
        x: quantity of the horizontal axis.
        y: of the vertical one.
        links: as of `draw_scatters`; a place without an address has no link.
        name: of the picture.
    """
    places = [place for place, placing in enumerate(ranking.placings) if placing.rank is not None]
    if not places:
        return None
    placings = [ranking.placings[place] for place in places]
    few = len(placings) <= DETAILED
    best = [placing for placing in placings if few or place_of(placing).worth]
    detailed = best[: DETAILED if few else LINKED]
    known = {id(placing) for placing in detailed}
    crowd = [placing for placing in placings if id(placing) not in known]
    link_of = {id(ranking.placings[place]): links[place] for place in places if place in links}
    axis_x, axis_y = _axis(x, placings), _axis(y, placings)
    with drawing(6.4, 4.4) as figure:
        axes = figure.add_subplot()
        hues, colour_of = _colours(placings)
        _draw_crowd(axes, crowd, (x, y), colour_of)
        _draw_bars(axes, detailed, (x, y), colour_of)
        for placing in detailed:
            _draw_point(axes, placing, (x, y), colour_of(placing), link_of.get(id(placing)))
        _scale(axes, axis_x, axis_y)
        _draw_limits(axes, ranking.limits, x, y)
        _draw_legend(axes, hues, placings)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # once is enough, and labels are placed for this layout
        _draw_labels(axes, detailed, x, y)
    front = [placing.case.case for placing in placings if place_of(placing) is Place.FRONT]
    possible = [placing.case.case for placing in placings if place_of(placing) is Place.POSSIBLE]
    description = (
        f"{len(placings)} cases, both axes better towards the lower left. On the front: {_some(front)}. "
        f"Possibly on it: {_some(possible)}. The table of all cases holds the same figures."
    )
    title = f"{axis_x.title} against {axis_y.title}"
    return Picture(name=name, title=title, description=description, figure=figure)


def _some(names: Sequence[str]) -> str:
    rest = len(names) - LINKED
    return (", ".join(names[:LINKED]) or "none") + (f" and {rest} more" if rest > 0 else "")


def _axis(name: str, placings: Sequence[Placing]) -> Axis:
    values = [_value(placing, name) for placing in placings]
    return Axis(name=name, logarithmic=min(values) > 0 and max(values) > LOG_SPAN * min(values))


def _value(placing: Placing, name: str) -> float:
    value = placing.case.estimate(name).value
    return math.nan if value is None else value


def _colours(placings: Sequence[Placing]) -> tuple[Mapping[str, str], Callable[[Placing], str]]:
    """Colour by device, or by model where there is one device; further ones begin again."""
    by_model = len({placing.case.device for placing in placings}) == 1

    def key(placing: Placing) -> str:
        return placing.case.model if by_model else placing.case.device

    names = sorted({key(placing) for placing in placings})
    hues = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    return hues, lambda placing: hues[key(placing)]


def _draw_crowd(
    axes: Axes, placings: Sequence[Placing], names: tuple[str, str], colour_of: Callable[[Placing], str]
) -> None:
    """Small hollow points without bars and links, for thousands of cases that are not on the front."""
    dotted = len(placings) > DOTTED
    groups: dict[tuple[str, str], list[Placing]] = {}
    for placing in placings:
        groups.setdefault((colour_of(placing), placing.case.precision), []).append(placing)
    for (colour, precision), group in groups.items():
        x, y = ([_value(placing, name) for placing in group] for name in names)
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


def _draw_bars(
    axes: Axes, placings: Sequence[Placing], names: tuple[str, str], colour_of: Callable[[Placing], str]
) -> None:
    """Intervals of those on the front or possibly so."""
    groups: dict[str, list[Placing]] = {}
    for placing in placings:
        if place_of(placing).worth:
            groups.setdefault(colour_of(placing), []).append(placing)
    for colour, group in groups.items():
        (x, across), (y, up) = (
            (
                [_value(placing, name) for placing in group],
                np.array([_span(placing, name) for placing in group]).T,
            )
            for name in names
        )
        caps = 2 if len(placings) <= DETAILED else 0
        axes.errorbar(x, y, xerr=across, yerr=up, fmt="none", ecolor=colour, elinewidth=1, capsize=caps)


def _draw_point(axes: Axes, placing: Placing, names: tuple[str, str], colour: str, link: str | None) -> None:
    place = place_of(placing)
    x, y = (_value(placing, name) for name in names)
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


def _span(placing: Placing, name: str) -> tuple[float, float]:
    """Distances to both ends of the interval; an end that is not known is not drawn."""
    estimate = placing.case.estimate(name)
    value = _value(placing, name)
    below = 0.0 if estimate.lo is None else max(0.0, value - estimate.lo)
    above = 0.0 if estimate.hi is None else max(0.0, estimate.hi - value)
    return below, above


def _scale(axes: Axes, x: Axis, y: Axis) -> None:
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
            line.set_view_interval(
                max(0.0, low), high, ignore=True
            )  # nothing here is below 0, whatever a bar says
        line.set_major_formatter(FuncFormatter(lambda value, _, name=axis.name: print_value(name, value)))
    kind = {True: ", logarithmic", False: ""}
    axes.set_xlabel(x.title + kind[x.logarithmic])
    axes.set_ylabel(y.title + kind[y.logarithmic])


def _draw_limits(axes: Axes, limits: Sequence[Limit], x: str, y: str) -> None:
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


def _draw_legend(axes: Axes, hues: Mapping[str, str], placings: Sequence[Placing]) -> None:
    def key(label: str, marker: str, edge: str, face: str) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="",
            marker=marker,
            markeredgecolor=edge,
            markerfacecolor=face,
            label=_short(label),
        )

    precisions = sorted({placing.case.precision for placing in placings})
    keys = [
        *(key(name, "o", colour, colour) for name, colour in hues.items() if len(hues) <= len(COLOURS)),
        *(key(name, SHAPES.get(name, OTHER_SHAPE), INK, "none") for name in precisions),
        key("on the front", "o", INK, INK),
        key("possibly on it", "o", INK, "none"),
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            markersize=4,
            color=INK,
            alpha=0.5,
            fillstyle="none",
            label="not on it",
        ),
    ]
    axes.figure.legend(
        handles=keys, loc="outside upper center", ncols=min(4, len(keys)), frameon=False, handletextpad=0.2
    )


def _draw_labels(axes: Axes, placings: Sequence[Placing], x: str, y: str) -> None:
    devices = {placing.case.device for placing in placings}
    labels = [_label(placing, with_device=len(devices) > 1) for placing in placings]
    figure = axes.get_figure(root=True)
    if figure is None:
        return
    scale = 72.0 / figure.dpi
    where = axes.transData.transform([(_value(p, x), _value(p, y)) for p in placings]) * scale
    corners = axes.get_window_extent().get_points() * scale
    frame = Box(
        left=float(corners[0][0]),
        bottom=float(corners[0][1]),
        right=float(corners[1][0]),
        top=float(corners[1][1]),
    )
    points = [(float(a), float(b)) for a, b in where]
    widths = [len(label) * LETTER * FONT_POINTS for label in labels]
    boxes = place_labels(points, widths, 1.2 * FONT_POINTS, frame)
    for placing, label, point, box in zip(placings, labels, points, boxes, strict=True):
        if box is not None:
            offset = (box.left - point[0], box.bottom - point[1] + 0.2 * FONT_POINTS)
            axes.annotate(
                label,
                (_value(placing, x), _value(placing, y)),
                xytext=offset,
                textcoords="offset points",
                weight="bold" if place_of(placing).worth else "normal",
            )


def _label(placing: Placing, *, with_device: bool) -> str:
    words = [placing.case.device] if with_device else []
    return _short(" ".join([*words, placing.case.model, placing.case.precision]))


def _short(text: str) -> str:
    return printable(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")
