"""The digits data and artefacts are what their record says, and run as it says."""

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from harness.shipped import shipped_path

FOLDER = shipped_path("suites/digits")
RECORD: dict[str, Any] = json.loads((FOLDER / "artefacts.json").read_text(encoding="utf-8"))
ARTEFACTS: list[dict[str, Any]] = RECORD["artefacts"]
PRECISIONS = ("fp32", "fp16", "int8", "int4")
TOLERANCE = 2  # digits: rounding differs between CPUs and versions of the engine
SIZE_LIMIT_BYTES = 1_500_000
ABSOLUTE_PATH = rb"(?:/[\w.-]{4,}){2,}"  # two long names in a row: weights do not spell that by chance
BUILDER_TRACES = (rb"site-packages", rb"/home/", rb'File "', ABSOLUTE_PATH)

each_artefact = pytest.mark.parametrize("artefact", ARTEFACTS, ids=lambda entry: Path(entry["file"]).stem)


def sha256(content: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()


def session(artefact: dict[str, Any]) -> onnxruntime.InferenceSession:
    """The artefact in ONNX Runtime, on one CPU thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        FOLDER / artefact["file"], options, providers=["CPUExecutionProvider"]
    )


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray]:
    """The arrays of the data file, read without pickle."""
    with np.load(FOLDER / RECORD["data"]["file"], allow_pickle=False) as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def inputs(data: dict[str, np.ndarray]) -> np.ndarray:
    """All images as the networks take them."""
    return (data["images"].astype(np.float32) / 16)[:, np.newaxis]


def test_every_precision_of_both_models_is_recorded() -> None:
    """The record names two models in four precisions each, fp32 first, and no other file."""
    expected = [(model, precision) for model in ("digits-cnn", "digits-mlp") for precision in PRECISIONS]

    assert expected == [(entry["model"], entry["precision"]) for entry in ARTEFACTS]
    assert {path.name for path in FOLDER.glob("*.onnx")} == {entry["file"] for entry in ARTEFACTS}


@pytest.mark.parametrize("entry", [RECORD["data"], *ARTEFACTS], ids=lambda entry: entry["file"])
def test_file_has_its_recorded_digest(entry: dict[str, Any]) -> None:
    """Each shipped file is, byte for byte, the one in the record."""
    content = (FOLDER / entry["file"]).read_bytes()

    assert entry["sha256"] == sha256(content)
    assert entry["bytes"] == len(content)


@each_artefact
def test_model_is_valid_onnx(artefact: dict[str, Any]) -> None:
    """The checker accepts each artefact, with shape inference, and its operator set is 18."""
    model = onnx.load(FOLDER / artefact["file"])
    onnx.checker.check_model(model, full_check=True)

    assert {known.domain: known.version for known in model.opset_import}[""] == 18


@each_artefact
def test_model_tells_nothing_of_its_builder(artefact: dict[str, Any]) -> None:
    """No artefact carries a path or a stack trace of the machine that exported it."""
    content = (FOLDER / artefact["file"]).read_bytes()

    assert not [trace for trace in BUILDER_TRACES if re.search(trace, content)]


@each_artefact
def test_interface_is_common_and_batch_is_open(artefact: dict[str, Any]) -> None:
    """Every precision takes float32 `input` [batch, 1, 8, 8] and gives float32 `logits` [batch, 10]."""
    engine = session(artefact)
    takes, gives = engine.get_inputs()[0], engine.get_outputs()[0]

    assert (takes.name, takes.type, takes.shape) == ("input", "tensor(float)", ["batch", 1, 8, 8])
    assert (gives.name, gives.type, gives.shape) == ("logits", "tensor(float)", ["batch", 10])


@each_artefact
def test_batch_answers_like_single_images(artefact: dict[str, Any], inputs: np.ndarray) -> None:
    """Seven images at once give the logits they give one by one, but for rounding."""
    engine = session(artefact)
    alone = [engine.run(None, {"input": inputs[[index]]})[0][0] for index in range(7)]
    together = engine.run(None, {"input": inputs[:7]})[0]

    assert together.shape == (7, 10)
    np.testing.assert_allclose(together, alone, rtol=0.02, atol=0.05)


@each_artefact
def test_accuracy_is_the_recorded_one(
    artefact: dict[str, Any], data: dict[str, np.ndarray], inputs: np.ndarray
) -> None:
    """A plain loop recognises as many of the 540 test images as at build time, give or take two."""
    engine = session(artefact)
    answers = [engine.run(None, {"input": inputs[[index]]})[0].argmax() for index in data["test"]]
    correct = int(np.sum(answers == data["labels"][data["test"]]))

    assert artefact["correct_of_540"] == pytest.approx(correct, abs=TOLERANCE)


def test_data_are_the_uci_test_part(data: dict[str, np.ndarray]) -> None:
    """1,797 images of 8 x 8 pixels, 0 to 16, as many of each digit as UCI states; 540 are the test."""
    uci_counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # https://doi.org/10.24432/C50P49

    assert {"images", "labels", "test", "calibration"} == set(data)
    assert (np.uint8, (1797, 8, 8)) == (data["images"].dtype, data["images"].shape)
    assert (data["images"].min(), data["images"].max()) == (0, 16)
    assert (np.uint8, (1797,)) == (data["labels"].dtype, data["labels"].shape)
    assert uci_counts == np.bincount(data["labels"]).tolist()
    assert (np.int16, 540) == (data["test"].dtype, np.unique(data["test"]).size)
    assert np.int16 == data["calibration"].dtype


def test_calibration_never_sees_a_test_image(data: dict[str, np.ndarray]) -> None:
    """Calibration uses at least 200 images, each once, none of which is tested."""
    assert np.unique(data["calibration"]).size == data["calibration"].size >= 200
    assert not np.intersect1d(data["calibration"], data["test"]).size


def test_int8_names_its_calibration(data: dict[str, np.ndarray], inputs: np.ndarray) -> None:
    """Only int8 is calibrated, and its record has the digest of the images in order of use."""
    images = inputs[data["calibration"]]
    expected = {"sha256": sha256(images.tobytes()), "count": len(images)}

    for entry in ARTEFACTS:
        assert (expected if entry["precision"] == "int8" else None) == entry["calibration"]


def test_parent_is_the_fp32_file_of_the_model() -> None:
    """Each lower precision names the fp32 file it was made from; that one has no parent."""
    parents = {entry["model"]: entry["sha256"] for entry in ARTEFACTS if entry["precision"] == "fp32"}

    for entry in ARTEFACTS:
        assert (None if entry["precision"] == "fp32" else parents[entry["model"]]) == entry["parent_sha256"]


@pytest.mark.parametrize(
    ("model", "macs", "parameters"), [("digits-cnn", 337_536, 38_282), ("digits-mlp", 84_480, 85_002)]
)
def test_work_and_size_are_counted_on_the_parent(model: str, macs: int, parameters: int) -> None:
    """The record has the multiply-accumulates and parameters of the fp32 model."""
    parent = next(entry for entry in ARTEFACTS if entry["model"] == model and entry["precision"] == "fp32")
    weights = [
        tensor
        for tensor in onnx.load(FOLDER / parent["file"]).graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    ]

    assert {"macs": macs, "parameters": parameters} == RECORD["models"][model]
    assert parameters == sum(math.prod(tensor.dims) for tensor in weights)


@each_artefact
def test_artefact_tells_how_it_was_made(artefact: dict[str, Any]) -> None:
    """Each entry has a recipe, the versions of the tools used, and the engine that evaluated it."""
    assert artefact["recipe"]
    assert all(artefact["tools"].values())
    assert artefact["evaluated_with"]["onnxruntime"]


@pytest.mark.parametrize("model", ["digits-cnn", "digits-mlp"])
def test_fewer_bits_make_smaller_files(model: str) -> None:
    """From fp32 over fp16 and int8 to int4 every file is smaller than the one before."""
    sizes = [entry["bytes"] for entry in ARTEFACTS if entry["model"] == model]

    assert sorted(set(sizes), reverse=True) == sizes


def test_folder_is_small() -> None:
    """Data, artefacts, record and script together stay below 1.5 MB."""
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < SIZE_LIMIT_BYTES
