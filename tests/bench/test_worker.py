"""The worker answers in frames, whatever the engine does, and never outlives the bench."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import PATIENCE_S, has_ended, stop

from harness.catalog import load_suite
from harness.data import load_data
from harness.errors import RefusalError, TargetError
from harness.frames import Frame
from harness.shipped import shipped_path
from harness.targets.local import LocalTarget

REPLY_S = PATIENCE_S
SUITE = load_suite(str(shipped_path("suites/digits.yaml")))
DATA = load_data(SUITE.data)
MODEL = SUITE.models[0].artefacts[0].path.read_bytes()
WANTED = {
    "providers": ["CPUExecutionProvider"],
    "allow_fallback": False,
    "threads": 1,
    "spinning": False,
    "dtype": "float32",
    "shape": [1, 1, 8, 8],
}
HEAVY = {
    "jinja2",
    "matplotlib",
    "moocore",
    "onnx",
    "pandas",
    "pyarrow",
    "pydantic",
    "pytest",
    "rich",
    "ruamel",
    "scipy",
    "serial",
    "smbus2",
    "typer",
}

Ask = Callable[..., Frame]


def load_frame(model: bytes = MODEL, **changes: Any) -> Frame:
    """A request to load a model; by default a digits network on ONNX Runtime."""
    digest = hashlib.sha256(model).hexdigest()
    header = {"verb": "load", "engine": "onnxruntime", "sha256": digest, "wanted": WANTED}
    return Frame(header=header | changes, body=model)


def cycle_frame(item: int = 0, **shape: float) -> Frame:
    """A request for a cycle of one of the digits."""
    header = {"verb": "cycle", "dtype": "float32", "shape": [1, 1, 8, 8]}
    shapes = {"repeats": 5, "lead": 0, "tail": 0, "gap_s": 0.0}
    return Frame(header=header | shapes | shape, body=DATA.input(item).tobytes())


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    """A worker of its own."""
    with LocalTarget(reply_s=REPLY_S) as worker:
        yield worker


def ask(target: LocalTarget, verb: str, **header: object) -> Mapping[str, Any]:
    """What the worker answers to a request without a body."""
    return target.ask(Frame(header={"verb": verb, **header}), reply_s=REPLY_S).header


def test_hello(target: LocalTarget) -> None:
    """The worker says its process, its protocol and when it started, on the bench's own clock."""
    hello = target.hello

    assert hello["pid"] == target.subject_pid
    assert hello["protocol"] == 1
    assert 0 < hello["started_ns"] < time.monotonic_ns()
    assert 0 < hello["start_s"] < PATIENCE_S


def test_identity_and_environment(target: LocalTarget) -> None:
    """The worker knows its machine, and the load of it."""
    assert os.uname().machine == ask(target, "identify")["machine"]
    assert ask(target, "environment")["load_1min"] >= 0


def test_cycle(target: LocalTarget) -> None:
    """A cycle gives stamps of its window in order and the output of its last inference."""
    target.ask(load_frame(), reply_s=REPLY_S)
    before_ns = time.monotonic_ns()
    for item in DATA.items[:20]:
        answer = target.ask(cycle_frame(item, lead=2, tail=3, gap_s=1e-4), reply_s=REPLY_S)
        stamps = np.frombuffer(answer.body[: 8 * 6], np.int64)
        scores = np.frombuffer(answer.body[8 * 6 :], answer.header["dtype"])

        assert before_ns < stamps[0]
        assert stamps[-1] < time.monotonic_ns()
        assert (np.diff(stamps) > 0).all()
        assert answer.header["outputs_equal"] is True
        assert DATA.label(item) == scores.argmax()


def test_cold_start(target: LocalTarget) -> None:
    """The stages of the cold start each take time, and together not more than the time that passed."""
    begin_ns = target.hello["started_ns"]
    stages = target.ask(load_frame(), reply_s=REPLY_S).header
    passed_s = (time.monotonic_ns() - begin_ns) * 1e-9
    parts = [stages[name] for name in ("import_s", "load_s", "first_inference_s")]

    assert all(part > 0 for part in parts)
    assert sum(parts) < passed_s
    assert stages["versions"]["onnxruntime"]


def test_memory(target: LocalTarget) -> None:
    """Memory grows from import to load to its peak, and the counter is named."""
    target.ask(load_frame(), reply_s=REPLY_S)
    target.ask(cycle_frame(), reply_s=REPLY_S)
    found = ask(target, "memory")

    assert 10e6 < found["after_import"] <= found["after_load"] <= found["peak"] < 1e9
    assert found["now"] <= found["peak"]
    assert "VmHWM" in found["counter"]


def test_idle_loop(target: LocalTarget) -> None:
    """A window with nothing in it has a stamp for each nothing."""
    answer = target.ask(Frame(header={"verb": "idle_loop", "repeats": 100}), reply_s=REPLY_S)

    assert 101 == len(np.frombuffer(answer.body, np.int64))


def test_inspection(target: LocalTarget) -> None:
    """The worker hands over the optimised model and where its nodes are."""
    target.ask(load_frame(), reply_s=REPLY_S)
    answer = target.ask(Frame(header={"verb": "inspect"}), reply_s=REPLY_S)

    assert {"CPUExecutionProvider"} == set(answer.header["providers"])
    assert len(answer.body) > 1000


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (load_frame(sha256="0" * 64), "arrived with sha256"),
        (load_frame(engine="onnxruntme"), "did you mean onnxruntime"),
        (load_frame(b"noise"), "does not load"),
        (load_frame(wanted=WANTED | {"providers": ["NoSuchProvider"]}), "NoSuchProvider"),
        (load_frame(wanted=WANTED | {"shape": [1, 1, 8, 7]}), "refuses its input"),
        (load_frame(wanted={}), "load failed with TypeError"),
        (Frame(header={"verb": "dance"}), "has no verb 'dance'; it has identify, load"),
        (Frame(header={}), "has no verb"),
        (Frame(header={"verb": ["load"]}), "has no verb"),
        (cycle_frame(), "no model is loaded"),
        (Frame(header={"verb": "inspect"}), "no model is loaded"),
    ],
)
def test_refusals(target: LocalTarget, frame: Frame, sentence: str) -> None:
    """A request that cannot be met is refused in a sentence, and the next one is answered."""
    with pytest.raises(RefusalError, match=sentence):
        target.ask(frame, reply_s=REPLY_S)

    assert "machine" in ask(target, "identify")


def test_refused_input_leaves_the_model(target: LocalTarget) -> None:
    """After an input of the wrong shape the next right one is inferred."""
    target.ask(load_frame(), reply_s=REPLY_S)
    bad = Frame(
        header={**cycle_frame().header, "shape": [1, 1, 4, 8]}, body=np.zeros(32, np.float32).tobytes()
    )
    with pytest.raises(RefusalError, match="float32"):
        target.ask(bad, reply_s=REPLY_S)

    assert target.ask(cycle_frame(), reply_s=REPLY_S).header["outputs_equal"]


def test_second_load_replaces_the_first(target: LocalTarget) -> None:
    """A worker can be asked to load again; a failed load leaves no model behind."""
    target.ask(load_frame(), reply_s=REPLY_S)
    target.ask(load_frame(), reply_s=REPLY_S)
    with pytest.raises(RefusalError):
        target.ask(load_frame(b"noise"), reply_s=REPLY_S)

    with pytest.raises(RefusalError, match="no model is loaded"):
        target.ask(cycle_frame(), reply_s=REPLY_S)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGSEGV"])
def test_killed_worker_is_told(target: LocalTarget, name: str) -> None:
    """A worker killed by a signal is a bench error that names the signal; asking on fails at once."""
    assert target.subject_pid is not None
    os.kill(target.subject_pid, getattr(signal, name))
    for _ in range(2):
        with pytest.raises(TargetError, match=f"was killed by {name}"):
            ask(target, "identify")


def test_interrupt_is_ignored(target: LocalTarget) -> None:
    """Ctrl-C is the bench's to handle: the worker works on."""
    assert target.subject_pid is not None
    ask(target, "identify")
    os.kill(target.subject_pid, signal.SIGINT)

    assert "machine" in ask(target, "identify")


@pytest.mark.parametrize("body", [b"", bytes(1 << 22)], ids=["small", "big"])
def test_silent_worker_is_told(target: LocalTarget, body: bytes) -> None:
    """A stopped worker is told after reply_s, also where the request does not fit into the pipe."""
    assert target.subject_pid is not None
    stop(target.subject_pid)
    with pytest.raises(TargetError, match=r"gave no answer within 0.05 s"):
        target.ask(Frame(header={"verb": "identify"}, body=body), reply_s=0.05)
    os.kill(target.subject_pid, signal.SIGKILL)


def test_stuck_worker_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """On leaving, a worker that does not heed the end of its input is killed."""
    monkeypatch.setattr("harness.child.GRACE_S", 0.05)
    with LocalTarget(reply_s=REPLY_S) as worker:
        assert worker.subject_pid is not None
        descriptor = os.pidfd_open(worker.subject_pid)
        stop(worker.subject_pid)

    assert has_ended(descriptor)
    os.close(descriptor)


def test_closed_target_does_not_answer(target: LocalTarget) -> None:
    """Leaving twice is harmless; afterwards nothing is asked of nobody."""
    target.__exit__(None, None, None)
    target.__exit__(None, None, None)

    assert target.subject_pid is None
    with pytest.raises(TargetError, match="not running"):
        ask(target, "identify")


def test_worker_that_cannot_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker that ends before its first word is told with its exit code and its last words."""
    (tmp_path / "numpy.py").write_text("raise SystemExit('no numbers today')", encoding="ascii")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(TargetError, match="ended with exit code 1; it said: no numbers today"):
        LocalTarget(reply_s=REPLY_S).__enter__()


def test_files_of_the_working_folder_stay_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file in the working folder that bears a module's name is not imported by the worker."""
    (tmp_path / "numpy.py").write_text("raise SystemExit('wrong numpy')", encoding="ascii")
    monkeypatch.chdir(tmp_path)
    with LocalTarget(reply_s=REPLY_S) as target:
        assert target.ask(load_frame(), reply_s=REPLY_S).header["load_s"] > 0


def test_processors_are_set() -> None:
    """The worker runs on the processors it was given."""
    cpu = min(os.sched_getaffinity(0))
    with LocalTarget(reply_s=REPLY_S, cpus=[cpu]) as target:
        assert target.subject_pid is not None
        assert {cpu} == os.sched_getaffinity(target.subject_pid)


@pytest.fixture
def fake_target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalTarget]:
    """A worker that finds the engine of the tests among the installed distributions."""
    shutil.copy(Path(__file__).with_name("fake_engine.py"), tmp_path)
    about = tmp_path / "fake_engine-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fake-engine\nVersion: 1\n", encoding="ascii"
    )
    (about / "entry_points.txt").write_text(
        "[harness.engines]\nfake = fake_engine:FakeEngine\nabsent = no_such_module:Engine\n", encoding="ascii"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with LocalTarget(reply_s=REPLY_S) as worker:
        yield worker


def load_fake(target: LocalTarget, **model: object) -> Mapping[str, Any]:
    """Load a model of the engine of the tests."""
    content = json.dumps({"seed": 1} | model).encode()
    wanted = WANTED | {"providers": ["FakeProvider"]}
    return target.ask(load_frame(content, engine="fake", wanted=wanted), reply_s=REPLY_S).header


def test_engine_of_another_distribution(fake_target: LocalTarget) -> None:
    """An engine that another distribution brings is found by its entry point."""
    assert {"fake": "1"} == load_fake(fake_target)["versions"]
    assert fake_target.ask(cycle_frame(), reply_s=REPLY_S).header["outputs_equal"]


def test_engine_that_is_not_installed(fake_target: LocalTarget) -> None:
    """An engine whose module is missing is refused with the command that installs it."""
    with pytest.raises(RefusalError, match="needs no_such_module, which is not installed: pip install"):
        fake_target.ask(load_frame(engine="absent"), reply_s=REPLY_S)


def test_noisy_engine(fake_target: LocalTarget) -> None:
    """What an engine prints to standard output, even frames, does not reach the bench."""
    load_fake(fake_target, says="PH\x01\x00" * 20000)
    for item in DATA.items[:3]:
        answer = fake_target.ask(cycle_frame(item), reply_s=REPLY_S)

        assert 8 * 6 + 40 == len(answer.body)


def test_engine_that_writes_nothing(fake_target: LocalTarget) -> None:
    """An engine that leaves its outputs as they were does not pass for one that inferred."""
    load_fake(fake_target, stale=True)
    answer = fake_target.ask(cycle_frame(), reply_s=REPLY_S)

    assert answer.header["outputs_equal"] is False
    assert np.isnan(np.frombuffer(answer.body[8 * 6 :], "<f4")).all()


def test_engine_whose_output_drifts(fake_target: LocalTarget) -> None:
    """Repeats of one input that give different outputs are told."""
    load_fake(fake_target, drifts=True)

    assert fake_target.ask(cycle_frame(repeats=2), reply_s=REPLY_S).header["outputs_equal"] is False
    assert fake_target.ask(cycle_frame(repeats=1), reply_s=REPLY_S).header["outputs_equal"] is True


def test_engine_that_fails(fake_target: LocalTarget) -> None:
    """Whatever an engine throws in a window is told in a sentence, and the worker lives on."""
    load_fake(fake_target, raises="too hot")
    with pytest.raises(RefusalError, match="cycle failed with ArithmeticError: too hot"):
        fake_target.ask(cycle_frame(), reply_s=REPLY_S)

    assert "machine" in ask(fake_target, "identify")


def test_engine_that_crashes(fake_target: LocalTarget) -> None:
    """Native code that dies in a window is a bench error that names the signal."""
    load_fake(fake_target, signal=int(signal.SIGABRT), says="fatal: ")
    with pytest.raises(TargetError, match=r"was killed by SIGABRT; it said: .*fatal: "):
        fake_target.ask(cycle_frame(), reply_s=REPLY_S)


def test_engine_that_hangs(fake_target: LocalTarget) -> None:
    """An engine that does not come back is told after reply_s."""
    load_fake(fake_target, signal=int(signal.SIGSTOP))
    with pytest.raises(TargetError, match="gave no answer within"):
        fake_target.ask(cycle_frame(), reply_s=0.05)
    assert fake_target.subject_pid is not None
    os.kill(fake_target.subject_pid, signal.SIGKILL)


def test_worker_ends_with_the_bench() -> None:
    """When the bench is killed the worker ends by itself."""
    code = (
        "import sys; from harness.targets.local import LocalTarget\n"
        f"with LocalTarget(reply_s={REPLY_S}) as target:\n"
        "    print(target.subject_pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as bench:
        assert bench.stdout is not None
        descriptor = os.pidfd_open(int(bench.stdout.readline()))
        bench.kill()
        bench.wait()

        assert has_ended(descriptor)
    os.close(descriptor)


def modules(code: str) -> set[str]:
    """Top-level packages in a fresh interpreter that ran the code."""
    done = subprocess.run(
        [sys.executable, "-c", code + "\nimport sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_worker_with_its_engine_is_light() -> None:
    """A worker that has loaded a model and run a cycle has imported numpy and the engine, and nothing heavy."""
    frames: Sequence[Frame] = (load_frame(b""), cycle_frame())
    path = SUITE.models[0].artefacts[0].path
    code = (
        "import pathlib, tempfile, hashlib; from harness.frames import Frame\n"
        "from harness.targets.worker import Worker\n"
        f"model = pathlib.Path({str(path)!r}).read_bytes()\n"
        f"header = {dict(frames[0].header)!r} | {{'sha256': hashlib.sha256(model).hexdigest()}}\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    worker = Worker(pathlib.Path(folder))\n"
        "    worker.load(Frame(header=header, body=model))\n"
        f"    worker.cycle(Frame(header={dict(frames[1].header)!r}, body={frames[1].body!r}))\n"
        "    worker.close()"
    )
    found = modules(code) - modules("")

    assert {"harness", "numpy", "onnxruntime"} <= found
    assert set() == found & HEAVY
