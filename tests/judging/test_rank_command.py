"""Tests of `harness rank` and of the short list of `harness run`."""

import json

import pytest
from judging.runs import Behaviour, write_run
from typer.testing import CliRunner

from harness.cli import app
from harness.cli.judging import shortlisted
from harness.cli.planning import Asked
from harness.errors import FileError
from harness.store import Run

MODEL = "bench-a/onnxruntime/digits-cnn"
SUITE = {
    "id": "digits",
    "sha256": "0" * 64,
    "path": "suites/digits.yaml",
    "models": [{"id": "digits-cnn", "macs": 1000}],
    "bounds": [
        {"quantity": name, "best": 0.0, "worst": worst}
        for name, worst in (
            ("latency_p99_s", 0.01),
            ("energy_per_inference_j", 0.1),
            ("error", 0.5),
            ("work_flop", 1e4),
        )
    ],
}
ASKED = Asked(suite="digits", devices=None, selections=None, quick=False, full=False, seed=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of three precisions, one of them beaten by both others."""
    behaviours = [
        Behaviour(case=f"{MODEL}/fp32", latency_s=2e-3),
        Behaviour(case=f"{MODEL}/int8", latency_s=1e-3, wrong=[1, 2]),
        Behaviour(case=f"{MODEL}/int4", latency_s=3e-3, wrong=range(30)),
    ]
    device = {"id": "bench-a", "path": "devices/bench-a.yaml"}
    return write_run(
        tmp_path_factory.mktemp("results"), behaviours, items=200, suite=SUITE, device=device, seed=1
    )


def printed(run: Run, *arguments: str) -> str:
    """What the command prints."""
    call = ["rank", run.path.name, "--results", str(run.path.parents[1]), *arguments]
    done = CliRunner().invoke(app, call, catch_exceptions=False, env={"COLUMNS": "400"})
    assert done.exit_code == 0
    return done.stdout


def test_rank_ends_in_a_recommendation(run: Run) -> None:
    """The last sentences say which case to ship and what to measure next."""
    text = printed(run, "--limit", "edge", "--limit", "accuracy > 0.9")

    assert "mean power <= 3.00 W" in text
    assert "Ship nothing: no case keeps the limits." in text
    assert f"Ship {MODEL}/int8." in printed(run, "--limit", "accuracy > 0.9")


def test_rank_says_who_dominates_whom(run: Run) -> None:
    """Each dominated case is told with who dominates it, how surely and by how much."""
    text = printed(run)

    assert "int4 is dominated by" in text
    assert "in 100 % of resamples: latency p99 -" in text


def test_rank_tells_the_flips(run: Run) -> None:
    """Answers of the precisions are compared with those of the finest, within the stated margin."""
    text = printed(run, "--margin", "0.05")

    assert "digits-cnn/int8 against digits-cnn/fp32: 2 lost, 0 won of 200 items" in text
    assert "shown to lose at most 5 points" in text


def test_scores_stand_beside_the_ranking(run: Run) -> None:
    """A policy by name, other weights and preferences come out with the share of weights each case wins under."""
    text = printed(run, "--score", "flops-latency-accuracy", "--prefer", f"{MODEL}/fp32 > {MODEL}/int8")

    assert "Policy flops-latency-accuracy: 0.4 nominal work, 0.35 latency p99, 0.25 error" in text
    assert "1 of 1 preferences are kept by" in text
    assert "Policy equal: 1 latency p99" in printed(run, "--weight", "latency_p99_s=2")


def test_json_holds_classes_scores_and_recommendation(run: Run) -> None:
    """For a script there is all of it."""
    data = json.loads(printed(run, "--format", "json", "--score", "equal"))

    assert {"on front", "possible", "dominated"} == {case["front_class"] for case in data["cases"]}
    assert data["recommendation"]["ship"] == f"Ship {MODEL}/int8."
    assert 3 == len(data["scores"]["scores"])
    assert {"taken": 1, "declared": 3} == {key: data["looks"][0][key] for key in ("taken", "declared")}
    assert data["cases"][0]["courses"][0]["state"] == "steady"


@pytest.mark.parametrize(
    "arguments", [("--weight", "latency_p99_s"), ("--prefer", "a, b"), ("--score", "best")]
)
def test_wishes_that_cannot_be_read_are_refused(run: Run, arguments: tuple[str, str]) -> None:
    """A weight, a preference and a policy are refused with the form that is expected."""
    with pytest.raises(FileError, match=arguments[0]):
        printed(run, *arguments)


def test_short_list_is_the_front_in_another_order(run: Run) -> None:
    """Suite and device are the run's, the cases those on its front, the seed another than its own."""
    asked = shortlisted(run.path.name, ASKED, results=run.path.parents[1])

    assert [f"{MODEL}/int8", f"{MODEL}/fp32"] == list(asked.selections)
    assert ("suites/digits.yaml", ["devices/bench-a.yaml"], 2) == (asked.suite, asked.devices, asked.seed)
    assert asked.shortlist_of == run.start.run


def test_short_list_takes_no_other_selection(run: Run) -> None:
    """Who names cases or devices as well is told to leave one out."""
    asked = Asked(suite="digits", devices=["host"], selections=None, quick=False, full=False, seed=1)

    with pytest.raises(FileError, match="--shortlist takes device and cases from the run"):
        shortlisted(run.path.name, asked, results=run.path.parents[1])
