"""This script makes the digits data, two small networks and their eight artefacts, the same bytes each time.

    pip install "pareto-harness[digits]"
    python suites/digits/build.py [--out DIR]

Without `--out` the files of this folder are replaced. Running the suite needs none of this: the results are
shipped. Training, calibration and evaluation use one thread and fixed seeds, so two runs on one machine with
the same tool versions agree byte for byte. Another CPU may round differently while training, and the weights
then differ; the digests in `artefacts.json` tell.
"""

import argparse
import hashlib
import io
import json
import logging
import math
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import ModelProto
from onnxconverter_common.float16 import convert_float_to_float16
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.quantization.shape_inference import quant_pre_process
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

SEED = 0
TEST_SHARE = 0.3
EPOCHS = 40
BATCH = 64
LEARNING_RATE = 2e-3
CALIBRATION_COUNT = 256
OPSET = 18
INT4_BLOCK = 32
INT4_ACCURACY_LEVEL = 4  # activations in int8; MatMulNBits in onnxruntime's docs/ContribOperators.md
FULL_SCALE = 16  # a pixel counts the inked points of a 4 x 4 field, 0..16

TRAINING = (
    f"torch.manual_seed({SEED}), Adam {LEARNING_RATE:g}, {EPOCHS} epochs, batch {BATCH}, cross-entropy, "
    f"one thread; torch.onnx.export(dynamo=True), opset {OPSET}; stripped"
)
FP16_RECIPE = "onnxconverter_common.float16.convert_float_to_float16(keep_io_types=True); stripped"
INT8_RECIPE = (
    "quant_pre_process; quantize_static(QDQ, activations QUInt8, weights QInt8, per_channel=True, "
    "reduce_range=True, MinMax); stripped"
)
INT4_RECIPE = (
    f"Gemm rewritten as MatMul + Add; MatMulNBitsQuantizer(bits=4, block_size={INT4_BLOCK}, "
    f"is_symmetric=True, accuracy_level={INT4_ACCURACY_LEVEL}), round to nearest; "
    "weights of the fully connected layers only; stripped"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """The 1,797 images of the UCI test part with the split that scikit-learn users know."""

    images: NDArray[np.uint8]  # [1797, 8, 8], 0..16
    labels: NDArray[np.uint8]  # [1797], 0..9
    train: NDArray[np.int16]  # indices of the 1,257 training images
    test: NDArray[np.int16]  # indices of the 540 test images
    calibration: NDArray[np.int16]  # the first of `train`; never a test image

    def inputs(self, indices: NDArray[np.int16]) -> NDArray[np.float32]:
        """Images as the networks take them: float32 [n, 1, 8, 8], 0..1."""
        return (self.images[indices].astype(np.float32) / FULL_SCALE)[:, np.newaxis]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One architecture; its work and size are known beforehand and checked on the exported graph."""

    id: str
    stem: str  # of the file names
    layers: Callable[[], nn.Sequential]
    macs: int  # multiply-accumulates of one image
    parameters: int  # with batch normalisation folded into the convolutions


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """One model file to ship, and how it came to be."""

    network: Network
    precision: str
    model: ModelProto
    recipe: str
    tools: tuple[str, ...]  # distributions whose versions may change the bytes
    calibrated: bool = False

    @property
    def file(self) -> str:
        """File name inside this folder."""
        return f"{self.network.stem}-{self.precision}.onnx"


def cnn_layers() -> nn.Sequential:
    """Two 3 x 3 convolutions at full resolution, one pooling, two fully connected layers."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def mlp_layers() -> nn.Sequential:
    """Three fully connected layers: a quarter of the CNN's work with twice its weights."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 256),
        nn.ReLU(),
        nn.Linear(256, 256),
        nn.ReLU(),
        nn.Linear(256, 10),
    )


NETWORKS = (
    Network(id="digits-cnn", stem="cnn", layers=cnn_layers, macs=337_536, parameters=38_282),
    Network(id="digits-mlp", stem="mlp", layers=mlp_layers, macs=84_480, parameters=85_002),
)


def read_digits() -> Digits:
    """Take the images out of scikit-learn and split them, each digit in proportion."""
    source = load_digits()
    labels = source.target.astype(np.uint8)
    train, test = train_test_split(
        np.arange(labels.size, dtype=np.int16), test_size=TEST_SHARE, random_state=SEED, stratify=labels
    )
    return Digits(
        images=source.images.astype(np.uint8),
        labels=labels,
        train=train,
        test=test,
        calibration=train[:CALIBRATION_COUNT],
    )


def npz_bytes(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """A compressed npz whose bytes depend on the arrays alone: `numpy.savez` would stamp the time of day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, on whatever system this runs
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, member.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()


def trained(network: Network, digits: Digits) -> nn.Sequential:
    """The network after training, in evaluation mode."""
    torch.manual_seed(SEED)
    net = network.layers()
    inputs = torch.from_numpy(digits.inputs(digits.train))
    labels = torch.from_numpy(digits.labels[digits.train].astype(np.int64))
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    loss = nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(labels)).split(BATCH):
            optimizer.zero_grad()
            loss(net(inputs[batch]), labels[batch]).backward()
            optimizer.step()
    return net.eval()


def exported(net: nn.Sequential) -> ModelProto:
    """The network as ONNX: input `input` [batch, 1, 8, 8], output `logits` [batch, 10], batch left open."""
    program = torch.onnx.export(
        net,
        (torch.zeros(2, 1, 8, 8),),  # a batch of 1 would be taken for a constant
        input_names=["input"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=1024)},),
        dynamo=True,
        external_data=False,
        opset_version=OPSET,
        verbose=False,
    )
    return stripped(program.model_proto)


def stripped(model: ModelProto) -> ModelProto:
    """The model without what a run never reads.

    The exporter writes the stack trace of every operation, with the builder's paths, into the nodes, and the
    quantisers carry it on. Intermediate shapes are dropped too: every engine infers them. ONNX Runtime's
    optimiser imports all operator sets it knows; the ones in use remain.
    """
    model = ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    graph.ClearField("value_info")
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    used = {node.domain for node in graph.node}
    imports = sorted((known.domain, known.version) for known in model.opset_import if known.domain in used)
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(*known) for known in imports)
    return model


class CalibrationImages(CalibrationDataReader):
    """Hands the calibration images to ONNX Runtime one at a time."""

    def __init__(self, images: NDArray[np.float32]) -> None:
        self._images = images
        self.rewind()

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next image as a feed; `None` after the last."""
        image = next(self._rest, None)
        return None if image is None else {"input": image[np.newaxis]}

    def rewind(self) -> None:
        """Begin again with the first image."""
        self._rest = iter(self._images)


def to_fp16(parent: ModelProto) -> ModelProto:
    """Weights and arithmetic in half precision; input and output stay float32."""
    return stripped(convert_float_to_float16(parent, keep_io_types=True))


def to_int8(parent: ModelProto, calibration: NDArray[np.float32]) -> ModelProto:
    """Static int8 for x86 CPUs: unsigned activations, signed weights, one scale per output channel.

    Weights keep to 7 bits (`reduce_range`): x86 CPUs without VNNI add pairs of u8 x s8 products in 16 bits
    with saturation, which full 8-bit weights overflow silently. The same file then answers alike on both.
    """
    with tempfile.TemporaryDirectory() as folder:
        prepared, quantised = Path(folder, "prepared.onnx"), Path(folder, "quantised.onnx")
        quant_pre_process(parent, prepared)
        quantize_static(
            prepared,
            quantised,
            CalibrationImages(calibration),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return stripped(onnx.load(quantised))


def to_int4(parent: ModelProto) -> ModelProto:
    """Weights of the fully connected layers in 4 bits, a scale per block; convolutions stay float32."""
    gemm_free = ONNXModel(ModelProto.FromString(parent.SerializeToString()))
    gemm_free.replace_gemm_with_matmul()
    quantizer = MatMulNBitsQuantizer(
        gemm_free.model,
        algo_config=DefaultWeightOnlyQuantConfig(
            block_size=INT4_BLOCK, is_symmetric=True, accuracy_level=INT4_ACCURACY_LEVEL, bits=4
        ),
    )
    quantizer.process()
    return stripped(quantizer.model.model)


def artefacts(network: Network, digits: Digits) -> Iterator[Artefact]:
    """The four precisions of one network; the first is the parent of the others."""
    parent = exported(trained(network, digits))
    assert macs(parent) == network.macs, f"{network.id}: {macs(parent)} MAC counted, {network.macs} expected"
    assert parameters(parent) == network.parameters, f"{network.id}: {parameters(parent)} parameters counted"
    yield Artefact(
        network=network,
        precision="fp32",
        model=parent,
        recipe=TRAINING,
        tools=("onnx", "onnxscript", "scikit-learn", "torch"),
    )
    yield Artefact(
        network=network,
        precision="fp16",
        model=to_fp16(parent),
        recipe=FP16_RECIPE,
        tools=("onnx", "onnxconverter-common"),
    )
    yield Artefact(
        network=network,
        precision="int8",
        model=to_int8(parent, digits.inputs(digits.calibration)),
        recipe=INT8_RECIPE,
        tools=("onnx", "onnxruntime", "sympy"),
        calibrated=True,
    )
    yield Artefact(
        network=network,
        precision="int4",
        model=to_int4(parent),
        recipe=INT4_RECIPE,
        tools=("onnx", "onnxruntime"),
    )


def macs(model: ModelProto) -> int:
    """Multiply-accumulates of one image, counted on a float32 graph.

    Raises:
        ValueError: A node of unknown cost, which would otherwise count as none.
    """
    single = ModelProto.FromString(model.SerializeToString())
    for value in (*single.graph.input, *single.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    graph = onnx.shape_inference.infer_shapes(single, strict_mode=True, data_prop=True).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer} | {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    total = 0
    for node in graph.node:
        match node.op_type:
            case "Conv":
                total += math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])
            case "Gemm":
                total += math.prod(shapes[node.output[0]]) * shapes[node.input[0]][1]
            case "Relu" | "MaxPool" | "Reshape":
                pass
            case other:
                raise ValueError(f"{node.name}: the MACs of {other} are unknown")
    return total


def parameters(model: ModelProto) -> int:
    """Trained numbers in a float32 graph; shapes and other integers do not count."""
    return sum(
        math.prod(tensor.dims)
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    )


def correct(model: bytes, digits: Digits) -> int:
    """Test images recognised, one at a time on one CPU thread, by a plain loop over ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    images = digits.inputs(digits.test)
    answers = [session.run(["logits"], {"input": image[np.newaxis]})[0].argmax() for image in images]
    return int(np.sum(answers == digits.labels[digits.test]))


def sha256(content: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()


def write_data(digits: Digits, out: Path) -> dict[str, object]:
    """Write `digits.npz` and return its entry in the record."""
    content = npz_bytes(
        {
            "images": digits.images,
            "labels": digits.labels,
            "test": digits.test,
            "calibration": digits.calibration,
        }
    )
    (out / "digits.npz").write_bytes(content)
    return {
        "file": "digits.npz",
        "sha256": sha256(content),
        "bytes": len(content),
        "items": digits.labels.size,
        "test_items": digits.test.size,
        "source": "https://doi.org/10.24432/C50P49",
        "licence": "CC BY 4.0",
        "tools": {"scikit-learn": version("scikit-learn")},
    }


def write_network(network: Network, digits: Digits, out: Path) -> list[dict[str, object]]:
    """Check and write the artefacts of one network and return their entries in the record."""
    fed = digits.inputs(digits.calibration)  # the digest is that of the float32 images in order of use
    calibration = {"sha256": sha256(fed.tobytes()), "count": len(fed)}
    entries: list[dict[str, object]] = []
    for artefact in artefacts(network, digits):
        onnx.checker.check_model(artefact.model, full_check=True)
        content = artefact.model.SerializeToString(deterministic=True)
        (out / artefact.file).write_bytes(content)
        entries.append(
            {
                "file": artefact.file,
                "sha256": sha256(content),
                "bytes": len(content),
                "model": network.id,
                "precision": artefact.precision,
                "parent_sha256": entries[0]["sha256"] if entries else None,
                "recipe": artefact.recipe,
                "tools": {tool: version(tool) for tool in artefact.tools},
                "calibration": calibration if artefact.calibrated else None,
                "correct_of_540": correct(content, digits),
                "evaluated_with": {"onnxruntime": version("onnxruntime")},
            }
        )
    return entries


def build(out: Path) -> None:
    """Write everything to `out` and print one line per artefact."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    logging.disable(logging.WARNING)  # torch and the quantisers advise on packages and options not used here
    out.mkdir(parents=True, exist_ok=True)
    digits = read_digits()
    record = {
        "data": write_data(digits, out),
        "models": {
            network.id: {"macs": network.macs, "parameters": network.parameters} for network in NETWORKS
        },
        "artefacts": [entry for network in NETWORKS for entry in write_network(network, digits, out)],
    }
    (out / "artefacts.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    for entry in record["artefacts"]:
        file, size, right = entry["file"], entry["bytes"], entry["correct_of_540"]
        print(f"{file:14} {size:7} B  {right} of {digits.test.size}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here, help="default: the folder of this script")
    build(parser.parse_args().out)


if __name__ == "__main__":
    main()
