"""This module finds the boards, devices and suites that come with the harness.

In an installed wheel they lie inside the package, in a checkout beside it.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped_path(relative: str = ".") -> Path:
    """Path of a shipped file or folder, such as `devices/boards` or `suites/digits.yaml`."""
    inside = _PACKAGE / "_shipped"
    return (inside if inside.is_dir() else _PACKAGE.parent) / relative
