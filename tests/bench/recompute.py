"""This module computes a run's figures anew from its files, knowing nothing of the harness's own code."""

import json
from pathlib import Path

import numpy as np
import pandas as pd


def recompute(run: Path) -> pd.DataFrame:
    """Figures of each case from the raw latencies, power samples and verdicts of a sealed run."""
    records = [json.loads(line) for line in (run / "sittings.jsonl").read_text().splitlines()]
    cycles = pd.concat(map(pd.read_parquet, sorted(run.glob("cycles-*.parquet"))))
    power = pd.concat(map(pd.read_parquet, sorted(run.glob("power-*.parquet"))))
    cycles = cycles[(cycles.phase == "measure") & (cycles.void.map(len) == 0)]
    rows = {}
    for case, counted in cycles.groupby("case"):
        opened = [r for r in records if r["kind"] == "opened" and r["case"] == case]
        closed = [r for r in records if r["kind"] == "closed" and r["case"] == case]
        energy_j = 0.0
        for sitting in opened:
            mine = counted[(counted.sitting == sitting["sitting"]) & (counted.part == sitting["part"])]
            raw = power[
                (power.case == case) & (power.sitting == sitting["sitting"]) & (power.part == sitting["part"])
            ]
            end = raw.ready_ns.to_numpy() - round(sitting["lag_ns"])
            begin = np.concatenate([end[:1] - round(sitting["period_ns"]), end[:-1]])
            factors = sitting["watts"]
            watts = raw.shunt * factors["shunt_lsb_v"] / factors["shunt_ohm"] * raw.bus * factors["bus_lsb_v"]
            for first, last in zip(mine.begin_ns, mine.end_ns, strict=True):
                overlap = np.clip(np.minimum(end, last) - np.maximum(begin, first), 0, None)
                energy_j += float((watts.to_numpy() * overlap).sum()) * 1e-9
        latencies = np.concatenate(counted.latencies_ns.to_numpy()) * 1e-9
        right = counted.assign(right=counted.predicted == counted.label).groupby("item").right.mean() > 0.5
        rows[case] = {
            "latency_p50_s": np.quantile(latencies, 0.50, method="inverted_cdf"),
            "latency_p99_s": np.quantile(latencies, 0.99, method="inverted_cdf"),
            "energy_per_inference_j": energy_j / len(latencies),
            "power_mean_w": energy_j / latencies.sum(),
            "accuracy": right.mean(),
            "memory_peak_bytes": max(sitting["memory"]["peak"] for sitting in closed),
            "cold_start_s": np.median(
                [s["cold_start"]["load_s"] + s["cold_start"]["first_inference_s"] for s in opened]
            ),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
