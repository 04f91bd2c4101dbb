"""This module finds places for the labels of points so that they neither overlap nor leave the picture."""

from collections.abc import Sequence
from dataclasses import dataclass

GAP = 7.0
"""Distance of a label from its point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle, origin at the lower left; the unit is the caller's."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: "Box") -> bool:
        """Both share an area."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def holds(self, other: "Box") -> bool:
        """The other lies wholly inside."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """Where on the rectangle a point is nearest, as parts of its width and height from the lower left."""
        across, up = (x - self.left) / (self.right - self.left), (y - self.bottom) / (self.top - self.bottom)
        return min(1.0, max(0.0, across)), min(1.0, max(0.0, up))


def place_labels(
    points: Sequence[tuple[float, float]], widths: Sequence[float], height: float, frame: Box
) -> list[Box | None]:
    """Boxes for the labels in their order, each beside its point; None where there is no free place.

    Args:
        points: of each label; all of them are kept free, in the unit of the frame.
        widths: of each label.
        height: of all labels.
        frame: what the labels must stay inside.
    """
    taken = [Box(left=x - GAP / 2, bottom=y - GAP / 2, right=x + GAP / 2, top=y + GAP / 2) for x, y in points]
    placed: list[Box | None] = []
    for (x, y), width in zip(points, widths, strict=True):
        free = (
            box
            for box in _around(x, y, width, height)
            if frame.holds(box) and not any(box.overlaps(other) for other in taken)
        )
        box = next(free, None)
        placed.append(box)
        if box is not None:
            taken.append(box)
    return placed


def _around(x: float, y: float, width: float, height: float) -> list[Box]:
    """Places beside a point, the best first: right, left, above, below, then further up and down."""
    corners = [
        (x + GAP, y - height / 2),
        (x - GAP - width, y - height / 2),
        (x - width / 2, y + GAP),
        (x - width / 2, y - GAP - height),
        *((x + GAP, y + step * height) for step in (0.5, -1.5, 1.5, -2.5)),
        *((x - GAP - width, y + step * height) for step in (0.5, -1.5, 1.5, -2.5)),
    ]
    return [Box(left=a, bottom=b, right=a + width, top=b + height) for a, b in corners]
