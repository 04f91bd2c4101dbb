"""This module is the manifest: how a run began, how it ended, and the digests of its files.

It is the one file of a run that is ever replaced, and only whole.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.record import SCHEMA_VERSION, RunStart, RunStop
from harness.store.directory import MANIFEST, replace, unreadable
from harness.store.line import json_text
from harness.store.members import MemberError, members_of, record_of

RUNNING = "running"
COMPLETE = "complete"
RECOVERED = "recovered"
STATUSES = (RUNNING, COMPLETE, "aborted", "interrupted", RECOVERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What `manifest.json` holds.

    Attributes:
        start: everything known before the first cycle.
        stop: how the run ended; None while it is running.
        recovered_lines: damaged lines dropped from the ends of the journals so far.
        files: of each data file its `sha256`, `bytes` and `rows`; empty while the run is running.
    """

    start: RunStart
    stop: RunStop | None = None
    recovered_lines: int = 0
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """`running`, or the status of the stop."""
        return RUNNING if self.stop is None else self.stop.status


def write_manifest(run_dir: Path, manifest: Manifest, *, kept: str) -> None:
    """Replace the manifest.

    Raises:
        StoreError: it cannot be written; the old one stands.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "status": manifest.status,
        "start": members_of(manifest.start),
        "stop": None if manifest.stop is None else members_of(manifest.stop),
        "recovered_lines": manifest.recovered_lines,
        "files": manifest.files,
    }
    replace(run_dir / MANIFEST, json_text(content, indent=1) + b"\n", kept=kept)


def read_manifest(run_dir: Path) -> Manifest:
    """The manifest of a run.

    Raises:
        StoreError: it is missing, cannot be read, or is not one of this schema version.
    """
    path = run_dir / MANIFEST
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise StoreError(f"{path}: is not JSON: {error}; copy the run directory again, whole") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"{path}: schema_version: is {version!r:.80}, this harness reads {SCHEMA_VERSION}; "
            "read the run with the version of the harness that wrote it"
        )
    try:
        return _manifest_of(content)
    except MemberError as error:
        raise StoreError(f"{path}: {error}; copy the run directory again, whole") from error


def read_start(run_dir: Path) -> RunStart:
    """How a run began, whatever became of it; raises as `read_manifest`."""
    return read_manifest(run_dir).start


def _manifest_of(content: Mapping[str, Any]) -> Manifest:
    start, stop = content.get("start"), content.get("stop")
    lines, files = content.get("recovered_lines"), content.get("files")
    if not isinstance(start, dict) or not isinstance(stop, dict | None):
        raise MemberError("start or stop is not an object")
    if type(lines) is not int or not isinstance(files, dict):
        raise MemberError("recovered_lines is not an integer, or files not an object")
    if not all(isinstance(facts, dict) for facts in files.values()):
        raise MemberError("files holds something else than objects")
    manifest = Manifest(
        start=record_of(RunStart, start),
        stop=None if stop is None else record_of(RunStop, stop),
        recovered_lines=lines,
        files=files,
    )
    if manifest.status not in STATUSES or manifest.status != content.get("status"):
        raise MemberError(f"status is {content.get('status')!r:.80}, expected that of the stop")
    return manifest


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error
