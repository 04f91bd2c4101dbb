"""This module computes a run's figures anew from its files, knowing nothing of the harness's own code."""

import json
from pathlib import Path
from typing import Any

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
        energy_j, peak_w = 0.0, 0.0
        for sitting in opened:
            mine = counted[(counted.sitting == sitting["sitting"]) & (counted.part == sitting["part"])]
            raw = power[
                (power.case == case) & (power.sitting == sitting["sitting"]) & (power.part == sitting["part"])
            ]
            chips = (sitting.get("channels") or {"": {**sitting, "channel": 0}}).values()
            seen = [
                _intervals(raw[raw.channel == chip["channel"]], chip)
                for chip in chips
                if chip.get("in_total", True)
            ]
            energy_j += sum(_energy_j(*each, mine) for each in seen)
            if sitting["period_ns"] > 2.5e6:
                peak_w = np.nan  # fewer than four samples in 10 ms show no peak
            elif len(seen) == 1:
                peak_w = max(peak_w, largest_over_10ms_w(*seen[0], mine))
        latencies = np.concatenate(counted.latencies_ns.to_numpy()) * 1e-9
        right = counted.assign(right=counted.predicted == counted.label).groupby("item").right.mean() > 0.5
        rows[case] = {
            "latency_p50_s": np.quantile(latencies, 0.50, method="inverted_cdf"),
            "latency_p99_s": np.quantile(latencies, 0.99, method="inverted_cdf"),
            "energy_per_inference_j": energy_j / len(latencies),
            "power_mean_w": energy_j / latencies.sum(),
            "power_peak_10ms_w": peak_w,
            "accuracy": right.mean(),
            "memory_peak_bytes": max(sitting["memory"]["peak"] for sitting in closed),
            "cold_start_s": np.median(
                [s["cold_start"]["load_s"] + s["cold_start"]["first_inference_s"] for s in opened]
            ),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def largest_over_10ms_w(
    begin: np.ndarray, end: np.ndarray, watts: np.ndarray, windows: pd.DataFrame
) -> float:
    """The largest mean over any 10 ms between the first window and the last, one 10 ms after the other."""
    kept = (begin >= windows.begin_ns.min()) & (end <= windows.end_ns.max())
    begin, end, watts = begin[kept], end[kept], watts[kept]
    largest, width = 0.0, 10_000_000
    for last in (*end.tolist(), *(begin + width).tolist()):
        first = last - width
        near = slice(max(0, np.searchsorted(end, first) - 1), np.searchsorted(begin, last) + 1)
        overlap = np.clip(np.minimum(end[near], last) - np.maximum(begin[near], first), 0, None)
        if overlap.sum() == width:
            largest = max(largest, float((watts[near] * overlap).sum()) / width)
    return largest


def _intervals(raw: pd.DataFrame, record: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Begin, end and mean power of each sample of one chip."""
    end = raw.ready_ns.to_numpy() - round(record["lag_ns"])
    begin = np.concatenate([end[:1] - round(record["period_ns"]), end[:-1]])
    after_gap = end - begin > 1.5 * record["period_ns"]  # what was lost before a sample is not covered by it
    begin[after_gap] = end[after_gap] - round(record["period_ns"])
    factors = record["watts"]
    amperes = raw.shunt * factors["shunt_lsb_v"] / factors["shunt_ohm"]
    volts = raw.bus * factors["bus_lsb_v"]
    if factors["vbus_tap"] == "source":
        volts = volts - amperes * factors["shunt_ohm"]
    return begin, end, (amperes * volts).to_numpy()


def _energy_j(begin: np.ndarray, end: np.ndarray, watts: np.ndarray, windows: pd.DataFrame) -> float:
    """Energy of all windows by the samples of one chip: power x overlap, sample by sample."""
    energy_j = 0.0
    for first, last in zip(windows.begin_ns, windows.end_ns, strict=True):
        overlap = np.clip(np.minimum(end, last) - np.maximum(begin, first), 0, None)
        energy_j += float((watts * overlap).sum()) * 1e-9
    return energy_j
