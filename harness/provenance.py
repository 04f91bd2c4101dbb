"""This module gathers what a figure must carry to be believed later: versions, source, host, clocks."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.environment import read_identity

PACKAGES = (
    "pareto-harness",
    "numpy",
    "onnx",
    "onnxruntime",
    "smbus2",
    "pyserial",
    "pandas",
    "pyarrow",
    "scipy",
    "moocore",
)


def utc_now() -> str:
    """Time of day, ISO 8601 with milliseconds, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock_anchor() -> Mapping[str, Any]:
    """One instant on three clocks: time of day, monotonic, and which boot the latter belongs to."""
    return {"utc": utc_now(), "monotonic_ns": time.monotonic_ns(), "boot_id": _boot_id()}


def read_provenance(folder: Path) -> Mapping[str, Any]:
    """Versions, command line, host and the git state of a folder."""
    host = {key: value for key, value in read_identity().items() if key != "mac"}
    return {
        "command": _command(),
        "versions": {"python": platform.python_version(), **_versions()},
        "host": host,
        "git": _git(folder),
        "cpu_count_allowed": len(os.sched_getaffinity(0)),
    }


def _command() -> list[str]:
    """The command line as somebody would type it; `python -m harness` is the command `harness`."""
    path = Path(sys.argv[0])
    name = path.parent.name if path.name == "__main__.py" else path.name
    return [name, *sys.argv[1:]]


def _versions() -> Mapping[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _git(folder: Path) -> Mapping[str, Any]:
    """Commit and whether files differ from it; empty outside a repository."""
    try:
        commit = _run_git(folder, "rev-parse", "HEAD")
        changed = _run_git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit, "changed": bool(changed)}


def _run_git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()
