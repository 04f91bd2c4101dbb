"""This module draws cases as points: two quantities against each other, with 95 % bars.

Shape is precision, colour is device (or model, where there is one device). Filled is on the front, hollow is
possibly on it, small and faint is not; a label says the rest, so nothing rests on colour alone.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from harness.judging.front import Placing, Ranking
from harness.quantities import QUANTITIES, counted
from harness.report.axes import axis_of, draw_axes, draw_limits, value_of
from harness.report.drawing import COLOURS, FONT_POINTS, INK, PAPER, Picture, drawing, printable
from harness.report.labels import Box, place_labels
from harness.report.places import Place, place_of
from harness.report.points import DETAILED, OTHER_SHAPE, SHAPES, colours_of, draw_bars, draw_crowd, draw_point

LINKED = 60
"""Points with bars, labels and links at most, the best ranks first; the table holds all."""

LONGEST = 48
"""Letters of a label; the rest is cut."""

LEADER = {"arrowstyle": "-", "color": INK, "linewidth": 0.5, "alpha": 0.7, "shrinkA": 0, "shrinkB": 0}
"""The line from a label to its point."""

LETTER, BOLD = 0.58, 0.66
"""Mean width of a letter in units of the size of the font, for placing labels."""


def draw_scatters(ranking: Ranking, links: Mapping[int, str]) -> list[Picture]:
    """Each pair of the objectives, at most three of them; none where no case is ranked.

    Args:
        ranking: what to draw.
        links: place in the ranking to the address that its point leads to, such as `#case-1`.
    """
    pairs = enumerate(itertools.combinations(ranking.objectives[:3], 2), 1)
    pictures = [draw_scatter(ranking, x, y, links, f"front-{number}") for number, (x, y) in pairs]
    return [picture for picture in pictures if picture is not None]


def undrawn(ranking: Ranking) -> str:
    """Why there is no picture of the front; empty where there is one."""
    if len(ranking.objectives) < 2:
        return f"No picture of the front: it has one objective, {QUANTITIES[ranking.objectives[0]].title}."
    if any(placing.rank is not None for placing in ranking.placings):
        return ""
    reasons = Counter(placing.case.incomplete for placing in ranking.placings)
    told = "; ".join(f"{counted(count, 'case')}: {reason}" for reason, count in reasons.most_common(3))
    return f"No picture of the front: no case is ranked ({told or 'there is none'})."


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
    axis_x, axis_y = axis_of(x, placings), axis_of(y, placings)
    with drawing(6.4, 4.4) as figure:
        axes = figure.add_subplot()
        hues, colour_of = colours_of(placings)
        draw_crowd(axes, crowd, (x, y), colour_of)
        draw_bars(axes, detailed, axis_x, axis_y, colour_of)
        for placing in detailed:
            draw_point(axes, placing, (x, y), colour_of(placing), link_of.get(id(placing)))
        draw_axes(axes, axis_x, axis_y)
        draw_limits(axes, ranking.limits, x, y)
        _draw_legend(axes, hues, placings)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # once is enough, and labels are placed for this layout
        _draw_labels(axes, detailed, x, y)
    front = [placing.case.case for placing in placings if place_of(placing) is Place.FRONT]
    hollow = {Place.POSSIBLE, Place.BY_FIGURES}
    possible = [placing.case.case for placing in placings if place_of(placing) in hollow]
    description = (
        f"{counted(len(placings), 'case')}, both axes better towards the lower left. On the front: {_some(front)}. "
        f"Possibly on it: {_some(possible)}. The table of all cases holds the same figures."
    )
    title = f"{axis_x.title} against {axis_y.title}"
    return Picture(name=name, title=title, description=description, figure=figure)


def _some(names: Sequence[str]) -> str:
    rest = len(names) - LINKED
    return (", ".join(names[:LINKED]) or "none") + (f" and {rest} more" if rest > 0 else "")


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
    labels = _labels(placings)
    figure = axes.get_figure(root=True)
    if figure is None:
        return
    scale = 72.0 / figure.dpi
    where = axes.transData.transform([(value_of(p, x), value_of(p, y)) for p in placings]) * scale
    corners = axes.get_window_extent().get_points() * scale
    frame = Box(
        left=float(corners[0][0]),
        bottom=float(corners[0][1]),
        right=float(corners[1][0]),
        top=float(corners[1][1]),
    )
    points = [(float(a), float(b)) for a, b in where]
    widths = [
        len(label) * (BOLD if place_of(placing).worth else LETTER) * FONT_POINTS
        for label, placing in zip(labels, placings, strict=True)
    ]
    boxes = place_labels(points, widths, 1.2 * FONT_POINTS, frame)
    for placing, label, point, box in zip(placings, labels, points, boxes, strict=True):
        if box is not None:
            offset = (box.left - point[0], box.bottom - point[1] + 0.2 * FONT_POINTS)
            axes.annotate(
                label,
                (value_of(placing, x), value_of(placing, y)),
                xytext=offset,
                textcoords="offset points",
                weight="bold" if place_of(placing).worth else "normal",
                bbox={
                    "facecolor": PAPER,
                    "edgecolor": "none",
                    "alpha": 0.75,
                    "pad": 0.5,
                },  # bars pass behind it
                arrowprops=LEADER | {"relpos": box.nearest(*point)},
            )


def _labels(placings: Sequence[Placing]) -> list[str]:
    """Model and precision, with the device where there are several, and the engine where two would read alike."""
    several = len({placing.case.device for placing in placings}) > 1
    cases = [placing.case for placing in placings]
    plain = [" ".join([case.device] * several + [case.model, case.precision]) for case in cases]
    return [
        _short(f"{case.engine} {label}" if plain.count(label) > 1 else label)
        for case, label in zip(cases, plain, strict=True)
    ]


def _short(text: str) -> str:
    return printable(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")
