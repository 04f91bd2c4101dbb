"""This module mounts small file systems for tests that need a full or a read-only one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(path: Path, *, size_kib: int) -> Iterator[Path]:
    """A tmpfs of a size at a directory; the test is skipped where this user may not mount."""
    path.mkdir(parents=True)
    mounted = _mount("-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(path))
    if mounted is not None:
        pytest.skip(f"mounting a tmpfs needs root with CAP_SYS_ADMIN: {mounted}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)  # noqa: S607 - wherever the system has it


def make_read_only(path: Path) -> None:
    """Mount what is mounted at a directory again, read-only."""
    refused = _mount("-o", "remount,ro", str(path))

    assert refused is None, refused


def _mount(*arguments: str) -> str | None:
    """What `mount` said where it refused; None where it did not."""
    try:
        done = subprocess.run(
            ["mount", *arguments],  # noqa: S607 - wherever the system has it
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "there is no mount command"
    return None if done.returncode == 0 else done.stderr.strip()
