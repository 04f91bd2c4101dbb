"""This module makes a small lab in a folder: a device with a meter that plays a trace, and a suite of toy networks.

The task is to say on which side of 0 the first of two numbers lies. One network always knows; one always says the
same and is right in half of the cases; one is no model at all.
"""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ITEMS = 120
GOOD = "toy/onnxruntime/sides/fp32"
POOR = "toy/onnxruntime/sides/int8"
BROKEN = "toy/onnxruntime/sides/int4"

DEVICE = """\
schema: 1
id: {name}
board: x86-64
identity: {{kind: none}}
connection: local
meter: {{kind: replay, path: trace.csv, time: at_s, power: power_w, boundary: a toy}}
reply_s: 60.0
retries: 0
"""

TRACE = "at_s,power_w\n" + "".join(f"{0.0003 * step:.4f},{2 + step % 2}\n" for step in range(1000))
"""A sample each 0.3 ms. None is ever lost, however late the sampler: what else the machine does makes no cycle void."""

PROTOCOL = (
    "{{sittings: {sittings}, items_per_sitting: all, warmup_s: 0.0, window_s: 0.002, samples: 3, idle_s: 0.05, "
    "preflight_items: 0, preflight_accuracy: 0.0, coverage: 0.5, remeasure: 100}}"
)


def network(path: Path, weights: list[list[float]]) -> str:
    """Write a network of one layer; its digest."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "sides",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(np.array(weights, np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return _write(path, model.SerializeToString())


def _write(path: Path, content: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def make_device(folder: Path, name: str = "toy") -> Path:
    """A device in a workspace."""
    path = folder / "devices" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(DEVICE.format(name=name), encoding="utf-8")
    path.with_name("trace.csv").write_text(TRACE, encoding="ascii")
    return path


def make_suite(
    folder: Path,
    *,
    precisions: tuple[str, ...] = ("fp32", "int8"),
    limits: tuple[str, ...] = ("accuracy >= 0.8",),
    name: str = "sides",
) -> Path:
    """A suite in a workspace, with its data and its networks."""
    files = folder / "suites" / name
    digests = {
        "fp32": network(files / "fp32.onnx", [[-1.0, 1.0], [0.0, 0.0]]),
        "int8": network(files / "int8.onnx", [[0.0, 0.0], [0.0, 0.0]]),
        "int4": _write(files / "int4.onnx", b"no model at all"),
    }
    inputs = np.linspace(-1.0, 1.0, 2 * ITEMS).reshape(ITEMS, 2).astype(np.float32)
    np.savez(files / "data.npz", x=inputs, y=(inputs[:, 0] > 0).astype(np.int64))
    data = hashlib.sha256((files / "data.npz").read_bytes()).hexdigest()
    artefacts = "".join(
        f"      - {{precision: {each}, path: {name}/{each}.onnx, sha256: {digests[each]}, recipe: by hand}}\n"
        for each in precisions
    )
    path = folder / "suites" / f"{name}.yaml"
    path.write_text(
        f"schema: 1\nid: {name}\ntitle: On which side\nmodels:\n  - id: sides\n    artefacts:\n{artefacts}"
        "engines:\n  - {id: onnxruntime, kind: onnxruntime, providers: [CPUExecutionProvider]}\n"
        f"data: {{path: {name}/data.npz, sha256: {data}, inputs: x, labels: y, dtype: float32, shape: [1, 2], "
        "licence: CC0, attribution: nobody}\nprotocol:\n"
        f"  standard: {PROTOCOL.format(sittings=3)}\n"
        f"  quick: {PROTOCOL.format(sittings=1)}\n"
        f"  full: {PROTOCOL.format(sittings=5)}\n"
        f"limits: [{', '.join(limits)}]\n",
        encoding="utf-8",
    )
    return path


def check(path: Path) -> None:
    """The network is one that ONNX knows."""
    onnx.checker.check_model(onnx.load(path))
