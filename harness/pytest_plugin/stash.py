"""This module names what the parts of the plugin keep for each other in pytest's stashes."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.pytest_plugin.benches import Cycling
    from harness.pytest_plugin.judging import Asked
    from harness.pytest_plugin.measuring import Measuring
    from harness.pytest_plugin.openrun import Measured
    from harness.pytest_plugin.rounds import DeviceClock

MEASURING: "pytest.StashKey[Measuring]" = pytest.StashKey()
"""Of the session: its measuring."""

ASKED: "pytest.StashKey[Asked]" = pytest.StashKey()
"""Of a test: its limits and margins."""

MEASURED: "pytest.StashKey[Measured]" = pytest.StashKey()
"""Of a test: what it measured last; it is what its marks are judged by."""

CYCLING: "pytest.StashKey[Cycling]" = pytest.StashKey()
"""Of a test: its fixture `cycle`."""

CLOCK: "pytest.StashKey[DeviceClock]" = pytest.StashKey()
"""Of a test: the timer pytest-benchmark reads."""
