"""The uncertainty budget of the INA226: worked examples, what cancels, what a calibration replaces."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.budget import Budget, Effect, OperatingPoint, above_idle, compared
from harness.datasheet import GENUINE, MODULE
from harness.monitors import Board, Reference, type_b

ONE_PERCENT = Board(
    chip=GENUINE, shunt_tolerance=0.01, shunt_tcr_per_k=75e-6, temperature_span_k=20.0, supply_v=3.3
)
CHOSEN = replace(ONE_PERCENT, shunt_tolerance=0.001, shunt_tcr_per_k=20e-6, temperature_span_k=10.0)


def point(shunt_v: float, bus_v: float = 5.0, window_s: float = 1.0, samples: int = 1000) -> OperatingPoint:
    """A window whose edges are known to 100 us, at each of which half the mean power steps."""
    return OperatingPoint(
        shunt_v=shunt_v,
        bus_v=bus_v,
        power_w=5.0,
        window_s=window_s,
        edge_s=100e-6,
        step=0.5,
        samples=samples,
        shunt_scatter_lsb=1.0,
    )


def leading(budget: Budget) -> str:
    """Name of the largest term."""
    return max(budget.terms, key=lambda term: term.u).name


@pytest.mark.parametrize(
    ("board", "at", "u_percent", "expanded_percent", "leader"),
    [
        (ONE_PERCENT, point(10e-3), 0.605, 1.21, "shunt tolerance"),
        (ONE_PERCENT, point(50e-3), 0.602, 1.20, "shunt tolerance"),
        (ONE_PERCENT, point(2e-3), 0.677, 1.35, "shunt tolerance"),
        (ONE_PERCENT, point(1e-3), 0.866, 1.73, "shunt tolerance"),
        (CHOSEN, point(10e-3), 0.152, 0.30, "bus offset"),
        (CHOSEN, point(20e-3, bus_v=12.0), 0.118, 0.24, "shunt tolerance"),
        (ONE_PERCENT, point(10e-3, window_s=0.01, samples=8), 0.836, 1.67, "shunt tolerance"),
    ],
    ids=[
        "5 V 1 A R010 1 %",
        "5 V 0.5 A R100 1 %",
        "5 V 1 A R002 1 %",
        "5 V 0.1 A R010 1 %",
        "5 V 1 A R010 0.1 %",
        "12 V 2 A R010 0.1 %",
        "one 10 ms inference R010 1 %",
    ],
)
def test_worked_budgets(
    board: Board, at: OperatingPoint, u_percent: float, expanded_percent: float, leader: str
) -> None:
    """The worked budgets come out to their last digit, and the term that leads is the one that should.

    They were computed apart from this code, by hand from the limits of TI SBOS547B section 5.5.
    """
    budget = type_b(board, at)

    assert u_percent == round(100 * budget.u, 3)
    assert expanded_percent == round(100 * budget.expanded(0.0), 2)
    assert leader == leading(budget)


def test_terms_of_the_first_example() -> None:
    """Each term of 5 V, 1 A through 10 mohm of 1 % is the limit divided by the root of three."""
    terms = {term.name: round(100 * term.u, 3) for term in type_b(ONE_PERCENT, point(10e-3)).terms}

    assert {
        "shunt tolerance": 0.577,
        "shunt gain": 0.058,
        "bus gain": 0.058,
        "shunt offset": 0.058,
        "common mode at the shunt": 0.020,
        "supply at the shunt": 0.0,
        "bus offset": 0.087,
        "supply at the bus": 0.0,
        "shunt drift": 0.087,
        "shunt gain drift": 0.058,
        "bus gain drift": 0.058,
        "shunt offset drift": 0.012,
        "bus offset drift": 0.009,
        "shunt rounding": 0.0,
        "bus rounding": 0.007,
        "edges of the window": 0.006,
        "uncovered time": 0.0,
    } == terms


def test_every_term_has_its_source() -> None:
    """No term stands without where it is known from."""
    boards: Sequence[Board] = (Board(), ONE_PERCENT, replace(ONE_PERCENT, reference=reference()))

    assert [] == [term for board in boards for term in type_b(board, point(1e-2)).terms if not term.source]


def test_module_of_unknown_make() -> None:
    """With nothing known of it, 5 % of the shunt and 2 % of the bus voltage lead: U is about 6 %, and not absolute."""
    budget = type_b(Board(), point(10e-3))

    assert 6.2 == round(100 * budget.expanded(0.0), 1)
    assert ["shunt and its gain", "bus gain"] == [
        term.name for term in sorted(budget.terms, key=lambda term: -term.u)[:2]
    ]
    assert not budget.calibrated


def test_shunt_known_but_chip_not() -> None:
    """A known shunt leaves the gain of both inputs of an unknown chip."""
    budget = type_b(replace(ONE_PERCENT, chip=MODULE), point(10e-3))

    assert {"shunt gain": 1.155, "bus gain": 1.155} == {
        term.name: round(100 * term.u, 3) for term in budget.terms if term.name in {"shunt gain", "bus gain"}
    }


def reference() -> Reference:
    """A calibration to 0.05 % in voltage and 0.1 % in current."""
    return Reference(voltage=0.0005, current=0.001, source="calibration of 2026-01-02")


def test_calibration_replaces_gains_and_offsets() -> None:
    """After a calibration the reference stands for gains, offsets and shunt; drifts go on from there."""
    budget = type_b(replace(Board(temperature_span_k=10.0), reference=reference()), point(10e-3))
    names = [term.name for term in budget.terms]

    assert budget.calibrated
    assert ["voltage after calibration", "current after calibration"] == names[:2]
    assert not {"shunt tolerance", "shunt and its gain", "bus gain", "shunt offset", "bus offset"} & set(
        names
    )
    assert {"shunt gain drift", "bus offset drift"} < set(names)
    assert budget.u < 0.0015


def test_shunt_rounding_needs_scatter() -> None:
    """Readings that do not scatter round the same way each time, so their number does not help."""
    steady = type_b(ONE_PERCENT, replace(point(1e-3), shunt_scatter_lsb=0.1))
    lively = type_b(ONE_PERCENT, point(1e-3))
    rounding = [
        term.u for budget in (steady, lively) for term in budget.terms if term.name == "shunt rounding"
    ]

    assert rounding[0] == pytest.approx(rounding[1] * math.sqrt(1000))


def test_long_windows_hide_their_edges() -> None:
    """A window a thousand times as long as its edges are unsure errs by 0.1 % at half a step of power."""
    [edges] = [
        term
        for term in type_b(ONE_PERCENT, point(1e-2, window_s=0.1)).terms
        if term.name == "edges of the window"
    ]

    assert 0.001 == pytest.approx(edges.u * math.sqrt(3))


def test_no_current_has_no_budget() -> None:
    """Nothing can be relative to no current."""
    with pytest.raises(ValueError, match="no current"):
        type_b(ONE_PERCENT, point(0.0))


def test_offsets_cancel_above_idle() -> None:
    """Idle power carries the same offsets, so they are gone; its own drift over the sitting is added."""
    gross = type_b(ONE_PERCENT, point(10e-3))
    net = above_idle(gross, power_w=5.0, idle_w=3.0, idle_limit_w=0.02)
    by_name = {term.name: term.u for term in net.terms}

    assert Effect.OFFSET not in {term.effect for term in net.terms}
    assert 0.01 / math.sqrt(3) == pytest.approx(by_name["idle power"])
    assert 0.01 / math.sqrt(3) == pytest.approx(by_name["shunt tolerance"])


def test_nothing_above_idle_has_no_budget() -> None:
    """Where the device draws no more than idle there is nothing to be relative to."""
    with pytest.raises(ValueError, match="idle"):
        above_idle(type_b(ONE_PERCENT, point(1e-2)), power_w=3.0, idle_w=3.0, idle_limit_w=0.0)


@given(tolerance=st.floats(0.0, 0.1), gain=st.floats(0.0, 0.1))
def test_gains_cancel_in_a_comparison(tolerance: float, gain: float) -> None:
    """However wrong the shunt and the gains are, the ratio of two cases on one rig does not feel it."""
    board = replace(
        ONE_PERCENT, shunt_tolerance=tolerance, chip=replace(GENUINE, bus_gain=gain, shunt_gain=gain)
    )
    one, two = type_b(board, point(10e-3)), type_b(board, point(12e-3))

    assert compared(type_b(ONE_PERCENT, point(10e-3)), type_b(ONE_PERCENT, point(12e-3))) == pytest.approx(
        compared(one, two)
    )


def test_offsets_cancel_between_cases_that_draw_alike() -> None:
    """What a comparison keeps grows with the difference of the currents, and is far below the absolute budget."""
    base = type_b(ONE_PERCENT, point(10e-3))
    near, far = (compared(base, type_b(ONE_PERCENT, point(shunt_v))) for shunt_v in (10.5e-3, 30e-3))

    assert near < far < 0.1 * base.u


@given(
    shunt_v=st.floats(1e-4, 0.08),
    bus_v=st.floats(1.0, 36.0),
    window_s=st.floats(1e-3, 1e3),
    type_a=st.floats(0.0, 1.0),
)
def test_no_term_makes_a_figure_surer(shunt_v: float, bus_v: float, window_s: float, type_a: float) -> None:
    """The combined uncertainty is at least that of each term and of the repetitions."""
    budget = type_b(ONE_PERCENT, point(shunt_v, bus_v, window_s))

    assert budget.combined(type_a) >= max(type_a, *(term.u for term in budget.terms)) * (1 - 1e-12)
    assert budget.expanded(type_a) == 2 * budget.combined(type_a)
