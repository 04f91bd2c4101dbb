"""However a session ends, finished cycles are kept, and the next session goes on."""

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from plugin import lab
from plugin.conftest import Lab, session

from harness.lock import DeviceLock
from harness.store import read_run, runs

KILLER = """
import os, signal
from harness.pytest_plugin.openrun import OpenRun

signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background may have it ignored

def pytest_runtest_logreport(report):
    if report.when == "call" and report.nodeid.endswith("fp32"):
        take = OpenRun.measure
        def measure(self, case_id):
            seen = self.bench.watcher.cycle
            left = [10]
            def cycle(record):
                seen(record)
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.{signal})
            self.bench.watcher.cycle = cycle
            return take(self, case_id)
        OpenRun.measure = measure
"""


def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs pytest with its cache, in the current folder."""
    return subprocess.run(
        session(*arguments),
        check=False,
        capture_output=True,
        text=True,
    )


XDIST = ("-n", "1") if find_spec("xdist") else ()
"""The next session is one of pytest-xdist, where that is."""


@pytest.mark.parametrize(("how", "then"), [("SIGKILL", XDIST), ("SIGINT", ())], ids=["kill -9", "Ctrl-C"])
def test_broken_off_session_is_gone_on_with(
    workspace: Path, pytester: pytest.Pytester, how: str, then: Sequence[str]
) -> None:
    """After a kill or Ctrl-C in the second case the first one's cycles are there, and `--lf` measures only the rest."""
    lab.make_suite(workspace, precisions=("fp32", "int8"), limits=("accuracy >= 0.2",))
    pytester.makeconftest(KILLER.format(signal=how))
    ended = call()
    (workspace / "conftest.py").unlink()

    assert {"SIGKILL": -signal.SIGKILL, "SIGINT": pytest.ExitCode.INTERRUPTED}[how] == ended.returncode
    [entry] = runs(workspace / "results")
    assert {"SIGKILL": "recovered", "SIGINT": "interrupted"}[how] == entry.status
    before = read_run(entry.path)
    finished = before.cycles[(before.cycles["phase"] == "measure") & (before.cycles["void"] == "")]
    assert lab.ITEMS == (finished["case"] == lab.GOOD).sum()
    assert (finished["case"] == lab.POOR).sum() < lab.ITEMS
    assert 10 <= (before.cycles["case"] == lab.POOR).sum()
    with DeviceLock("toy", who="whoever comes next"):
        pass

    again = call("--lf", "-v", *then)

    assert "1 passed" in again.stdout, again.stdout
    assert not re.search(rf"{lab.GOOD} .*PASSED|PASSED .*{lab.GOOD}", again.stdout)
    assert re.search(rf"{lab.POOR} .*PASSED|PASSED .*{lab.POOR}", again.stdout)
    assert re.search(r"^run: \S+ \(complete\)$", again.stdout, re.MULTILINE)
    assert re.search(r"^report: \S+\.html$", again.stdout, re.MULTILINE)
    [entry] = runs(workspace / "results")
    after = read_run(entry.path)
    assert "complete" == after.status
    assert (before.cycles["case"] == lab.GOOD).sum() == (after.cycles["case"] == lab.GOOD).sum()
    counted = after.cycles[(after.cycles["phase"] == "measure") & (after.cycles["void"] == "")]
    assert {lab.GOOD: lab.ITEMS, lab.POOR: lab.ITEMS} == counted.groupby("case").size().to_dict()

    if not then:
        once_more = call("--lf")

        assert "2 passed" in once_more.stdout, (
            "with nothing left, --lf measures all anew, as pytest says it does"
        )
        assert 2 == len(runs(workspace / "results"))


def test_failed_case_is_measured_anew(workspace: Path, run_kept: Lab) -> None:
    """`--lf` after a session that ended measures the failed case again, in a new run."""
    run_kept("suites", "--device", "toy", "--quick")
    run_kept("suites", "--device", "toy", "--quick", "--lf").assert_outcomes(failed=1)

    assert 2 == len(runs(workspace / "results"))
    assert [lab.POOR] == list(read_run(runs(workspace / "results")[0].path).start.cases)


def test_timeout_ends_one_test(run: Lab, pytester: pytest.Pytester, workspace: Path) -> None:
    """A test that pytest-timeout ends fails alone; the next one finds the bench in a known state."""
    pytest.importorskip("pytest_timeout", reason="needs pytest-timeout")
    pytester.makeconftest("""
        import signal, time
        from harness.sitting import Sitting
        warm_up = Sitting._warm_up
        def slow(self, subject):
            if self.order.case.precision == "fp32":
                signal.setitimer(signal.ITIMER_REAL, 0.1)  # the time that pytest-timeout gave is over
                time.sleep(600)
            return warm_up(self, subject)
        Sitting._warm_up = slow
    """)
    result = run(
        "suites",
        "--device",
        "toy",
        "--quick",
        "--limit",
        "accuracy >= 0.2",
        "--timeout=300",
        "--timeout-method=signal",
    )

    result.assert_outcomes(passed=1, failed=1)
    [entry] = runs(workspace / "results")
    assert "aborted" == entry.status


def until_said(process: "subprocess.Popen[str]", words: str) -> str:
    """What a process says up to the line with these words."""
    assert process.stdout is not None
    said = ""
    while words not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def test_two_sessions_take_turns(workspace: Path) -> None:
    """Two sessions on one device at the same time both measure, one after the other, and the waiting one says so."""
    command = session("-p", "no:cacheprovider")
    lock = DeviceLock("toy", who="whoever begins both")
    with lock:  # or the first may be through before the second has started
        both = [
            subprocess.Popen(
                [*command, "-k", "fp32"],
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
            for _ in range(2)
        ]
        begun = [
            until_said(each, "toy: waiting, it is held by whoever begins both (process ") for each in both
        ]
    said = [before + each.communicate()[0] for before, each in zip(begun, both, strict=True)]

    assert [0, 0] == [each.returncode for each in both], said
    spans = [
        (cycles["begin_ns"].min(), cycles["end_ns"].max())
        for cycles in (read_run(entry.path).cycles for entry in runs(workspace / "results"))
    ]
    (_, end), (begin, _) = sorted(spans)
    assert end < begin
