"""Suites become tests with the ids and marks of the plan, and nothing is touched for it."""

import re
from pathlib import Path

import pytest
from plugin import lab
from plugin.conftest import Lab

SPREAD = """
import pytest

@pytest.mark.cases("sides", "*/fp32", "*/int8")
def test_cases(bench): ...

@pytest.mark.cases("sides.yaml", "*/fp32")
def test_beside(cycle): ...

def test_devices(device): ...
"""

REAL = (
    "meter: {kind: ina226, bus: {kind: i2c, path: /dev/i2c-there-is-none}, address: 0x40, shunt_ohm: 0.01, "
    "vbus_tap: load, boundary: a rail}"
)


def collected(result: pytest.RunResult) -> list[str]:
    """Ids of what was collected."""
    return [line for line in result.outlines if "::" in line and not line.startswith(("E", "ERROR"))]


def test_ids_are_those_of_the_plan(run_here: Lab, workspace: Path) -> None:
    """A YAML suite gives one test a case, device after device, named by the id of the case."""
    lab.make_device(workspace, "toy-b")

    assert [
        f"suites/sides.yaml::{device}/onnxruntime/sides/{precision}"
        for device in ("toy", "toy-b")
        for precision in ("fp32", "int8")
    ] == collected(
        run_here("suites", "--device", "toy", "--device", "devices/toy-b.yaml", "--collect-only", "-q")
    )


def test_python_suite_is_spread(run_here: Lab, pytester: pytest.Pytester) -> None:
    """A Python suite runs once for each case of its mark, or once on each device."""
    pytester.makepyfile(**{"suites/test_own": SPREAD})

    assert [
        "suites/test_own.py::test_cases[toy/onnxruntime/sides/fp32]",
        "suites/test_own.py::test_cases[toy/onnxruntime/sides/int8]",
        "suites/test_own.py::test_beside[toy/onnxruntime/sides/fp32]",
        "suites/test_own.py::test_devices[toy]",
    ] == collected(run_here("suites/test_own.py", "--device", "toy", "--collect-only", "-q"))


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["-k", "int8"], ["int8"]),
        (["-k", "sides/fp32"], ["fp32"]),
        (["-m", "precision(id='int8')"], ["int8"]),
        (["-m", "device(id='toy') and engine(id='onnxruntime')"], ["fp32", "int8"]),
        (["-m", "hardware or slow"], []),
        (["--suite-select", "*/int8"], ["int8"]),
        (["--suite-select", "*/int8", "--suite-select", "toy/*"], ["fp32", "int8"]),
    ],
    ids=" ".join,
)
def test_cases_are_selected(run_here: Lab, arguments: list[str], found: list[str]) -> None:
    """Cases are selected by words of their id, by marks and by patterns."""
    result = run_here("suites", "--device", "toy", "--collect-only", "-q", "--strict-markers", *arguments)

    assert [f"suites/sides.yaml::toy/onnxruntime/sides/{each}" for each in found] == collected(result)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("warmup_s: 0.0", "warmup_s: 4.0"),
        ("items_per_sitting: all", "items_per_sitting: all, block_s: 4.0"),
        (
            "items_per_sitting: all, warmup_s: 0.0, window_s: 0.002",
            "items: 120, items_per_sitting: all, warmup_s: 0.0, window_s: 0.04",
        ),
    ],
    ids=["warm-up", "blocks", "windows"],
)
def test_slow_follows_the_protocol(run_here: Lab, workspace: Path, old: str, new: str) -> None:
    """A protocol that asks for more than ten seconds a case, here in three sittings, marks its tests as slow."""
    suite = workspace / "suites" / "sides.yaml"
    suite.write_text(suite.read_text().replace(old, new))
    asked = ("suites", "--device", "toy", "--collect-only", "-q", "-m", "slow")

    assert 2 == len(collected(run_here(*asked)))
    assert [] == collected(run_here(*asked, "--quick"))


def test_hardware_is_what_a_real_meter_touches(run_here: Lab, workspace: Path) -> None:
    """A device with a meter that is no model marks its tests as touching hardware, and collecting touches it not."""
    device = workspace / "devices" / "toy.yaml"
    device.write_text(re.sub(r"(?m)^meter: .*$", REAL, device.read_text()))

    assert 2 == len(
        collected(run_here("suites", "--device", "toy", "--collect-only", "-q", "-m", "hardware"))
    )


def test_selection_without_a_case_is_refused(run_here: Lab) -> None:
    """A pattern that no case matches ends the session before anything runs, with the nearest id."""
    result = run_here("suites", "--device", "toy", "--suite-select", "toy/onnxruntime/sides/int9")

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    result.stderr.fnmatch_lines(["*--suite-select toy/*int9: matches no case; did you mean toy/*int8*"])


def test_collecting_touches_nothing(run: Lab, workspace: Path, pytester: pytest.Pytester) -> None:
    """Collecting imports no engine and no meter's driver, reads no model and makes no folder."""
    for model in (workspace / "suites" / "sides").iterdir():
        model.write_bytes(b"not even read")
    pytester.makeconftest("""
        import sys
        def pytest_collection_finish(session):
            loaded = [name for name in sys.modules if name.startswith(("onnx", "smbus2", "serial", "torch"))]
            print("LOADED", loaded, len(session.items))
    """)
    result = run("suites", "--device", "toy", "--collect-only", "-q", "-s")

    result.stdout.fnmatch_lines(["LOADED [[][]] 2"])
    assert not (workspace / "results").exists()
    assert not (workspace / "reports").exists()


def test_collecting_is_the_same_each_time(run_here: Lab) -> None:
    """Two collections of the same files give the same tests in the same order."""
    first, second = (
        collected(run_here("suites", "--device", "toy", "--collect-only", "-q")) for _ in range(2)
    )

    assert first == second
    assert first


def test_broken_suite_is_told(run_here: Lab, workspace: Path) -> None:
    """A YAML suite that is wrong is an error of collection with the sentence of its file."""
    path = workspace / "suites" / "sides.yaml"
    path.write_text(path.read_text().replace("title:", "titel:"))
    result = run_here("suites", "--device", "toy")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*sides.yaml: titel: is not a known key; did you mean title?"])
    assert "Traceback" not in result.stdout.str()


def test_unknown_device_is_told(run_here: Lab) -> None:
    """A device that is not there is told once a suite, with the names that are."""
    result = run_here("suites", "--device", "tay")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*tay: there is no device of this name*did you mean toy?"])


def test_other_yaml_files_are_left(run_here: Lab, workspace: Path) -> None:
    """YAML files outside a folder `suites` are no suites, unless they are named."""
    (workspace / "elsewhere").mkdir()
    suite = lab.make_suite(workspace / "elsewhere")
    moved = suite.rename(workspace / "elsewhere" / "sides.yaml")
    (suite.parent / "sides").rename(workspace / "elsewhere" / "sides")

    assert [] == collected(run_here("elsewhere", "--device", "toy", "--collect-only", "-q"))
    assert 2 == len(collected(run_here(str(moved), "--device", "toy", "--collect-only", "-q")))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def test_x(bench): ...", "*say on which cases: @pytest.mark.cases*"),
        (
            "@pytest.mark.cases('sidse')\ndef test_x(bench): ...",
            "*sidse: there is no suite*did you mean sides?*",
        ),
        ("@pytest.mark.cases(3)\ndef test_x(bench): ...", "*cases: expected a suite and patterns*"),
        ("@pytest.mark.budget(energy='< 1 J')\ndef test_x(): ...", "*has a budget but no case*"),
        (
            "@pytest.mark.cases('sides', '*/fp32')\n@pytest.mark.budget(energy='1 J')\ndef test_x(bench): ...",
            "*found '1 J'*",
        ),
        (
            "@pytest.mark.cases('sides', '*/fp32')\n@pytest.mark.no_worse_than('x', energy='1 %')\ndef test_x(bench):0",
            "*x: is not a run*",
        ),
        (
            "@pytest.mark.cases('sides', '*/fp23')\ndef test_x(bench): ...",
            "*fp23: matches no case of sides; *",
        ),
    ],
    ids=["no cases", "no suite", "wrong cases", "budget alone", "wrong budget", "no baseline", "no match"],
)
def test_wrong_mark_is_told_before_measuring(
    run_here: Lab, pytester: pytest.Pytester, body: str, expected: str
) -> None:
    """A mark that is wrong is an error before anything is measured."""
    pytester.makepyfile(**{"suites/test_own": f"import pytest\n{body}"})
    result = run_here("suites/test_own.py", "--device", "toy")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([expected])


def test_ini_file_says_the_same(run_here: Lab, pytester: pytest.Pytester) -> None:
    """What the options say can stand in the ini file; an option stands above it."""
    pytester.makeini(
        "[pytest]\nharness_device = toy\nharness_select =\n    */int8\nharness_protocol = quick\n"
        "harness_results = kept/results\nharness_report = kept/reports\nharness_limit = accuracy >= 0.5\n"
        "harness_wait = 5\n"
    )
    assert ["suites/sides.yaml::toy/onnxruntime/sides/int8"] == collected(
        run_here("suites", "--collect-only", "-q")
    )
    assert ["suites/sides.yaml::toy/onnxruntime/sides/fp32"] == collected(
        run_here("suites", "--suite-select", "*/fp32", "--collect-only", "-q")
    )
    run_here("suites", "--collect-only").stdout.fnmatch_lines(
        ["harness: toy; protocol quick; runs in *kept/results"]
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--quick", "--full"], "*--quick and --full exclude each other*"),
        (["--harness-wait", "long"], "*--harness-wait: found 'long', expected seconds*"),
        (["--baseline", "no-run"], "*--baseline: *no-run: is not a run*"),
        (
            ["-o", "harness_protocol=fast"],
            "*harness_protocol: found 'fast', expected standard, quick or full*",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_option_is_told(run_here: Lab, arguments: list[str], expected: str) -> None:
    """Options that cannot be are refused as the command line's fault."""
    result = run_here("suites", "--device", "toy", *arguments)

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    result.stderr.fnmatch_lines([expected])


def test_selection_leaves_python_tests_out(run_here: Lab, pytester: pytest.Pytester) -> None:
    """A Python test none of whose cases is selected is skipped and says why."""
    pytester.makepyfile(**{"suites/test_own": SPREAD})
    result = run_here(
        "suites/test_own.py", "--device", "toy", "--suite-select", "*/int8", "-rs", "-k", "beside"
    )

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*--suite-select leaves none of its cases"])
