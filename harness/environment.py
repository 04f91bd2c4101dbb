"""This module reads the circumstances of a device: clocks, governor, temperature, throttling, identity.

It runs on the device, with the standard library alone. What cannot be read is absent.
"""

import os
import platform
import re
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_CPU = Path("/sys/devices/system/cpu")
_THERMAL = Path("/sys/class/thermal")
_TREE = Path("/proc/device-tree")
_SCHEDULE = Path("/proc/thread-self/schedstat")


def read_environment() -> Mapping[str, Any]:
    """Clocks, governor, temperatures and load at this moment, and how long the thread that asks ran and had to wait.

    Keys of what cannot be read are left out.
    """
    found: dict[str, Any] = {
        "governor": sorted(
            {text for path in _CPU.glob("cpu*/cpufreq/scaling_governor") if (text := _text(path))}
        ),
        "clock_hz": {
            path.parts[-3]: int(text) * 1000
            for path in sorted(_CPU.glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))
            if (text := _text(path)) and text.isdigit()
        },
        "temperature_c": {
            f"{zone.name} {_text(zone / 'type') or ''}".strip(): int(text) / 1000
            for zone in sorted(_THERMAL.glob("thermal_zone*"))
            if (text := _text(zone / "temp")) and re.fullmatch(r"-?\d+", text)
        },
        "throttle_count": {
            path.parts[-3]: int(text)
            for path in sorted(_CPU.glob("cpu[0-9]*/thermal_throttle/core_throttle_count"))
            if (text := _text(path)) and text.isdigit()
        },
        "load_1min": os.getloadavg()[0],
        **_schedule(),
    }
    return {key: value for key, value in found.items() if value not in ({}, [], None)}


def read_identity() -> Mapping[str, Any]:
    """What the device says of itself: machine, kernel, board names, revision, firmware, network addresses."""
    found: dict[str, Any] = {
        "machine": platform.machine(),
        "kernel": platform.release(),
        "hostname": socket.gethostname(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "memory_bytes": _memory_bytes(),
        "dt-compatible": (_text(_TREE / "compatible") or "").split("\0"),
        "hw_revision": _board_revision() or _cpuinfo("Revision"),
        "model": _text(_TREE / "model") or _text(Path("/sys/class/dmi/id/product_name")),
        "firmware": _text(Path("/sys/class/dmi/id/bios_version")) or _bootloader_date(),
        "build_id": _os_release("BUILD_ID"),
        "os": _os_release("PRETTY_NAME"),
        "mac": sorted(
            text
            for path in Path("/sys/class/net").glob("*/address")
            if (text := _text(path)) and text != "00:00:00:00:00:00"
        ),
    }
    return {key: value for key, value in found.items() if value not in ([], [""], None, "")}


def _schedule() -> dict[str, float]:
    """How long the calling thread ran so far, and how long it was ready to run and another had the processor.

    In seconds, by the kernel's account (Linux, Documentation/scheduler/sched-stats.rst, /proc/<pid>/schedstat);
    nothing where it keeps none, which reads as three zeros.
    """
    numbers = (_text(_SCHEDULE) or "").split()
    if len(numbers) < 3 or not all(map(str.isdigit, numbers)) or not int(numbers[2]):
        return {}
    return {"thread_ran_s": int(numbers[0]) * 1e-9, "thread_waited_s": int(numbers[1]) * 1e-9}


def _text(path: Path) -> str | None:
    """Content of a small file without its last line end or NUL; None where it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8", "replace").strip("\0\n ") or None
    except OSError:
        return None


def _cpuinfo(key: str) -> str | None:
    found = re.search(rf"^{key}\s*:\s*(.+)$", _text(Path("/proc/cpuinfo")) or "", re.MULTILINE)
    return found[1] if found else None


def _board_revision() -> str | None:
    """The revision at the end of the device tree's model, such as `Raspberry Pi 5 Model B Rev 1.0`."""
    found = re.search(r"\bRev (\S+)$", _text(_TREE / "model") or "")
    return found[1] if found else None


def _bootloader_date() -> str | None:
    """Day on which a Raspberry Pi's boot firmware was built, by which its releases are known.

    The device tree has it as one big-endian number of seconds; `rpi-eeprom-update` reads the same.
    """
    try:
        stamp = (_TREE / "chosen" / "bootloader" / "build-timestamp").read_bytes()
    except OSError:
        return None
    return datetime.fromtimestamp(int.from_bytes(stamp, "big"), UTC).date().isoformat()


def _cpu_model() -> str | None:
    return _cpuinfo("model name") or _cpuinfo("Model")


def _memory_bytes() -> int | None:
    found = re.search(r"^MemTotal:\s+(\d+) kB", _text(Path("/proc/meminfo")) or "")
    return int(found[1]) * 1024 if found else None


def _os_release(key: str) -> str | None:
    found = re.search(rf'^{key}="?([^"\n]*)"?$', _text(Path("/etc/os-release")) or "", re.MULTILINE)
    return found[1] if found else None
