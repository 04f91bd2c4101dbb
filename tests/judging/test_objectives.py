"""Tests of what a front is made of, and of devices without a meter: they are ranked and gated by what they have."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from judging.runs import DEVICE, Behaviour, write_run
from judging.test_gate import gate, policy
from plugin import lab
from typer.testing import CliRunner

from harness.cli import app
from harness.cli.judging import shortlisted
from harness.cli.planning import Asked
from harness.errors import FileError, MeasurementError
from harness.judging.cases import case_results
from harness.judging.compare import Outcome, compare
from harness.judging.gate import review
from harness.judging.limits import Verdict
from harness.judging.membership import FrontClass
from harness.judging.objectives import OBJECTIVES, objectives_of, refuse_objectives
from harness.judging.ranking import rank_runs
from harness.outputs.bencher import render_bencher
from harness.outputs.github_action import render_github_action
from harness.outputs.junit import render_junit
from harness.policy import Kind
from harness.quantities import QUANTITIES, Direction
from harness.report import as_data, render_csv
from harness.schema import read_suite
from harness.store import Run

MODEL = "bench-a/onnxruntime/digits-cnn"
BARE = {"id": "bench", "path": "devices/bench.yaml", "board": {"id": "bench-board"}, "meter": None}
SUITE: dict[str, Any] = {"id": "digits", "sha256": "0" * 64, "path": "suites/digits.yaml"}
CASES = [
    Behaviour(case=f"{MODEL}/fp32", latency_s=2e-3),
    Behaviour(case=f"{MODEL}/int8", latency_s=1e-3, wrong=range(0, 100, 12)),
    Behaviour(case=f"{MODEL}/int4", latency_s=3e-3, wrong=range(0, 100, 3)),
]
ASKED = Asked(suite="digits", devices=None, selections=None, quick=False, full=False, seed=1)


def bare(results: Path, **start: Any) -> Run:
    """A run on a device without a meter."""
    behaviours = [replace(each, power_w=None, case=each.case.replace("bench-a", "bench")) for each in CASES]
    values: dict[str, Any] = {"items": 100, "origin": None, "device": BARE, "suite": SUITE, "seed": 1}
    return write_run(results, behaviours, **(values | start))


def metered(results: Path, **start: Any) -> Run:
    """The same on a device with one."""
    return write_run(results, CASES, **({"items": 100, "device": DEVICE, "suite": SUITE} | start))


def called(run: Run, *arguments: str) -> Any:
    """A command on a run."""
    command, *rest = arguments
    return CliRunner().invoke(app, [command, run.path.name, "--results", str(run.path.parents[1]), *rest])


def test_without_a_meter_cases_are_ranked_by_what_they_have(tmp_path: Path) -> None:
    """The usual objectives shrink to latency and error, in words, and how sure the front is is told all the same."""
    ranking = rank_runs([bare(tmp_path)])

    assert ("latency_p99_s", "error") == ranking.objectives
    assert {
        "energy_per_inference_j": "energy per inference is not an objective: device bench has no meter"
    } == ranking.left_out
    assert [1, 2, 3] == [placing.rank for placing in ranking.placings]
    assert [FrontClass.ON_FRONT, FrontClass.ON_FRONT, FrontClass.DOMINATED] == [
        placing.front_class for placing in ranking.placings
    ]
    assert 2 == len(ranking.placings[2].standing.margins)


def test_what_is_left_out_is_said_everywhere(tmp_path: Path) -> None:
    """Terminal and JSON say that energy is no objective and why; the columns of energy stay empty."""
    run = bare(tmp_path)
    ranking = rank_runs([run])
    said = "energy per inference is not an objective: device bench has no meter"

    assert f"{said.capitalize()}." in " ".join(called(run, "rank").stdout.split())
    assert said == as_data(ranking)["objectives_left_out"]["energy_per_inference_j"]
    assert (
        said == json.loads(called(run, "rank", "--format", "json").stdout)["objectives_left_out"].popitem()[1]
    )
    header, *rows = (line.split(",") for line in render_csv(ranking).splitlines())
    assert [""] * 3 == [row[header.index("energy_per_inference_j")] for row in rows]
    assert ["1", "2", "3"] == [row[header.index("rank")] for row in rows]


def test_with_a_meter_nothing_is_left_out(tmp_path: Path) -> None:
    """One device with a meter is enough for the usual three."""
    runs = [bare(tmp_path), metered(tmp_path)]

    assert (OBJECTIVES, {}) == (objectives_of(runs).names, objectives_of(runs).left_out)
    assert (OBJECTIVES, {}) == (objectives_of([]).names, objectives_of([]).left_out)


def test_objectives_that_were_stated_are_never_left_out(tmp_path: Path) -> None:
    """Asked for, or stated in the suite, energy stays: each case says why it has no rank, and what would rank it."""
    hint = "energy_per_inference_j is absent: no meter; --objective latency_p99_s --objective error would rank it"
    asked = rank_runs([bare(tmp_path)], objectives=OBJECTIVES)
    stated = rank_runs([bare(tmp_path, suite=SUITE | {"objectives": list(OBJECTIVES)})])

    for ranking in (asked, stated):
        assert {} == ranking.left_out
        assert [(None, hint)] * 3 == [(each.rank, each.case.incomplete) for each in ranking.placings]


def test_a_suite_states_its_objectives(tmp_path: Path) -> None:
    """What the suite states is the front of its runs, unless the user asks for another."""
    names = ["power_mean_w", "latency_p50_s"]
    run = metered(tmp_path, suite=SUITE | {"objectives": names})

    assert tuple(names) == rank_runs([run]).objectives
    assert ("error",) == rank_runs([run], objectives=["error"]).objectives
    with pytest.raises(
        MeasurementError, match=r"different objectives: .* State those to rank by with --objective"
    ):
        rank_runs([run, metered(tmp_path)])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["accuracy"], "accuracy: is no objective, for it is not better smaller; take error"),
        (["latncy_p99_s"], "latncy_p99_s: is not a published quantity"),
        (["error", "error"], "error: is named twice"),
        ([], "no objective is given"),
    ],
)
def test_what_is_no_objective_is_refused(names: Sequence[str], said: str) -> None:
    """A quantity better larger, unknown or named twice makes no front."""
    with pytest.raises(FileError, match=said):
        refuse_objectives(names)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[latncy_p99_s]", "latncy_p99_s: is not a published quantity"),
        ("[accuracy]", "accuracy is not better smaller; take another, such as error"),
        ("[error, error]", "found the objective error more than once"),
    ],
)
def test_objectives_of_a_suite_s_file_are_checked(tmp_path: Path, line: str, said: str) -> None:
    """A suite states published quantities that are better smaller, each once; what it states is in its runs."""
    lab.make_suite(_made(tmp_path))
    path = tmp_path / "suites" / "sides.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}objectives: [latency_p50_s, error]\n", encoding="utf-8")
    assert ("latency_p50_s", "error") == read_suite(path).objectives
    path.write_text(f"{text}objectives: {line}\n", encoding="utf-8")

    with pytest.raises(FileError, match=said):
        read_suite(path)


def _made(folder: Path) -> Path:
    (folder / "suites").mkdir()
    return folder


def test_a_run_refuses_objectives_before_it_measures(tmp_path: Path) -> None:
    """`harness run --objective accuracy` ends before any device is touched."""
    found = CliRunner().invoke(
        app, ["run", "digits", "--objective", "accuracy", "--results", str(tmp_path / "results")]
    )

    assert isinstance(found.exception, FileError)
    assert not (tmp_path / "results").exists()


def test_among_metered_devices_one_without_is_incomplete(tmp_path: Path) -> None:
    """Its cases have no rank, the others do; by the objectives that all have, and the fields mixed by name, all do."""
    runs = [metered(tmp_path), bare(tmp_path)]
    together = rank_runs(runs)
    lacking = [placing.case for placing in together.placings if placing.rank is None]

    assert ["bench"] * 3 == [case.device for case in lacking]
    assert all(case.incomplete.endswith("--objective error would rank it") for case in lacking)
    with pytest.raises(MeasurementError, match="origin differs"):
        rank_runs(runs, objectives=["latency_p99_s", "error"])
    mixed = rank_runs(runs, objectives=["latency_p99_s", "error"], mix=["origin", "meter"])
    assert all(placing.rank is not None for placing in mixed.placings)


def test_limits_count_where_only_an_objective_is_lacking(tmp_path: Path) -> None:
    """A case without a rank for want of energy keeps or breaks its limits; one of which work is missing does not."""
    run = bare(tmp_path, limits=("latency_p99_s < 0.150",))
    lacking = rank_runs([run], objectives=OBJECTIVES).placings[0]
    unfinished = replace(lacking, case=replace(lacking.case, lacking=(), incomplete="sitting 3 of 3"))

    assert (True, Verdict.PASS) == (lacking.judged, lacking.verdict)
    assert not unfinished.judged


def test_a_limit_on_what_no_meter_gives_is_not_decided(tmp_path: Path) -> None:
    """A hard limit on power is neither kept nor broken without a meter: the case leads, undecided."""
    ranking = rank_runs([bare(tmp_path, limits=("power_mean_w <= 3",))])
    first = ranking.placings[0]

    assert (1, Verdict.INCONCLUSIVE) == (first.rank, first.verdict)
    assert "power_mean_w is absent (no meter)." == first.judgements[0].evidence


def test_gates_on_latency_and_accuracy_need_no_meter(tmp_path: Path) -> None:
    """They pass or fail by their own figures, in JUnit as well, and the series for CI services hold what there is."""
    run = bare(tmp_path)
    judged = review(
        run,
        policy(
            gate(Kind.THRESHOLD, "latency_p99_s", 0.01, relative=False, comparison="<="),
            gate(Kind.THRESHOLD, "accuracy", 0.80, relative=False, comparison=">="),
        ),
    )
    verdicts = [finding.verdict for finding in judged.findings]
    suite = fromstring(render_junit(judged)).find("testsuite")  # noqa: S314  our own document

    assert [Verdict.PASS] * 5 + [Verdict.FAIL] == verdicts
    assert ("0", "1", "0") == tuple(suite.get(name) for name in ("errors", "failures", "skipped"))
    assert 3 == len(json.loads(render_bencher(judged.cases)))
    assert all(
        {"latency_p50_s", "latency_p99_s", "error"} <= measures.keys()
        and not any("energy" in name or "power" in name for name in measures)
        for measures in json.loads(render_bencher(judged.cases)).values()
    )
    assert 3 == sum(
        entry["name"].endswith("latency_p99_s") for entry in json.loads(render_github_action(judged.cases))
    )


def test_a_gate_on_energy_is_never_let_by_without_a_meter(tmp_path: Path) -> None:
    """It is INCONCLUSIVE with its reason, an error in JUnit, and blocks even where what is undecided may pass."""
    one = gate(Kind.THRESHOLD, "energy_per_inference_j", 1.0, relative=False, comparison="<=")
    judged = review(bare(tmp_path), policy(one))
    suite = fromstring(render_junit(judged)).find("testsuite")  # noqa: S314  our own document

    assert [Verdict.INCONCLUSIVE] * 3 == [finding.verdict for finding in judged.findings]
    assert "energy_per_inference_j is absent (no meter)." == judged.findings[0].evidence
    assert "3" == suite.get("errors")
    assert 3 == len(judged.blocking(allow_inconclusive=True))


def test_a_short_list_needs_no_meter(tmp_path: Path) -> None:
    """`harness run --shortlist` takes the front of latency and error, or of what is asked."""
    run = bare(tmp_path)
    place = {"results": run.path.parents[1]}

    assert ["bench/onnxruntime/digits-cnn/fp32", "bench/onnxruntime/digits-cnn/int8"] == sorted(
        shortlisted(run.path.name, ASKED, **place).selections
    )
    assert ["bench/onnxruntime/digits-cnn/int8"] == (
        shortlisted(run.path.name, ASKED, objectives=["latency_p99_s"], **place).selections
    )
    with pytest.raises(FileError, match="incomplete: power_mean_w is absent: no meter"):
        shortlisted(run.path.name, ASKED, objectives=["power_mean_w"], **place)


def test_runs_without_a_meter_are_compared(tmp_path: Path) -> None:
    """Latency and accuracy are compared, energy is told as absent, and no case is called incomplete."""
    base = bare(tmp_path)
    slower = write_run(
        tmp_path,
        [Behaviour(case="bench/onnxruntime/digits-cnn/fp32", latency_s=4e-3, power_w=None)],
        items=100,
        origin=None,
        device=BARE,
        suite=SUITE,
        seed=1,
    )
    (pair,) = compare(base, slower).pairs

    assert Outcome.WORSE is pair.change("latency_p99_s").outcome
    assert Outcome.UNSURE is pair.change("energy_per_inference_j").outcome
    assert ("", "") == (pair.base.incomplete, pair.candidate.incomplete)


@pytest.mark.parametrize(
    "name", [each.name for each in QUANTITIES.values() if each.direction is Direction.SMALLER]
)
def test_any_objective_is_resampled_or_says_it_is_not(tmp_path: Path, name: str) -> None:
    """With three sittings every figure that is there has a standing beside the latency; else the case has no rank."""
    ranking = rank_runs(
        [metered(tmp_path)], objectives=["latency_p99_s" if name != "latency_p99_s" else "error", name]
    )

    for placing in ranking.placings:
        has = placing.case.estimate(name).value is not None
        assert has is (placing.rank is not None)
        assert has is (placing.standing is not None)


def test_without_replicates_the_column_says_by_figures(tmp_path: Path) -> None:
    """Of one sitting nobody knows how the cold start differs: the front is told by its figures, in words of its own."""
    run = metered(tmp_path, sittings=1)
    asked = ["--objective", "latency_p99_s", "--objective", "cold_start_s"]
    ranking = rank_runs([run], objectives=asked[1::2])
    said = called(run, "rank", *asked).stdout

    assert [None] * 3 == [placing.standing for placing in ranking.placings]
    assert "by figures" in said
    assert "yes" not in said
    assert "The front is that of the figures alone" in said


def test_the_front_of_an_objective_moves_as_its_data_do(tmp_path: Path) -> None:
    """A case a hair behind in mean power is possible where sittings scatter, one far behind is dominated."""
    behaviours = [
        Behaviour(case=f"{MODEL}/fp32", power_w=5.0, spread=0.03),
        Behaviour(case=f"{MODEL}/int8", power_w=5.002, spread=0.03),
        Behaviour(case=f"{MODEL}/int4", power_w=9.0, latency_s=2e-3, spread=0.03),
    ]
    run = write_run(tmp_path, behaviours, items=100)
    classes = {
        placing.case.precision: placing.front_class
        for placing in rank_runs([run], objectives=["power_mean_w", "latency_mean_s"]).placings
    }

    assert FrontClass.POSSIBLE is classes["int8"]
    assert FrontClass.DOMINATED is classes["int4"]


def test_a_figure_that_is_absent_does_not_make_the_rest_useless(tmp_path: Path) -> None:
    """Only missing work makes a case incomplete by itself; what a case must have is for the front to say."""
    assert ["", "", ""] == [case.incomplete for case in case_results(bare(tmp_path))]


def test_pictures_that_cannot_be_drawn_say_why(tmp_path: Path) -> None:
    """`harness report --figures` without a ranked case writes the cases' pictures and says why there is no front."""
    run = bare(tmp_path)
    found = called(
        run,
        "report",
        "--figures",
        "--objective",
        "power_mean_w",
        "--objective",
        "error",
        "--reports",
        str(tmp_path / "r"),
    )
    names = [path.name for path in (tmp_path / "r").iterdir()]

    assert 0 == found.exit_code
    assert any(name.endswith(".png") and "case" in name for name in names)
    assert not any("front" in name for name in names)
    assert (
        "No picture of the front: no case is ranked (3 cases: power_mean_w is absent: no meter"
        in found.stderr
    )
    one = called(run, "report", "--figures", "--objective", "error", "--reports", str(tmp_path / "r"))
    assert "No picture of the front: it has one objective, error." in one.stderr


def test_of_one_sitting_nobody_is_surely_off_the_front(tmp_path: Path) -> None:
    """The column has neither yes nor no where there are no replicates, and a sentence says why."""
    said = called(metered(tmp_path, sittings=1), "rank").stdout
    column = [line.split()[1] for line in said.splitlines() if line[:1].isdigit()]

    assert ["maybe", "maybe", "digits-cnn/int4"] == column[:3]
    assert "nobody is surely on the front, and nobody surely off it" in " ".join(said.split())
