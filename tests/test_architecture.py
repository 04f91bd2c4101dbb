"""Processes import only what they are meant to, as seen at run time; import-linter checks the source."""

import subprocess
import sys

import pytest

# pydantic is not among them: Typer itself may convert arguments by it.
HEAVY = {
    "numpy",
    "pandas",
    "pyarrow",
    "ruamel",
    "scipy",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "jinja2",
    "rich",
}


def imported_by(code: str) -> set[str]:
    """Top-level packages outside the standard library in a fresh interpreter that ran the code."""
    code += "\nimport sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in done.stderr.split()} - sys.stdlib_module_names


def foreign(code: str) -> set[str]:
    """What is imported beyond what every start of this interpreter imports (hooks of site-packages)."""
    return imported_by(code) - imported_by("")


def asked_for(*arguments: str) -> str:
    """Code that runs the command line and goes on."""
    return (
        f"import contextlib, sys; sys.argv = ['harness', *{arguments!r}]\n"
        "with contextlib.suppress(SystemExit):\n"
        "    from harness.__main__ import main; main()"
    )


def test_worker_is_light() -> None:
    """The worker on a device imports the harness and numpy before it is told its engine."""

    assert {"harness", "numpy"} == foreign("import harness.targets.worker")


def test_sampler_is_standard_library() -> None:
    """The sampler imports the harness and the standard library."""

    assert {"harness"} == foreign("import harness.meters.sampler")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]], ids=" ".join)
def test_help_is_instant(arguments: list[str]) -> None:
    """Asking for help imports no library that measures, reads files or draws."""

    assert set() == HEAVY & foreign(asked_for(*arguments))
