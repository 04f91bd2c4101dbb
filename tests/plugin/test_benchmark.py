"""pytest-benchmark and the harness show the same cycles."""

import json
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin import lab
from plugin.conftest import Lab

from harness.errors import MeasurementError
from harness.pytest_plugin.rounds import DeviceClock, check_timers, refuse_other_devices
from harness.store import read_run, runs

ARGUMENTS = ("suites", "--device", "toy", "--quick", "-k", "fp32", "--benchmark-enable")

PYTHON = """
import pytest

@pytest.mark.cases("sides", "*/fp32")
@pytest.mark.benchmark(min_rounds=7, group="mine")
def test_measured(bench, benchmark):
    bench.measure(benchmark=benchmark)

@pytest.mark.cases("sides", "*/fp32")
def test_by_hand(cycle, benchmark):
    seen = benchmark.pedantic(cycle, rounds=8)
    assert benchmark.stats.stats.rounds == 8 and seen.cycle.valid

@pytest.mark.cases("sides", "*/fp32")
def test_cannot_calibrate(cycle, benchmark):
    benchmark(cycle)
"""


def written(path: Path) -> dict[str, Any]:
    """Benchmarks of a file by the function or case."""
    content = json.loads(path.read_text())
    return {each["name"].partition("[")[0]: each for each in content["benchmarks"]}


def latencies_s(workspace: Path, place: int = 0) -> list[float]:
    """Mean latency of the inferences of each counted cycle of a run, by what its records say."""
    rows = read_run(sorted(entry.path for entry in runs(workspace / "results"))[place]).cycles
    rows = rows[(rows["phase"] == "measure") & (rows["void"] == "")]
    return sorted(((rows["end_ns"] - rows["begin_ns"]) / rows["repeats"] * 1e-9).tolist())


def test_yaml_case_is_a_benchmark(run_here: Lab, workspace: Path) -> None:
    """With an option of pytest-benchmark the cycles of a YAML case are rounds, by the device's clock."""
    result = run_here(*ARGUMENTS, "--benchmark-json=b.json")

    result.assert_outcomes(passed=1)
    found = written(workspace / "b.json")[lab.GOOD]
    np.testing.assert_allclose(sorted(found["stats"]["data"]), latencies_s(workspace), rtol=1e-9)
    assert "device_reported_seconds" == found["options"]["timer"]
    assert "toy by its own clock" == found["group"]
    extra = found["extra_info"]["harness"]
    assert (lab.GOOD, "replayed", "PASS") == (extra["case"], extra["origin"], extra["verdict"])
    assert 1.0 == extra["figures"]["accuracy"]["value"]
    assert extra["figures"]["energy_per_inference_j"]["value"] > 0
    assert ["toy"] == list(json.loads((workspace / "b.json").read_text())["machine_info"]["harness_devices"])


def test_nothing_shows_without_its_options(run_here: Lab, pytester: pytest.Pytester, workspace: Path) -> None:
    """Without an option of pytest-benchmark there is no table of it, also where a test hands its fixture over."""
    pytester.makepyfile(**{"suites/test_own": PYTHON})
    result = run_here("suites", "--device", "toy", "--quick", "-k", "(fp32 and sides.yaml) or test_measured")

    result.stdout.no_fnmatch_line("*benchmark: * tests*")
    result.stdout.no_fnmatch_line("*Benchmark fixture was not used*")
    result.assert_outcomes(passed=2)
    assert 1 == len(runs(workspace / "results"))


def test_python_suite_uses_the_fixture(run_here: Lab, pytester: pytest.Pytester, workspace: Path) -> None:
    """The fixture takes measured cycles, or cycles one by one; calibrating a clock that stands still is refused."""
    pytester.makepyfile(**{"suites/test_own": PYTHON})
    result = run_here("suites/test_own.py", *ARGUMENTS[1:], "--benchmark-json=b.json", "--strict-markers")

    result.assert_outcomes(passed=2, errors=0, failed=1)
    result.stdout.fnmatch_lines(["*use benchmark.pedantic(cycle, rounds=100)*"])
    found = written(workspace / "b.json")
    assert "mine" == found["test_measured"]["group"]
    assert 7 == found["test_measured"]["options"]["min_rounds"]
    assert {"device_reported_seconds"} == {each["options"]["timer"] for each in found.values()}
    np.testing.assert_allclose(
        sorted(found["test_measured"]["stats"]["data"]), latencies_s(workspace), rtol=1e-9
    )
    np.testing.assert_allclose(
        sorted(found["test_by_hand"]["stats"]["data"]), latencies_s(workspace, 1), rtol=1e-9
    )


def test_comparing_goes_on_working(run_here: Lab, workspace: Path) -> None:
    """Saved benchmarks of one device compare; those of another device are refused before anything is measured."""
    run_here(*ARGUMENTS, "--benchmark-autosave", "--benchmark-storage=kept").assert_outcomes(passed=1)
    again = run_here(
        *ARGUMENTS, "--benchmark-compare", "--benchmark-storage=kept", "--benchmark-compare-fail=min:100000%"
    )
    again.assert_outcomes(passed=1)
    again.stdout.fnmatch_lines([f"{lab.GOOD} (0001_*"])
    [saved] = (workspace / "kept").rglob("0001_*.json")
    content = json.loads(saved.read_text())
    content["benchmarks"][0]["stats"]["min"] /= 2  # as fast as it never was
    saved.write_text(json.dumps(content))
    worse = run_here(
        *ARGUMENTS, "--benchmark-compare", "--benchmark-storage=kept", "--benchmark-compare-fail=min:10%"
    )
    assert pytest.ExitCode.OK != worse.ret
    assert "Performance has regressed" in worse.stdout.str() + worse.stderr.str()
    device = workspace / "devices" / "toy.yaml"
    device.write_text(device.read_text().replace("boundary: a toy", "boundary: another toy"))
    refused = run_here(*ARGUMENTS, "--benchmark-compare", "--benchmark-storage=kept")

    assert pytest.ExitCode.USAGE_ERROR == refused.ret
    refused.stderr.fnmatch_lines(["*times of different devices are not compared: toy (*"])


def test_disabled_benchmark_is_measured_all_the_same(run_here: Lab) -> None:
    """Where pytest-benchmark is disabled the case is measured and judged, and nothing is shown of it."""
    result = run_here(
        "suites", "--device", "toy", "--quick", "-k", "fp32", "--benchmark-disable", "--benchmark-json=b.json"
    )

    result.assert_outcomes(passed=1)


def test_clock_moves_only_by_what_the_device_reports() -> None:
    """The clock stands still between reports, adds them up, and refuses a device that reported no time."""
    clock = DeviceClock()
    clock.advance(0.25)
    clock.advance(0.5)

    assert 0.75 == clock() == clock()
    for silence in (0.0, -1.0, float("nan")):
        with pytest.raises(MeasurementError, match="expected one above 0"):
            clock.advance(silence)
    clock.restart()
    assert 0.0 == clock()


def test_still_clock_is_noticed() -> None:
    """A clock that is read again and again without a report says how it is to be used."""
    clock = DeviceClock()

    with pytest.raises(MeasurementError, match="pedantic"):
        deque((clock() for _ in range(100_000)), maxlen=0)


def test_time_of_the_host_is_found_out() -> None:
    """A benchmark of the harness in the file with another timer is refused by its name."""
    found = {"fullname": "x", "extra_info": {"harness": {}}, "options": {"timer": "perf_counter"}}

    check_timers([{**found, "extra_info": {}}])
    with pytest.raises(MeasurementError, match="x: was timed by perf_counter"):
        check_timers([found])


def test_other_machine_is_told_by_field() -> None:
    """The refusal to compare names the device and the field that differs."""
    now = {"harness_devices": {"toy": {"board": "x86-64", "meter": "ina226"}}}

    refuse_other_devices(now, now)
    refuse_other_devices({}, {})
    with pytest.raises(pytest.UsageError, match=r"toy \(meter: ina226 now, nvml then\)"):
        refuse_other_devices(now, {"harness_devices": {"toy": {"board": "x86-64", "meter": "nvml"}}})
    with pytest.raises(pytest.UsageError, match=r"toy \(only now\)"):
        refuse_other_devices(now, {})
