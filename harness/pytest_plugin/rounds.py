"""This module lets pytest-benchmark show latencies that the device measured, by its public interface alone.

The clock of the device is the timer: it stands still but for what a cycle reports, so that a round is a cycle and
lasts as long as one inference of it. The record of truth stays the run; its id is in the `extra_info`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import MeasurementError
from harness.pytest_plugin.collect import wanted_of
from harness.pytest_plugin.stash import CLOCK
from harness.record import Phase

if TYPE_CHECKING:
    from harness.profile import Device
    from harness.pytest_plugin.openrun import Measured

TIMER = "device_reported_seconds"
"""Name of the timer in pytest-benchmark's files."""

STILL_READINGS = 1000
"""As often as this nobody reads a clock that stands still, but to calibrate it."""

MACHINE = "harness_devices"
"""Key of the devices in pytest-benchmark's `machine_info`."""

_EXTRA = "harness"
_ASKING = (
    "benchmark_json",
    "benchmark_autosave",
    "benchmark_save",
    "benchmark_compare",
    "benchmark_compare_fail",
    "benchmark_histogram",
    "benchmark_enable",
    "benchmark_only",
    "benchmark_csv",
)
"""With one of these options the cases of YAML suites are benchmarks too; without, nothing is shown of rounds."""


class DeviceClock:
    """Seconds the device reported, in sum; a timer of pytest-benchmark."""

    __name__ = TIMER

    def __init__(self) -> None:
        self._now_s = 0.0
        self._still = 0

    def __call__(self) -> float:
        """The reading.

        Raises:
            MeasurementError: it is read again and again and does not move, which only a calibration does.
        """
        self._still += 1
        if self._still > STILL_READINGS:
            raise MeasurementError(
                "benchmark(cycle) cannot calibrate a clock that only cycles move; "
                "use benchmark.pedantic(cycle, rounds=100)"
            )
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Let it move by what the device reported.

        Raises:
            MeasurementError: the device reported no time.
        """
        if not seconds > 0:
            raise MeasurementError(f"the device reported a latency of {seconds!r} s, expected one above 0")
        self._now_s += seconds
        self._still = 0

    def restart(self) -> None:
        """Go back to 0 before a round, where a float is finest."""
        self._now_s = 0.0


def is_asked_for(config: pytest.Config) -> bool:
    """An option of pytest-benchmark asks for benchmarks of all that is measured."""
    return any(config.getoption(name, None) for name in _ASKING)


def set_clock(item: pytest.Item) -> None:
    """Make the device's clock the timer of a test that measures a case and takes `benchmark`.

    It must be done before the fixture is made. A marker of the test's own would hide ours, so theirs is merged.
    """
    wanted = wanted_of(item)
    if wanted is None or "benchmark" not in getattr(item, "fixturenames", ()):
        return
    clock = item.stash[CLOCK] = DeviceClock()
    own = item.get_closest_marker("benchmark")
    group = f"{wanted.case.device.id} by its own clock"  # so that times of the host never share its table
    merged = {"group": group, **(own.kwargs if own else {}), "timer": clock}
    item.add_marker(pytest.mark.benchmark(**merged), append=False)


def play(benchmark: Any, clock: DeviceClock, measured: "Measured", *, shown: bool) -> None:
    """Give the cycles of a case to pytest-benchmark: one round a cycle, the mean latency of its inferences.

    Args:
        benchmark: its fixture.
        clock: the timer it reads.
        measured: the case.
        shown: an option asks for it; else the fixture is disabled, so that no table tells what nobody asked for.
    """
    benchmark.disabled = benchmark.disabled or not shown
    rows = measured.run.cycles
    rows = rows[
        (rows["case"] == measured.result.case) & (rows["phase"] == Phase.MEASURE.value) & (rows["void"] == "")
    ]
    latencies = iter(((rows["end_ns"] - rows["begin_ns"]) / rows["repeats"] * 1e-9).tolist())
    if not len(rows):
        raise MeasurementError(f"{measured.result.case}: has no valid cycle to be a round of the benchmark")
    benchmark.pedantic(
        lambda: clock.advance(next(latencies)),
        setup=clock.restart,
        rounds=len(rows),
        iterations=1,
        warmup_rounds=0,
    )


def tell(benchmark: Any, measured: "Measured", verdict: str) -> None:
    """Put power, energy, accuracy and where they come from into the `extra_info` of a benchmark."""
    result = measured.result
    figures = {}
    for name in ("energy_per_inference_j", "power_mean_w", "accuracy", "memory_peak_bytes", "latency_p99_s"):
        estimate = result.estimate(name)
        figures[name] = {"value": estimate.value, "lo": estimate.lo, "hi": estimate.hi}
    benchmark.extra_info[_EXTRA] = {
        "case": result.case,
        "run": measured.run.start.run,
        "plan_sha256": measured.run.start.plan_sha256,
        "origin": result.origin,
        "clock": "CLOCK_MONOTONIC where the engine runs",
        "cycles": result.cycles,
        "void": result.void,
        "verdict": verdict,
        "figures": figures,
    }


def machine(devices: Sequence["Device"]) -> Mapping[str, Any]:
    """What of the devices must agree between two files of benchmarks."""
    return {
        device.id: {
            "board": device.board.id,
            "hw_revision": device.hw_revision,
            "meter": None if device.meter is None else device.meter.kind,
            "origin": None if device.meter is None else str(device.meter.origin),
            "calibration": None if device.calibration is None else device.calibration.name,
            "sha256": device.sha256,
        }
        for device in devices
    }


def refuse_other_devices(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Refuse to compare times of different devices.

    Raises:
        pytest.UsageError: the devices of two files of benchmarks differ; both are named.
    """
    now, then = ours.get(MACHINE, {}), theirs.get(MACHINE, {})
    differing = sorted(name for name in {*now, *then} if now.get(name) != then.get(name))
    if differing:
        what = ", ".join(f"{name} ({_difference(now.get(name), then.get(name))})" for name in differing)
        raise pytest.UsageError(f"--benchmark-compare: times of different devices are not compared: {what}")


def check_timers(benchmarks: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a file in which a time of the host stands for one of the device.

    Raises:
        MeasurementError: a benchmark of ours was timed by another clock.
    """
    for each in benchmarks:
        if _EXTRA in each.get("extra_info", {}) and each["options"]["timer"] != TIMER:
            raise MeasurementError(
                f"{each['fullname']}: was timed by {each['options']['timer']}, expected {TIMER}"
            )


def _difference(now: Mapping[str, Any] | None, then: Mapping[str, Any] | None) -> str:
    if now is None or then is None:
        return "only now" if then is None else "only in the file compared with"
    fields = [key for key in {**now, **then} if now.get(key) != then.get(key)]
    return "; ".join(f"{key}: {now.get(key)} now, {then.get(key)} then" for key in fields)
