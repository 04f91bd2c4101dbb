"""This module is the catalogue of the runs in a results folder, made anew from their manifests each time."""

import difflib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.errors import FileError, StoreError
from harness.record import RunStart, RunStop
from harness.store.directory import MANIFEST, unreadable
from harness.store.manifest import read_manifest
from harness.store.opening import RUN_ID, RUNS
from harness.store.reader import status_of

LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One run directory, by its manifest alone.

    Attributes:
        path: the directory; its name is the run's.
        status: as `harness.store.Run` has it; `unreadable` where the manifest cannot be read.
        start: None where the manifest cannot be read.
        stop: None while the run is running, was broken off or cannot be read.
        fault: a sentence where the manifest cannot be read; otherwise empty.
    """

    path: Path
    status: str
    start: RunStart | None
    stop: RunStop | None
    fault: str = ""

    @property
    def run(self) -> str:
        """Name of the run."""
        return self.path.name


def runs(results: Path) -> list[Entry]:
    """Runs of a results folder, newest first; none where there is no such folder.

    Raises:
        StoreError: the folder cannot be listed.
    """
    folder = results / RUNS
    try:
        paths = [path for path in folder.iterdir() if path.is_dir() and _is_run(path)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(folder, error) from error
    return sorted(map(_entry, paths), key=_age, reverse=True)


def find_run(results: Path, name: str) -> Path:
    """The directory of a run by its name, by its path, or as `latest` the newest that can be read.

    Raises:
        FileError: there is no such run; the nearest name is told.
    """
    if name == LATEST:
        for entry in runs(results):
            if not entry.fault:
                return entry.path
        raise FileError(f"{results / RUNS}: holds no run yet; measure one with `harness run`")
    for path in (results / RUNS / name, Path(name)):
        if (path / MANIFEST).is_file():
            return path
    near = difflib.get_close_matches(name, [entry.run for entry in runs(results)], n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else "`harness runs` lists them"
    raise FileError(f"{results / RUNS}: {name}: is not a run; {hint}")


def _is_run(path: Path) -> bool:
    return RUN_ID.fullmatch(path.name) is not None or (path / MANIFEST).is_file()


def _entry(path: Path) -> Entry:
    try:
        manifest = read_manifest(path)
    except StoreError as error:
        return Entry(path=path, status="unreadable", start=None, stop=None, fault=str(error))
    return Entry(path=path, status=status_of(path, manifest), start=manifest.start, stop=manifest.stop)


def _age(entry: Entry) -> tuple[str, int, str]:
    """Sort key: time of day, the monotonic clock within one second, the name."""
    if entry.start is not None:
        return entry.start.utc, entry.start.monotonic_ns, entry.run
    try:
        utc = datetime.strptime(entry.run[:16] + "+0000", "%Y%m%dT%H%M%SZ%z").isoformat()
    except ValueError:
        utc = ""
    return utc, 0, entry.run
