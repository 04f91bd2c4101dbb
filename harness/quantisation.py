"""This module tells how an ONNX model is quantised: in which types, around which zero points, how finely.

It reads the QuantizeLinear and DequantizeLinear nodes of a file, as the ONNX operator specification defines
them: a value is (stored - zero point) x scale, with one scale for a whole tensor or one for each slice along an
axis. Symmetric is what is signed and has no zero point but 0.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

FUSED = ("QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")
"""Operators that compute on integers themselves, instead of standing between pairs of nodes."""

UNSIGNED = frozenset({onnx.TensorProto.UINT8, onnx.TensorProto.UINT16, onnx.TensorProto.UINT4})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor that is quantised.

    Attributes:
        name: of the tensor.
        kind: of the stored integers, such as `int8`.
        signed: they are.
        shifted: a zero point is not 0; None where it is found out only at run time.
        scales: number of scales: 1 for the whole tensor.
        constant: it is a weight or a bias, and not what passes between nodes.
    """

    name: str
    kind: str
    signed: bool
    shifted: bool | None
    scales: int
    constant: bool

    @property
    def symmetric(self) -> bool:
        """Signed, and every zero point is known to be 0."""
        return self.signed and self.shifted is False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantisation:
    """How a model is quantised.

    Attributes:
        tensors: each once, in the order of the nodes.
        fused: operators that compute on integers themselves, with their number.
    """

    tensors: tuple[Tensor, ...]
    fused: Mapping[str, int]

    @property
    def activations(self) -> list[Tensor]:
        """What passes between nodes."""
        return [each for each in self.tensors if not each.constant]

    @property
    def weights(self) -> list[Tensor]:
        """Constants but for biases, which are kept in 32 bits."""
        return [each for each in self.tensors if each.constant and each.kind != "int32"]

    @property
    def biases(self) -> list[Tensor]:
        """Constants of 32 bits."""
        return [each for each in self.tensors if each.constant and each.kind == "int32"]

    def __str__(self) -> str:
        told = [
            f"{len(tensors)} {name} {_kinds(tensors)}, {_zero_points(tensors)}, {_grain(tensors)}"
            for name, tensors in (("activations", self.activations), ("weights", self.weights))
            if tensors
        ]
        told += [f"{len(self.biases)} biases int32"] if self.biases else []
        told += [f"{number} {name}" for name, number in self.fused.items()]
        return "; ".join(told) or "not quantised by pairs of nodes"


def quantisation_of(model: onnx.ModelProto) -> Quantisation:
    """How a model is quantised."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    constants |= {
        node.output[0]: attribute.t
        for node in model.graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    found = {tensor.name: tensor for tensor in _tensors(model.graph, constants)}
    operators = [node.op_type for node in model.graph.node]
    return Quantisation(
        tensors=tuple(found.values()),
        fused={name: operators.count(name) for name in FUSED if name in operators},
    )


def objections(quantisation: Quantisation) -> list[str]:
    """Why an engine that computes on symmetric signed integers alone cannot take a model; empty where it can."""
    told: list[str] = []
    for name, tensors in (("activations", quantisation.activations), ("weights", quantisation.weights)):
        unsigned = sum(not each.signed for each in tensors)
        shifted = sum(each.signed and each.shifted is True for each in tensors)
        unknown = sum(each.signed and each.shifted is None for each in tensors)
        of = f"of {len(tensors)} {name}"
        told += [f"{unsigned} {of} are unsigned"] if unsigned else []
        told += [f"{shifted} {of} have a zero point other than 0"] if shifted else []
        told += [f"{unknown} {of} have a zero point that is not in the file"] if unknown else []
    sliced = sum(each.scales > 1 for each in quantisation.activations)
    told += [f"{sliced} activations have a scale for each channel"] if sliced else []
    told += [f"{len(quantisation.biases)} biases are quantised"] if quantisation.biases else []
    told += [f"it holds {name}" for name in quantisation.fused]
    return told


def _tensors(graph: onnx.GraphProto, constants: Mapping[str, onnx.TensorProto]) -> Iterator[Tensor]:
    """Outputs of QuantizeLinear and the constants that DequantizeLinear reads."""
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            yield _tensor(
                node,
                node.output[0],
                _stored_as(node, constants),
                constants,
                constant=node.input[0] in constants,
            )
        elif node.op_type == "DequantizeLinear" and node.input[0] in constants:
            yield _tensor(node, node.input[0], constants[node.input[0]].data_type, constants, constant=True)


def _tensor(
    node: onnx.NodeProto,
    name: str,
    kind: int,
    constants: Mapping[str, onnx.TensorProto],
    *,
    constant: bool,
) -> Tensor:
    scale = constants.get(node.input[1])
    return Tensor(
        name=name,
        kind=onnx.TensorProto.DataType.Name(kind).lower(),
        signed=kind not in UNSIGNED,
        shifted=_shifted(node, constants),
        scales=1 if scale is None else int(np.prod(scale.dims)),
        constant=constant,
    )


def _stored_as(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> int:
    """Type of what a QuantizeLinear makes: its zero point's, else what it states, else uint8."""
    if len(node.input) > 2 and node.input[2] in constants:
        return int(constants[node.input[2]].data_type)
    stated = next((attribute.i for attribute in node.attribute if attribute.name == "output_dtype"), 0)
    return int(stated) or int(onnx.TensorProto.UINT8)


def _shifted(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> bool | None:
    if len(node.input) < 3 or not node.input[2]:
        return False
    if node.input[2] not in constants:
        return None
    return bool(np.any(numpy_helper.to_array(constants[node.input[2]]).astype(np.float64)))


def _kinds(tensors: list[Tensor]) -> str:
    return " and ".join(dict.fromkeys(each.kind for each in tensors))


def _zero_points(tensors: list[Tensor]) -> str:
    symmetric = sum(each.symmetric for each in tensors)
    if symmetric == len(tensors):
        return "symmetric"
    return "asymmetric" if not symmetric else f"{symmetric} of them symmetric"


def _grain(tensors: list[Tensor]) -> str:
    fine = sum(each.scales > 1 for each in tensors)
    if not fine:
        return "per tensor"
    return "per channel" if fine == len(tensors) else f"{fine} of them per channel"
