"""This module makes rows of the table of cases for tests, without a run behind them."""

from dataclasses import replace
from typing import Any

from harness.judging.cases import CaseResult
from harness.judging.stats import Estimate, wilson

INTERVAL: dict[str, Any] = {"method": "between sittings", "n": 3, "unit": "sittings"}


def around(value: float, width: float = 0.01) -> Estimate:
    """An estimate with bounds on both sides at that relative width."""
    lo, hi = sorted((value * (1 - width), value * (1 + width)))
    return Estimate(value=value, lo=lo, hi=hi, lower=lo, upper=hi, **INTERVAL)


def case_result(case: str = "bench-a/onnxruntime/digits-cnn/fp32", **changes: Any) -> CaseResult:
    """A complete case; estimates are changed by their names, fields by theirs."""
    device, engine, model, precision = case.split("/")
    estimates = {
        "latency_p50_s": around(0.9e-3),
        "latency_p99_s": around(1e-3),
        "energy_per_inference_j": around(5e-3),
        "energy_above_idle_per_inference_j": around(2e-3),
        "power_mean_w": around(5.0),
        "accuracy": wilson(95, 100),
        "memory_peak_bytes": Estimate(value=1e8),
        "cold_start_s": Estimate(value=0.2),
    }
    estimates |= {name: changes.pop(name) for name in list(changes) if name in estimates}
    result = CaseResult(
        case=case,
        run="20260102T030405Z-0a1b2c",
        device=device,
        board="bench-board",
        engine=engine,
        model=model,
        precision=precision,
        executed_precision=precision,
        origin="simulated",
        sittings=3,
        parts=3,
        cycles=300,
        void=0,
        void_reasons={},
        items=100,
        estimates=estimates,
        conditions={"origin": "simulated", "suite": "0" * 64},
        limits=(),
        incomplete="",
    )
    return replace(result, **changes)


def at(name: str, latency: float, energy: float, right: int, **changes: Any) -> CaseResult:
    """A case at a place in the space of the objectives; `right` of 100 items."""
    return case_result(
        f"bench-a/onnxruntime/{name}/fp32",
        latency_p99_s=around(latency),
        energy_per_inference_j=around(energy),
        accuracy=wilson(right, 100),
        **changes,
    )
