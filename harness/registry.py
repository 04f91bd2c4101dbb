"""This module maps names to classes that are imported only when somebody names them.

Other distributions add theirs through the entry-point groups `harness.engines` and `harness.meters`.
"""

import difflib
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from harness.errors import FileError

ENGINES = {"onnxruntime": "harness.engines.onnxruntime:OnnxRuntime"}
GROUP_ENGINES = "harness.engines"


def find_engine(name: str) -> Any:
    """The class of an engine.

    Raises:
        FileError: no engine has this name, its module cannot be imported, or the module lacks the class.
    """
    known = {**{point.name: point.value for point in entry_points(group=GROUP_ENGINES)}, **ENGINES}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise FileError(f"engine {name!r} is not known; known are {', '.join(sorted(known))}{hint}")
    module_name, _, attribute = known[name].partition(":")
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise FileError(
            f"engine {name!r} needs {error.name or module_name}, which is not installed: "
            f"pip install 'pareto-harness[{name}]'"
        ) from error
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise FileError(f"engine {name!r}: module {module_name} has no {attribute}") from error
