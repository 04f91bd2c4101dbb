"""Tests of the places of labels."""

from hypothesis import given
from hypothesis import strategies as st

from harness.report.labels import Box, place_labels

FRAME = Box(left=0, bottom=0, right=400, top=300)
spots = st.tuples(st.floats(0, 400), st.floats(0, 300))


@given(st.lists(spots, max_size=15), st.floats(5, 120))
def test_labels_never_overlap(points: list[tuple[float, float]], width: float) -> None:
    """Placed labels lie inside the frame and share no area."""
    boxes = [box for box in place_labels(points, [width] * len(points), 11, FRAME) if box is not None]

    assert all(FRAME.holds(box) for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_lone_label_stands_to_the_right() -> None:
    """With room on all sides the label follows its point."""
    (box,) = place_labels([(100, 100)], [50], 10, FRAME)

    assert (107, 95) == (box.left, box.bottom)


def test_a_label_without_room_is_left_out() -> None:
    """A label wider than the picture has no place."""
    assert [None] == place_labels([(100, 100)], [500], 10, FRAME)


def test_a_leader_starts_where_the_label_is_nearest() -> None:
    """From the right and below it is the lower right corner; a point above is met straight above it."""
    box = Box(left=10, bottom=10, right=30, top=20)

    assert (1.0, 0.0) == box.nearest(40, 0)
    assert (0.25, 1.0) == box.nearest(15, 50)
    assert (0.0, 0.5) == box.nearest(0, 15)
