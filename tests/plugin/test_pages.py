"""What the pages say of suites as tests is run as it stands there."""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from plugin.conftest import PLUGIN, Lab

import harness
from harness.pytest_plugin import MARKS
from harness.pytest_plugin.options import _INI, _OPTIONS
from harness.shipped import shipped_path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line[2:] for line in README.splitlines() if line.startswith("$ ") and line[2:].startswith("pytest ")
]


def blocks(language: str) -> Sequence[str]:
    """Blocks of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_example_runs(tmp_path: Path, command: str) -> None:
    """The pytest command of the README measures in a fresh workspace, and no test of it fails."""
    environment = {**os.environ, "PYTHONPATH": str(Path(harness.__file__).parents[1])}
    python = [sys.executable, "-m"]
    subprocess.run(
        [*python, "harness", "init", "lab"], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    done = subprocess.run(
        [*python, "pytest", *PLUGIN, *shlex.split(command)[1:]],
        cwd=tmp_path / "lab",
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )

    assert 0 == done.returncode, done.stdout
    assert re.search(r"^report: \S+\.html$", done.stdout, re.MULTILINE), done.stdout


def test_readme_has_an_example() -> None:
    """There is such a command."""

    assert 1 == len(COMMANDS)


def test_suite_from_the_page_passes(run_here: Lab, workspace: Path) -> None:
    """Whoever follows the page, with a model and data of one's own, has a passing suite in under fifteen lines."""
    made, _ = blocks("python")
    [suite] = blocks("yaml")
    subprocess.run([sys.executable, "-c", made], check=True, cwd=workspace)

    def digest(match: re.Match[str]) -> str:
        return hashlib.sha256((workspace / "suites" / "sides" / match[1]).read_bytes()).hexdigest()

    (workspace / "suites" / "sides.yaml").write_text(re.sub(r"DIGEST OF ([a-z.]+)", digest, suite))
    result = run_here("suites/sides.yaml", "--device", "host", "--quick")

    assert len(suite.splitlines()) < 15
    result.assert_outcomes(passed=1)


def test_python_example_is_the_plugins(run_here: Lab, pytester: pytest.Pytester) -> None:
    """The Python suite of the page collects as it stands, one test a case."""
    pytester.makepyfile(**{"suites/test_page": blocks("python")[1]})
    result = run_here("suites/test_page.py", "--device", "toy", "--collect-only", "-q", "--strict-markers")

    result.stdout.fnmatch_lines(["*test_small_network_keeps_the_budget[[]toy/onnxruntime/digits-mlp/int8]"])


def test_shipped_python_suite_collects(run_here: Lab) -> None:
    """The worked Python suite collects on every device, in an installed harness too."""
    shutil.copy(shipped_path("suites/test_digits_budget.py"), "suites")
    result = run_here(
        "suites/test_digits_budget.py", "--device", "toy", "--collect-only", "-q", "--strict-markers"
    )

    result.stdout.fnmatch_lines(
        [
            "*::test_budget[[]toy/onnxruntime/digits-mlp/fp32]",
            "*::test_dirty_lens[[]toy/onnxruntime/digits-cnn/int8]",
            "*::test_second_guess[[]toy/onnxruntime/digits-cnn/int8]",
            "*::test_shown_by_pytest_benchmark[[]toy/onnxruntime/digits-mlp/int8]",
        ]
    )


def test_every_option_key_and_mark_is_on_the_page() -> None:
    """Each option, each ini key and each mark has its line in docs/pytest.md."""
    words = (
        [option.short for option in _OPTIONS] + list(_INI) + [mark.partition("(")[0] + "(" for mark in MARKS]
    )

    assert [] == [word for word in words if f"`{word}" not in PAGE]
