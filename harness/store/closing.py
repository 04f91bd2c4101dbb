"""This module is the closing of a run's files: sealed where that is possible, listed, and summed."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.errors import FileError
from harness.store import directory
from harness.store.claim import Claim
from harness.store.directory import CYCLES, LOCK, MANIFEST, POWER, SUMS, data_files, is_sealed
from harness.store.manifest import COMPLETE, read_manifest, sha256_of, write_manifest
from harness.store.progress import samples_in
from harness.store.recovery import recover_claimed

_KEPT = "the run is closed and can be read"


def seal(run_dir: Path) -> None:
    """Put the segments of a run into Parquet, as at a desk for a run measured on a board without pyarrow.

    A sealed run holds the same; a run broken off is recovered first. A second time changes nothing but what
    lies unsealed.

    Raises:
        FileError: pyarrow is not installed.
        StoreError: another process is writing the run, or a file cannot be read or written.
    """
    if not _can_seal():
        raise FileError(f"{run_dir}: sealing needs pyarrow: pip install pyarrow")
    read_manifest(run_dir)
    with Claim(run_dir):
        recover_claimed(run_dir)
        write_manifest(run_dir, replace(read_manifest(run_dir), files={}), kept=_KEPT)
        close_files(run_dir, sealed=True)


def close_files(run_dir: Path, *, sealed: bool) -> None:
    """List the files of a stopped run in its manifest, and write `SHA256SUMS` last.

    Args:
        run_dir: claimed by this process.
        sealed: put the segments into Parquet first where pyarrow is there; where it is not the journals stay.

    Raises:
        StoreError: a file cannot be read or written; the run can be read all the same.
    """
    manifest = read_manifest(run_dir)
    if sealed and _can_seal():
        from harness.store.sealing import seal_segments  # noqa: PLC0415 - pyarrow is only where it seals

        seal_segments(run_dir, manifest.start.cases)
    files = {path.name: _facts(path) for path in data_files(run_dir)}
    write_manifest(run_dir, replace(manifest, files=files), kept=_KEPT)
    sums = {MANIFEST: sha256_of(run_dir / MANIFEST)} | {
        name: facts["sha256"] for name, facts in files.items()
    }
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    directory.replace(run_dir / SUMS, text.encode(), kept=_KEPT)
    if manifest.status == COMPLETE:
        (run_dir / LOCK).unlink(missing_ok=True)


def _can_seal() -> bool:
    return find_spec("pyarrow") is not None


def _facts(path: Path) -> dict[str, Any]:
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size, "rows": _rows(path)}


def _rows(path: Path) -> int:
    """Cycles, samples or records in a file."""
    if path.name.startswith(POWER):
        return samples_in(path)
    if path.name.startswith(CYCLES) and is_sealed(path):
        from harness.store.sealing import sealed_rows  # noqa: PLC0415 - pyarrow is only where Parquet is read

        return sealed_rows(path)
    return path.read_bytes().count(b"\n")
