"""The main job, as a user runs it: real inferences, one report, every figure open to be checked."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
from bench.recompute import recompute

import harness as package
from harness.catalog import load_suite
from harness.data import load_data
from harness.store import Run, find_run, read_run

COLUMNS = [
    "case",
    "device",
    "board",
    "engine",
    "model",
    "precision",
    "executed_precision",
    "origin",
    "sittings",
    "cycles",
    "void",
    "latency_p50_s",
    "latency_p50_lo_s",
    "latency_p50_hi_s",
    "latency_p99_s",
    "latency_p99_lo_s",
    "latency_p99_hi_s",
    "energy_per_inference_j",
    "energy_per_inference_lo_j",
    "energy_per_inference_hi_j",
    "power_mean_w",
    "power_mean_lo_w",
    "power_mean_hi_w",
    "accuracy",
    "accuracy_lo",
    "accuracy_hi",
    "memory_peak_bytes",
    "cold_start_s",
    "rank",
    "verdict",
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the main job ran, quick, on 20 items of the int8 cases.

    The meter's chip takes 9 ms for a sample, which stays readable for as long, so that windows are without gaps also
    where other processes take the processor from the sampler.
    """
    folder = tmp_path_factory.mktemp("lab") / "workspace"
    harness("init", str(folder), cwd=folder.parent)
    device, suite = folder / "devices" / "host.yaml", folder / "suites" / "digits.yaml"
    edit(device, "shunt_conversion_s: 1.1e-3", "shunt_conversion_s: 8.244e-3")
    edit(device, "reply_s: 5.0", "reply_s: 60.0")
    edit(suite, "items: 60", "items: 20\n    samples: 4\n    remeasure: 5")
    harness("run", "--quick", "--select", "*/int8", cwd=folder)
    return folder


def harness(*arguments: str, cwd: Path) -> None:
    """A command that succeeds."""
    command = [sys.executable, "-m", "harness", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


def edit(path: Path, old: str, new: str) -> None:
    """Replace exactly one place of a file."""
    text, count = re.subn(re.escape(old), new, path.read_text(encoding="utf-8"))
    assert count == 1
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def run(workspace: Path) -> Run:
    """That run, read back."""
    return read_run(find_run(workspace / "results", "latest"))


@pytest.fixture(scope="module")
def table(workspace: Path, run: Run) -> pd.DataFrame:
    """Its CSV report, a row for each case."""
    return pd.read_csv(workspace / "reports" / f"{run.start.run}.csv").set_index("case", drop=False)


def test_the_report_has_every_column(table: pd.DataFrame) -> None:
    """The CSV has the published columns, whatever others it has."""
    missing = [name for name in COLUMNS if name not in table.columns]

    assert missing == []


def test_every_figure_can_be_computed_again_from_the_run_directory(run: Run, table: pd.DataFrame) -> None:
    """A script that shares no code with the harness finds the same figures in the raw records."""
    again = recompute(run.path)

    for name in again.columns:
        np.testing.assert_allclose(table.loc[again.index, name], again[name], rtol=1e-12, err_msg=name)


def test_accuracy_is_that_of_a_plain_loop(run: Run, table: pd.DataFrame) -> None:
    """The share of right answers equals k/n of bare ONNX Runtime over the same images: those with a valid cycle."""
    suite = load_suite("digits")
    data = load_data(suite.data)
    for model in suite.models:
        artefact = next(each for each in model.artefacts if each.precision == "int8")
        session = ort.InferenceSession(str(artefact.path), providers=["CPUExecutionProvider"])
        case = f"host/onnxruntime/{model.id}/int8"
        valid = run.cycles[(run.cycles["phase"] == "measure") & (run.cycles["void"] == "")]
        items = set(valid.loc[valid["case"] == case, "item"])
        right = sum(
            int(session.run(None, {"input": data.input(item)})[0].argmax()) == data.label(item)
            for item in items
        )

        assert items <= set(run.start.items["1"])
        assert right / len(items) == table.loc[case, "accuracy"]


def test_each_cycle_holds_all_three(run: Run) -> None:
    """A valid cycle carries latencies that fill its window, energy, samples, coverage and a verdict."""
    cycles = run.cycles[(run.cycles["phase"] == "measure") & (run.cycles["void"] == "")]
    ends = np.cumsum(run.cycles["repeats"])
    window_ns = [
        int(run.all_latencies_ns[end - count : end].sum())
        for end, count in zip(ends, run.cycles["repeats"], strict=True)
    ]

    assert (cycles["energy_j"] > 0).all()
    assert len(cycles)
    assert (cycles["samples"] >= run.start.protocol["samples"]).all()
    assert (cycles["coverage"] >= 0.9).all()
    assert cycles["predicted"].notna().all()
    assert window_ns == list(run.cycles["end_ns"] - run.cycles["begin_ns"])


def test_the_origin_is_told_everywhere(workspace: Path, table: pd.DataFrame) -> None:
    """Simulated power says so in the CSV and on the page, which needs no network."""
    page = next((workspace / "reports").glob("*.html")).read_text(encoding="utf-8")

    assert set(table["origin"]) == {"simulated"}
    assert "SIMULATED" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page
