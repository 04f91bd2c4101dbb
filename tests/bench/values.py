"""This module makes the values a bench is tested with; the figures are those of no device."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.data import LabelledData
from harness.plan import Plan, make_plan
from harness.profile import Board, Bus, Device, Identity, Ina226Meter
from harness.suite import Artefact, Data, EngineChoice, Model, Protocol, Suite

CLASSES = 10
SHAPE = (1, 2)

METER = Ina226Meter(
    kind="ina226",
    bus=Bus(kind="i2c", path="/dev/i2c-1"),
    address=0x40,
    shunt_ohm=0.01,
    vbus_tap="load",
    shunt_conversion_s=1.1e-3,
    bus_conversion_s=140e-6,
    average=1,
    boundary="nothing",
)


def protocol(**changes: Any) -> Protocol:
    """A short protocol: one sitting, a gate of two items."""
    values: dict[str, Any] = {
        "name": "quick",
        "sittings": 1,
        "items": None,
        "items_per_sitting": "share",
        "warmup_s": 0.05,
        "window_s": 0.01,
        "samples": 10,
        "block_s": 0.0,
        "idle_s": 0.25,
        "cooldown_s": 0.0,
        "preflight_items": 2,
        "preflight_accuracy": 0.9,
        "coverage": 0.9,
        "remeasure": 2,
    }
    return Protocol(**(values | changes))


def device(**changes: Any) -> Device:
    """A device of this machine without a meter."""
    board = Board(
        id="bench-board",
        title="Board of the tests",
        soc="none",
        architecture="x86_64",
        precisions=("fp32",),
        engines=("onnxruntime",),
        facts=(),
        verified="nothing yet",
        path=Path("devices/boards/bench-board.yaml"),
        sha256="b" * 64,
    )
    values: dict[str, Any] = {
        "id": "bench-1",
        "board": board,
        "hw_revision": None,
        "firmware": None,
        "firmware_compatibility_matrix": {},
        "build_id": None,
        "signing_cert_fingerprint": None,
        "identity": Identity(kind="none", value=None),
        "connection": "local",
        "meter": None,
        "calibration": None,
        "start_temperature_c": None,
        "job_s": 600.0,
        "reply_s": 5.0,
        "retries": 2,
        "path": Path("devices/bench-1.yaml"),
        "sha256": "d" * 64,
    }
    return Device(**(values | changes))


def labelled(rows: int = 8, *, shift: int = 0) -> LabelledData:
    """Inputs that carry their class and their row; with `shift` every label is another class."""
    data = Data(
        path=Path("suites/two.npz"),
        sha256="e" * 64,
        inputs="inputs",
        labels="labels",
        subset=None,
        dtype="float32",
        scale=1.0,
        shape=SHAPE,
        licence="none",
        attribution="none",
    )
    numbers = np.arange(rows)
    return LabelledData(
        data=data,
        items=tuple(range(rows)),
        inputs=np.stack([numbers % CLASSES, numbers], axis=1).astype(np.float32),
        labels=(numbers + shift) % CLASSES,
    )


def suite(folder: Path, models: Sequence[str] = ("good",), **changes: Any) -> Suite:
    """A suite whose model files say how a fake target is to behave."""
    artefacts = []
    for content in models:
        path = folder / f"{content}.model"
        path.write_text(content, encoding="ascii")
        digest = hashlib.sha256(content.encode()).hexdigest()
        artefacts.append(Artefact(precision=content, path=path, sha256=digest, recipe="by hand"))
    return Suite(
        id="two",
        title="Two numbers",
        models=(Model(id="two", macs=None, parameters=None, artefacts=tuple(artefacts)),),
        engines=(
            EngineChoice(
                id="fake",
                kind="fake",
                providers=("FakeProvider",),
                allow_fallback=False,
                threads=1,
                spinning=False,
            ),
        ),
        data=labelled().data,
        metric="top1",
        postprocess="argmax",
        protocols={"quick": protocol(**changes)},
        limits=(),
        path=folder / "two.yaml",
        sha256="f" * 64,
    )


def plan(
    folder: Path, data: LabelledData, models: Sequence[str] = ("good",), *, on: Device, **changes: Any
) -> Plan:
    """All cases of those models on a device by the quick protocol, with changes."""
    return make_plan(suite(folder, models, **changes), on, "quick", [], 1, data.items)
