"""Tests of boxes in which figures count as equal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging.boxes import boxes
from harness.suite import Indifference

MS = Indifference(quantity="latency_p99_s", width=1e-3, relative=False)
PERCENT = Indifference(quantity="latency_p99_s", width=0.01, relative=True)


@given(st.lists(st.floats(1e-9, 1e3), min_size=3, max_size=3), st.sampled_from([MS, PERCENT]))
def test_as_good_as_is_transitive(values: list[float], box: Indifference) -> None:
    """What counts as equal to the same counts as equal to each other, and the order of figures is kept."""
    a, b, c = boxes(np.array(values).reshape(-1, 1), [box]).ravel()

    assert (a == b and b == c) <= (a == c)
    assert np.all(np.diff(boxes(np.sort(values).reshape(-1, 1), [box]).ravel()) >= 0)


@pytest.mark.parametrize(("value", "place"), [(0.0, 0), (0.0009, 0), (0.001, 1), (0.003, 3), (0.0035, 3)])
def test_edges_are_where_they_are_declared(value: float, place: int) -> None:
    """A figure on an edge lies in the box above it, whatever floating point makes of it."""

    assert place == boxes(np.array([[value]]), [MS])[0, 0]


def test_a_share_is_relative() -> None:
    """One percent is a wider box for a larger figure."""
    small, large = (
        boxes(np.array([[x], [1.005 * x], [1.05 * x]]), [PERCENT]).ravel() for x in (1.003, 1003.0)
    )

    assert np.ptp(small) == np.ptp(large) == 5 or abs(np.ptp(small) - np.ptp(large)) <= 1
    assert small[0] < small[2]


def test_nothing_declared_changes_nothing() -> None:
    """Without widths points stay as they are; a column without a width does."""
    points = np.array([[1.234, 5.678]])

    assert points.tolist() == boxes(points, []).tolist()
    assert points[0, 1] == boxes(points, [MS, None])[0, 1]


def test_zero_has_a_box_of_its_own_below() -> None:
    """A figure of 0 has no logarithm and is better than all others."""
    zero, tiny = boxes(np.array([[0.0], [1e-12]]), [PERCENT]).ravel()

    assert zero < tiny
