"""This module refuses a device that is not the one its file describes."""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from harness.errors import BenchError
from harness.profile import Device


def check_device(device: Device, found: Mapping[str, Any], engines: Collection[str]) -> None:
    """Refuse a device that is not the one its file describes.

    Args:
        device: what is expected.
        found: what the device says of itself.
        engines: ids of the engines the plan uses.

    Raises:
        BenchError: identity, hardware revision or firmware differ, or the firmware is not one an engine may run on.
    """
    wanted = device.identity
    if wanted.kind != "none":
        answer = found.get(wanted.kind, ())
        said = [answer] if isinstance(answer, str) else list(answer)
        if wanted.value not in said:
            raise BenchError(
                f"{device.path}: identity.value: expected {wanted.kind} {wanted.value!r}, the device says "
                f"{', '.join(map(repr, said)) or 'nothing'}; check which board is connected"
            )
    revision = found.get("hw_revision")
    if device.hw_revision is not None and revision is not None and revision != device.hw_revision:
        raise BenchError(
            f"{device.path}: hw_revision: expected {device.hw_revision!r}, found {revision!r}; "
            "correct the file if the board was changed"
        )
    firmware = found.get("firmware")
    if device.firmware is not None and firmware is not None and not fnmatchcase(firmware, device.firmware):
        raise BenchError(
            f"{device.path}: firmware: expected {device.firmware!r}, found {firmware!r}; "
            "update the device or the file"
        )
    for engine in engines:
        patterns = device.firmware_compatibility_matrix.get(engine, ())
        if patterns and firmware is not None and not any(fnmatchcase(firmware, p) for p in patterns):
            raise BenchError(
                f"{device.path}: firmware_compatibility_matrix.{engine}: firmware {firmware!r} is none of "
                f"{', '.join(patterns)}"
            )
