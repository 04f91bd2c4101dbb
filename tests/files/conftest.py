"""A small workspace of valid files, as plain data to spoil and as files to read."""

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Content = dict[str, Any]

BOARD: Content = {
    "schema": 1,
    "id": "bench-board",
    "title": "Board of the tests",
    "soc": "none",
    "architecture": "aarch64",
    "precisions": ["fp32"],
    "engines": ["onnxruntime"],
    "facts": [{"quantity": "peak_int8_tops", "value": 0.4, "source": "a paper"}],
    "verified": "nothing yet",
}

DEVICE: Content = {
    "schema": 1,
    "id": "bench-1",
    "board": "bench-board",
    "hw_revision": "1.0",
    "firmware": "2026-*",
    "firmware_compatibility_matrix": {"onnxruntime": ["2026-*"]},
    "identity": {"kind": "machine", "value": "aarch64"},
    "connection": "local",
    "meter": {
        "kind": "ina226",
        "bus": {
            "kind": "simulated",
            "waveform": {"kind": "cpu", "idle_w": 4, "core_w": 9.0, "rail_v": 12.0},
            "chip": {"clock": 0.02},
        },
        "address": 0x40,
        "shunt_ohm": 0.01,
        "vbus_tap": "load",
        "boundary": "the board",
    },
}

PROTOCOL: Content = {
    "sittings": 3,
    "items_per_sitting": "share",
    "warmup_s": 0.1,
    "idle_s": 0.25,
    "preflight_accuracy": 0.9,
}


def suite_content(folder: Path) -> Content:
    """The suite of the tests, over the files that lie in the folder."""

    def named(name: str) -> Content:
        return {"path": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}

    artefacts = [
        {"precision": precision, **named(f"tiny/{precision}.onnx"), "recipe": "none"}
        for precision in ("fp32", "int8")
    ]
    return {
        "schema": 1,
        "id": "tiny",
        "title": "Suite of the tests",
        "models": [{"id": "net", "macs": 10, "artefacts": artefacts}],
        "engines": [{"id": "ort", "kind": "onnxruntime", "providers": ["CPUExecutionProvider"]}],
        "data": {
            **named("tiny/tiny.npz"),
            "inputs": "images",
            "labels": "labels",
            "dtype": "float32",
            "shape": [1, 4],
            "licence": "none",
            "attribution": "the tests",
        },
        "protocol": {name: deepcopy(PROTOCOL) for name in ("standard", "quick", "full")},
        "limits": ["latency_p99_s < 0.150"],
    }


def make_workspace(root: Path) -> Path:
    """Write the files of a workspace."""
    (root / "devices/boards").mkdir(parents=True)
    (root / "suites/tiny").mkdir(parents=True)
    for precision in ("fp32", "int8"):
        (root / f"suites/tiny/{precision}.onnx").write_bytes(precision.encode())
    np.savez(
        root / "suites/tiny/tiny.npz",
        images=np.arange(24, dtype=np.uint8).reshape(6, 2, 2),
        labels=np.arange(6, dtype=np.uint8),
    )
    contents = {
        "devices/boards/bench-board.yaml": BOARD,
        "devices/bench-1.yaml": DEVICE,
        "suites/tiny.yaml": suite_content(root / "suites"),
    }
    for name, content in contents.items():
        (root / name).write_text(json.dumps(content), encoding="utf-8")
    return root


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace of one board, one device and one suite, all valid."""
    return make_workspace(tmp_path)


@pytest.fixture(scope="session")
def lasting_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for property tests, which only rewrite its three files whole."""
    return make_workspace(tmp_path_factory.mktemp("workspace"))


Spoil = Callable[[str, Callable[[Content], object]], Path]


@pytest.fixture
def spoil(workspace: Path) -> Spoil:
    """Change the content of one file of the workspace and give its path."""

    def change(name: str, how: Callable[[Content], object]) -> Path:
        path = workspace / name
        content = json.loads(path.read_text(encoding="utf-8"))
        how(content)
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return change
