"""This module holds what inference engines can execute, as their makers and the field publish it.

These are claims with their sources, to plan by; what really ran is found out by running.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

ARTICLE = '"Edge AI to production", article of 2026-02-12'


class Ability(StrEnum):
    """How an engine executes a precision."""

    NATIVE = "native"
    STORED = "stored only"
    WEIGHTS = "weights only"
    PROVIDER = "by provider"
    NONE = "no"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is published of one precision.

    Attributes:
        ability: in a word.
        note: what a user must know.
    """

    ability: Ability
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """One engine.

    Attributes:
        title: its name.
        precisions: precision to what is published of it; one left out is not known.
        dynamic: what becomes of shapes the model leaves open.
        model: how it takes an ONNX model.
        choose_when: the hardware it is the first choice on.
        domains: domains of operators it knows beside ONNX's own.
        symmetric: it reads quantised ONNX files, and only those whose integers are signed, with zero points of 0,
            whose activations have one scale each and whose biases are not quantised.
        sources: of the statements.
    """

    title: str
    precisions: Mapping[str, Statement]
    dynamic: str
    model: str
    choose_when: str
    domains: Sequence[str]
    sources: Sequence[str]
    symmetric: bool = False


def _says(ability: Ability, note: str = "") -> Statement:
    return Statement(ability=ability, note=note)


_NATIVE, _NONE = Ability.NATIVE, Ability.NONE

ENGINES: Mapping[str, Support] = {
    "tensorrt": Support(
        title="TensorRT",
        precisions={
            "fp32": _says(_NATIVE),
            "fp16": _says(_NATIVE),
            "int8": _says(
                _NATIVE, "after training or quantisation-aware; symmetric s8 x s8 only, weights per channel"
            ),
        },
        dynamic="with an explicit optimisation profile",
        model="built from ONNX on the device itself, after a check of its operators",
        choose_when="NVIDIA GPU",
        domains=(),
        sources=(
            ARTICLE,
            "NVIDIA TensorRT documentation, Working with Quantized Types: symmetric, signed",
            "onnx/onnx-tensorrt issue 850: DequantizeLinear of 32-bit biases is refused",
            "NVIDIA/TensorRT issues 3360 and 3963: QLinearConv and DynamicQuantizeLinear are not imported",
        ),
        symmetric=True,
    ),
    "openvino": Support(
        title="OpenVINO",
        precisions={
            "fp32": _says(_NATIVE, "state the inference precision: its default may run fp32 files in bf16"),
            "fp16": _says(Ability.PROVIDER, "on some devices only"),
            "int8": _says(_NATIVE, "QDQ files, or quantised by NNCF"),
            "int4": _says(Ability.WEIGHTS, "weights of matrix products"),
        },
        dynamic="limited",
        model="reads ONNX",
        choose_when="Intel CPU or integrated GPU",
        domains=("com.microsoft",),
        sources=(
            ARTICLE,
            "OpenVINO documentation, Hugging Face and ONNX model preparation; precision control",
        ),
    ),
    "onnxruntime": Support(
        title="ONNX Runtime",
        precisions={
            "fp32": _says(_NATIVE),
            "fp16": _says(Ability.PROVIDER, "by execution provider; the x86 CPU provider computes in fp32"),
            "int8": _says(_NATIVE, "its own quantiser; u8 x s8 on x86, s8 x s8 on Arm"),
            "int4": _says(Ability.WEIGHTS, "weights of matrix products (MatMulNBits)"),
        },
        dynamic="full",
        model="runs ONNX; the order of providers is priority, falling back to the CPU",
        choose_when="hardware of several vendors",
        domains=("com.microsoft",),
        sources=(ARTICLE, "ONNX Runtime documentation, Quantize ONNX models; Execution Providers"),
    ),
    "litert": Support(
        title="LiteRT",
        precisions={
            "fp32": _says(_NATIVE),
            "fp16": _says(
                Ability.PROVIDER, "by delegate; the CPU computes in fp32 unless XNNPACK is asked otherwise"
            ),
            "int8": _says(_NATIVE),
            "int4": _says(Ability.WEIGHTS, "dynamic range quantisation of weights"),
        },
        dynamic="by resizing the inputs before allocation",
        model="takes .tflite files: convert the source model, not the ONNX file",
        choose_when="small Arm CPUs",
        domains=(),
        sources=("Google AI Edge documentation, LiteRT post-training quantization",),
    ),
    "rknn": Support(
        title="RKNN-Toolkit2",
        precisions={
            "fp32": _says(_NONE, "a float model is computed in fp16 on the NPU"),
            "fp16": _says(_NATIVE),
            "int8": _says(_NATIVE, "w8a8, quantised by the toolkit from the fp32 model; at least 200 images"),
            "int4": _says(_NONE, "w4a16 is refused for the RK3588"),
        },
        dynamic="a list of shapes fixed at conversion",
        model="converted by RKNN-Toolkit2 from the fp32 ONNX model",
        choose_when="Rockchip NPU",
        domains=(),
        sources=(ARTICLE, "Rockchip RKNN-Toolkit2 user guide, rknn.config"),
    ),
    "ascend": Support(
        title="AscendCL",
        precisions={
            "fp32": _says(_NONE, "atc converts to fp16 unless it is forbidden"),
            "fp16": _says(_NATIVE),
            "int8": _says(_NATIVE, "quantised by AMCT before conversion"),
        },
        dynamic="batch, image sizes or dimensions fixed at conversion",
        model="converted by atc from ONNX to .om",
        choose_when="Huawei Ascend",
        domains=(),
        sources=("Huawei CANN documentation, ATC tool; AscendCL model inference",),
    ),
    "mcu-firmware": Support(
        title="MCU firmware",
        precisions={
            "fp32": _says(_NATIVE, "where the core has an FPU"),
            "int8": _says(_NATIVE),
            "fp16": _says(_NONE, "stored at best: there is no arithmetic for it in these cores"),
        },
        dynamic="no",
        model="built into the firmware image from a quantised model",
        choose_when="microcontroller",
        domains=(),
        sources=("MLCommons MLPerf Tiny, reference firmware",),
    ),
    "llamacpp": Support(
        title="llama.cpp",
        precisions={},
        dynamic="full",
        model="takes GGUF files of language models, not ONNX",
        choose_when="language models",
        domains=(),
        sources=("ggml-org/llama.cpp, README",),
    ),
}
"""By the name boards and the registry use."""

FIRST_ON = ("tensorrt", "rknn", "ascend", "mcu-firmware")
"""Engines that are the first choice wherever a board has them: each is the way to its accelerator or core."""
