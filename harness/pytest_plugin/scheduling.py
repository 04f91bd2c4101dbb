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


class DeviceScheduling(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist gives no types away
    """One scope a device; every other test is its own."""

    def __init__(self, config: "pytest.Config", log: Any, devices: Collection[str]) -> None:
        super().__init__(config, log)
        self._devices = devices

    def _split_scope(self, nodeid: str) -> str:
        return device_of(nodeid, self._devices) or nodeid


def device_of(test: str, devices: Collection[str]) -> str | None:
    """The device in the id of a test; None for none.

    It stands in `suites/digits.yaml::host/...`, in `test_x[host/...]`, and among other parameters in
    `test_x[3-host-fast]`; where one name is a part of another, as in `test_x[rpi5-a]`, the longer one is meant.
    """
    return next(
        (
            name
            for name in sorted(devices, key=len, reverse=True)
            if re.search(rf"(?:::|\[|-){re.escape(name)}(?=[/\]-])", test)
        ),
        None,
    )
