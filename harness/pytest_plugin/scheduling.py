"""This module hands all tests of a device to one worker of pytest-xdist.

It does not rely on groups in the ids of tests, which some pairs of pytest and pytest-xdist lose
(pytest-xdist issue 1386). The lock of the device holds in any case.
"""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest

_DEVICE = re.compile(r"(?:::|\[)([a-z0-9-]+)(?=[/\]])")


class DeviceScheduling(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist gives no types away
    """One scope a device; every other test is its own."""

    def __init__(self, config: "pytest.Config", log: Any, devices: Collection[str]) -> None:
        super().__init__(config, log)
        self._devices = devices

    def _split_scope(self, nodeid: str) -> str:
        return device_of(nodeid, self._devices) or nodeid


def device_of(test: str, devices: Collection[str]) -> str | None:
    """The device in the id of a test, `suites/digits.yaml::host/...` or `test_x[host/...]`; None for none."""
    return next((name for name in _DEVICE.findall(test) if name in devices), None)
