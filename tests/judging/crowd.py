"""This module makes pages of many cases for tests and benchmarks; the figures are drawn at random and of no device."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from judging.runs import Behaviour, write_run
from judging.tables import around, case_result

from harness.judging.cases import CaseResult
from harness.judging.front import Ranking, rank
from harness.judging.stats import wilson
from harness.quantities import parse_limit
from harness.store import Run

PRECISIONS = ("fp32", "fp16", "int8", "int4")
DEVICES = 5
LIMITS = ("latency_p99_s < 0.012", "power_mean_w < 30")


def many_cases(count: int) -> list[CaseResult]:
    """Cases that trade latency, energy and error against each other, of some devices, models and all precisions."""
    rng = np.random.default_rng(226)
    return [_case(place, rng) for place in range(count)]


def many_runs(folder: Path, cases: Sequence[CaseResult]) -> tuple[list[Run], Ranking]:
    """A run that says it holds the cases, and their ranking."""
    run = write_run(folder, [Behaviour(case=cases[0].case)])
    run = replace(run, start=replace(run.start, run=cases[0].run))
    return [run], rank(cases, [parse_limit(text) for text in LIMITS])


def _case(place: int, rng: np.random.Generator) -> CaseResult:
    latency, energy, error = rng.dirichlet(np.ones(3)) ** 0.5 * rng.uniform(1, 1.8)
    model, precision = place // (DEVICES * len(PRECISIONS)), PRECISIONS[place // DEVICES % len(PRECISIONS)]
    return case_result(
        f"bench-{place % DEVICES}/onnxruntime/model-{model}/{precision}",
        latency_p50_s=around(8e-3 * latency + 5e-4),
        latency_p99_s=around(1e-2 * latency + 1e-3),
        energy_per_inference_j=around(5e-2 * energy + 5e-3),
        energy_above_idle_per_inference_j=around(3e-2 * energy + 1e-3),
        power_mean_w=around(5 * energy / latency),
        accuracy=wilson(round(2000 * max(0.0, 1 - 0.4 * error)), 2000),
    )
