"""Tests of pictures of many cases."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging.tables import around, at, case_result
from matplotlib.figure import Figure

from harness.judging.cases import CaseResult
from harness.judging.front import rank
from harness.quantities import parse_limit
from harness.report.axes import axis_of, draw_axes
from harness.report.drawing import COLOURS
from harness.report.figures import draw_scatter
from harness.report.points import DETAILED

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


def test_labels_that_would_read_alike_tell_the_engine() -> None:
    """Two engines with one model in one precision are told apart; a model of its own needs no engine."""
    cases = [
        case_result(f"bench-a/{engine}/{model}/int8")
        for engine, model in (("ort", "net"), ("tflite", "net"), ("ort", "other"))
    ]
    picture = draw_scatter(rank(cases, []), *AXES, {})

    assert {"ort net int8", "other int8"} & set(re.findall(r">([^<>]+ int8)<", picture.svg))
    assert "net int8" not in re.findall(r">([^<>]+ int8)<", picture.svg)


def wide(name: str, latency_s: float, hi_s: float) -> CaseResult:
    """A case on the front whose bar goes up to somewhere."""
    case = at(name, latency_s, 1.0 / latency_s, 99)
    p99 = replace(case.estimates["latency_p99_s"], hi=hi_s)
    return replace(case, estimates={**case.estimates, "latency_p99_s": p99})


def test_one_long_bar_does_not_set_the_range() -> None:
    """A bar far beyond all cases is cut with an arrow that says where to; the range is that without it."""
    calm = [wide(f"m{i}", 14e-6 + i * 1e-6, 15e-6 + i * 1e-6) for i in range(6)]
    noisy = [*calm[:-1], wide("m5", 19e-6, 145e-6)]
    before, after = (draw_scatter(rank(cases, []), *AXES, {}) for cases in (calm, noisy))
    spans = [np.ptp(picture.figure.axes[0].get_xlim()) for picture in (before, after)]

    assert spans[1] == pytest.approx(spans[0], rel=0.5)
    assert ">to 145 µs<" in after.svg
    assert ">to " not in before.svg


@given(st.lists(st.floats(1e-6, 1e-3), min_size=2, max_size=6), st.floats(1e-6, 1.0))
def test_bars_reach_at_most_as_far_as_cases_span(values: list[float], end: float) -> None:
    """All cases lie within what an axis shows of bars, and a longer bar of one moves no end of it."""
    cases = [wide(f"m{i}", value, value * 1.01) for i, value in enumerate(values)]
    longer = [replace_hi(cases[0], max(end, values[0])), *cases[1:]]
    axes = [axis_of("latency_p99_s", rank(each, []).placings) for each in (cases, longer)]

    assert all(axis.low < value < axis.high for axis in axes for value in values)
    if len(values) > 2:
        assert axes[0].high == pytest.approx(axes[1].high)


def replace_hi(case: CaseResult, hi_s: float) -> CaseResult:
    """The case with another end of its bar."""
    p99 = replace(case.estimates["latency_p99_s"], hi=hi_s)
    return replace(case, estimates={**case.estimates, "latency_p99_s": p99})


@pytest.mark.parametrize(
    ("energies_j", "begins"), [((-3.0, -1.0), -3.0), ((-1.0, 2.0), -1.0), ((0.1, 0.2), 0.0)]
)
def test_cases_below_0_are_in_the_picture(energies_j: tuple[float, float], begins: float) -> None:
    """Energy above idle may be below 0: the axis then begins below it; else never below 0."""
    name = "energy_above_idle_per_inference_j"
    cases = [
        case_result(f"bench-a/onnxruntime/m{i}/fp32", energy_above_idle_per_inference_j=around(energy, 3.0))
        for i, energy in enumerate(energies_j)
    ]
    placings = rank(cases, [], objectives=["latency_p99_s", name]).placings
    x, y = axis_of("latency_p99_s", placings), axis_of(name, placings)
    axes = Figure().subplots()
    axes.plot([1e-3, 1e-3], [energies_j[0] - 1.0, energies_j[1]])
    draw_axes(axes, x, y)
    low, high = axes.get_ylim()

    assert low < high
    assert low <= begins
    assert (low >= 0) == (min(energies_j) >= 0)
