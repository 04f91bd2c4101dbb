"""This module tells the executed precision from the graph as the engine runs it, never from a file's name.

Only layers with weights count: convolutions and matrix products. What quantises, casts or moves data around
them is not the precision of the model.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from onnx import TensorProto

FLOAT_NAMES: Mapping[int, str] = {
    TensorProto.FLOAT: "fp32",
    TensorProto.FLOAT16: "fp16",
    TensorProto.BFLOAT16: "bf16",
    TensorProto.DOUBLE: "fp64",
}

INTEGER_LAYERS: Mapping[str, str] = {
    "QLinearConv": "int8",
    "QLinearMatMul": "int8",
    "QGemm": "int8",
    "QAttention": "int8",
    "ConvInteger": "int8 dynamic",
    "MatMulInteger": "int8 dynamic",
    "DynamicQuantizeMatMul": "int8 dynamic",
    "MatMulIntegerToFloat": "int8 dynamic",
}

FLOAT_LAYERS = frozenset(
    {
        "Conv",
        "FusedConv",
        "ConvTranspose",
        "Gemm",
        "FusedGemm",
        "MatMul",
        "FusedMatMul",
        "Attention",
        "LSTM",
        "GRU",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """The precision that runs.

    Attributes:
        precision: such as `int8` or, for a mixed graph, `fp32+int4 weights`, most layers first.
        evidence: layers by operator, such as `2 QLinearConv, 2 QGemm`.
    """

    precision: str
    evidence: str


def read_executed(optimised: bytes) -> Executed | None:
    """The executed precision of a serialised optimised ONNX model; None where it has no layer that tells."""
    if not optimised:
        return None
    graph = onnx.load_model_from_string(optimised).graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    types |= {
        value.name: value.type.tensor_type.elem_type
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.HasField("tensor_type")
    }
    precisions: Counter[str] = Counter()
    operators: Counter[str] = Counter()
    for node in graph.node:
        precision = _layer_precision(node, types)
        if precision:
            precisions[precision] += 1
            operators[node.op_type] += 1
    if not precisions:
        return None
    return Executed(
        precision="+".join(name for name, _ in precisions.most_common()),
        evidence=", ".join(f"{count} {name}" for name, count in operators.most_common()),
    )


def _layer_precision(node: onnx.NodeProto, types: Mapping[str, int]) -> str | None:
    if node.op_type in INTEGER_LAYERS:
        return INTEGER_LAYERS[node.op_type]
    if node.op_type == "MatMulNBits":
        bits = next((a.i for a in node.attribute if a.name == "bits"), 4)
        return f"int{bits} weights"
    if node.op_type in FLOAT_LAYERS:
        found = (FLOAT_NAMES[types[name]] for name in node.input if types.get(name) in FLOAT_NAMES)
        return next(found, None)
    return None
