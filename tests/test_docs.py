"""What the documentation says exists, and what exists is documented."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

import harness
from harness import errors
from harness.catalog import load_board
from harness.cli import app
from harness.shipped import shipped_path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "results/*.md", "reports/*.md")
    for path in ROOT.glob(pattern)
)


def commands(text: str) -> Sequence[str]:
    """Lines after the prompt in the console blocks of a page."""
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def requirement_names(requirements: Sequence[object]) -> Iterator[str]:
    """Names of distributions in a list of requirements; included groups are skipped."""
    for requirement in requirements:
        if isinstance(requirement, str):
            yield re.split(r"[^A-Za-z0-9._-]", requirement)[0]


HARNESS_COMMANDS = [command for command in commands(README) if command.startswith("harness ")]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, subprocess.CompletedProcess[str]]:
    """All harness commands of the README, run one after the other in an empty folder."""
    folder = tmp_path_factory.mktemp("workspace")
    environment = {**os.environ, "PYTHONPATH": str(Path(harness.__file__).parents[1])}
    return {
        command: subprocess.run(
            [sys.executable, "-m", "harness", *shlex.split(command)[1:]],
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        for command in HARNESS_COMMANDS
    }


@pytest.mark.parametrize("command", HARNESS_COMMANDS)
def test_readme_command_runs(session: Mapping[str, subprocess.CompletedProcess[str]], command: str) -> None:
    """Each harness command of the README does its work and exits with 0."""
    done = session[command]

    assert 0 == done.returncode, done.stderr
    assert "Traceback" not in done.stderr


def test_readme_has_no_other_commands() -> None:
    """What is not run by the test above is run by CI itself, the two calls of start.py, or with the pytest plugin."""

    assert ["python3 start.py", "python3 start.py test"] == [
        command
        for command in commands(README)
        if command not in HARNESS_COMMANDS and not command.startswith("pytest ")
    ]
    assert 'startswith("pytest ")' in (ROOT / "tests" / "plugin" / "test_pages.py").read_text(
        encoding="utf-8"
    )
    assert "start.py test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def leaves(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its words, those of groups as `import table`."""
    for name, command in vars(group)["commands"].items():
        words = f"{before} {name}".strip()
        yield from leaves(command, words) if "commands" in vars(command) else [(words, command)]


COMMANDS = dict(leaves(typer.main.get_command(app)))


def options(name: str) -> set[str]:
    """Options of a command that its help shows."""
    shown = (parameter for parameter in COMMANDS[name].params if not getattr(parameter, "hidden", False))
    spellings = {spelling for parameter in shown for spelling in (*parameter.opts, *parameter.secondary_opts)}
    return {spelling for spelling in spellings if spelling.startswith("-")} - {"--help"}


def section(name: str) -> str:
    """What docs/cli.md says of a command."""
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    found = re.search(rf"^## harness {name}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_documented(name: str) -> None:
    """Each command has help, a line in the README, and a section in docs/cli.md with the options it takes."""
    rows = re.findall(r"^\| `(-[^` ]+)", section(name), re.MULTILINE)

    assert COMMANDS[name].help
    assert f"| `harness {name}" in README
    assert f"`harness {name}" in section(name)
    assert sorted(options(name)) == sorted(rows)


def test_no_command_is_made_up() -> None:
    """Each command that has a section in docs/cli.md exists."""
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

    assert sorted(COMMANDS) == sorted(re.findall(r"^## harness (.+)$", text, re.MULTILINE))


def test_exit_codes_are_documented() -> None:
    """Every exit code of the error tree stands in the README and in docs/cli.md."""
    values = (value for value in vars(errors).values() if isinstance(value, type))
    tree = {value.exit_code for value in values if issubclass(value, errors.HarnessError)}
    codes = {f"| {code} |" for code in tree - {errors.HarnessError.exit_code}}
    cli = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

    assert set() == {code for code in codes if code not in README or code not in cli}


@pytest.mark.parametrize(
    "path", sorted(shipped_path("devices/boards").glob("*.yaml")), ids=lambda path: path.stem
)
def test_support_table_is_as_verified(path: Path) -> None:
    """The support table in the README says of each shipped board what its file says."""
    board = load_board(str(path))

    assert f"| {board.title} | board | {board.verified}" in README


def test_dependencies_have_their_argument() -> None:
    """Every direct dependency has its line in docs/dependencies.md, and no line is left over."""
    direct = {
        name
        for requirements in (
            PROJECT["project"]["dependencies"],
            *PROJECT["project"]["optional-dependencies"].values(),
            *PROJECT["dependency-groups"].values(),
        )
        for name in requirement_names(requirements)
    }
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z][a-z0-9.-]*) \| \S", text, re.MULTILINE)

    assert sorted(direct) == sorted(set(rows) - {"package"})


def test_layers_are_shown_as_checked() -> None:
    """The lists of layers in CONTRIBUTING are those import-linter checks."""
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    checked = ["\n".join(c["layers"]) for c in contracts if c["type"] == "layers"]
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    assert checked == re.findall(r"```text\n(cli .*?|recommendation.*?)\n```", contributing, re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file or a folder of the repository."""
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    relative = [
        target.split()[0] for target in targets if "://" not in target and not target.startswith("mailto:")
    ]

    assert [] == [target for target in relative if not (page.parent / target).exists()]
