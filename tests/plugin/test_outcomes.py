"""A test passes, fails, is skipped or is an error as the measurement says, and the figures go everywhere."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from plugin import lab
from plugin.conftest import Lab
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import MeterError, TargetError
from harness.lock import THIS_MACHINE, DeviceLock
from harness.sitting import Sitting
from harness.store import Run, read_run, runs

YAML = ("suites/sides.yaml", "--device", "toy", "--quick")


def junit(path: Path) -> ET.ElementTree:
    """A JUnit file that a run of pytest wrote just now."""
    return ET.parse(path)  # noqa: S314  our own file


def only_run(workspace: Path, results: str = "results") -> Run:
    """The one run that lies in the results folder."""
    [entry] = runs(workspace / results)
    return read_run(entry.path)


def test_yaml_suite_passes_and_fails(run_here: Lab, workspace: Path) -> None:
    """A case within its limits passes; one beyond them fails with figure, interval, limit and evidence."""
    result = run_here(
        *YAML, "-v", "--junit-xml=junit.xml", "--durations=3", "--harness-report", "out", "--results", "kept"
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            f"suites/sides.yaml::{lab.GOOD} PASSED*",
            f"suites/sides.yaml::{lab.POOR} FAILED*",
            "FAIL: accuracy >= 80.0 %: accuracy = 50.0 % (41.2 % to 58.8 %, Wilson over items). The upper bound *",
            f"evidence: {lab.ITEMS} cycles of {lab.POOR} in *kept/runs/*",
            "*= harness =*",
            "run: *kept/runs/* (complete)",
            "report: *out/*.html",
        ]
    )
    held = only_run(workspace, "kept")
    assert [lab.GOOD, lab.POOR] == list(held.start.cases)
    assert 2 * lab.ITEMS == ((held.cycles["phase"] == "measure") & (held.cycles["void"] == "")).sum()
    assert 1 == len(list((workspace / "out").glob("*.html")))
    root = junit(workspace / "junit.xml").getroot()
    properties = {
        p.get("name"): p.get("value") for p in root.iterfind(f".//testcase[@name='{lab.GOOD}']//property")
    }
    assert "replayed" == properties["origin"]
    assert 1.0 == float(str(properties["accuracy"]))
    assert float(str(properties["latency_p50_s"])) > 0
    assert "PASS" == properties["verdict: accuracy >= 80.0 %"]


def test_undecided_is_skipped_with_what_would_decide(run_here: Lab) -> None:
    """A limit inside the interval, here one of the command line, skips the test and says what would decide it."""
    result = run_here(*YAML, "-k", "fp32", "--limit", "accuracy >= 0.98", "-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["SKIPPED * suites/sides.yaml:1: INCONCLUSIVE: accuracy >= 98.0 %: *run about * more items*"]
    )


def test_broken_model_fails(run_here: Lab, workspace: Path) -> None:
    """A model that the engine refuses fails its own test and no other."""
    lab.make_suite(workspace, precisions=("int4", "fp32"))
    result = run_here(*YAML)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"*_ {lab.BROKEN} _*", "*load*"])
    assert "Traceback" not in result.stdout.str()


def test_bench_that_misbehaves_is_an_error(run_here: Lab, workspace: Path) -> None:
    """A device that is not the one described is an error of each of its tests, not a failure; nothing is measured."""
    path = workspace / "devices" / "toy.yaml"
    path.write_text(path.read_text().replace("{kind: none}", "{kind: machine, value: z80}"))
    result = run_here(*YAML, "--junit-xml=junit.xml")

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*identity.value: expected machine 'z80'*"])
    suite = junit(workspace / "junit.xml").getroot()[0]
    assert ("2", "0") == (suite.get("errors"), suite.get("failures"))
    assert [] == runs(workspace / "results")


def test_changed_model_is_an_error(run_here: Lab, workspace: Path) -> None:
    """A model file that is not the one the suite states is an error before anything is measured."""
    (workspace / "suites" / "sides" / "fp32.onnx").write_bytes(b"another")
    result = run_here(*YAML)

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*sha256*"])


def test_held_device_is_an_error_after_the_wait(run_here: Lab) -> None:
    """A device that another process holds is waited for as long as asked; then its holder is named."""
    with DeviceLock("toy", who="a night run"):
        result = run_here(*YAML, "--harness-wait", "0.2")

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "*toy: waiting, it is held by a night run (process *",
            "*toy: is held by a night run * after 0.2 s of waiting*",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "shown", "hidden"),
    [
        (["-q"], "run: *", "Cases of *"),
        (["-p", "no:terminal"], None, "run: *"),
        (["-p", "no:benchmark"], "run: *", "Traceback*"),
        (["-x"], "*stopping after 1 failures*", "* 1 passed*"),
        (["-s", "-vv"], f"*{lab.POOR}: sitting 1, {lab.ITEMS} items", "Traceback*"),
    ],
    ids=["-q", "-p no:terminal", "-p no:benchmark", "-x", "-s -vv"],
)
def test_plays_with_pytest(
    run_here: Lab, workspace: Path, arguments: list[str], shown: str | None, hidden: str
) -> None:
    """The usual options of pytest mean what they mean; the runs and the reports are there in any case."""
    lab.make_suite(workspace, precisions=("int8", "fp32") if "-x" in arguments else ("int8",))
    result = run_here(*YAML, *arguments)

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    if shown is not None:
        result.stdout.fnmatch_lines([shown])
    result.stdout.no_fnmatch_line(hidden)
    assert ("interrupted" if "-x" in arguments else "complete") == only_run(workspace).status
    assert 1 == len(list((workspace / "reports").glob("*.html")))


PYTHON = """
import pytest

SEEN = []

@pytest.mark.cases("sides", "*/fp32")
@pytest.mark.budget(accuracy=">= 0.8", latency_p50="< 1 s")
@pytest.mark.budget(memory_peak="<= 1 GB")
def test_within(bench, device):
    SEEN.append(bench.measure())
    assert bench.case == "toy/onnxruntime/sides/fp32" and device.id == "toy"

@pytest.mark.cases("sides", "*/fp32")
@pytest.mark.budget(accuracy="< 0.8")
def test_beyond(bench):
    SEEN.append(bench.measure())
    assert SEEN[0].run == SEEN[1].run  # measured once in a session

@pytest.mark.cases("sides", "*/fp32")
@pytest.mark.budget(accuracy=">= 0.9")
def test_forgot(bench): ...

@pytest.mark.cases("sides", "*/fp32")
def test_own_assertion(bench):
    assert bench.measure().items == 121
"""


def test_python_suite_is_judged(run_here: Lab, pytester: pytest.Pytester, workspace: Path) -> None:
    """Budgets are judged once the test has measured; its own assertions stay its own; the cycles are in one run."""
    pytester.makepyfile(**{"suites/test_own": PYTHON})
    result = run_here("suites/test_own.py", "--device", "toy", "--quick", "-v")

    result.stdout.fnmatch_lines(
        [
            "*test_within[[]toy/onnxruntime/sides/fp32] PASSED*",
            "*test_beyond[[]toy/onnxruntime/sides/fp32] FAILED*",
            "*test_forgot[[]toy/onnxruntime/sides/fp32] FAILED*",
            "*test_own_assertion[[]toy/onnxruntime/sides/fp32] FAILED*",
            "FAIL: accuracy < 80.0 %: *",
            "*has a budget and measured nothing; call bench.measure()*",
            "*assert 120 == 121*",
        ]
    )
    assert [lab.GOOD] == list(only_run(workspace).start.cases)


GATES = """
schema: 1
title: Of a test
gates:
  - {name: right, kind: threshold, quantity: accuracy, value: 0.5}
"""

OWN = """
import numpy as np
import pytest

@pytest.mark.cases("sides", "*/fp32", alone=True)
@pytest.mark.budget(accuracy="< 0.1")
def test_turned(bench):
    result = bench.measure(prepare=lambda stored: -stored)
    assert result.items == 120
    assert bench.run.start.suite["postprocess"].endswith("test_turned[toy/onnxruntime/sides/fp32]")

@pytest.mark.cases("sides", "*/int8", alone=True)
@pytest.mark.budget(accuracy="< 0.1")
def test_stubborn(bench):
    bench.measure(answer=lambda output: 7)

@pytest.mark.cases("sides", "*/fp32")
@pytest.mark.budget(accuracy=">= 0.5")
def test_by_hand(cycle):
    for number in range(12):
        seen = cycle(np.array([[number - 5.5, 0.0]]), label=int(number > 5))
        assert seen.output.shape == (1, 2)
        assert seen.cycle.correct and seen.cycle.energy_per_inference_j > 0
    assert cycle().cycle.correct
    with pytest.raises(ValueError, match="its label"):
        cycle(np.zeros((1, 2)))
"""


def test_own_input_and_verdict(run_here: Lab, pytester: pytest.Pytester, workspace: Path) -> None:
    """A test with its own pre- or post-processing measures in a run of its own, whose verdicts are of its outputs."""
    pytester.makepyfile(**{"suites/test_own": OWN})
    result = run_here("suites/test_own.py", "--device", "toy", "--quick")

    result.assert_outcomes(passed=3)
    held = [read_run(entry.path) for entry in runs(workspace / "results")]
    assert 3 == len(held)
    assert 3 == len({run.start.suite["sha256"] for run in held})
    assert {"complete"} == {run.status for run in held}
    assert {7} == set(held[1].cycles["predicted"])
    [by_hand] = [run for run in held if not any(run.start.items.values())]
    items = by_hand.cycles[by_hand.cycles["phase"] == "measure"]["item"]
    assert 13 == items.nunique(), "an input of one's own is none of the suite's items"
    (workspace / "gates.yaml").write_text(GATES)
    name = by_hand.start.run
    for command in (
        ["report", name],
        ["rank", name],
        ["compare", name, name],
        ["gate", name, "--policy", "gates.yaml"],
        ["gate", name, "--policy", "gates.yaml", "--baseline", name],
        ["runs"],
    ):
        shown = CliRunner().invoke(app, command)
        assert 0 == shown.exit_code, (command, shown.output, shown.exception)
        assert shown.output


COMPARED = """
import pytest

@pytest.mark.cases("sides", "*/fp32")
@pytest.mark.no_worse_than("latest", accuracy="20 pp")
def test_accuracy(bench):
    bench.measure()

@pytest.mark.cases("sides", "*/fp32")
@pytest.mark.no_worse_than(accuracy="1 pp", energy="900 %")
def test_both(bench):
    bench.measure()
"""


def test_compared_with_a_baseline(run_here: Lab, pytester: pytest.Pytester, workspace: Path) -> None:
    """A case is no worse, is worse, or cannot be told from another run, each time on the bounds of the change."""
    run_here(*YAML, "-k", "fp32")
    [base] = runs(workspace / "results")
    pytester.makepyfile(**{"suites/test_own": COMPARED})
    result = run_here("suites/test_own.py", "--device", "toy", "--quick", "--baseline", base.run, "-rs")

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["SKIPPED*INCONCLUSIVE: accuracy worse by at most 1 pp than in *0.00 points (*"]
    )


def test_worse_than_the_baseline_fails(run_here: Lab, workspace: Path) -> None:
    """A case that is surely worse than in the baseline run fails with both values and the interval of the change."""
    run_here(*YAML, "-k", "fp32")
    [base] = runs(workspace / "results")
    suite = workspace / "suites" / "sides.yaml"
    poor = suite.read_text().split("int8.onnx, sha256: ")[1].split(",")[0]
    good = suite.read_text().split("fp32.onnx, sha256: ")[1].split(",")[0]
    suite.write_text(
        suite.read_text().replace(f"sides/fp32.onnx, sha256: {good}", f"sides/int8.onnx, sha256: {poor}")
    )
    result = run_here(
        *YAML,
        "-k",
        "fp32",
        "--baseline",
        base.run,
        "--limit",
        "accuracy >= 0",
        "-o",
        "harness_margins=accuracy 5 pp",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "FAIL: accuracy worse by at most 5 pp than in *: accuracy went from 100.0 % to 50.0 %, -50.00 points (*"
        ]
    )


POWER = """
import pytest

@pytest.mark.cases("sides", "*/fp32")
def test_by_hand(cycle):
    cycle()

@pytest.mark.cases("sides", "*/int8", alone=True)
def test_next(bench):
    assert bench.measure(prepare=lambda stored: stored).cycles
"""


def test_next_test_finds_a_known_state(
    run_here: Lab, pytester: pytest.Pytester, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a bench error in a test, with `bench` or `cycle`, the power is cycled before the next one."""
    script = workspace / "devices" / "switch.sh"
    script.write_text('#!/bin/sh\necho "$@" >> "$0.asked"\n')
    script.chmod(0o755)
    with (workspace / "devices" / "toy.yaml").open("a") as file:
        file.write("power_cycle: {command: [./switch.sh, hunter2], settle_s: 0.0}\n")
    lab.make_suite(workspace, precisions=("fp32", "int8"), limits=("accuracy >= 0.2",))
    pytester.makepyfile(**{"suites/test_own": POWER})
    warm_up = Sitting._warm_up

    def fails(self: Sitting, subject: object) -> object:
        if self.order.case.precision == "fp32":
            raise TargetError("the worker was killed by SIGKILL")
        return warm_up(self, subject)  # type: ignore[arg-type]

    monkeypatch.setattr(Sitting, "_warm_up", fails)
    result = run_here("suites", "--device", "toy", "--quick")

    result.assert_outcomes(passed=2, errors=2)
    assert ["hunter2"] * 2 == (workspace / "devices" / "switch.sh.asked").read_text().split()
    result.stdout.fnmatch_lines(
        ["*toy: after that the power was cycled by switch.sh, 0 s were given to settle"]
    )
    result.stdout.no_fnmatch_line("*hunter2*")
    incidents = [read_run(entry.path).incidents for entry in runs(workspace / "results")]
    assert [[], [3, 0], [3, 0]] == sorted([each.exit_code for each in one] for one in incidents)


TURN = """
import pytest
from harness.errors import BenchError
from harness.lock import THIS_MACHINE, DeviceLock

@pytest.mark.cases("sides", "*/fp32")
def test_by_hand(cycle, bench):
    cycle()
    with pytest.raises(BenchError, match="held by a sitting on toy"):
        DeviceLock(THIS_MACHINE, who="another").__enter__()
    assert bench.measure().cycles
    cycle()
"""


def test_machine_is_had_from_first_to_last_cycle(
    run_here: Lab, pytester: pytest.Pytester, workspace: Path
) -> None:
    """The sitting of the fixture `cycle` has this machine alone while it is open, and `bench` may measure in it."""
    assert workspace
    pytester.makepyfile(**{"suites/test_own": TURN})
    run_here("suites/test_own.py", "--device", "toy", "--quick").assert_outcomes(passed=1)

    with DeviceLock(THIS_MACHINE, who="whoever comes next"):
        pass


def test_sitting_that_breaks_after_its_last_item_is_over(
    run_here: Lab, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A meter that fails in the idle time after all items takes nothing of the case, and the run is complete."""
    device = workspace / "devices" / "toy.yaml"
    device.write_text(device.read_text().replace("retries: 0", "retries: 1"))
    idle, asked = Sitting._idle, []

    def fails(self: Sitting) -> float | None:
        asked.append(self.order.part)
        if len(asked) % 2 == 0:
            raise MeterError("the sampler sent nothing")
        return idle(self)

    monkeypatch.setattr(Sitting, "_idle", fails)
    result = run_here("suites", "--device", "toy", "--quick", "-k", "fp32")

    result.assert_outcomes(passed=1)
    [entry] = runs(workspace / "results")
    run = read_run(entry.path)
    assert ("complete", "") == (run.status, run.stop and run.stop.reason)
    assert [1, 1] == asked
    assert ["the sampler sent nothing"] == [incident.what for incident in run.incidents]


def test_all_runs_share_a_session(run_here: Lab, workspace: Path) -> None:
    """Two devices give two runs in one report, each run with the id of the session."""
    lab.make_device(workspace, "toy-b")
    result = run_here("suites", "--device", "toy", "--device", "toy-b", "--quick", "-k", "fp32", "-q")

    result.assert_outcomes(passed=2)
    sessions = {
        json.dumps(entry.start.provenance["pytest"]["session"])
        for entry in runs(workspace / "results")
        if entry.start
    }
    assert 1 == len(sessions)
    assert 2 == len(runs(workspace / "results"))
    result.stdout.fnmatch_lines(["report: *-and-1-more.html"])


BACKWARDS = """
def pytest_collection_modifyitems(items):
    items.reverse()
"""


def test_order_of_tests_is_free(run_here: Lab, pytester: pytest.Pytester, workspace: Path) -> None:
    """In any order each test ends as it does in the usual one, and all cases are in one run."""
    lab.make_suite(workspace, precisions=("int4", "fp32", "int8"))
    pytester.makepyfile(**{"suites/test_own": PYTHON})
    pytester.makeconftest(BACKWARDS)
    result = run_here("suites", "--device", "toy", "-v", "-k", "not assertion and not forgot and not beyond")

    result.stdout.fnmatch_lines(
        ["*test_within[[]*PASSED*", "*::*int8 FAILED*", "*::*fp32 PASSED*", "*::*int4 FAILED*"]
    )
    held = only_run(workspace)
    assert ("complete", 3) == (held.status, held.start.protocol["sittings"])
    seen = held.cycles.groupby(["sitting", "case"])["begin_ns"].min().sort_values().index.tolist()
    assert [(1, lab.GOOD), (1, lab.POOR)] == seen[:2], "sittings alternate"
    assert {(2, lab.GOOD), (2, lab.POOR)} == set(seen[2:4])
    assert [(3, lab.GOOD), (3, lab.POOR)] == seen[4:], "the last one is a test's own"


def test_with_pytest_randomly(pytester: pytest.Pytester, workspace: Path) -> None:
    """With pytest-randomly, which shuffles tests and seeds generators, the outcomes are the same and the run is one."""
    pytest.importorskip("pytest_randomly", reason="needs pytest-randomly")
    pytester.makepyfile(**{"suites/test_own": PYTHON})
    given = ("-p", "no:harness", "-p", "harness.pytest_plugin", "-p", "randomly", "-p", "no:cacheprovider")
    result = pytester.runpytest_subprocess(
        *given, "suites", "--device", "toy", "--quick", "-k", "not assertion"
    )

    result.assert_outcomes(passed=2, failed=3)
    assert ["complete"] == [only_run(workspace).status]


def test_a_device_without_a_meter_is_tested_by_the_rest(run_here: Lab, workspace: Path) -> None:
    """Limits on accuracy pass and fail, the front says that energy is no objective; a limit on energy is an error."""
    device = workspace / "devices" / "toy.yaml"
    text = device.read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith("meter:")]
    device.write_text("\n".join([*kept, "meter: null"]) + "\n", encoding="utf-8")

    result = run_here(*YAML)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["Energy per inference is not an objective: device toy has no meter."])
    result = run_here(*YAML, "--limit", "energy_per_inference_j < 1", "--objective", "latency_p50_s")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*is incomplete: energy_per_inference_j is absent (no meter).*"])
    result.stdout.no_fnmatch_line("*is not an objective*")
