"""Tests of what the command adds to a report: comparison, figures, a browser, and commands to measure again."""

import webbrowser
from dataclasses import replace
from pathlib import Path

import pytest
from judging.runs import Behaviour, write_run
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import BenchError, FileError
from harness.judging.compare import compare
from harness.report import rank_runs, render_page
from harness.report.comparison import HEADS, comparison_rows
from harness.report.details import command_of
from harness.store import Run

CASE = "bench-a/onnxruntime/digits-cnn/fp32"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both runs are kept."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def runs(results: Path) -> tuple[Run, Run]:
    """A run and a later one that takes twice as long."""
    before = write_run(results, [Behaviour(case=CASE, latency_s=1e-3, spread=0.001)])
    return before, write_run(results, [Behaviour(case=CASE, latency_s=2e-3, spread=0.001)])


def test_the_worst_change_is_told_first(runs: tuple[Run, Run]) -> None:
    """A row has a text for each head; what is worse stands before what is not decided."""
    rows = comparison_rows(compare(*runs))

    assert {len(HEADS)} == {len(row) for row in rows}
    assert "worse" == rows[0][-1]
    assert [row[-1] for row in rows] == sorted(
        (row[-1] for row in rows), key=("worse", "better", "cannot tell").index
    )


def test_the_page_shows_what_has_changed(runs: tuple[Run, Run]) -> None:
    """The section names the earlier run; without a comparison there is none."""
    ranking = rank_runs(runs[1:])

    assert f'Against run <span class="id">{runs[0].start.run}' in render_page(
        runs[1:], ranking, comparison=compare(*runs)
    )
    assert "Against run" not in render_page(runs[1:], ranking)


def test_the_command_writes_figures_and_opens_the_page(
    runs: tuple[Run, Run], results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each picture is an SVG and a PNG file beside the page, which the browser is asked to open."""
    asked: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: asked.append(address) or True)
    before, now = (str(run.path) for run in runs)
    words = ["report", now, "--compare", before, "--figures", "--open", "--title", "Twice as long"]
    done = CliRunner().invoke(app, [*words, "--results", str(results), "--reports", str(tmp_path)])
    paths = [Path(line) for line in done.output.splitlines()]

    assert 0 == done.exit_code, done.output
    assert sorted(paths) == sorted(tmp_path.iterdir())
    assert [paths[0].as_uri()] == asked
    assert "<title>Twice as long</title>" in paths[0].read_text(encoding="utf-8")
    pictures = {path.name.removeprefix(f"{runs[1].path.name}-") for path in paths[4:]}
    assert {"front-1.svg", "front-1.png", "case-1-latency.svg", "case-1-course.png"} <= pictures


def test_without_a_browser_the_path_is_told(
    runs: tuple[Run, Run], results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without a browser says so, after the files are written."""
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    words = ["report", str(runs[0].path), "--open", "--results", str(results), "--reports", str(tmp_path)]

    with pytest.raises(BenchError, match="no browser could be opened here"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert list(tmp_path.glob("*.html"))


def test_several_runs_have_no_comparison(runs: tuple[Run, Run], results: Path, tmp_path: Path) -> None:
    """What is compared is one run with one earlier run."""
    names = [str(run.path) for run in runs]
    words = ["report", *names, "--compare", names[0], "--results", str(results), "--reports", str(tmp_path)]

    with pytest.raises(FileError, match="--compare takes one run to report on"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_a_case_has_a_command_of_its_own(runs: tuple[Run, Run]) -> None:
    """The command holds suite, device, case, protocol and seed, quoted for a shell."""
    start = replace(
        runs[0].start, suite={"id": "a b"}, device={"id": "bench-a"}, protocol={"name": "quick"}, seed=7
    )

    assert f"harness run 'a b' --device bench-a --select {CASE} --quick --seed 7" == command_of(
        replace(runs[0], start=start), CASE
    )
