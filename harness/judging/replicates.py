"""This module takes the figures of single sittings and the answers to single items: what comparisons pair."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from harness.record import Phase
from harness.store import Run

LEVELS = {"latency_p50_s": 0.50, "latency_p99_s": 0.99}


def sitting_figures(run: Run, case: str) -> dict[str, dict[int, float]]:
    """Figures of each sitting of a case by quantity and sitting; a sitting without the figure is left out."""
    valid = _valid(run, case)
    figures: dict[str, dict[int, float]] = {
        name: {} for name in (*LEVELS, "energy_per_inference_j", "power_mean_w")
    }
    for key, cycles in valid.groupby("sitting"):
        sitting = int(str(key))
        latencies_ns = run.latencies_ns(case, sitting)
        for name, level in LEVELS.items() if len(latencies_ns) else ():
            figures[name][sitting] = float(np.quantile(latencies_ns, level, method="inverted_cdf")) * 1e-9
        energy_j = float(cycles["energy_j"].sum(skipna=False))
        if not np.isnan(energy_j):
            window_s = float((cycles["end_ns"] - cycles["begin_ns"]).sum()) * 1e-9
            figures["energy_per_inference_j"][sitting] = energy_j / int(cycles["repeats"].sum())
            figures["power_mean_w"][sitting] = energy_j / window_s
    figures["memory_peak_bytes"] = _peaks(run, case)
    figures["cold_start_s"] = _cold_starts(run, case)
    return figures


def answers(run: Run, case: str) -> dict[int, bool]:
    """Item to whether more than half of its valid cycles were right; an output without a class is not right."""
    valid = _valid(run, case)
    right = (valid["predicted"] == valid["label"]).fillna(value=False).astype(float)
    shares: Mapping[Any, float] = right.groupby(valid["item"].to_numpy()).mean().to_dict()
    return {int(item): share > 0.5 for item, share in shares.items()}


def _valid(run: Run, case: str) -> pd.DataFrame:
    rows = run.cycles
    return rows[(rows["case"] == case) & (rows["phase"] == Phase.MEASURE.value) & (rows["void"] == "")]


def _peaks(run: Run, case: str) -> dict[int, float]:
    """Largest resident set of each sitting; the largest of its parts counts."""
    peaks: dict[int, float] = {}
    for record in run.closed:
        peak = record.memory.get("peak")
        if record.case == case and peak is not None:
            peaks[record.sitting] = max(float(peak), peaks.get(record.sitting, 0.0))
    return peaks


def _cold_starts(run: Run, case: str) -> dict[int, float]:
    """Loading and first inference of the first part of each sitting."""
    stages = ("load_s", "first_inference_s")
    return {
        record.sitting: sum(float(record.cold_start[stage]) for stage in stages)
        for record in run.opened
        if record.case == case and record.part == 1 and all(stage in record.cold_start for stage in stages)
    }
