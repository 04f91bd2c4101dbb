"""Tests of counting what one inference takes."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from harness.errors import FileError
from harness.macs import count, count_model
from harness.shipped import shipped_path

DIGITS = {"cnn": 337_536, "mlp": 84_480}


class Net:
    """A network made node by node, weights all zero; shapes are those of an image of one channel or more."""

    def __init__(self, *shape: int | str) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        self.last = "x"

    def constant(self, *shape: int) -> str:
        """A constant of zeros."""
        name = f"w{len(self.constants)}"
        self.constants.append(onnx.numpy_helper.from_array(np.zeros(shape, np.float32), name))
        return name

    def node(self, kind: str, *more: str, domain: str = "", source: str = "", **attributes: object) -> str:
        """A node behind the last one, or behind another."""
        name = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(kind, [source or self.last, *more], [name], domain=domain, **attributes)
        )
        self.last = name
        return name

    def conv(self, inside: int, outside: int, kernel: int, stride: int = 1, group: int = 1) -> str:
        """A convolution that keeps the size at stride 1."""
        weights = self.constant(outside, inside // group, kernel, kernel)
        return self.node(
            "Conv", weights, strides=[stride] * 2, group=group, pads=[0, 0, kernel - 1, kernel - 1]
        )

    def model(self) -> onnx.ModelProto:
        """The whole model."""
        output = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, ())
        graph = helper.make_graph(self.nodes, "net", [self.input], [output], self.constants)
        domains = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=domains, ir_version=10)


def autoencoder() -> onnx.ModelProto:
    """The anomaly detector of MLPerf Tiny: 640, 4 x 128, 8, 4 x 128, 640."""
    net = Net(1, 640)
    for inside, outside in pairwise([640, *[128] * 4, 8, *[128] * 4, 640]):
        net.node("MatMul", net.constant(inside, outside))
    return net.model()


def resnet8() -> onnx.ModelProto:
    """The image classifier of MLPerf Tiny: ResNet-8 of 32 x 32 x 3."""
    net = Net(1, 3, 32, 32)
    net.conv(3, 16, 3)
    for inside, outside, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2)):
        start = net.last
        net.conv(inside, outside, 3, stride)
        body = net.conv(outside, outside, 3)
        if stride > 1:
            weights = net.constant(outside, inside, 1, 1)
            start = net.node("Conv", weights, source=start, strides=[stride] * 2)
        net.node("Add", start, source=body)
    net.node("GlobalAveragePool")
    net.node("Flatten")
    net.node("Gemm", net.constant(64, 10))
    return net.model()


def mobilenet_v1(alpha: float, size: int, classes: int, channels: int = 3) -> onnx.ModelProto:
    """MobileNet v1 (A. Howard et al., 2017)."""
    net = Net(1, channels, size, size)
    width = int(32 * alpha)
    net.conv(channels, width, 3, 2)
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for outside, stride in plan:
        net.conv(width, width, 3, stride, group=width)
        net.conv(width, int(outside * alpha), 1)
        width = int(outside * alpha)
    net.node("GlobalAveragePool")
    net.node("Flatten")
    net.node("Gemm", net.constant(width, classes))
    return net.model()


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "int4"])
@pytest.mark.parametrize("name", DIGITS)
def test_digits_in_every_precision(name: str, precision: str) -> None:
    """QDQ, packed 4-bit and fp16 files have the multiply-accumulates of their parent."""
    work = count(shipped_path(f"suites/digits/{name}-{precision}.onnx"))

    assert DIGITS[name] == work.macs
    assert ("batch",) == work.dynamic


def test_dynamic_quantisation(tmp_path: Path) -> None:
    """A dynamically quantised file has them too."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = tmp_path / "dynamic.onnx"
    quantize_dynamic(shipped_path("suites/digits/cnn-fp32.onnx"), path, weight_type=QuantType.QUInt8)

    assert DIGITS["cnn"] == count(path).macs


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (autoencoder(), 264_192),
        (resnet8(), 12_501_632),
        (mobilenet_v1(0.25, 96, 2), 7_489_664),
        (mobilenet_v1(1.0, 224, 1000), 568_740_352),
    ],
    ids=["autoencoder", "resnet8", "mobilenet-v1-0.25-96", "mobilenet-v1-1.0-224"],
)
def test_published_networks(model: onnx.ModelProto, expected: int) -> None:
    """Networks of known size have their known multiply-accumulates."""
    assert expected == count_model(model, "net").macs


def test_batch_counts() -> None:
    """A dynamic dimension is 1, or what is asked for."""
    path = shipped_path("suites/digits/cnn-fp32.onnx")

    assert 4 * DIGITS["cnn"] == count(path, {"batch": 4}).macs
    assert (
        38_286 * 4 == count(path).weight_bytes
    )  # 38,282 parameters, and 4 numbers of shapes in 32 bits or more


def test_quantised_tensors_count_in_their_bits() -> None:
    """Weights and activations of the int8 file are smaller than those of its parent, not larger."""
    parent, quantised = (count(shipped_path(f"suites/digits/cnn-{name}.onnx")) for name in ("fp32", "int8"))

    assert quantised.weight_bytes < 0.3 * parent.weight_bytes
    assert quantised.activation_bytes < 0.3 * parent.activation_bytes
    assert quantised.peak_bytes < 0.3 * parent.peak_bytes


def test_peak_is_what_is_alive_together() -> None:
    """The first hidden layer of the autoencoder and its input are the most at once."""
    work = count_model(autoencoder(), "net")

    assert 4 * (640 + 128) == work.peak_bytes
    assert 4 * (640 * 2 + 128 * 8 + 8) == work.activation_bytes


def test_transposed_product() -> None:
    """A Gemm with a transposed input sums over the other dimension."""
    net = Net(3, 5)
    net.node("Gemm", net.constant(3, 7), transA=1)

    assert 5 * 7 * 3 == count_model(net.model(), "net").macs


def test_what_cannot_be_counted_is_an_error(tmp_path: Path) -> None:
    """An unknown operator, no product at all, a foreign file and a missing one are told by name."""
    unknown, empty = Net(1, 4), Net(1, 4)
    unknown.node("Gemm", unknown.constant(4, 4))
    unknown.node("FancyAttention", domain="com.microsoft")
    empty.node("Relu")
    (tmp_path / "text.onnx").write_bytes(b"no model at all")

    with pytest.raises(FileError, match="FancyAttention"):
        count_model(unknown.model(), "net")
    with pytest.raises(FileError, match="no multiply-accumulate"):
        count_model(empty.model(), "net")
    with pytest.raises(FileError, match="ONNX model"):
        count(tmp_path / "text.onnx")
    with pytest.raises(FileError, match="cannot be read"):
        count(tmp_path / "missing.onnx")


def test_an_open_shape_is_an_error() -> None:
    """A shape that the inputs do not fix is told with its node, never taken for nothing."""
    net = Net(1, 4)
    net.node("NonZero")
    net.node("Cast", to=TensorProto.FLOAT)
    net.node("MatMul", net.constant(4, 4))

    with pytest.raises(FileError, match="shape"):
        count_model(net.model(), "net")
