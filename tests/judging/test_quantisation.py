"""Tests of telling how an ONNX model is quantised, and what engines for symmetric integers object to."""

from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from harness.catalog import load_suite
from harness.macs import read_model
from harness.quantisation import Quantisation, objections, quantisation_of

ZERO_POINT = {"activation": np.int8(0), "weight": np.int8([0, 0, 0, 0])}


def quantised(**changes: Any) -> ModelProto:
    """A matrix product between pairs of nodes, as a quantiser for TensorRT writes it.

    Args:
        changes: `activation` and `weight`: zero points, None to leave it out; `scales`: of the activation;
            `bias`: a quantised bias is added.
    """
    zero = ZERO_POINT | changes
    constants = {
        "x_scale": np.full(changes.get("scales", ()), 0.1, np.float32),
        "w_stored": np.ones(
            (8, 4), np.asarray(zero["weight"]).dtype if zero["weight"] is not None else np.int8
        ),
        "w_scale": np.full(np.shape(zero["weight"]), 0.1, np.float32),
    }
    ends = {"x": ["x", "x_scale"], "w": ["w_stored", "w_scale"]}
    for name, key in (("x", "activation"), ("w", "weight")):
        if zero[key] is not None:
            constants[f"{name}_zero"] = np.asarray(zero[key])
            ends[name].append(f"{name}_zero")
    nodes = [
        helper.make_node("QuantizeLinear", ends["x"], ["x_stored"]),
        helper.make_node("DequantizeLinear", ["x_stored", *ends["x"][1:]], ["x_again"]),
        helper.make_node("DequantizeLinear", ends["w"], ["w"], axis=1),
        helper.make_node("MatMul", ["x_again", "w"], ["y"]),
    ]
    if changes.get("bias"):
        constants |= {"b_stored": np.ones(4, np.int32), "b_scale": np.full(4, 0.01, np.float32)}
        nodes += [
            helper.make_node("DequantizeLinear", ["b_stored", "b_scale"], ["b"], axis=0),
            helper.make_node("Add", ["y", "b"], ["z"]),
        ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])],
        [helper.make_tensor_value_info("z" if changes.get("bias") else "y", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph)


def of(model: ModelProto) -> Quantisation:
    """How the model is quantised."""
    return quantisation_of(model)


def test_symmetric_pairs_are_taken() -> None:
    """Signed integers around 0 with one scale for the activation have nothing against them."""
    found = of(quantised())

    assert [] == objections(found)
    assert all(tensor.symmetric for tensor in found.tensors)
    assert "1 activations int8, symmetric, per tensor; 1 weights int8, symmetric, per channel" == str(found)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"activation": np.uint8(0)}, "1 of 1 activations are unsigned"),
        ({"activation": None}, "1 of 1 activations are unsigned"),  # ONNX: uint8 where nothing is stated
        ({"activation": np.int8(-3)}, "1 of 1 activations have a zero point other than 0"),
        ({"weight": np.int8([0, 0, 1, 0])}, "1 of 1 weights have a zero point other than 0"),
        ({"weight": np.uint8([128] * 4)}, "1 of 1 weights are unsigned"),
        ({"scales": (8,)}, "1 activations have a scale for each channel"),
        ({"bias": True}, "1 biases are quantised"),
    ],
)
def test_what_is_objected_to(changes: dict[str, Any], told: str) -> None:
    """Each thing an engine for symmetric integers refuses is named with its number."""

    assert [told] == objections(of(quantised(**changes)))


def test_weights_without_a_zero_point_are_symmetric() -> None:
    """ONNX takes 0 where a DequantizeLinear has no zero point."""

    assert [] == objections(of(quantised(weight=None)))


def test_a_zero_point_found_at_run_time_is_not_known() -> None:
    """A zero point that no constant gives is objected to as such."""
    model = quantised()
    model.graph.node[0].input[2] = "elsewhere"
    model.graph.node[0].attribute.append(helper.make_attribute("output_dtype", TensorProto.INT8))

    assert ["1 of 1 activations have a zero point that is not in the file"] == objections(of(model))


@pytest.mark.parametrize("model", ["digits-cnn", "digits-mlp"])
def test_the_digits_files_say_what_their_recipe_says(model: str) -> None:
    """int8 artefacts have unsigned activations and symmetric weights for each channel; fp32 ones hold no pairs."""
    artefacts = next(each for each in load_suite("digits").models if each.id == model).artefacts
    found = {each.precision: of(read_model(each.path)) for each in artefacts}

    assert all(not tensor.signed for tensor in found["int8"].activations)
    assert all(tensor.symmetric and tensor.scales > 1 for tensor in found["int8"].weights)
    assert () == found["fp32"].tensors
    assert [] == objections(found["fp32"])


def test_fused_operators_are_objected_to() -> None:
    """A file of operators that compute on integers themselves holds no pairs to read."""
    model = quantised()
    model.graph.node.append(helper.make_node("QLinearConv", [], ["c"]))

    assert ["it holds QLinearConv"] == objections(of(model))
