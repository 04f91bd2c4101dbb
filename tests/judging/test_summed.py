"""The budget of several chips: what is each part's own adds up by squares, what has one cause adds up as it is."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.budget import Budget, Effect, Missing, OperatingPoint, Term, above_idle, compared
from harness.datasheet import GENUINE
from harness.monitors import Board, Reference, type_b
from harness.summed import COMMON, Part, summed

POINT = OperatingPoint(
    shunt_v=10e-3,
    bus_v=5.0,
    power_w=5.0,
    window_s=1.0,
    edge_s=100e-6,
    step=0.5,
    samples=1000,
    shunt_scatter_lsb=1.0,
)
BOARD = Board(
    chip=GENUINE, shunt_tolerance=0.01, shunt_tcr_per_k=75e-6, temperature_span_k=20.0, supply_v=3.3
)


def parts(*shares: float, board: Board = BOARD) -> list[Part]:
    """Like chips at like points, with those shares of the energy."""
    return [
        Part(name=f"rail-{number}", share=share, budget=type_b(board, POINT))
        for number, share in enumerate(shares)
    ]


def terms_of(budget: Budget, name: str) -> list[Term]:
    """Terms of that name, of whichever channel."""
    return [term for term in budget.terms if term.name.rpartition(": ")[2] == name]


def test_a_channel_that_has_all_the_energy_is_the_whole() -> None:
    """With nothing on the other channel the budget is that of the one chip."""
    alone = type_b(BOARD, POINT)

    assert alone.u == pytest.approx(summed(parts(1.0, 0.0)).u)


@given(st.floats(0.0, 1.0))
def test_own_errors_add_by_squares_and_common_ones_as_they_are(share: float) -> None:
    """Of two like chips a tolerance is smaller by the squares of the shares; a drift with one cause is what it was."""
    whole = summed(parts(share, 1 - share))
    alone = type_b(BOARD, POINT)
    for term in alone.terms:
        found = math.hypot(*(each.u for each in terms_of(whole, term.name)))
        factor = 1.0 if term.name in COMMON else math.hypot(share, 1 - share)

        assert factor * term.u == pytest.approx(found, rel=1e-9)
    assert whole.u <= alone.u * (1 + 1e-12)


def test_worked_example() -> None:
    """Two genuine chips with half of the energy each: 1 % of a shunt becomes 0.71 %, U 0.87 % and not 1.21 %.

    By hand, in %: own (0.577² + 3 x 0.0577² + 0.0866²) / 2, common 0.0866² + 2 x 0.0577²; twice the root is 0.87.
    """
    whole = summed(parts(0.5, 0.5))

    assert 0.01 / math.sqrt(3) / math.sqrt(2) == pytest.approx(
        math.hypot(*(term.u for term in terms_of(whole, "shunt tolerance")))
    )
    assert 1.21e-2 == pytest.approx(type_b(BOARD, POINT).expanded(0.0), abs=5e-5)
    assert 0.87e-2 == pytest.approx(whole.expanded(0.0), abs=5e-5)


def test_what_is_assumed_may_be_alike_in_all_chips() -> None:
    """Modules of which nothing is known may be of one lot: two of them are no surer than one."""
    unknown = Board()
    whole = summed(parts(0.5, 0.5, board=unknown))

    assert terms_of(type_b(unknown, POINT), "bus gain")[0].u == pytest.approx(
        terms_of(whole, "bus gain")[0].u
    )
    assert 1 == len(terms_of(whole, "shunt and its gain"))


def test_calibrations_against_one_reference_are_no_surer_than_one() -> None:
    """The reference errs alike in both; the sum is calibrated only where each chip is."""
    board = replace(BOARD, reference=Reference(voltage=1e-3, current=2e-3, source="one multimeter"))
    whole = summed(parts(0.4, 0.6, board=board))
    mixed = summed([*parts(0.4, board=board), *parts(0.6)])

    assert 2e-3 == pytest.approx(terms_of(whole, "current after calibration")[0].u)
    assert whole.calibrated
    assert not mixed.calibrated


def test_what_is_missing_of_one_chip_is_missing_of_the_sum() -> None:
    """A term nobody knows of one channel leaves the sum without a Type B uncertainty, and names the channel."""
    known = parts(0.5, 0.5)
    lacking = replace(
        known[1], budget=replace(known[1].budget, missing=(Missing(name="accuracy", reason="why"),))
    )
    whole = summed([known[0], lacking])

    assert not whole.complete
    assert ["rail-1: accuracy"] == [each.name for each in whole.missing]


def test_a_gain_of_one_channel_cancels_as_far_as_the_shares_are_alike() -> None:
    """Between cases with the same shares nothing of the gains is left; with other shares the difference is."""
    base, same, other = (summed(parts(share, 1 - share)) for share in (0.5, 0.5, 0.8))
    gains = [term for term in base.terms if term.effect is Effect.SHARE]
    only = replace(base, terms=gains)

    assert gains
    assert 0.0 == compared(only, replace(same, terms=[t for t in same.terms if t.effect is Effect.SHARE]))
    left = compared(only, replace(other, terms=[t for t in other.terms if t.effect is Effect.SHARE]))
    assert 0.3 * math.sqrt(2) * math.hypot(0.01, 1e-3, 1e-3) / math.sqrt(3) == pytest.approx(left)


def test_above_idle_keeps_the_gain_of_a_channel_at_its_largest() -> None:
    """Which channel the energy above idle is drawn from is not told: its own gain weighs as if all of it were there."""
    whole = summed(parts(0.5, 0.5))
    dynamic = above_idle(whole, 5.0, 3.0, 0.0)
    gross, above = (
        math.hypot(*(term.u for term in budget.terms if term.effect is Effect.SHARE))
        for budget in (whole, dynamic)
    )

    assert 2.5 * gross == pytest.approx(above)


def test_what_is_known_of_one_chip_is_not_counted_among_what_is_assumed_of_another() -> None:
    """A genuine chip's gain is its own, a module's is assumed: beside each other each counts once."""
    whole = summed([*parts(0.5), *parts(0.5, board=Board())])
    u = {term.name: term.u for term in whole.terms}

    assert 0.5 * 1e-3 / math.sqrt(3) == pytest.approx(u["rail-0: bus gain"])
    assert 0.5 * 0.02 / math.sqrt(3) == pytest.approx(u["bus gain"])


def test_what_one_side_alone_has_is_left_in_the_ratio() -> None:
    """A term of the candidate that the base lacks counts as one of the base that the candidate lacks."""
    base = type_b(BOARD, replace(POINT, step=0.0))
    candidate = type_b(BOARD, replace(POINT, clock_s=10e-3, interval_s=10e-3))

    assert 2 * 0.5 * 10e-3 / math.sqrt(3) < compared(base, candidate)
    assert compared(base, candidate) == pytest.approx(compared(candidate, base))
