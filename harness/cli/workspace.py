"""This module makes a workspace: a folder with the same places as the repository of the harness."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.errors import FileError, StoreError
from harness.shipped import shipped_path


def make_workspace(folder: Path) -> Iterator[str]:
    """Copy boards, devices and suites into a folder and make places for results and reports.

    Yields:
        One line for each thing made, then what to do next.

    Raises:
        FileError: the folder holds something already, or is a file.
        StoreError: it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileError(f"{folder}: is not an empty folder; name a new one")
    try:
        for name in ("devices", "suites"):
            shutil.copytree(shipped_path(name), folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            yield f"{folder / name}/"
        for name in ("results", "reports"):
            (folder / name).mkdir()
            yield f"{folder / name}/"
    except OSError as error:
        raise StoreError(f"{folder}: cannot be made: {error.strerror}") from error
    yield f"Next: cd {folder} && harness plan"
