"""What holds for every test of the pytest plugin: a lab in a folder of its own, and a run of pytest in it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from plugin import lab

import harness

# What loads numpy can be loaded once a process, so before the first run of pytest in this one.
import harness.pytest_plugin.benches
import harness.pytest_plugin.judging
import harness.pytest_plugin.session
import harness.pytest_plugin.summary
import harness.report

Lab = Callable[..., pytest.RunResult]

PLUGIN = ("-p", "no:harness", "-p", "harness.pytest_plugin", "-p", "no:randomly")
"""The plugin by its module, whether it is installed or not (by its entry point it would come twice), in order."""


def session(*arguments: str) -> list[str]:
    """The command of a session of its own over the suites of the device `toy`."""
    return [sys.executable, "-m", "pytest", *PLUGIN, "suites", "--device", "toy", "--quick", *arguments]


@pytest.fixture
def workspace(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a device and a suite."""
    package = str(Path(harness.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")])))
    lab.make_device(pytester.path)
    (pytester.path / "suites").mkdir()
    lab.make_suite(pytester.path)
    return pytester.path


@pytest.fixture
def run(pytester: pytest.Pytester, workspace: Path) -> Lab:
    """Runs pytest with the plugin in the workspace, in a process of its own."""

    def call(*arguments: str) -> pytest.RunResult:
        assert workspace == Path.cwd()
        return pytester.runpytest_subprocess(*PLUGIN, "-p", "no:cacheprovider", *arguments, timeout=300)

    return call


@pytest.fixture
def run_here(pytester: pytest.Pytester, workspace: Path) -> Lab:
    """The same in this process, which has loaded already what takes longest: for what leaves nothing patched."""

    def call(*arguments: str) -> pytest.RunResult:
        assert workspace == Path.cwd()
        return pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider", *arguments)

    return call


@pytest.fixture
def run_kept(pytester: pytest.Pytester, workspace: Path) -> Lab:
    """The same with the cache of pytest, which remembers what failed."""

    def call(*arguments: str) -> pytest.RunResult:
        assert workspace == Path.cwd()
        return pytester.runpytest_inprocess(*PLUGIN, *arguments)

    return call
