"""Tests of scores in reports: on the page, in the table, and by the suite's own wish."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from judging.runs import Behaviour, write_run
from judging.tables import at

from harness.judging.policies import POLICIES, Wish, policy_of
from harness.judging.scores import score
from harness.judging.stats import absent
from harness.quantities import print_value
from harness.report import rank_runs, render_csv, render_page
from harness.report.scoring import score_table
from harness.report.table import SCORES
from harness.store import Run
from harness.suite import SCORES as KNOWN
from harness.suite import Bounds

NAMES = ("latency_p99_s", "energy_per_inference_j", "error")
SCALES = {name: Bounds(quantity=name, best=0.0, worst=10.0 if name != "error" else 1.0) for name in NAMES}
CASES = [
    Behaviour(case=f"bench-a/onnxruntime/digits-cnn/{name}", latency_s=latency_s)
    for name, latency_s in (("fp32", 2e-3), ("int8", 1e-3))
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two cases, one twice as fast, of a suite that declares its scales."""
    bounds = [{"quantity": name, "best": 0.0, "worst": scale.worst} for name, scale in SCALES.items()]
    suite = {"id": "digits", "title": "Handwritten digits", "sha256": "0" * 64, "bounds": bounds}
    return write_run(tmp_path_factory.mktemp("results"), CASES, suite=suite)


def declaring(run: Run, **suite: Any) -> Run:
    """The run of a suite that says more."""
    return replace(run, start=replace(run.start, suite={**run.start.suite, **suite}))


def test_the_page_shows_scores_only_where_they_are_asked_for(run: Run) -> None:
    """Policy, scales, both scores and the weight sensitivity stand on the page where they are wished for."""
    asked = render_page([run], rank_runs([run], wish=Wish(policy="equal")))
    plain = render_page([run], rank_runs([run]))

    assert 'id="scores"' not in plain
    assert 'id="scores"' in asked
    for words in (
        "Policy equal: 0.33 latency p99, 0.33 energy per inference, 0.33 error; ranked by the worst weighted distance",
        "Best by this policy is bench-a/onnxruntime/digits-cnn/int8; of 10000 random weights, all equally likely",
        "it is the best under 100 %.",
        f"latency p99: {print_value('latency_p99_s', 0.0)} is 0, {print_value('latency_p99_s', 10.0)} is 1",
        "SPOTIS sum",
    ):
        assert words in asked


def test_a_suite_may_ask_for_scores(run: Run) -> None:
    """What a suite declares is shown without an option, and a wish of the reader goes before it."""
    declared = declaring(run, score="equal")

    assert "equal" == rank_runs([declared]).scoring.policy.name
    assert {"latency_p99_s": 1.0} == rank_runs(
        [declared], wish=Wish(weights={"latency_p99_s": 3})
    ).scoring.policy.weights


def test_a_declared_score_never_costs_the_report(run: Run) -> None:
    """A case better than a declared best has no score and the page says why; all else is there."""
    bounds = [{"quantity": name, "best": 0.5, "worst": 10.0} for name in NAMES]
    ranking = rank_runs([declaring(run, score="equal", bounds=bounds)])

    assert () == ranking.scoring.scores
    assert "the best is declared as 0.5" in render_page([run], ranking)


def test_that_nobody_has_a_score_is_said_once() -> None:
    """Where a quantity is not to be had, that is the only sentence: no scale and no policy is explained."""
    case = at("a", 1, 1, 90)
    cases = [
        replace(
            case,
            case=f"{case.case}{n}",
            estimates=case.estimates | {"energy_per_inference_j": absent("no meter")},
        )
        for n in range(8)
    ]
    told = score_table(score(cases, policy_of("equal"), SCALES), most=0)

    assert ["No case has a score: energy_per_inference_j is absent: no meter."] == told.unscored
    assert ("", [], []) == (told.policy, told.scales, told.rows)


def test_the_table_holds_scores_where_they_are_asked_for(run: Run) -> None:
    """Both scores and the share of weights stand behind all other columns; without a wish there are none."""
    asked = list(csv.DictReader(io.StringIO(render_csv(rank_runs([run], wish=Wish())))))
    plain = list(csv.DictReader(io.StringIO(render_csv(rank_runs([run])))))

    assert list(SCORES) == list(asked[0])[-3:]
    assert ["1.0", "0.0"] == [row["score_wins"] for row in asked]
    assert float(asked[0]["score_chebyshev"]) < float(asked[1]["score_chebyshev"])
    assert not set(SCORES) & plain[0].keys()


def test_a_case_beyond_a_limit_has_an_empty_score(run: Run) -> None:
    """Only cases that fail no limit are scored."""
    limited = replace(run, start=replace(run.start, limits=("latency_p99_s < 0.0015",)))
    rows = list(csv.DictReader(io.StringIO(render_csv(rank_runs([limited], wish=Wish())))))

    assert ["", "0.0"] != [row["score_spotis"] for row in rows]
    assert [False, True] == [row["score_spotis"] == "" for row in rows]


def test_of_many_scores_the_best_are_shown() -> None:
    """Rows beyond the most are counted."""
    scoring = score([at(f"m{n}", 1 + n / 100, 1, 90) for n in range(50)], policy_of("equal"), SCALES)
    table = score_table(scoring, most=10)

    assert (10, 40) == (len(table.rows), table.more)
    assert "m0" in table.rows[0][0]


def test_suites_know_every_policy() -> None:
    """What a suite may ask for is what there is."""

    assert set(KNOWN) == POLICIES.keys()
