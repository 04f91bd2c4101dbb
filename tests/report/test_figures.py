"""Tests of pictures of many cases."""

import re

import pytest
from judging.tables import at

from harness.judging.front import rank
from harness.quantities import parse_limit
from harness.report.figures import COLOURS, DETAILED, draw_scatter

AXES = ("latency_p99_s", "energy_per_inference_j")


def draw(count: int, **changes: float) -> str:
    """A picture of one dominating case and many dominated ones."""
    cases = [at(f"m{i}", 1 + i, changes.get("energy", 1) + i, 99) for i in range(count)]
    ranking = rank(cases, [parse_limit("latency_p99_s < 1000")])
    picture = draw_scatter(ranking, *AXES, {place: f"#case-{place + 1}" for place in range(count)})
    assert picture is not None
    return picture.svg


def links(svg: str) -> list[str]:
    """Where the points of a picture lead."""
    return re.findall(r'<a href="#(case-\d+)"', svg)


@pytest.mark.parametrize("count", [1, 2, DETAILED])
def test_few_points_all_lead_to_their_rows(count: int) -> None:
    """Each point of a small picture is a link to its own row."""
    assert sorted(f"case-{place + 1}" for place in range(count)) == sorted(links(draw(count)))


def test_of_many_points_those_on_the_front_are_linked() -> None:
    """In a large picture only the front is drawn with links."""
    assert ["case-1"] == links(draw(DETAILED + 1))


def test_names_of_many_models_are_no_legend() -> None:
    """Where colours repeat, they are not explained by a legend that would lie."""
    assert ">m1<" in draw(len(COLOURS))
    assert ">m1<" not in draw(DETAILED + 1)


def test_every_colour_and_shape_has_a_word() -> None:
    """The legend tells precision and what filled means."""
    svg = draw(3)

    for words in ("fp32", "on the front", "not on it"):
        assert f">{words}<" in svg
