"""This module makes records for tests: every value is synthetic, sensible and the same each time.

The figures are those of no device.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.record import (
    SCHEMA_VERSION,
    Cycle,
    Incident,
    Phase,
    RunStart,
    RunStop,
    SittingClosed,
    SittingOpened,
)

CASES = ("bench-a/onnxruntime/digits-mlp/fp32", "bench-a/onnxruntime/digits-mlp/int8")
FIRST_NS = 5_000_000_000_000
PERIOD_NS = 1_240_000
ITEMS = 20


def run_start(**changes: Any) -> RunStart:
    """A run of two cases in three sittings each on a simulated meter."""
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "run": "20260102T030405Z-0a1b2c",
        "utc": "2026-01-02T03:04:05+00:00",
        "monotonic_ns": FIRST_NS,
        "boot_id": "00000000-0000-4000-8000-000000000001",
        "suite": {"id": "digits", "sha256": "0" * 64},
        "device": {"id": "bench-a", "board": "bench", "sha256": "1" * 64},
        "protocol": {"name": "quick", "sittings": 3, "window_s": 0.01, "samples": 10, "coverage": 0.9},
        "cases": CASES,
        "order": tuple((CASES[(place + sitting) % 2], sitting) for sitting in (1, 2, 3) for place in (0, 1)),
        "items": {str(sitting): list(range(ITEMS)) for sitting in (1, 2, 3)},
        "limits": ("latency_p99_s < 0.15",),
        "origin": "simulated",
        "seed": 226,
        "plan_sha256": "2" * 64,
        "provenance": {"harness": "0.1.0", "python": "3.11.0", "argv": ["harness", "run"]},
        "found": {"hw_revision": None, "firmware": None, "identity": "x86_64", "expected": "x86_64"},
    }
    return RunStart(**(values | changes))


def run_stop(**changes: Any) -> RunStop:
    """The end of a complete run."""
    return RunStop(**({"utc": "2026-01-02T04:04:05+00:00", "status": "complete"} | changes))


def opened(**changes: Any) -> SittingOpened:
    """The opening of the first sitting of the first case."""
    values: dict[str, Any] = {
        "case": CASES[0],
        "sitting": 1,
        "part": 1,
        "utc": "2026-01-02T03:04:06+00:00",
        "opened_ns": FIRST_NS,
        "requested": {"engine": "onnxruntime", "precision": "fp32", "threads": 1},
        "executed": {"precision": "fp32", "nodes": {"CPUExecutionProvider": 7}, "versions": {}},
        "cold_start": {"start_s": 0.05, "import_s": 0.2, "load_s": 0.01, "first_inference_s": 0.001},
        "meter": {"origin": "simulated", "config": 0x4127},
        "period_ns": float(PERIOD_NS),
        "lag_ns": 294_000.0,
        "watts": {"shunt_ohm": 0.01, "shunt_lsb_v": 2.5e-6, "bus_lsb_v": 1.25e-3},
        "idle_before_w": 2.5,
        "inference_s": 0.0011,
        "repeats": 12,
        "lead": 1,
        "tail": 1,
        "beat": None,
        "preflight_correct": 19,
        "preflight_items": 20,
        "environment": {"governor": "performance", "temperature_c": 45.5},
    }
    return SittingOpened(**(values | changes))


def closed(**changes: Any) -> SittingClosed:
    """The closing of the first sitting of the first case."""
    values: dict[str, Any] = {
        "case": CASES[0],
        "sitting": 1,
        "part": 1,
        "utc": "2026-01-02T03:14:06+00:00",
        "idle_after_w": 2.6,
        "memory": {"peak": 120 << 20, "after_import": 80 << 20, "after_load": 90 << 20, "counter": "VmHWM"},
        "samples": 20_000,
        "lost": 0,
        "sampler_on_s": 0.00111,
        "sampler_off_s": 0.0011,
        "dead_time_s": 2e-6,
        "environment": {"governor": "performance", "temperature_c": 52.0},
    }
    return SittingClosed(**(values | changes))


def incident(**changes: Any) -> Incident:
    """The meter fell silent in the first sitting of the first case."""
    values: dict[str, Any] = {
        "utc": "2026-01-02T03:09:06+00:00",
        "case": CASES[0],
        "sitting": 1,
        "part": 1,
        "what": "The meter at 0x40 fell silent for 5 s.",
        "exit_code": 3,
    }
    return Incident(**(values | changes))


def cycle(seq: int, **changes: Any) -> Cycle:
    """The cycle of a number: about 12 inferences of 1.1 ms at 5 W, item after item, one in ten wrong."""
    rng = np.random.default_rng(seq)
    latencies_ns = tuple(int(each) for each in rng.normal(1_100_000, 20_000, 12))
    begin_ns = FIRST_NS + seq * 20_000_000
    label = seq % 10
    values: dict[str, Any] = {
        "seq": seq,
        "case": CASES[0],
        "sitting": 1,
        "part": 1,
        "phase": Phase.MEASURE,
        "item": seq % ITEMS,
        "label": label,
        "begin_ns": begin_ns,
        "end_ns": begin_ns + sum(latencies_ns),
        "clock_uncertainty_ns": 0,
        "latencies_ns": latencies_ns,
        "energy_j": float(rng.normal(5.0, 0.05)) * sum(latencies_ns) * 1e-9,
        "samples": 10,
        "coverage": 1.0,
        "lost": 0,
        "saturated": 0,
        "predicted": label if seq % 10 else (label + 1) % 10,
        "output_sha256": f"{seq % ITEMS:064x}",
        "void": (),
    }
    return Cycle(**(values | changes))


def raw_samples(count: int, *, first_ns: int = FIRST_NS) -> NDArray[Any]:
    """Raw samples of a meter, as a bench hands them over."""
    rng = np.random.default_rng(count)
    raw = np.zeros(
        count,
        [
            ("ready_ns", "<i8"),
            ("delay_ns", "<i4"),
            ("shunt", "<i2"),
            ("bus", "<u2"),
            ("flags", "<u4"),
            ("channel", "<u2"),
        ],
    )
    raw["ready_ns"] = first_ns + np.arange(1, count + 1) * PERIOD_NS + rng.integers(0, 20_000, count)
    raw["delay_ns"] = rng.integers(100_000, 300_000, count)
    raw["shunt"] = rng.normal(4000, 40, count)
    raw["bus"] = rng.normal(4000, 4, count)
    return raw
