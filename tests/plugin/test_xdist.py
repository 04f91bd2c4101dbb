"""Under pytest-xdist a device has one worker, and never two at a time."""

from itertools import pairwise
from pathlib import Path

import pytest
from plugin import lab
from plugin.conftest import Lab

from harness.store import read_run, runs

pytest.importorskip("xdist", reason="needs pytest-xdist")

COUNTED = """
def pytest_runtest_logreport(report):
    if report.when == "call" and hasattr(report, "worker_id"):  # in the process that gathers
        with open("workers.txt", "a") as file:
            file.write(f"{report.nodeid} {report.worker_id}\\n")
"""


@pytest.mark.parametrize("dist", ["load", "loadgroup", "loadfile"])
def test_device_has_one_worker_at_a_time(
    run: Lab, pytester: pytest.Pytester, workspace: Path, dist: str
) -> None:
    """Each device is measured by one worker, in one run, whatever way the tests are shared out."""
    lab.make_device(workspace, "toy-b")
    pytester.makeconftest(COUNTED)
    result = run("suites", "--device", "toy", "--device", "toy-b", "--quick", "-n", "2", "--dist", dist)

    result.assert_outcomes(passed=2, failed=2)
    found = [read_run(entry.path) for entry in runs(workspace / "results")]
    assert ["toy", "toy-b"] == sorted(str(each.start.device["id"]) for each in found)
    assert {"complete"} == {each.status for each in found}
    result.stdout.fnmatch_lines(["*= harness =*", "report: *"])
    lines = {
        line.split()[0].split("::")[1].split("/")[0] + " " + line.split()[1]
        for line in (workspace / "workers.txt").read_text().splitlines()
    }
    if dist != "loadfile":
        assert {"toy", "toy-b"} == {line.split()[0] for line in lines}
        assert 2 == len(lines)


def test_scattered_tests_take_turns(run: Lab, pytester: pytest.Pytester, workspace: Path) -> None:
    """Where the cases of a device are scattered, its lock makes the workers take turns, in one run."""
    pytester.makeconftest(
        """
        import pytest
        @pytest.hookimpl(tryfirst=True)
        def pytest_xdist_make_scheduler(config, log):
            from xdist.scheduler import LoadScheduling
            return LoadScheduling(config, log)
    """
        + COUNTED.replace("\n", "\n        ")
    )
    lab.make_suite(workspace, precisions=("fp32", "int8", "int4"))
    result = run("suites", "--device", "toy", "--quick", "-n", "3")

    result.assert_outcomes(passed=1, failed=2)
    [entry] = runs(workspace / "results")
    spans = sorted(
        (cycles["begin_ns"].min(), cycles["end_ns"].max())
        for _, cycles in read_run(entry.path).cycles.groupby("case")
    )
    assert 1 < len({line.split()[1] for line in (workspace / "workers.txt").read_text().splitlines()})
    assert all(end < begin for (_, end), (begin, _) in pairwise(spans))
