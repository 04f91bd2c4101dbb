"""A run on this machine: real worker, real engine, sampler in its own process, the chip simulated."""

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest

from harness.record import Void
from harness.store import Run, read_run

MLP = "*/digits-mlp/*"
DEVICE = f"bench-{os.getpid()}"
"""A name of its own: one process at a time measures on a device."""
WAIT_S = 600.0
"""No measure of anything: it only turns a hang into a failure, also on a slow and crowded machine."""
REMEASURE = 5


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with 8 items in the quick protocol, and a meter that has patience with this machine.

    Its chip takes 9 ms for a sample, which stays readable for as long. At the usual 1.2 ms hardly a window is without a
    gap where other processes take the processor from a sampler that may not have a real-time priority.
    """
    folder = tmp_path / "lab"
    harness(tmp_path, "init", str(folder))
    edit(
        folder / "suites" / "digits.yaml",
        r"items: 60",
        f"items: 8\n    samples: 4\n    remeasure: {REMEASURE}",
    )
    (folder / "devices" / "host.yaml").rename(folder / "devices" / f"{DEVICE}.yaml")
    edit(device_file(folder), r"(?m)^id: host", f"id: {DEVICE}")
    edit(device_file(folder), r"(?m)^reply_s: [0-9.]+", "reply_s: 60.0")
    edit(device_file(folder), r"shunt_conversion_s: 1.1e-3", "shunt_conversion_s: 8.244e-3")
    edit(device_file(folder), r"(?m)^      clock: 0.021 ", "      clock: 0.09 ")
    return folder


def device_file(workspace: Path) -> Path:
    """Of the device that is measured on: this machine."""
    return workspace / "devices" / f"{DEVICE}.yaml"


def measure(workspace: Path, cases: str = "*") -> list[str]:
    """Arguments of a quick run of some cases on that device."""
    assert device_file(workspace).exists()
    return ["run", "--quick", "--device", DEVICE, "--select", cases]


def command(*arguments: str) -> list[str]:
    """The command line of a harness."""
    return [sys.executable, "-m", "harness", *arguments]


def harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the harness in a folder to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )


def environment() -> dict[str, str]:
    """The environment in which this very harness is found from any folder."""
    found = [*os.environ.get("PYTHONPATH", "").split(os.pathsep), str(Path(__file__).resolve().parents[2])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, found))}


def edit(path: Path, pattern: str, replacement: str) -> None:
    """Replace exactly one place of a file."""
    text, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"))
    assert 1 == count
    path.write_text(text, encoding="utf-8")


def only_run(workspace: Path) -> Run:
    """The only run of a workspace."""
    (path,) = (workspace / "results" / "runs").iterdir()
    return read_run(path)


def valid_items(run: Run, case: str) -> set[int]:
    """Every item of a case with a valid cycle."""
    cycles = run.cycles[run.cycles["case"] == case]
    return set(cycles.loc[(cycles["phase"] == "measure") & (cycles["void"] == ""), "item"])


def parts_of(run: Run, case: str) -> list[int]:
    """The parts of a case's only sitting, as many as it took and the device's `retries` allow."""
    return [each.part for each in run.opened if each.case == case]


def rows_of(run: Run, case: str) -> int:
    """How many cycles of a case there are."""
    return int((run.cycles["case"] == case).sum())


def test_every_item_is_measured_or_explained(workspace: Path) -> None:
    """Every planned item gets a valid cycle, or void ones with their reasons, `remeasure` more at most in each part."""
    done = harness(workspace, *measure(workspace, "*/digits-mlp/int8"))
    run = only_run(workspace)
    measured = run.cycles[run.cycles["phase"] == "measure"]
    valid = set(measured.loc[measured["void"] == "", "item"])
    counts = Counter(measured["item"])
    void = {reason for text in measured["void"] if text for reason in text.split(";")}
    most = (REMEASURE + 1) * len(run.opened)

    assert 0 == done.returncode, done.stderr
    assert "complete" == run.status
    assert set(run.start.items["1"]) == set(counts)
    assert void <= set(Void)
    for item, count in counts.items():
        assert (item in valid and count <= most) or count == most
    assert {"int8"} == {each.executed["precision"] for each in run.opened}


def test_figures_are_plausible(workspace: Path) -> None:
    """On this machine all stages of the cold start, memory, power at rest and under load are there and plausible."""
    assert 0 == harness(workspace, *measure(workspace, "*/digits-cnn/fp32")).returncode
    run = only_run(workspace)
    opening, closing = run.opened[0], run.closed[0]
    valid = run.cycles[(run.cycles["phase"] == "measure") & (run.cycles["void"] == "")]
    power_w = valid["energy_j"] / ((valid["end_ns"] - valid["begin_ns"]) * 1e-9)
    raw = run.power(opening.case, 1, 1)

    assert len(valid)
    assert {"start_s", "import_s", "load_s", "first_inference_s"} == set(opening.cold_start)
    assert all(0 < stage < WAIT_S for stage in opening.cold_start.values())
    assert 10e6 < closing.memory["peak"] < 1e9
    assert 4.0 == pytest.approx(opening.idle_before_w, abs=0.5)
    # Where the kernel grants no counters, CPU time comes in ticks of up to 10 ms, as much as a quarter of a window.
    assert (power_w > 3.9).all()
    assert 4.0 < power_w.mean() < 14.0
    assert opening.period_ns == pytest.approx((8.244e6 + 0.14e6) * 1.09, rel=0.03)
    assert closing.sampler_on_s
    assert closing.sampler_off_s
    assert closing.dead_time_s
    assert "simulated" == run.start.origin
    assert "simulated" == opening.meter["origin"]
    assert len(raw) == closing.samples
    assert (np.diff(raw["ready_ns"]) > 0).all()


def test_interrupted_run_goes_on(workspace: Path) -> None:
    """Ctrl-C keeps what was finished and exits with 130; the run is completed by resuming it."""
    with subprocess.Popen(
        command(*measure(workspace, MLP)),
        cwd=workspace,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        sittings = 0
        while sittings < 2:  # one of the four cases is done, and there is much left to be interrupted in
            line = process.stdout.readline()
            assert line, process.stderr.read()
            sittings += "sitting 1, 8 items" in line
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=WAIT_S)[1]
    before = only_run(workspace)
    resumed = harness(workspace, "run", "--resume", "latest")
    after = only_run(workspace)
    finished = [each.case for each in before.closed]
    places = [(each.case, each.sitting, each.part) for each in after.closed]
    planned = set(before.start.items["1"])
    whole = [case for case in before.start.cases if planned == valid_items(before, case)]

    assert 130 == process.returncode
    assert "harness run --resume" in said
    assert "interrupted" == before.status
    assert 1 <= len(set(finished)) < 4
    assert 0 == resumed.returncode, resumed.stderr
    assert "complete" == after.status
    assert sorted(after.start.cases) == sorted({each.case for each in after.closed})
    assert finished == [each.case for each in after.closed][: len(finished)]
    assert len(places) == len(set(places))
    assert all(rows_of(before, case) == rows_of(after, case) for case in whole)
    assert all(
        planned == valid_items(after, case) or len(parts_of(after, case)) >= 3 for case in after.start.cases
    )
    assert before.cycles.equals(after.cycles.head(len(before.cycles)))
    assert 2 == harness(workspace, "run", "--resume", "latest").returncode


def test_resume_refuses_other_files(workspace: Path) -> None:
    """A run is not gone on with by files that have changed since."""
    edit(device_file(workspace), r"retries: 2", "retries: 0")
    edit(device_file(workspace), r"job_s: 1800.0", "job_s: 0.001")
    done = harness(workspace, *measure(workspace, "*/digits-mlp/fp32"))
    edit(device_file(workspace), r"job_s: 0.001", "job_s: 1800.0")
    resumed = harness(workspace, "run", "--resume", "latest")

    assert 3 == done.returncode
    assert "job_s = 0.001 s" in done.stderr
    assert "aborted" == only_run(workspace).status  # refused, it stays as it was
    assert 2 == resumed.returncode
    assert "restore the files it was started with" in resumed.stderr


def test_wrong_model_is_not_measured(workspace: Path) -> None:
    """A case that fails the gate exits with 4; the other cases are measured and reported."""
    path = workspace / "suites" / "digits" / "mlp-fp32.onnx"
    old = hashlib.sha256(path.read_bytes()).hexdigest()
    onnx.save(negated(onnx.load(path)), path)
    edit(workspace / "suites" / "digits.yaml", old, hashlib.sha256(path.read_bytes()).hexdigest())
    done = harness(workspace, *measure(workspace, "*/digits-mlp/fp*"))
    run = only_run(workspace)
    measured = run.cycles[run.cycles["phase"] == "measure"]

    assert 4 == done.returncode
    assert re.search(rf"could not be measured:\n{DEVICE}/onnxruntime/digits-mlp/fp32: \d+ of 50", done.stderr)
    assert "complete" == run.status
    assert {f"{DEVICE}/onnxruntime/digits-mlp/fp16"} == set(measured["case"])
    assert [f"{DEVICE}/onnxruntime/digits-mlp/fp32"] == [
        each.case for each in run.incidents if "right before measuring" in each.what
    ]
    assert list((workspace / "reports").glob("*.html"))


def negated(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its scores turned round, so that it is wrong."""
    output = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["scores" if name == output else name for name in node.output]
    model.graph.node.append(onnx.helper.make_node("Neg", ["scores"], [output]))
    return model


def test_changed_model_is_refused(workspace: Path) -> None:
    """A model that is not the one the suite states stops the run before anything is touched."""
    path = workspace / "suites" / "digits" / "mlp-fp32.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    done = harness(workspace, *measure(workspace))

    assert 2 == done.returncode
    assert "mlp-fp32.onnx" in done.stderr
    assert not (workspace / "results" / "runs").exists()
