"""Tests of what a ranking comes to, and of the looks and the short list behind it."""

from dataclasses import replace
from pathlib import Path

import pytest
from judging.runs import Behaviour, write_run
from judging.synthetic import blocks_at
from judging.tables import around, at, case_result

from harness.judging.alternatives import optimism
from harness.judging.front import rank
from harness.judging.limits import LIMIT_SETS, parse_limits
from harness.judging.looks import look_of
from harness.judging.membership import Standing
from harness.judging.policies import POLICIES
from harness.judging.recommendation import recommend
from harness.judging.scores import score
from harness.judging.stats import Estimate, Spread, absent
from harness.quantities import parse_limit
from harness.report import rank_runs
from harness.store import Run
from harness.suite import Bounds

MODEL = "bench-a/onnxruntime/digits-cnn"
BEHAVIOURS = [
    Behaviour(case=f"{MODEL}/fp32", latency_s=2e-3),
    Behaviour(case=f"{MODEL}/int8", latency_s=1e-3, wrong=[1, 2]),
    Behaviour(case=f"{MODEL}/int4", latency_s=3e-3, wrong=range(30)),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three cases: one exact, one fast, one bad at all."""
    return write_run(
        tmp_path_factory.mktemp("results"),
        BEHAVIOURS,
        items=200,
        limits=("latency_p99_s < 0.150", "accuracy > 0.93"),
    )


def test_it_says_what_to_ship_and_why(run: Run) -> None:
    """The case that passes and leads is named with its figures, sittings, sureness and origin."""
    found = recommend(rank_runs([run]))

    assert f"Ship {MODEL}/int8." == found.ship
    assert found.evidence.startswith("It passes every limit and is surely on the front (in ")
    assert " % of 1000 resamples): latency p99 " in found.evidence
    assert found.evidence.endswith(
        "It is chosen for the least energy per inference of the 2 that pass every limit and that no other of "
        "them beats in everything."
    )
    assert "(3 sittings, power simulated)" in found.evidence
    assert (f"{MODEL}/int8", run.start.run) == (found.case, found.run)


def test_imported_figures_are_not_called_measured(run: Run) -> None:
    """A leader whose figures were imported has no sittings to speak of, and cannot be measured again here."""
    ranking = rank_runs([run])
    leader = ranking.placings[0]
    foreign = replace(leader, case=replace(leader.case, origin="imported"))
    found = recommend(replace(ranking, placings=[foreign, *ranking.placings[1:]]))

    assert "(imported, not measured here)" in found.evidence
    assert not any("--shortlist" in line for line in found.next)


def test_it_says_what_would_change_the_answer(run: Run) -> None:
    """Who weighs the error more is told what the other case gives and takes, and how much of a lead is luck."""
    change = " ".join(recommend(rank_runs([run])).change)

    assert f"{MODEL}/fp32 instead: 1 percentage point less error, but 1" in change
    assert "The answer changes if accuracy > 93.0 % becomes > 9" in change
    assert "Not re-measured, so luck is in it: of 2 cases that in truth take the same energy" in change


def test_it_says_what_to_measure_next(run: Run) -> None:
    """The short list is what is on the front or may be."""
    ranking = rank_runs([run])
    found = recommend(ranking)

    assert [f"{MODEL}/int8", f"{MODEL}/fp32"] == [placing.case.case for placing in ranking.shortlist]
    assert f"harness run --shortlist {run.start.run}, 2 of 3 cases in fresh sittings." in found.next[-1]


def test_cases_that_cannot_be_told_apart_ask_for_more_sittings(tmp_path: Path) -> None:
    """Where all may be on the front, a short list would be no shorter: more sittings are asked for."""
    alike = [Behaviour(case=f"{MODEL}/{name}", spread=0.05) for name in ("fp32", "int8")]
    ranking = rank_runs([write_run(tmp_path, alike)])

    assert len(ranking.shortlist) == len(ranking.placings)
    assert any("harness run --full" in sentence for sentence in recommend(ranking).next)


def test_a_measured_short_list_is_told(run: Run) -> None:
    """A run that measured a short list afresh names the run it came from, and asks for no other."""
    again = replace(run, start=replace(run.start, shortlist_of="20260101T000000Z-abcdef"))
    found = recommend(rank_runs([again]))

    assert "The short list of 20260101T000000Z-abcdef was measured afresh for this." in found.change
    assert not any("--shortlist" in sentence for sentence in found.next)


def test_nothing_is_shipped_that_is_not_decided() -> None:
    """A leader with an undecided limit is named, and so is what would decide it."""
    case = case_result(latency_p99_s=around(1e-3, 0.2))
    found = recommend(rank([case], [parse_limit("latency_p99_s < 0.0011")]))

    assert "Ship nothing yet" in found.ship
    assert any("run about 3 more sittings" in sentence for sentence in found.next)


def test_a_decided_case_goes_before_an_undecided_one() -> None:
    """Of two cases on the front the one that passes every limit is shipped, though the other leads."""
    unsure = replace(
        at("unsure", 1, 1, 50),
        estimates={**at("unsure", 1, 1, 50).estimates, "power_mean_w": around(3.0, 0.5)},
    )
    sure = replace(
        at("sure", 2, 2, 99), estimates={**at("sure", 2, 2, 99).estimates, "power_mean_w": around(1.0)}
    )
    found = recommend(rank([unsure, sure], [parse_limit("power_mean_w < 3.1")]))

    assert "Ship bench-a/onnxruntime/sure/fp32." == found.ship


FEW = Estimate(
    value=5.92e-6,
    lower=5.9e-6,
    method="order statistics",
    n=90,
    unit="inferences",
    reason="too few independent inferences",
    factor=4.5,
)
"""A p99 far below a limit of 150 ms, without the bound that would show it."""


def test_nothing_worse_is_shipped_than_what_is_not_decided() -> None:
    """An undecided case that beats the one that passes is to be decided first, with what is missing; it is named."""
    undecided = replace(at("fp32", 1, 1, 99), estimates={**at("x", 1, 1, 99).estimates, "latency_p99_s": FEW})
    found = recommend(rank([at("int8", 7.7e-6, 1, 99), undecided], [parse_limit("latency_p99_s < 0.150")]))
    fp32, int8 = "bench-a/onnxruntime/fp32/fp32", "bench-a/onnxruntime/int8/fp32"
    missing = "too few independent inferences; run about 4.5 times as long"

    assert found.ship == (
        f"Ship nothing yet: decide {fp32} first (latency p99 < 150 ms: {missing}). {int8} passes every limit, and "
        f"{fp32} beats it by the figures: 23 % less latency p99."
    )
    assert f"To decide {fp32}, latency p99 < 150 ms: {missing}." == found.next[0]
    assert fp32 == found.case
    assert not any("The answer changes" in each for each in found.change)


@pytest.mark.parametrize(("count", "ships"), [(1, True), (2, False)])
def test_what_is_beaten_in_most_resamples_is_not_shipped(count: int, ships: bool) -> None:
    """Two undecided cases, each about as often better in everything as not, are enough together."""
    limit = parse_limit("power_mean_w <= 5.5")
    others = [at(f"u{i}", 1 + 1e-6, 0.5 + i / 10, 99, power_mean_w=around(5.0, 0.3)) for i in range(count)]
    cases = [at("passing", 1, 1, 95), *others]
    errors = [0.05, 0.01, 0.01]
    points = [
        (case.estimate("latency_p99_s").value, 1.0, error) for case, error in zip(cases, errors, strict=False)
    ]
    blocks = {
        (case.run, case.case): blocks_at(point, number, between=0.05)
        for number, (case, point) in enumerate(zip(cases, points, strict=True))
    }
    found = recommend(rank(cases, [limit], blocks=blocks))

    assert ships is (found.ship == "Ship bench-a/onnxruntime/passing/fp32.")
    assert ships is not ("Ship nothing yet: decide bench-a/onnxruntime/u" in found.ship)


def test_a_limit_that_lacks_a_figure_asks_for_no_sittings() -> None:
    """Where there is no meter no measuring again decides a limit on power, and nobody asks for the short list."""
    changes = {"power_mean_w": absent("no meter"), "origin": None}
    cases = [at("a", 1, 1, 99, **changes), at("b", 2, 2, 99, **changes), at("c", 9, 9, 9, **changes)]
    found = recommend(rank(cases, [parse_limit("power_mean_w < 3")]))

    assert found.next == (
        (
            "No measuring again decides mean power < 3.00 W: power_mean_w is absent (no meter); give the device a "
            "meter, or leave this limit out."
        ),
    )


def test_a_value_without_a_bound_is_told_as_such() -> None:
    """Of imported figures the value decides, for there is no bound."""
    case = at("a", 1, 1, 99, origin="imported", power_mean_w=Estimate(value=2.9))
    change = " ".join(recommend(rank([case], [parse_limit("power_mean_w < 3")])).change)

    assert "mean power < 3.00 W becomes < 2.899 W (3.4 % lower): the value decides, 2.90 W here." in change


def test_with_few_sittings_all_but_failing_cases_are_on_the_short_list(tmp_path: Path) -> None:
    """Nobody is surely off the front then, so nobody is left out; and no share of the resamples is told."""
    ranking = rank_runs([write_run(tmp_path, BEHAVIOURS, sittings=1, items=200, limits=("accuracy > 0.8",))])
    found = recommend(ranking)

    assert {"fp32", "int8", "int4"} >= {each.case.precision for each in ranking.shortlist}
    assert [each.case.case for each in ranking.placings if each.layer] == [
        each.case.case for each in ranking.shortlist
    ]
    assert len(ranking.shortlist) > sum(each.on_front for each in ranking.placings)
    assert "on the front of such cases by its figures, from too few sittings" in found.evidence
    assert "resamples" not in found.evidence


def test_an_unfinished_run_is_finished_first(run: Run, tmp_path: Path) -> None:
    """How to go on with it comes before all else, and a complete run tells what is to be measured again."""
    broken = recommend(rank_runs([replace(run, status="interrupted")]))
    lacking = [Behaviour(case=f"{MODEL}/fp32"), Behaviour(case=f"{MODEL}/int8", unmeasured=[2])]
    complete = write_run(tmp_path, lacking)

    assert (
        broken.next[0] == f"First finish the run, which is interrupted: harness run --resume {run.start.run}"
    )
    assert recommend(rank_runs([complete])).next[0] == (
        f"First measure again what is incomplete in {complete.start.run}: {MODEL}/int8."
    )


def test_why_not_the_one_that_is_more_surely_on_the_front() -> None:
    """A case with a higher share of the resamples is named with both shares, and with what it gives and takes."""
    cases = [at("frugal", 2, 1, 97), at("sure", 1, 1.1, 99)]
    ranking = rank(cases, [])
    shares = {"frugal": 0.81, "sure": 0.86}
    placings = [
        replace(each, standing=Standing(share=shares[each.case.model], between=True))
        for each in ranking.placings
    ]
    found = recommend(replace(ranking, placings=placings))

    assert found.ship == "Ship bench-a/onnxruntime/frugal/fp32."
    assert "is probably on the front (in 81 % of 1000 resamples)" in found.evidence
    assert (
        "bench-a/onnxruntime/sure/fp32 is on the front more surely (86 % against 81 %), but that does not make it "
        "better: 50 % less latency p99 and 2 percentage points less error, but 10 % more energy per inference."
    ) in found.evidence


@pytest.mark.parametrize(("share", "word"), [(0.09, "perhaps"), (0.49, "perhaps"), (0.5, "probably")])
def test_what_is_likely_is_told_from_what_is_not(share: float, word: str) -> None:
    """Nine of a hundred is not called the same as ninety."""
    ranking = rank([at("a", 1, 1, 99), at("b", 2, 2, 99)], [])
    first = replace(ranking.placings[0], standing=Standing(share=share, between=True))

    assert f"and is {word} on the front" in recommend(replace(ranking, placings=[first])).evidence


def test_a_score_that_prefers_another_case_is_told() -> None:
    """Who asks for a score hears when it disagrees with the answer, and nothing where it agrees."""
    policy = POLICIES["equal"]
    bounds = {
        name: Bounds(quantity=name, best=0.0, worst=worst)
        for name, worst in zip(policy.weights, (10.0, 10.0, 1.0), strict=True)
    }
    frugal, fast = at("frugal", 9, 1, 97), at("fast", 1, 1.1, 99)
    told = [
        " ".join(recommend(replace(rank(cases, []), scoring=score(cases, policy, bounds))).change)
        for cases in ([frugal, fast], [fast, at("worse", 2, 2, 90)])
    ]

    assert (
        "The score prefers another case: by the policy equal the best is bench-a/onnxruntime/fast/fp32. The answer "
        "above does not weigh: it takes the least energy per inference on the front." in told[0]
    )
    assert "The score prefers" not in told[1]


@pytest.mark.parametrize(
    ("energy", "words"), [(1.014, "may be luck alone"), (1.5, "is more than luck explains")]
)
def test_a_lead_is_told_with_the_luck_in_it(energy: float, words: str) -> None:
    """A lead smaller than what equals would differ by is called luck; of a larger one the rest is told."""
    scatter = {"energy_per_inference_j": Spread(between=0.1, within=0.01)}
    cases = [at("a", 1, 1, 99, spreads=scatter), at("b", 1, energy, 99, spreads=scatter)]

    assert words in " ".join(recommend(rank(cases, [])).change)


def test_differences_of_nothing_are_not_told() -> None:
    """What differs by less than a figure shows is left out, so that nothing is told as 0 % less."""
    cases = [at("a", 1, 1, 99), at("b", 0.9999, 1.2, 99)]
    change = " ".join(recommend(rank(cases, [])).change)

    assert "b/fp32 instead: better in nothing by its figures (20 % more energy per inference)" in change


def test_nothing_is_shipped_where_all_fail() -> None:
    """The nearest case is named with the limit it misses and by how much."""
    found = recommend(
        rank([at("a", 0.3, 1, 99), at("b", 0.6, 1, 99)], [parse_limit("latency_p99_s < 0.150")])
    )

    assert "Ship nothing: no case keeps the limits." in found.ship
    assert "bench-a/onnxruntime/a/fp32, misses latency p99 < 150 ms by 100.0 %" in found.ship


def test_nothing_is_shipped_where_nothing_is_complete() -> None:
    """Incomplete cases are no answer."""
    found = recommend(rank([at("a", 1, 1, 99, incomplete="no meter")], []))

    assert "no case is complete enough" in found.ship


@pytest.mark.parametrize(("rivals", "expected"), [(10, 3.1), (100, 5.0), (1000, 6.5)])
def test_optimism_is_that_of_the_best_of_equals(rivals: int, expected: float) -> None:
    """With 2 % standard error the best of 10, 100 and 1000 equals looks 3.1, 5.0 and 6.5 % too good."""
    scatter = {"energy_per_inference_j": Spread(between=0.02 * 3**0.5, within=0.01)}

    assert pytest.approx(expected, abs=0.05) == 100 * optimism(case_result(spreads=scatter), rivals)


def test_one_case_alone_is_no_winner() -> None:
    """Where nobody else was measured nothing was chosen, so there is no optimism."""

    assert optimism(case_result(), 1) is None


def test_edge_is_what_the_field_asks() -> None:
    """The set `edge` is latency below 150 ms, memory up to 1 GB and power up to 3 W, and mixes with others."""
    limits = parse_limits(["edge", "accuracy >= 0.9"])

    assert ["latency_p99_s < 0.15", "memory_peak_bytes <= 1e+09", "power_mean_w <= 3", "accuracy >= 0.9"] == [
        str(limit) for limit in limits
    ]
    assert {"edge"} == set(LIMIT_SETS)


def test_each_run_of_a_suite_is_a_look(tmp_path: Path) -> None:
    """Runs of the same suite, device and protocol in one folder are counted up to the run in question."""
    utcs = [f"2026-01-0{day}T00:00:00+00:00" for day in (1, 2, 3, 4)]
    runs = [write_run(tmp_path, BEHAVIOURS[:1], items=10, utc=utc) for utc in utcs]
    other = write_run(
        tmp_path, BEHAVIOURS[:1], items=10, utc=utcs[0], suite={"id": "other", "sha256": "9" * 64}
    )
    (tmp_path / "runs" / "no-run").mkdir()
    looks = [look_of(each) for each in runs]

    assert [1, 2, 3, 4] == [look.taken for look in looks]
    assert [False, False, False, True] == [look.over for look in looks]
    assert 1 == look_of(other).taken


def test_a_suite_says_how_many_looks_it_allows(run: Run) -> None:
    """One look has bounds at 95 %, three at 98.3 % each: the same limit, a wider bound."""

    def upper(looks: int) -> float:
        suite = {**run.start.suite, "looks": looks}
        return (
            rank_runs([replace(run, start=replace(run.start, suite=suite))])
            .placings[0]
            .case.estimate("energy_per_inference_j")
            .upper
        )

    assert upper(1) < upper(3) < upper(10)


def test_an_accuracy_that_nothing_limits_is_told() -> None:
    """Where the error is an objective and no limit is set on it, the answer says that it does not ask for it."""
    free = rank([at("a", 0.3, 1, 50), at("b", 0.6, 1, 99)], [parse_limit("latency_p99_s < 1")])
    bound = rank([at("a", 0.3, 1, 99)], [parse_limit("accuracy >= 0.1")])

    assert any("No limit is set on the accuracy" in sentence for sentence in recommend(free).change)
    assert not any("No limit is set on the accuracy" in sentence for sentence in recommend(bound).change)
