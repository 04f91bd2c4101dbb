"""Under pytest-xdist a device has one worker, and never two at a time."""

from itertools import pairwise
from pathlib import Path

import pytest
from plugin import lab
from plugin.conftest import Lab

from harness.store import read_run, runs

pytest.importorskip("xdist", reason="needs pytest-xdist")
from harness.pytest_plugin.scheduling import device_of

COUNTED = """
def pytest_runtest_logreport(report):
    if report.when == "call" and hasattr(report, "worker_id"):  # in the process that gathers
        with open("workers.txt", "a") as file:
            file.write(f"{report.nodeid} {report.worker_id}\\n")
"""


def workers(workspace: Path) -> set[tuple[str, str]]:
    """Each device, by the ids of its tests, with each worker that ran one."""
    lines = [line.split() for line in (workspace / "workers.txt").read_text().splitlines()]
    return {("toy-b" if "toy-b" in test else "toy", worker) for test, worker in lines}


@pytest.mark.parametrize(
    ("test", "device"),
    [
        ("suites/digits.yaml::toy/onnxruntime/digits-cnn/int8", "toy"),
        ("suites/digits.yaml::toy-b/onnxruntime/digits-cnn/int8", "toy-b"),
        ("suites/test_x.py::test_x[toy-b]", "toy-b"),
        ("suites/test_x.py::test_x[toy-fast]", "toy"),
        ("suites/test_x.py::test_x[3-toy-b/onnxruntime/digits-cnn/int8-fast]", "toy-b"),
        ("suites/test_x.py::test_toy[toys]", None),
        ("suites/toy/test_x.py::test_x", None),
    ],
)
def test_device_is_in_the_id(test: str, device: str | None) -> None:
    """The device of a test is found in its id, alone or among other parameters."""

    assert device == device_of(test, ["toy", "toy-b"])


def test_device_has_one_worker_at_a_time(run: Lab, pytester: pytest.Pytester, workspace: Path) -> None:
    """Each device is measured by one worker, in one run, also by groups, which some versions scatter."""
    lab.make_device(workspace, "toy-b")
    pytester.makeconftest(COUNTED)
    result = run(
        "suites", "--device", "toy", "--device", "toy-b", "--quick", "-n", "2", "--dist", "loadgroup"
    )

    result.assert_outcomes(passed=2, failed=2)
    found = [read_run(entry.path) for entry in runs(workspace / "results")]
    assert ["toy", "toy-b"] == sorted(str(each.start.device["id"]) for each in found)
    assert {"complete"} == {each.status for each in found}
    result.stdout.fnmatch_lines(["*= harness =*", "report: *"])
    assert {"toy", "toy-b"} == {device for device, _ in workers(workspace)}
    assert 2 == len(workers(workspace))


DEVICES = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_any(device, number): ...
"""


@pytest.mark.parametrize("dist", ["load", "loadfile"])
def test_device_has_one_worker_however_tests_are_shared_out(
    run: Lab, pytester: pytest.Pytester, workspace: Path, dist: str
) -> None:
    """Whatever way of sharing out is asked for, no device has tests on two workers."""
    lab.make_device(workspace, "toy-b")
    pytester.makeconftest(COUNTED)
    pytester.makepyfile(**{"suites/test_own": DEVICES})
    result = run("suites/test_own.py", "--device", "toy", "--device", "toy-b", "-n", "2", "--dist", dist)

    result.assert_outcomes(passed=8)
    assert ["toy", "toy-b"] == sorted(device for device, _ in workers(workspace))


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
