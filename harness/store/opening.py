"""This module is the opening of a run directory: a new one, or one that is gone on with."""

import re
import secrets
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import FileError, StoreError
from harness.record import RunStart
from harness.store.claim import Claim
from harness.store.directory import LOCK, SUMS, sync_directory, unwritable
from harness.store.manifest import COMPLETE, Manifest, read_manifest, write_manifest
from harness.store.recovery import recover_claimed

RUNS = "runs"
"""Folder of the run directories in the results folder."""

RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}", re.ASCII)


def run_id(utc: str, suffix: str) -> str:
    """Id of a run: its time of day and six random hexadecimal digits.

    Raises:
        ValueError: the time is not ISO 8601, or the suffix is something else.
    """
    moment = datetime.fromisoformat(utc)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    name = f"{moment:%Y%m%dT%H%M%SZ}-{suffix}"
    if RUN_ID.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not an id of a run")
    return name


def open_new(results: Path, start: RunStart, stack: ExitStack) -> tuple[Path, Manifest]:
    """Make the directory of a new run in a results folder; its claim is freed with the stack.

    Raises:
        StoreError: it cannot be made; no directory is left behind.
    """
    runs = results / RUNS
    try:
        runs.mkdir(parents=True, exist_ok=True)
        path = _make_directory(runs, start.utc)
        sync_directory(runs)
    except OSError as error:
        raise unwritable(Path(error.filename or runs), error, kept="nothing was measured yet") from error
    manifest = Manifest(start=replace(start, run=path.name))
    try:
        stack.enter_context(Claim(path))
        write_manifest(path, manifest, kept="nothing was measured yet")
    except StoreError:
        with suppress(OSError):
            (path / LOCK).unlink(missing_ok=True)
            path.rmdir()
        raise
    return path, manifest


def _make_directory(runs: Path, utc: str) -> Path:
    while True:
        path = runs / run_id(utc, secrets.token_hex(3))
        try:
            path.mkdir()  # the exclusive claim of the name
        except FileExistsError:
            continue
        return path


def open_again(run_dir: Path, stack: ExitStack) -> tuple[Path, Manifest]:
    """Cut the torn ends of a run and call it running again; its claim is freed with the stack.

    Raises:
        FileError: the run is complete.
        StoreError: another process is writing it, it is damaged or of another schema version.
    """
    _refuse_complete(run_dir)
    stack.enter_context(Claim(run_dir))
    _refuse_complete(run_dir)
    recover_claimed(run_dir)
    (run_dir / SUMS).unlink(missing_ok=True)
    manifest = replace(read_manifest(run_dir), stop=None, files={})
    write_manifest(run_dir, manifest, kept="what the run holds is kept")
    return run_dir, manifest


def _refuse_complete(run_dir: Path) -> None:
    if read_manifest(run_dir).status == COMPLETE:
        raise FileError(f"{run_dir}: the run is complete; there is nothing to go on with: start a new run")
