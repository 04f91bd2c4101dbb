"""This module counts what one inference of an ONNX model takes: multiply-accumulates, bytes of weights and the rest.

A multiply-accumulate is one product of a convolution or a matrix product; additions of biases, activations,
poolings and normalisations are not counted, as is the custom where such figures are published. Dynamic
dimensions are taken as given, 1 where nothing is said. Nothing is guessed: an operator that may hold products
and is not known is an error.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from harness.errors import FileError

CONVOLUTIONS = ("Conv", "ConvInteger", "QLinearConv", "FusedConv")
PRODUCTS = ("Gemm", "MatMul", "MatMulInteger", "QLinearMatMul", "FusedMatMul", "FusedGemm")
PACKED = "MatMulNBits"
# fmt: off
WITHOUT = frozenset(
    [
        "Abs", "Add", "And", "ArgMax", "ArgMin", "AveragePool", "BatchNormalization", "Cast", "Ceil",
        "Clip", "Concat", "Constant", "ConstantOfShape", "Cos", "DequantizeLinear", "Div", "Dropout",
        "DynamicQuantizeLinear", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather",
        "GatherElements", "Gelu", "GlobalAveragePool", "GlobalMaxPool", "Greater", "GreaterOrEqual",
        "HardSigmoid", "HardSwish", "Identity", "InstanceNormalization", "LayerNormalization",
        "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "Max", "MaxPool", "Mean", "Min", "Mul",
        "Neg", "NonMaxSuppression", "NonZero", "Not", "Or", "PRelu", "Pad", "Pow", "QuantizeLinear",
        "Range", "Reciprocal", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "Relu",
        "Reshape", "Resize", "Round", "Selu", "Shape", "Sigmoid", "Sign", "SimplifiedLayerNormalization",
        "Sin", "Size", "Slice", "Softmax", "Softplus", "Softsign", "SpaceToDepth", "DepthToSpace",
        "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "ThresholdedRelu", "Tile", "TopK", "Transpose",
        "Trilu", "Unsqueeze", "Upsample", "Where", "Xor", "QLinearAdd", "QLinearMul",
        "QLinearGlobalAveragePool", "QLinearLeakyRelu", "QLinearSigmoid", "QLinearConcat",
    ]
)
# fmt: on
"""Operators that hold no products that are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one inference takes.

    Attributes:
        macs: multiply-accumulates.
        weight_bytes: of all constants of the file, scales among them: what is read at least once.
        activation_bytes: of the inputs and outputs of the model and of all that passes between nodes.
        peak_bytes: of the activations that are alive together where they are the most, each freed after its last use.
        dynamic: names of dimensions the model leaves open, in order; empty for a fixed shape.
        operators: operators, `domain:name` where the domain is not ONNX's own, with their number.
        producer: of the file, such as `pytorch`; empty where it does not say.
    """

    macs: int
    weight_bytes: int
    activation_bytes: int
    peak_bytes: int
    dynamic: Sequence[str]
    operators: Mapping[str, int]
    producer: str


def count(path: Path, dimensions: Mapping[str, int] | None = None) -> Work:
    """Count a model file.

    Args:
        path: of the ONNX file; its weights may lie beside it.
        dimensions: size of each dynamic dimension by name; those not named are 1.

    Raises:
        FileError: it cannot be read, is not a valid model, holds an operator that is not known here or a
            shape that cannot be inferred, or has no multiply-accumulate at all.
    """
    return count_model(read_model(path), str(path), dimensions)


def read_model(path: Path) -> onnx.ModelProto:
    """The model in an ONNX file.

    Raises:
        FileError: it cannot be read, or holds no model.
    """
    try:
        model = onnx.load(str(path))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}; check the path") from error
    except Exception as error:  # protobuf names its own errors, and is no dependency of ours
        raise FileError(f"{path}: is not an ONNX model: {error}") from error
    if not model.graph.node:
        raise FileError(f"{path}: holds no nodes; it is not an ONNX model")
    return model


def count_model(model: onnx.ModelProto, name: str, dimensions: Mapping[str, int] | None = None) -> Work:
    """Count a model in memory; `name` stands in the errors, which are those of `count`."""
    dynamic = list(dict.fromkeys(dim.dim_param for dim in _input_dims(model) if dim.dim_param))
    shaped = _with_shapes(model, name, dimensions or {})
    graph = _Graph(shaped.graph, name)
    total = sum(graph.macs(node) for node in shaped.graph.node)
    if not total:
        raise FileError(f"{name}: has no multiply-accumulate; give the model before it was rewritten")
    sizes = graph.activations()
    return Work(
        macs=total,
        weight_bytes=sum(_tensor_bytes(tensor) for tensor in graph.constants.values()),
        activation_bytes=sum(sizes.values()),
        peak_bytes=graph.peak(sizes),
        dynamic=tuple(dynamic),
        operators=graph.operators(),
        producer=model.producer_name,
    )


class _Graph:
    """One graph whose shapes are known."""

    def __init__(self, graph: onnx.GraphProto, name: str) -> None:
        self._graph = graph
        self._name = name
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self._inputs = {info.name for info in graph.input} - self.constants.keys()
        self._infos = {
            info.name: info.type.tensor_type for info in (*graph.input, *graph.output, *graph.value_info)
        }
        for node in graph.node:
            if node.op_type == "Constant":
                for attribute in node.attribute:
                    if attribute.name == "value":
                        self.constants[node.output[0]] = attribute.t

    def macs(self, node: onnx.NodeProto) -> int:
        """Of one node."""
        kind = node.op_type
        if any(
            attribute.type in {onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS}
            for attribute in node.attribute
        ):
            raise self._fault(node, "holds a graph of its own, whose repeats are not known")
        if kind in CONVOLUTIONS:
            weights = self.shape(node, node.input[3 if kind == "QLinearConv" else 1])
            return math.prod(self.shape(node, node.output[0])) * math.prod(weights[1:])
        if kind == "ConvTranspose":
            return math.prod(self.shape(node, node.input[0])) * math.prod(self.shape(node, node.input[1])[1:])
        if kind in PRODUCTS:
            return math.prod(self.shape(node, node.output[0])) * self._inner(node)
        if kind == PACKED:
            k, n = (int(_attribute(node, key)) for key in ("K", "N"))
            return math.prod(self.shape(node, node.input[0])[:-1]) * k * n
        if kind in WITHOUT:
            return 0
        raise self._fault(node, "is not known here, so that its multiply-accumulates cannot be counted")

    def shape(self, node: onnx.NodeProto, tensor: str) -> Sequence[int]:
        """Dimensions of a tensor."""
        if tensor in self.constants:
            return list(self.constants[tensor].dims)
        info = self._infos.get(tensor)
        if info is None or not info.HasField("shape"):
            raise self._fault(node, f"has {tensor!r:.60}, whose shape cannot be inferred")
        if not all(dim.HasField("dim_value") for dim in info.shape.dim):
            raise self._fault(
                node, f"has {tensor!r:.60}, whose shape is not fixed by the dimensions of the inputs"
            )
        return [dim.dim_value for dim in info.shape.dim]

    def activations(self) -> dict[str, int]:
        """Bytes of each tensor that passes between nodes; one that is quantised counts once, in its few bits."""
        outputs = {output.name for output in self._graph.output}
        read_by: dict[str, set[str]] = {}
        for node in self._graph.node:
            for name in node.input:
                read_by.setdefault(name, set()).add(node.op_type)
        sizes = {}
        for node in self._graph.node:
            made = () if node.op_type == "DequantizeLinear" else node.output
            for name in (*(name for name in node.input if name in self._inputs), *made):
                passed_on = name in outputs or read_by.get(name, {"QuantizeLinear"}) != {"QuantizeLinear"}
                if passed_on and name in self._infos:
                    sizes[name] = math.prod(self.shape(node, name)) * _width(self._infos[name].elem_type)
        return sizes

    def peak(self, sizes: Mapping[str, int]) -> int:
        """Largest sum of tensors that are alive together, nodes in the order of the file."""
        last = {name: place for place, node in enumerate(self._graph.node) for name in node.input}
        outputs = {output.name for output in self._graph.output}
        alive = {info.name: sizes[info.name] for info in self._graph.input if info.name in sizes}
        highest = sum(alive.values())
        for place, node in enumerate(self._graph.node):
            alive |= {name: sizes[name] for name in node.output if name in sizes}
            highest = max(highest, sum(alive.values()))
            alive = {
                name: size for name, size in alive.items() if name in outputs or last.get(name, -1) > place
            }
        return highest

    def operators(self) -> dict[str, int]:
        """Number of nodes by operator."""
        found: dict[str, int] = {}
        for node in self._graph.node:
            key = f"{node.domain}:{node.op_type}" if node.domain not in {"", "ai.onnx"} else node.op_type
            found[key] = found.get(key, 0) + 1
        return dict(sorted(found.items()))

    def _inner(self, node: onnx.NodeProto) -> int:
        """The dimension a matrix product sums over."""
        first = self.shape(node, node.input[0])
        return (
            first[-2]
            if node.op_type in {"Gemm", "FusedGemm"} and _attribute(node, "transA", 0)
            else first[-1]
        )

    def _fault(self, node: onnx.NodeProto, sentence: str) -> FileError:
        label = node.name or (node.output[0] if node.output else "")
        return FileError(f"{self._name}: node {label!r:.60} ({node.op_type}) {sentence}")


def _with_shapes(model: onnx.ModelProto, name: str, dimensions: Mapping[str, int]) -> onnx.ModelProto:
    """A copy with fixed inputs and every shape inferred anew from them."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for dim in _input_dims(copy):
        if not dim.HasField("dim_value"):
            dim.dim_value = dimensions.get(dim.dim_param, 1)
    try:
        onnx.checker.check_model(copy)
        del copy.graph.value_info[:]
        for output in copy.graph.output:
            output.type.tensor_type.ClearField("shape")
        while True:
            shaped = onnx.shape_inference.infer_shapes(copy, data_prop=True)
            found = list(_packed_outputs(shaped.graph))
            if not found:
                return shaped
            copy.graph.value_info.extend(found)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())
        raise FileError(f"{name}: is not a valid ONNX model: {reason:.200}") from error


def _packed_outputs(graph: onnx.GraphProto) -> Iterator[onnx.ValueInfoProto]:
    """What ONNX's own inference cannot know: outputs of packed products whose inputs are known by now."""
    infos = {info.name: info for info in (*graph.input, *graph.value_info)}
    for node in graph.node:
        source = infos.get(node.input[0]) if node.op_type == PACKED else None
        if source is not None and node.output[0] not in infos and source.type.tensor_type.HasField("shape"):
            rows = [dim.dim_value for dim in source.type.tensor_type.shape.dim][:-1]
            kind = source.type.tensor_type.elem_type
            yield onnx.helper.make_tensor_value_info(node.output[0], kind, [*rows, _attribute(node, "N")])


def _input_dims(model: onnx.ModelProto) -> Iterator[onnx.TensorShapeProto.Dimension]:
    constants = {tensor.name for tensor in model.graph.initializer}
    for info in model.graph.input:
        if info.name not in constants:
            yield from info.type.tensor_type.shape.dim


def _attribute(node: onnx.NodeProto, name: str, default: int = -1) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), default)


def _tensor_bytes(tensor: onnx.TensorProto) -> int:
    elements: int = math.prod(tensor.dims)
    return elements * _width(tensor.data_type)


def _width(kind: int) -> int:
    """Bytes of one element; packed types of 4 bits count as a byte, texts as nothing."""
    if kind == onnx.TensorProto.STRING:
        return 0
    width: int = onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize
    return width
