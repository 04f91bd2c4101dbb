"""A run on two simulated chips, from the example of the documentation to every figure computed anew from its files."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.judging.cases import case_results
from harness.quantities import channel_name
from harness.store import Run, read_run

from .recompute import recompute

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "two-rails.yaml"
DEVICE = f"rails-{os.getpid()}"
"""A name of its own: one process at a time measures on a device."""
WAIT_S = 120.0


def harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the harness in a folder to its end."""
    search = [*os.environ.get("PYTHONPATH", "").split(os.pathsep), str(EXAMPLE.parents[2])]
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, search))},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )


def edit(path: Path, pattern: str, replacement: str) -> None:
    """Replace exactly one place of a file."""
    text, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"))
    assert 1 == count
    path.write_text(text, encoding="utf-8")


def workspace(folder: Path, *, total: str = "sum") -> Path:
    """A workspace with the example as its device and 8 items in the quick protocol.

    A sample takes 8.4 ms, which leaves the sampler time also where other processes take its processor.
    """
    lab = folder / "lab"
    assert 0 == harness(folder, "init", str(lab)).returncode
    device = lab / "devices" / f"{DEVICE}.yaml"
    device.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    edit(device, r"(?m)^id: two-rails", f"id: {DEVICE}")
    edit(device, r"(?m)^  total: sum", f"  total: {total}")
    edit(device, r"(?m)^  rate_hz: 600.0", "  shunt_conversion_s: 8.244e-3")
    edit(lab / "suites" / "digits.yaml", r"items: 60", "items: 8\n    samples: 4\n    remeasure: 5")
    return lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which one case was measured on both rails."""
    folder = workspace(tmp_path_factory.mktemp("rails"))
    done = harness(folder, "run", "--quick", "--device", DEVICE, "--select", "*/digits-mlp/int8")
    assert 0 == done.returncode, done.stderr
    return folder


@pytest.fixture(scope="module")
def run(lab: Path) -> Run:
    """Its only run."""
    (path,) = (lab / "results" / "runs").iterdir()
    return read_run(path)


def test_the_table_is_what_the_files_say(lab: Path, run: Run) -> None:
    """Each figure of the CSV file is computed anew from the files by a program that knows nothing of the harness.

    That program takes both chips' samples apart, lays each over the windows and adds up the energies.
    """
    (table,) = (lab / "reports").glob("*.csv")
    with table.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    anew = recompute(run.path).loc[row["case"]].drop("power_peak_10ms_w")  # samples of 8.4 ms show none

    for name, value in anew.items():
        assert float(row[str(name)]) == pytest.approx(value, rel=1e-9), name
    assert float(row["energy_per_inference_j"]) == pytest.approx(
        float(row["energy_core_per_inference_j"]) + float(row["energy_io_per_inference_j"]), rel=1e-12
    )
    assert "simulated" == row["origin"]


def test_every_cycle_tells_its_channels(run: Run) -> None:
    """The energy of each valid cycle is the sum of its channels, each about what its rail draws."""
    valid = run.cycles[(run.cycles["phase"] == "measure") & (run.cycles["void"] == "")]
    seconds = (valid["end_ns"] - valid["begin_ns"]) * 1e-9

    assert {"core": "energy_core_j", "io": "energy_io_j"} == run.channels
    assert np.allclose(valid["energy_j"], valid["energy_core_j"] + valid["energy_io_j"], rtol=1e-12)
    assert (valid["energy_core_j"] / seconds).between(1.4, 10.0).all()
    assert (valid["energy_io_j"] / seconds).between(2.4, 3.7).all()


def test_the_record_tells_how_to_read_each_channel(run: Run) -> None:
    """Each chip has its own period, lag, factors and setting in the record, and its samples are in order."""
    opened, closed = run.opened[0], run.closed[0]
    raw = run.power(opened.case, 1)

    assert opened.channels is not None
    assert opened.watts is None
    for name, slow in (("core", 1.031), ("io", 0.987)):
        channel = opened.channels[name]
        own = raw[raw["channel"] == channel["channel"]]
        assert 8.384e6 * slow == pytest.approx(channel["period_ns"], rel=2e-3)
        assert (np.diff(own["ready_ns"]) > 0).all()
        assert {"core": "0x40", "io": "0x41"}[name] == (opened.meter or {})["channels"][name]["address"]
    assert closed.samples == len(raw)
    assert 1.5 + 2.5 == pytest.approx(opened.idle_before_w, abs=0.5)


def test_the_report_shows_each_channel(lab: Path, run: Run) -> None:
    """The page has each channel's energy and its line in the power of a window; the budget names the chips."""
    (page,) = (lab / "reports").glob("*.html")
    text = page.read_text(encoding="utf-8")
    (case,) = case_results(run)
    budget = case.budgets["energy_per_inference_j"]

    for name in ("core", "io"):
        assert f"<code>{channel_name('energy_per_inference_j', name)}</code>" in text
        assert f"{name}: shunt tolerance" in {term.name for term in budget.terms}
        assert f"{name}: shunt tolerance" in text
    assert re.search(r"power core from [\d.]+ m?W to [\d.]+ W; io from [\d.]+ m?W to [\d.]+ W", text)
    assert ("core", "io") == tuple(case.channels)
    assert case.estimate("power_peak_10ms_w").value is None  # a sample of 8.4 ms cannot show it


def test_the_json_of_the_report_has_each_channel(lab: Path) -> None:
    """The figures of the JSON file hold the energy of each channel by its name."""
    (path,) = (path for path in (lab / "reports").glob("*.json") if "schema" not in path.name)
    (case,) = json.loads(path.read_text(encoding="utf-8"))["cases"]

    assert case["figures"]["energy_per_inference_j"]["value"] == pytest.approx(
        sum(case["figures"][f"energy_{name}_per_inference_j"]["value"] for name in ("core", "io"))
    )


def test_a_channel_left_out_of_the_total_is_not_counted(tmp_path: Path) -> None:
    """With a total of one rail the device's energy is that rail's, and the other is still told by name."""
    lab = workspace(tmp_path, total="[io]")
    done = harness(lab, "run", "--quick", "--device", DEVICE, "--select", "*/digits-mlp/int8")
    assert 0 == done.returncode, done.stderr
    (path,) = (lab / "results" / "runs").iterdir()
    run = read_run(path)
    valid = run.cycles[(run.cycles["phase"] == "measure") & (run.cycles["void"] == "")]
    (figures,) = recompute(path).to_dict("records")
    (case,) = case_results(run)

    assert np.array_equal(valid["energy_j"], valid["energy_io_j"])
    assert (valid["energy_core_j"] > 0).all()
    assert figures["energy_per_inference_j"] == pytest.approx(case.estimate("energy_per_inference_j").value)
    assert not any(term.name.startswith("core:") for term in case.budgets["energy_per_inference_j"].terms)
    assert 2.5 == pytest.approx(run.opened[0].idle_before_w, abs=0.2)
