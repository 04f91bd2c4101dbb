"""This module measures how long judging takes: fronts, membership, and a run of many cycles.

    python benchmarks/fronts.py [CYCLES]

CYCLES is the size of the run (1e7 without it; it needs about 0.5 GB in the folder for temporary files). It exits
with 1 when something takes longer, or more memory, than is promised.
"""

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import moocore
import numpy as np
import pyarrow as pa
from synthetic import measured, true_points

from harness.judging.dominance import layers
from harness.judging.membership import RESAMPLES, standings
from harness.record import RunStart, RunStop, SittingClosed, SittingOpened
from harness.store import RunWriter
from harness.store.sealing import CYCLE_SCHEMA, _write  # the writer itself goes cycle by cycle

POINTS = 1_000_000
MOST_OVERHEAD = 1.1
CASES = 5_000
MEMBERSHIP_S = 10.0
JUDGE_S = 10.0
JUDGE_BYTES = 2e9
SEGMENT = 100_000
UTC = "2026-01-01T00:00:00+00:00"


def best_of(times: int, work: Callable[[], Any]) -> float:
    """Shortest duration of some calls, in seconds."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return min(found)


def front_overhead() -> float:
    """Duration of the front of a million points over that of bare moocore."""
    points = np.random.default_rng(1).random((POINTS, 3))
    ours = bare = float("inf")
    for _ in range(5):
        bare = min(bare, best_of(1, lambda: moocore.pareto_rank(points)))
        ours = min(ours, best_of(1, lambda: layers(points)))
    print(f"fronts of {POINTS} x 3: {ours:.3f} s, bare moocore {bare:.3f} s")
    return ours / bare


def membership_s() -> float:
    """Duration of telling how sure the front of 5,000 cases is."""
    rng = np.random.default_rng(1)
    blocks, points = measured(true_points(CASES, rng), rng)
    return best_of(1, lambda: standings(blocks, points))


def write_run(folder: Path, cycles: int) -> Path:
    """A sealed run of eight cases in three sittings, with one inference in a cycle."""
    cases = [f"synthetic/none/m{number}/fp32" for number in range(8)]
    items = list(range(1000))
    each = cycles // (len(cases) * 3)
    start = RunStart(
        schema_version=1,
        run="",
        utc=UTC,
        monotonic_ns=0,
        boot_id="synthetic",
        suite={"id": "synthetic", "sha256": "0" * 64},
        device={"id": "synthetic"},
        protocol={"name": "full"},
        cases=cases,
        order=[(case, sitting) for sitting in (1, 2, 3) for case in cases],
        items={str(sitting): items for sitting in (1, 2, 3)},
        limits=["latency_p99_s < 0.150", "accuracy >= 0.9"],
        origin="simulated",
        seed=1,
        plan_sha256="0" * 64,
        provenance={},
        found={},
    )
    rng = np.random.default_rng(1)
    with RunWriter.create(folder, start) as writer:
        for case, sitting in start.order:
            _attend(writer, case, sitting)
        writer.stop(RunStop(utc=UTC, status="complete"))
        path = writer.path
    for old in path.glob("cycles-*"):
        old.unlink()
    seq = 0
    pending: list[pa.Table] = []
    for case, sitting in start.order:
        pending.append(_cycles(case, sitting, each, seq, rng))
        seq += each
    table = pa.concat_tables(pending)
    for place in range(math.ceil(len(table) / SEGMENT)):
        with (path / f"cycles-{place:06d}.parquet").open("wb") as file:
            _write(table.slice(place * SEGMENT, SEGMENT), file)
    manifest = path / "manifest.json"
    content = json.loads(manifest.read_text())
    content["files"] = {}
    manifest.write_text(json.dumps(content))
    return path


def _attend(writer: RunWriter, case: str, sitting: int) -> None:
    place: dict[str, Any] = {"case": case, "sitting": sitting, "part": 1, "utc": UTC, "environment": {}}
    writer.opened(
        SittingOpened(
            **place,
            opened_ns=0,
            requested={},
            executed={"precision": "fp32"},
            cold_start={"load_s": 0.1, "first_inference_s": 0.01},
            meter=None,
            period_ns=None,
            lag_ns=None,
            watts=None,
            idle_before_w=2.0,
            inference_s=1e-3,
            repeats=1,
            lead=0,
            tail=0,
            beat=None,
            preflight_correct=0,
            preflight_items=0,
        )
    )
    writer.closed(
        SittingClosed(
            **place,
            idle_after_w=2.0,
            memory={"peak": 10**8},
            samples=0,
            lost=0,
            sampler_on_s=None,
            sampler_off_s=None,
            dead_time_s=1e-6,
        )
    )


def _cycles(case: str, sitting: int, count: int, seq: int, rng: np.random.Generator) -> pa.Table:
    latencies_ns = (1e6 * rng.lognormal(0, 0.05, count)).astype(np.int64)
    end_ns = (seq + 1) * 2_000_000 + np.cumsum(latencies_ns + 1000)
    item = np.arange(count) % 1000
    label = item % 10
    predicted = np.where(rng.random(count) < 0.02, (label + 1) % 10, label)
    columns: dict[str, Any] = {
        "seq": np.arange(seq, seq + count),
        "case": pa.array([case]).take(pa.array(np.zeros(count, np.int64))),
        "sitting": np.full(count, sitting),
        "part": np.ones(count, np.int64),
        "phase": pa.array(["measure"]).take(pa.array(np.zeros(count, np.int64))),
        "item": item,
        "label": label,
        "begin_ns": end_ns - latencies_ns,
        "end_ns": end_ns,
        "clock_uncertainty_ns": np.zeros(count, np.int64),
        "latencies_ns": pa.ListArray.from_arrays(
            np.arange(count + 1, dtype=np.int32), latencies_ns, type=CYCLE_SCHEMA.field("latencies_ns").type
        ),
        "energy_j": 5 * latencies_ns * 1e-9 * rng.normal(1, 0.02, count),
        "samples": np.full(count, 10),
        "coverage": np.ones(count),
        "lost": np.zeros(count, np.int64),
        "saturated": np.zeros(count, np.int64),
        "predicted": predicted,
        "output_sha256": pa.array([f"{number:064x}" for number in range(1000)]).take(pa.array(item)),
        "void": pa.array([""]).take(pa.array(np.zeros(count, np.int64))),
    }
    arrays = [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.nulls(count, field.type)  # what only some meters fill
        for field in CYCLE_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=CYCLE_SCHEMA)


JUDGE = """
import re, sys, time
from pathlib import Path
import harness.report
begin = time.perf_counter()
from harness.store import read_run
run = read_run(Path(sys.argv[1]), lean=True)
read = time.perf_counter() - begin
ranking = harness.report.rank_runs([run])
judged = time.perf_counter() - begin
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(read, judged, time.process_time(), peak, len(run.cycles))
"""


def judge(cycles: int) -> tuple[float, float]:
    """Seconds and bytes that reading and judging a run takes in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_run(Path(folder), cycles)
        done = subprocess.run(
            [sys.executable, "-c", JUDGE, str(path)], check=True, capture_output=True, text=True
        )
    read_s, all_s, cpu_s, peak, count = map(float, done.stdout.split())
    print(f"run of {count:.3g} cycles: read in {read_s:.1f} s, judged after {all_s:.1f} s")
    print(
        f"{cpu_s:.1f} s of processor, peak {peak / 1e9:.2f} GB (less than {JUDGE_S:g} s and {JUDGE_BYTES / 1e9:g} GB)"
    )
    return all_s, peak


def main(cycles: int) -> int:
    """Print the table; 1 where a promise is not kept."""
    overhead = front_overhead()
    print(f"over bare moocore: {overhead:.2f} (at most {MOST_OVERHEAD})")
    sure_s = membership_s()
    print(
        f"membership of {CASES} cases, {RESAMPLES} resamples: {sure_s:.1f} s (less than {MEMBERSHIP_S:g} s)"
    )
    all_s, peak = judge(cycles)
    return int(overhead > MOST_OVERHEAD or sure_s >= MEMBERSHIP_S or all_s >= JUDGE_S or peak >= JUDGE_BYTES)


if __name__ == "__main__":
    sys.exit(main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000))
