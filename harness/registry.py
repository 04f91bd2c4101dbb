"""This module maps names to what stands for them, imported only when somebody names them.

Other distributions add theirs through the entry-point groups `harness.engines` and `harness.meters`.
"""

import difflib
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from harness.errors import FileError

ENGINES = {"onnxruntime": "harness.engines.onnxruntime:OnnxRuntime"}
GROUP_ENGINES = "harness.engines"

METERS = {
    "hwmon": "harness.meters.hwmon:open_hwmon",
    "iio": "harness.meters.iio:Iio",
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
