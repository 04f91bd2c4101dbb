"""What the harness costs: latency against a bare loop, dead time, share of time spent inferring, the sampler.

    python benchmarks/overhead.py [--rounds 3]

Worker and bare loop are processes of their own, on the same processor, with the same model, session options and
bindings; blocks of both alternate in the order A B B A, so that a drift of the machine favours neither, and the
ratio is the median over several pairs of processes. Three models: a stack of matrix products of 60 to 100 us, the
digits network in fp32, and a stack of about 1 ms for the share of time. Run it on a machine that does nothing else.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from harness.bench import Bench
from harness.catalog import load_device, load_suite
from harness.data import LabelledData
from harness.meters.stream import Sampler
from harness.plan import Plan, make_plan
from harness.profile import Device
from harness.record import Cycle, Incident
from harness.shipped import shipped_path
from harness.store import RunWriter, read_run
from harness.subject import Subject
from harness.suite import Artefact, Data, EngineChoice, Model, Protocol, Suite
from harness.targets import Target

WIDTH = 256
BLOCK_S = 0.1
"""Of inference, on either side, before the other has its turn."""
SITTING_S = 10.0
PAIRS = 7
"""Of processes: where the kernel puts their memory favours one by a percent or two, for as long as they live."""
ENGINE = EngineChoice(
    id="onnxruntime",
    kind="onnxruntime",
    providers=("CPUExecutionProvider",),
    allow_fallback=False,
    threads=1,
    spinning=False,
)

RATIO_GOAL = 1.01
DEAD_GOAL_S = 0.5e-6
SHARE_GOAL = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A model with one input.

    Attributes:
        title: what the table calls it.
        path: of the model.
        tensor: the input.
        inference_s: about how long it takes.
    """

    title: str
    path: Path
    tensor: NDArray[np.float32]
    inference_s: float


class BareLoop:
    """The least that can be done: stamps around `run_with_iobinding` in a process of its own."""

    def __init__(self, workload: Workload, cpus: Collection[int]) -> None:
        asked = {"model": str(workload.path), "shape": workload.tensor.shape, "cpus": list(cpus)}
        self._arguments = json.dumps(asked)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--bare", self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def latencies_ns(self, count: int) -> NDArray[np.int64]:
        """Of so many inferences, back to back."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(b"%d\n" % count)
        stdin.flush()
        return np.frombuffer(stdout.read(8 * count), np.int64)


def serve_bare(arguments: str) -> None:
    """Be the bare loop, until standard input ends."""
    asked = json.loads(arguments)
    os.sched_setaffinity(0, asked["cpus"])
    run = bare_call(Path(asked["model"]), asked["shape"])
    now = time.monotonic_ns
    for line in sys.stdin.buffer:
        count = int(line)
        stamps = [0] * (count + 1)
        stamps[0] = now()
        for position in range(1, count + 1):
            run()
            stamps[position] = now()
        sys.stdout.buffer.write(np.diff(np.array(stamps, np.int64)).tobytes())
        sys.stdout.buffer.flush()


def bare_call(model: Path, shape: Sequence[int]) -> Callable[[], object]:
    """One inference on one binding."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    fed = np.zeros(tuple(shape), np.float32)
    given = session.get_inputs()[0].name
    result = session.run(None, {given: fed})[0]
    binding = session.io_binding()
    binding.bind_ortvalue_input(given, ort.OrtValue.ortvalue_from_numpy(fed))
    binding.bind_ortvalue_output(session.get_outputs()[0].name, ort.OrtValue.ortvalue_from_numpy(result))
    return lambda kept=(fed, result): session.run_with_iobinding(binding)  # noqa: ARG005  keeps the buffers alive


def stack(path: Path, layers: int) -> Path:
    """A model of so many products with seeded matrices that keep the scale."""
    rng = np.random.default_rng(0)
    names = ["x", *(f"h{layer}" for layer in range(1, layers)), "y"]
    nodes = [helper.make_node("MatMul", [names[n], f"w{n}"], [names[n + 1]]) for n in range(layers)]
    weights = [
        numpy_helper.from_array(
            (rng.normal(size=(WIDTH, WIDTH)) / np.sqrt(WIDTH)).astype(np.float32), f"w{layer}"
        )
        for layer in range(layers)
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, WIDTH]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "stack", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def tuned(folder: Path, title: str, wanted_s: float) -> Workload:
    """A stack that takes about so long on this machine."""
    layers = 8
    for _ in range(4):
        path = stack(folder / f"{title.replace(' ', '-')}.onnx", layers)
        call = bare_call(path, (1, WIDTH))
        stamps = []
        for _ in range(300):
            stamps.append(time.monotonic_ns())
            call()
        found_s = float(np.median(np.diff(stamps))) * 1e-9
        if abs(found_s / wanted_s - 1) < 0.15:
            break
        layers = max(1, round(layers * wanted_s / found_s))
    tensor = np.random.default_rng(1).normal(size=(1, WIDTH)).astype(np.float32)
    return Workload(title=title, path=path, tensor=tensor, inference_s=found_s)


def digits() -> Workload:
    """The digits network in fp32."""
    path = shipped_path("suites/digits/cnn-fp32.onnx")
    return Workload(
        title="digits-cnn fp32", path=path, tensor=np.full((1, 1, 8, 8), 0.5, np.float32), inference_s=8e-6
    )


def plan_of(workload: Workload, device: Device, protocol: Protocol) -> tuple[Plan, LabelledData]:
    """The plan of that one model, and its only input 20 times."""
    digest = hashlib.sha256(workload.path.read_bytes()).hexdigest()
    artefact = Artefact(precision="fp32", path=workload.path, sha256=digest, recipe="seeded")
    data = Data(
        path=workload.path,
        sha256=digest,
        inputs="inputs",
        labels="labels",
        subset=None,
        dtype="float32",
        scale=1.0,
        shape=workload.tensor.shape,
        licence="none",
        attribution="none",
    )
    suite = Suite(
        id="overhead",
        title=workload.title,
        models=(Model(id="stack", macs=None, parameters=None, artefacts=(artefact,)),),
        engines=(ENGINE,),
        data=data,
        metric="top1",
        postprocess="argmax",
        protocols={protocol.name: protocol},
        limits=(),
        path=workload.path,
        sha256=digest,
    )
    labelled = LabelledData(
        data=data,
        items=tuple(range(20)),
        inputs=np.repeat(workload.tensor, 20, axis=0),
        labels=np.zeros(20, np.int64),
    )
    return make_plan(suite, device, protocol.name, [], 1, labelled.items), labelled


@contextmanager
def worker(workload: Workload, device: Device, protocol: Protocol) -> Iterator[tuple[Target, Subject]]:
    """The worker of a sitting with the model loaded."""
    plan, data = plan_of(workload, device, protocol)
    with Bench(plan=plan, data=data, watcher=Quiet()).open_target() as target:
        subject = Subject(
            target, plan.cases[0], dtype="float32", shape=workload.tensor.shape, reply_s=device.reply_s
        )
        subject.load()
        yield target, subject


def window_ns(subject: Subject, workload: Workload, repeats: int) -> NDArray[np.int64]:
    """Latencies of one window of the harness."""
    seen = subject.observe(
        0,
        0,
        workload.tensor,
        repeats=repeats,
        lead=repeats // 10,
        tail=repeats // 10,
        inference_s=workload.inference_s,
    )
    return np.diff(seen.stamps_ns)


def against_bare_loop(workload: Workload, device: Device, protocol: Protocol, rounds: int) -> Iterator[str]:
    """Latency of the harness over that of the bare loop, and its dead time."""
    pairs = [pair_p50_s(workload, device, protocol, rounds) for _ in range(PAIRS)]
    ratios = [ours_s / bare_s for ours_s, bare_s, _ in pairs]
    ours_s, bare_s, dead_s = (float(np.median(side)) for side in zip(*pairs, strict=True))
    ratio = float(np.median(ratios))
    yield row(f"{workload.title}: p50 of the harness / bare loop", ratio, RATIO_GOAL, "{:.4f}")
    yield (
        f"    {ours_s * 1e6:.2f} us / {bare_s * 1e6:.2f} us; {PAIRS} pairs of processes, ratios from "
        f"{min(ratios):.4f} to {max(ratios):.4f}"
    )
    yield row(f"{workload.title}: time between two inferences, us", dead_s * 1e6, DEAD_GOAL_S * 1e6, "{:.3f}")


def pair_p50_s(
    workload: Workload, device: Device, protocol: Protocol, rounds: int
) -> tuple[float, float, float]:
    """Median latency of one worker and of one bare loop beside it, and the worker's dead time."""
    repeats = max(1, round(protocol.window_s / workload.inference_s))
    windows = max(1, round(BLOCK_S / protocol.window_s))
    ours: list[NDArray[np.int64]] = []
    bare: list[NDArray[np.int64]] = []
    with (
        worker(workload, device, protocol) as (target, subject),
        BareLoop(workload, os.sched_getaffinity(target.subject_pid or 0)) as loop,
    ):
        window_ns(subject, workload, repeats * 10)
        loop.latencies_ns(repeats * 10)
        for side in "ABBA" * rounds:
            if side == "A":
                ours += [window_ns(subject, workload, repeats) for _ in range(windows)]
            else:
                bare.append(loop.latencies_ns(repeats * windows))
        dead_s = subject.dead_time_s()
    ours_s, bare_s = (float(np.median(np.concatenate(side))) * 1e-9 for side in (ours, bare))
    return ours_s, bare_s, dead_s


def sampler_on_and_off(workload: Workload, device: Device, protocol: Protocol, rounds: int) -> Iterator[str]:
    """Latency with the sampler running over that with it asleep."""
    assert device.meter is not None
    repeats = max(1, round(protocol.window_s / workload.inference_s))
    windows = max(1, round(BLOCK_S / protocol.window_s))
    found: dict[str, list[NDArray[np.int64]]] = {"A": [], "B": []}
    with (
        worker(workload, device, protocol) as (target, subject),
        Sampler(device.meter, subject_pid=target.subject_pid, reply_s=device.reply_s) as sampler,
    ):
        window_ns(subject, workload, repeats * 10)
        for side in "ABBA" * rounds:
            sampler.drain()
            if side == "B":
                sampler.pause()
            found[side] += [window_ns(subject, workload, repeats) for _ in range(windows)]
            if side == "B":
                sampler.resume()
    on, off = (float(np.median(np.concatenate(found[side]))) for side in "AB")
    yield row(f"{workload.title}: p50 with the sampler on / off", on / off, RATIO_GOAL, "{:.4f}")


class Quiet:
    """A watcher that does not look."""

    def sitting(self, case: str, sitting: int, items: int) -> None:
        """Nothing."""

    def cycle(self, cycle: Cycle) -> None:
        """Nothing."""

    def incident(self, incident: Incident) -> None:
        """Say it: the figures are not to be used."""
        print(f"INCIDENT {incident.what}")

    def waiting(self, device: str, holder: str) -> None:
        """Nothing."""


def share_of_time(workload: Workload, device: Device, protocol: Protocol, folder: Path) -> Iterator[str]:
    """How much of a sitting's counted time the device infers."""
    plan, data = plan_of(workload, device, protocol)
    bench = Bench(plan=plan, data=data, watcher=Quiet())
    with RunWriter.create(folder, bench.start()) as writer:
        bench.run(writer)
    run = read_run(writer.path)
    rows, opening = run.cycles[run.cycles["phase"] == "measure"], run.opened[0]
    passed_ns = int(rows["end_ns"].iloc[-1] - rows["begin_ns"].iloc[0])
    inside_ns = int((rows["end_ns"] - rows["begin_ns"]).sum())
    shoulder_ns = inside_ns / opening.repeats * (opening.lead + opening.tail)
    per_cycle_s = (passed_ns - inside_ns - shoulder_ns) / len(rows) * 1e-9
    yield row(
        f"{workload.title}: share of a sitting spent inferring",
        (inside_ns + shoulder_ns) / passed_ns,
        SHARE_GOAL,
        "{:.3f}",
        least=True,
    )
    yield (
        f"    windows {inside_ns / passed_ns:.3f}, lead and tail {shoulder_ns / passed_ns:.3f}, "
        f"gap and exchange {per_cycle_s * 1e3:.2f} ms a cycle; {len(rows)} cycles of {opening.repeats} inferences, "
        f"{(rows['void'] != '').sum()} void"
    )


def row(title: str, found: float, goal: float, form: str, *, least: bool = False) -> str:
    """One figure beside its goal."""
    good = found >= goal if least else found <= goal
    sign = ">=" if least else "<="
    return f"{title:58} {form.format(found):>8}   goal {sign} {goal:g}  {'ok' if good else 'MISSED'}"


def protocols() -> tuple[Protocol, Protocol]:
    """The digits suite's standard protocol, and its full one with one sitting of ten seconds."""
    known: dict[str, Any] = dict(load_suite(str(shipped_path("suites/digits.yaml"))).protocols)
    return replace(known["standard"], items=None), replace(
        known["full"], sittings=1, block_s=SITTING_S, cooldown_s=0.0, preflight_items=0, items=None
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="of A B B A in each pair of processes")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.bare:
        serve_bare(asked.bare)
        return
    device = load_device("host")
    standard, full = protocols()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stacks = tuned(folder, "stack 80 us", 80e-6), tuned(folder, "stack 1 ms", 1e-3)
        for workload in (stacks[0], digits()):
            print(*against_bare_loop(workload, device, standard, asked.rounds), sep="\n", flush=True)
            print(*sampler_on_and_off(workload, device, standard, PAIRS * asked.rounds), sep="\n", flush=True)
        print(*share_of_time(stacks[1], device, full, folder), sep="\n", flush=True)


if __name__ == "__main__":
    main()
