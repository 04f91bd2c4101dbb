"""Tests of how sure the front is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from judging.runs import Behaviour, write_run
from judging.synthetic import COUNT, INFERENCES, blocks_at, points_of
from scipy.stats import t

from harness.judging.blocks import Blocks, blocks_of
from harness.judging.courses import courses
from harness.judging.membership import FrontClass, replicates, standings
from harness.judging.replicates import figures_of
from harness.suite import Indifference

ABOVE_IDLE = "energy_above_idle_per_inference_j"
PLACES = [(1.0, 3.0, 0.1), (3.0, 1.0, 0.1), (1.01, 3.03, 0.1), (4.0, 4.0, 0.3)]


def classes(between: float, places: list[tuple[float, float, float]] = PLACES) -> list[FrontClass]:
    """Class of each place."""
    blocks = [blocks_at(place, number, between=between) for number, place in enumerate(places)]
    return [each.front_class for each in standings(blocks, points_of(places))]


def test_clear_cases_are_called_what_they_are() -> None:
    """Far apart, members are on the front and a case beaten in everything is dominated."""
    found = classes(0.002, [PLACES[0], PLACES[1], PLACES[3]])

    assert [FrontClass.ON_FRONT, FrontClass.ON_FRONT, FrontClass.DOMINATED] == found


def test_scatter_between_sittings_makes_doubt() -> None:
    """A case one percent behind is possible where sittings differ by five."""

    assert FrontClass.POSSIBLE is classes(0.05)[2]


def test_too_few_sittings_call_nobody_on_the_front() -> None:
    """With two sittings the share may be 1 and the class is possible at best."""
    blocks = [blocks_at(place, number, sittings=2) for number, place in enumerate(PLACES[:2])]
    found = standings(blocks, points_of(PLACES[:2]))

    assert [FrontClass.POSSIBLE] * 2 == [each.front_class for each in found]
    assert all(each.share >= 0.95 and not each.between for each in found)


def test_a_dominated_case_knows_by_whom_and_by_how_much() -> None:
    """The dominator is the one that gains most where it gains least; margins are relative, of the error in points."""
    blocks = [blocks_at(place, number, between=0.002) for number, place in enumerate(PLACES)]
    last = standings(blocks, points_of(PLACES))[3]

    assert last.dominator in {0, 1}
    assert last.dominated > 0.99
    assert pytest.approx(sorted((-0.75, -0.25))) == sorted(last.margins[:2])
    assert pytest.approx(-0.2) == last.margins[2]


def test_a_gain_common_to_all_changes_no_class() -> None:
    """The error of one meter cancels between the cases it measured."""
    blocks = [blocks_at(place, number, between=0.01) for number, place in enumerate(PLACES)]
    points = points_of(PLACES)
    off = [replace(each, gains={"energy_per_inference_j": 0.2}) for each in blocks]

    assert standings(blocks, points) == standings(off, points)


def test_two_meters_count_against_each_other() -> None:
    """Between two meters the same error makes doubt."""
    places = [(1.0, 1.0, 0.0), (2.0, 1.05, 0.0)]
    blocks = [blocks_at(place, number, right=np.ones(180)) for number, place in enumerate(places)]
    gains = {"energy_per_inference_j": 0.1}
    apart = [replace(each, gains=gains, meter=f"meter-{number}") for number, each in enumerate(blocks)]
    one, two = (standings(each, points_of(places))[1] for each in (blocks, apart))

    assert one.dominated > 0.95
    assert 0.5 < two.dominated < 0.9


def test_one_case_more_changes_no_draws() -> None:
    """The draws of a case depend on the case and its run, not on who else is there."""
    blocks = [blocks_at(place, number, between=0.01) for number, place in enumerate(PLACES)]
    points = points_of(PLACES)

    assert np.array_equal(replicates(blocks[:2], points[:2]), replicates(blocks, points)[:, :2])


def test_equal_cases_are_both_on_the_front() -> None:
    """Twins that answer alike in every block are both members of every front."""
    twin = blocks_at(PLACES[0], 0)
    found = standings([twin, twin], points_of([PLACES[0]] * 2))

    assert [1.0, 1.0] == [each.share for each in found]


def test_what_makes_no_difference_keeps_a_case_on_the_front() -> None:
    """Inside the box of the declared indifference nobody dominates."""
    places = [(1.2, 1.0, 0.1), (1.201, 1.001, 0.1)]
    blocks = [replace(blocks_at(place, 0), case=f"{number}") for number, place in enumerate(places)]
    widths = [
        Indifference(quantity="latency_p99_s", width=0.5, relative=False),
        Indifference(quantity="energy_per_inference_j", width=0.4, relative=False),
        Indifference(quantity="error", width=0.5, relative=False),
    ]
    strict, lenient = (standings(blocks, points_of(places), each) for each in ([], widths))

    assert strict[1].share < 0.05
    assert lenient[1].share > 0.95


def test_resamples_scatter_as_the_data_do() -> None:
    """The scatter of energy between resamples is the standard error of its mean, that of the error binomial."""
    draws = replicates([blocks_at((1.0, 1.0, 0.2), 1)], points_of([(1.0, 1.0, 0.2)]))

    assert pytest.approx(0.01 / np.sqrt(180), rel=0.2) == draws[:, 0, 1].std()
    assert pytest.approx(np.sqrt(0.2 * 0.8 / 180), rel=0.2) == draws[:, 0, 2].std()


def test_sittings_enter_as_a_t_distribution() -> None:
    """With three sittings the spread between them enters with two degrees of freedom."""
    apart = np.array([0.02, 0.0, -0.02])
    deviations = {"latency_p99_s": apart, "energy_per_inference_j": apart}
    blocks = blocks_at((1.0, 1.0, 0.2), 1, deviations=deviations)
    draws = np.log(replicates([blocks], points_of([(1.0, 1.0, 0.2)]), resamples=20_000)[:, 0, 1])

    assert pytest.approx(4.303 * 0.02 / np.sqrt(3), rel=0.08) == np.quantile(draws, 0.975)


def test_blocks_hold_the_cycles_of_a_run(tmp_path: Path) -> None:
    """Sums over blocks are those over cycles, and an item counts once however many sittings saw it."""
    case = "bench-a/onnxruntime/digits-cnn/fp32"
    run = write_run(tmp_path, [Behaviour(case=case, wrong=[3])], items=40)
    blocks = blocks_of(run, courses(run))[case]

    assert pytest.approx(run.cycles["energy_j"].sum()) == blocks.sums["energy_j"].sum()
    assert run.cycles["repeats"].sum() == blocks.sums["inferences"].sum()
    assert (40, 39) == (blocks.items.sum(), blocks.right.sum())
    assert {"latency_p99_s", "energy_per_inference_j"} == blocks.deviations.keys()
    for deviations in blocks.deviations.values():
        assert 3 == len(blocks.sizes) == len(deviations)
        assert pytest.approx(0, abs=1e-12) == deviations.mean()


def test_cases_of_a_run_share_their_blocks(tmp_path: Path) -> None:
    """All cases are cut at the same items, so one draw serves them all; one without energy knows the others."""
    names = [f"bench-a/onnxruntime/digits-cnn/{precision}" for precision in ("fp32", "int8", "int4")]
    run = write_run(
        tmp_path, [Behaviour(case=name, power_w=None if "int4" in name else 5.0) for name in names]
    )
    found = blocks_of(run, courses(run))

    assert names == list(found)
    assert 1 == len({tuple(blocks.sizes) for blocks in found.values()})
    assert [True, True, False] == [blocks.knows("energy_per_inference_j") for blocks in found.values()]
    assert all(blocks.knows(name) for blocks in found.values() for name in ("latency_p99_s", "error"))


def test_blocks_of_a_test_that_went_through_items_itself(tmp_path: Path) -> None:
    """Where no order was planned, blocks are cut along the items in the order they were met."""
    case = "bench-a/onnxruntime/digits-cnn/fp32"
    run = write_run(tmp_path, [Behaviour(case=case, wrong=[3])], items=40, sittings=1)
    own = replace(run, start=replace(run.start, items={"1": []}))
    planned, met = (blocks_of(each, courses(each))[case] for each in (run, own))

    assert planned.sizes == met.sizes
    np.testing.assert_array_equal(planned.sums["energy_j"], met.sums["energy_j"])
    assert (40, 39) == (met.items.sum(), met.right.sum())


def test_a_resample_without_a_cycle_of_a_case_leaves_it_as_it_is() -> None:
    """Where a case has cycles in one block alone and that is not drawn, its figures stay; they never become nothing."""
    place = (1.0, 1.0, 0.2)
    whole = blocks_at(place, 1)
    first = np.zeros(len(whole.items))
    first[0] = 1.0
    few = replace(
        whole,
        sums={name: values * first for name, values in whole.sums.items()},
        beyond={"latency_p99_s": 0.01 * whole.sums["inferences"] * first},
        items=first,
        right=first,
        deviations={},
    )
    draws = replicates([few], points_of([place]))

    np.testing.assert_allclose(draws[:, 0], np.tile(place, (len(draws), 1)))


def test_the_usual_three_are_resampled_in_any_order_and_number() -> None:
    """A figure is drawn alike whatever else the front is made of."""
    names = ("latency_p99_s", "energy_per_inference_j", "error")
    blocks = [blocks_at(place, number, between=0.01) for number, place in enumerate(PLACES)]
    points = points_of(PLACES)
    usual = replicates(blocks, points)
    fewer = replicates(blocks, points[:, [2, 0]], objectives=[names[2], names[0]])

    assert np.array_equal(usual[:, :, [2, 0]], fewer)


def above_idle(number: int, *each_j: float) -> Blocks:
    """A case of 0.01 J of scatter within sittings whose energies above idle are these."""
    blocks = blocks_at((1.0, 1.0, 0.1), 0)
    own = np.array(each_j)
    scatter = 0.01 * np.random.default_rng(number).standard_normal(COUNT * len(own))
    sums = {"above_idle_j": INFERENCES * (np.repeat(own, COUNT) + scatter)}
    return replace(
        blocks, case=f"{number}", sums=blocks.sums | sums, deviations={ABOVE_IDLE: own - own.mean()}
    )


def test_a_difference_may_change_its_sign() -> None:
    """What is below 0 by noise alone is not surely less than what is 0.1 J for sure."""
    blocks = [above_idle(0, -1.05, -0.05, 0.95), above_idle(1, 0.099, 0.1, 0.101)]
    points = np.array([[-0.05], [0.1]])
    draws = replicates(blocks, points, objectives=[ABOVE_IDLE])
    noisy, quiet = standings(blocks, points, objectives=[ABOVE_IDLE])

    assert pytest.approx([-0.05, 0.1], abs=0.05) == np.median(draws[:, :, 0], axis=0)
    assert pytest.approx(t.ppf(0.9, 2) / np.sqrt(3), rel=0.2) == np.quantile(draws[:, 0, 0], 0.9) + 0.05
    assert [FrontClass.POSSIBLE] * 2 == [noisy.front_class, quiet.front_class]


def test_blocks_keep_a_difference_in_its_unit(tmp_path: Path) -> None:
    """Sittings deviate in energy above idle by joules, in all else by shares."""
    case = "bench-a/onnxruntime/digits-cnn/fp32"
    run = write_run(tmp_path, [Behaviour(case=case)])
    names = ["energy_per_inference_j", ABOVE_IDLE]
    taken = courses(run)
    [found] = blocks_of(run, taken, names).values()
    own = np.array([list(figures_of(run, case, taken[case], name).values()) for name in names])

    assert pytest.approx(own[0] / own[0].mean() - 1) == found.deviations["energy_per_inference_j"]
    assert pytest.approx(own[1] - own[1].mean()) == found.deviations[ABOVE_IDLE]


@pytest.mark.parametrize("tiers", [(0, 0, 0), (0, 1, 0), (1, 0, 2), (2, 1, 0)])
def test_tiers_behind_are_not_there(tiers: tuple[int, ...]) -> None:
    """The share of a case is that which it has without all cases of the tiers behind its own."""
    places = [(1.0, 3.0, 0.1), (1.01, 3.01, 0.1), (1.02, 2.99, 0.1)]
    blocks = [blocks_at(place, number, between=0.02) for number, place in enumerate(places)]
    points = points_of(places)
    found = standings(blocks, points, tiers=tiers)

    for place, tier in enumerate(tiers):
        among = [i for i, each in enumerate(tiers) if each <= tier]
        alone = standings([blocks[i] for i in among], points[among])[among.index(place)]
        dominator = None if alone.dominator is None else among[alone.dominator]
        each = found[place]
        assert (alone.share, dominator, alone.dominated) == (each.share, each.dominator, each.dominated)
        assert alone.margins == each.margins
