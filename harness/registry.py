"""This module maps names to what stands for them, imported only when somebody names them.

Other distributions add theirs through the entry-point groups `harness.engines` and `harness.meters`.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from harness.errors import FileError
from harness.names import hint
from harness.suite import EngineChoice, Suite

ENGINES = {"onnxruntime": "harness.engines.onnxruntime:OnnxRuntime"}
GROUP_ENGINES = "harness.engines"

PROVIDERS: Mapping[str, Collection[str]] = {
    "onnxruntime": tuple(
        f"{name}ExecutionProvider"
        for name in (
            *(
                "ACL",
                "ArmNN",
                "Azure",
                "CANN",
                "CPU",
                "CUDA",
                "CoreML",
                "Dml",
                "Dnnl",
                "Js",
                "MIGraphX",
                "Nnapi",
            ),
            *("NvTensorRTRTX", "OpenVINO", "QNN", "ROCM", "Rknpu", "SNPE", "Tensorrt", "VSINPU"),
            *("VitisAI", "WebGpu", "WebNN", "Xnnpack"),
        )
    )
}
"""By engine, the names a suite may ask for: those any build of ONNX Runtime since 1.20 may have
(include/onnxruntime/core/graph/constants.h); which of them the build of a device has is found out there.
An engine that is left out has names of its own, and they are not checked beforehand."""

METERS = {
    "hwmon": "harness.meters.hwmon:open_hwmon",
    "iio": "harness.meters.iio:Iio",
    "ina219": "harness.meters.ina219:open_ina219",
    "ina3221": "harness.meters.ina3221:open_ina3221",
    "nvml": "harness.meters.nvml:open_nvml",
    "pmic": "harness.meters.pmic:open_pmic",
    "rapl": "harness.meters.rapl:open_rapl",
    "replay": "harness.meters.replay:Replay",
    "scpi": "harness.meters.scpi:open_scpi",
}
"""Beside the INA226, whose buses `harness.meters.opening` knows. Each is called with the meter of the profile and
gives its stream."""
GROUP_METERS = "harness.meters"


def find_engine(name: str) -> Any:
    """The class of an engine.

    Raises:
        FileError: no engine has this name, its module cannot be imported, or the module lacks the class.
    """
    return _find("engine", name, ENGINES, GROUP_ENGINES)


def known_engines() -> Collection[str]:
    """Names of the engines this installation has, its plug-ins among them; none is imported."""
    return {*ENGINES, *(point.name for point in entry_points(group=GROUP_ENGINES))}


def check_engines(suite: Suite) -> None:
    """Refuse a suite that asks for an engine or a provider that has no such name; no engine is imported.

    Raises:
        FileError: with every such name, its key and the nearest known ones.
    """
    faults = [
        f"{suite.path}: engines[{place}].{fault}"
        for place, choice in enumerate(suite.engines)
        for fault in _faults(choice)
    ]
    if faults:
        raise FileError(*faults)


def _faults(choice: EngineChoice) -> Iterator[str]:
    known = known_engines()
    if choice.kind not in known:
        yield (
            f"kind: found {choice.kind}, no engine of this version or of a plug-in; {hint(choice.kind, known)} "
            f"(an engine is added by installing a distribution that names it in the entry-point group {GROUP_ENGINES})"
        )
    providers = PROVIDERS.get(choice.kind, choice.providers)
    for place, name in enumerate(choice.providers):
        if name not in providers:
            yield f"providers[{place}]: found {name}, no provider of {choice.kind}; {hint(name, providers)}"


def find_meter(name: str) -> Any:
    """What opens a meter: called with the meter of the profile, it gives a stream.

    Raises:
        FileError: no meter has this name, its module cannot be imported, or the module lacks the callable.
    """
    return _find("meter", name, METERS, GROUP_METERS)


def _find(what: str, name: str, shipped: Mapping[str, str], group: str) -> Any:
    known = {**{point.name: point.value for point in entry_points(group=group)}, **shipped}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise FileError(f"{what} {name!r} is not known; known are {', '.join(sorted(known))}{hint}")
    module_name, _, attribute = known[name].partition(":")
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise FileError(
            f"{what} {name!r} needs {error.name or module_name}, which is not installed: "
            f"pip install 'pareto-harness[{name}]'"
        ) from error
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise FileError(f"{what} {name!r}: module {module_name} has no {attribute}") from error
