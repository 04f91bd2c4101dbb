"""This module gives the tests the bridge's firmware, as it runs on the board, under CPython."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parents[3] / "firmware" / "ina226-bridge"


def load(name: str) -> ModuleType:
    """A module of the firmware; they import one another by their bare names, as on the board."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    module = importlib.import_module(name)
    assert Path(module.__file__ or "").parent == FOLDER
    return module
