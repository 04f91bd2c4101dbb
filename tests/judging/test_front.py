"""Tests of fronts and ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from judging.synthetic import blocks_at
from judging.tables import at

from harness.errors import MeasurementError
from harness.judging.dominance import layers
from harness.judging.front import Ranking, rank
from harness.judging.membership import FrontClass
from harness.quantities import parse_limit
from harness.suite import Indifference

few = st.sampled_from([0.0, 1.0, 2.0, 3.0])
points = st.integers(1, 5).flatmap(
    lambda d: st.integers(0, 25).flatmap(lambda n: arrays(np.float64, (n, d), elements=few))
)
with_gaps = st.integers(1, 4).flatmap(
    lambda d: st.integers(1, 20).flatmap(
        lambda n: arrays(
            np.float64, (n, d), elements=st.sampled_from([0.0, 1.0, 2.0, np.nan, np.inf, -np.inf])
        )
    )
)


def on_front(rows: np.ndarray) -> np.ndarray:
    """The slow definition: nobody is as good everywhere and better somewhere."""
    return np.array(
        [not any((other <= row).all() and (other < row).any() for other in rows) for row in rows], bool
    )


def layers_of(rows: np.ndarray) -> list[int]:
    """Take fronts off until nothing is left."""
    number = np.zeros(len(rows), int)
    for layer in range(1, len(rows) + 1):
        left = np.flatnonzero(number == 0)
        number[left[on_front(rows[left])]] = layer
    return number.tolist()


def order(ranking: Ranking) -> list[tuple[str, int | None]]:
    """Model and rank of each placing."""
    return [(placing.case.model, placing.rank) for placing in ranking.placings]


@given(points)
def test_layers_are_those_of_the_definition(rows: np.ndarray) -> None:
    """Layers with ties and duplicates are those of the slow definition."""
    assert layers_of(rows) == layers(rows).tolist()


@given(with_gaps)
def test_only_finite_points_are_on_a_front(rows: np.ndarray) -> None:
    """Points that are not finite are on no front and push nobody off it."""
    finite = np.isfinite(rows).all(axis=1)
    expected = np.zeros(len(rows), bool)
    expected[finite] = on_front(rows[finite])

    assert expected.tolist() == (layers(rows) == 1).tolist()


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(90, 93)), min_size=1, max_size=9))
def test_ranks_are_layers_then_energy(places: list[tuple[int, int, int]]) -> None:
    """Ranks follow layer and energy, begin at 1, and are shared by equal figures and by them alone."""
    cases = [at(f"m{i}", *place) for i, place in enumerate(places)]
    ranking = rank(cases, [])
    keys = [(p.layer, p.case.estimates["energy_per_inference_j"].value) for p in ranking.placings]
    figures = [
        tuple(p.case.estimate(name).value for name in ("latency_p99_s", "energy_per_inference_j", "error"))
        for p in ranking.placings
    ]

    assert sorted(keys) == keys
    assert ranking.placings[0].rank == 1
    assert ranking.placings == rank(cases[::-1], []).placings
    for place, (placing, row) in enumerate(zip(ranking.placings, figures, strict=True)):
        assert figures.index(row) + 1 == placing.rank
        assert figures[figures.index(row) : place + 1] == [row] * (place + 1 - figures.index(row))


def test_failing_cases_stand_after_all_others() -> None:
    """A case that fails a limit is ranked last by its violation and pushes nobody off the front."""
    fast_but_wrong, wronger, slow = at("fast", 1, 1, 60), at("wronger", 1, 1, 20), at("slow", 9, 9, 99)
    ranking = rank([wronger, fast_but_wrong, slow], [parse_limit("accuracy > 0.9")])

    assert [("slow", 1), ("fast", 2), ("wronger", 3)] == order(ranking)
    assert [True, False, False] == [placing.on_front for placing in ranking.placings]
    assert ranking.leader.case.model == "slow"


def test_incomplete_cases_have_no_rank() -> None:
    """An incomplete case is listed last, without rank, and changes nobody's."""
    ranking = rank([at("a", 1, 1, 99, incomplete="no meter"), at("b", 2, 2, 90)], [])

    assert [("b", 1), ("a", None)] == order(ranking)


def test_nobody_leads_when_all_fail() -> None:
    """The least bad of failing cases has rank 1 and does not lead."""
    ranking = rank([at("a", 1, 1, 50)], [parse_limit("accuracy > 0.9")])

    assert ranking.placings[0].rank == 1
    assert ranking.leader is None


@pytest.mark.parametrize("field", ["origin", "suite", "protocol.sittings", "meter.average"])
def test_what_differs_does_not_share_a_front(field: str) -> None:
    """Cases that differ in a field that matters are refused with its name and values, unless asked by name."""
    cases = [at("a", 1, 1, 99, conditions={field: "this"}), at("b", 2, 2, 99, conditions={field: "that"})]

    with pytest.raises(MeasurementError, match=f"{field} differs: this, that"):
        rank(cases, [])
    with pytest.raises(MeasurementError):
        rank(cases, [], mix={"something else"})
    assert (f"{field} differs: this, that",) == rank(cases, [], mix={field.partition(".")[0]}).mixed


def test_an_incomplete_case_mixes_with_nothing() -> None:
    """A case that has no place on the front is no reason to refuse one."""
    cases = [
        at("a", 1, 1, 99, conditions={"origin": "measured"}),
        at("b", 1, 1, 99, conditions={"origin": "no meter"}, incomplete="no meter"),
    ]

    assert [("a", 1), ("b", None)] == order(rank(cases, []))


def test_no_cases_give_an_empty_ranking() -> None:
    """Nothing to rank is no error."""
    ranking = rank([], [])

    assert ([], None) == (list(ranking.placings), ranking.leader)


def test_what_makes_no_difference_is_a_tie() -> None:
    """Figures in one box of the declared width share a rank, and the hair's breadth between them beats nobody."""
    cases = [at("a", 1.001, 1, 99), at("b", 1.002, 1, 99), at("c", 2, 1, 99)]
    width = Indifference(quantity="latency_p99_s", width=0.5, relative=False)
    strict, lenient = rank(cases, []), rank(cases, [], indifference=[width])

    assert [("a", 1), ("b", 2), ("c", 3)] == order(strict)
    assert [("a", 1), ("b", 1), ("c", 3)] == order(lenient)
    assert [True, True, False] == [placing.on_front for placing in lenient.placings]
    assert (width,) == lenient.indifference


def test_an_indifference_of_no_objective_is_passed_over() -> None:
    """What is declared of another quantity changes no front."""
    width = Indifference(quantity="cold_start_s", width=1.0, relative=False)
    ranking = rank([at("a", 1, 1, 99)], [], indifference=[width])

    assert () == ranking.indifference


def test_sureness_comes_from_blocks() -> None:
    """With the blocks of all eligible cases each place has a class and each dominated case its dominator."""
    places = {"a": (1.0, 1.0, 99), "b": (2.0, 2.0, 90)}
    cases = [at(name, *place) for name, place in places.items()]
    blocks = {
        (case.run, case.case): blocks_at((place[0], place[1], 1 - place[2] / 100), number)
        for number, (case, place) in enumerate(zip(cases, places.values(), strict=True))
    }
    ranking = rank(cases, [], blocks=blocks)

    assert [FrontClass.ON_FRONT, FrontClass.DOMINATED] == [
        placing.front_class for placing in ranking.placings
    ]
    assert ["", cases[0].case] == [placing.dominator for placing in ranking.placings]
    assert [None, None] == [placing.front_class for placing in rank(cases, []).placings]


def test_a_missing_block_leaves_all_untold() -> None:
    """Where the cycles of one eligible case are not at hand nobody's place is called sure."""
    cases = [at("a", 1, 1, 99), at("b", 2, 2, 90)]
    ranking = rank(cases, [], blocks={(cases[0].run, cases[0].case): blocks_at((1, 1, 0.01), 1)})

    assert [None, None] == [placing.standing for placing in ranking.placings]
