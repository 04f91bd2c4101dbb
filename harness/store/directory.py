"""This module is the run directory: the names in it, its segments, and how a file in it is replaced.

Only regular files with the names below belong to a run; whatever else lies in the directory is ignored, and
no name written inside a file is ever opened.
"""

import errno
import os
import re
from pathlib import Path

from harness.errors import StoreError

MANIFEST = "manifest.json"
SITTINGS = "sittings.jsonl"
LOCK = "lock"
SUMS = "SHA256SUMS"

CYCLES = "cycles"
POWER = "power"
JOURNAL_SUFFIX = {CYCLES: "jsonl", POWER: "bin"}
SEALED_SUFFIX = "parquet"

_SEGMENT = re.compile(r"(cycles|power)-([0-9]{6})\.(jsonl|bin|parquet)", re.ASCII)
_NEXT_STEP = {
    errno.ENOSPC: "free space on its file system, then resume the run",
    errno.EDQUOT: "free space within the quota of this user, then resume the run",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), then resume the run",
    errno.EROFS: "mount the file system for writing, or name another results folder",
    errno.EACCES: "give this user the right to write there, or name another results folder",
    errno.EPERM: "give this user the right to write there, or name another results folder",
    errno.ENOTDIR: "a file stands where a folder should be: move it, or name another results folder",
    errno.EEXIST: "a file stands where a folder should be: move it, or name another results folder",
}


def journal_name(kind: str, number: int) -> str:
    """Name of an open segment, such as `cycles-000000.jsonl`."""
    return f"{kind}-{number:06d}.{JOURNAL_SUFFIX[kind]}"


def sealed_name(kind: str, number: int) -> str:
    """Name of a sealed segment, such as `cycles-000000.parquet`."""
    return f"{kind}-{number:06d}.{SEALED_SUFFIX}"


def number_of(segment: Path) -> int:
    """Number in a segment's name."""
    return int(segment.stem.rpartition("-")[2])


def is_sealed(segment: Path) -> bool:
    """The segment is the Parquet form."""
    return segment.suffix == f".{SEALED_SUFFIX}"


def segments(run_dir: Path, kind: str) -> list[Path]:
    """Segments of a kind in order; the journal where both its forms stand, for it is the source of the other.

    Raises:
        StoreError: a segment between two others is missing, or the directory cannot be read.
    """
    found: dict[int, Path] = {}
    try:
        for entry in os.scandir(run_dir):
            match = _SEGMENT.fullmatch(entry.name)
            if match is None or match[1] != kind or not entry.is_file(follow_symlinks=False):
                continue
            number = int(match[2])
            if number not in found or match[3] != SEALED_SUFFIX:
                found[number] = Path(entry.path)
    except OSError as error:
        raise unreadable(run_dir, error) from error
    missing = sorted(set(range(len(found))) - set(found))
    if missing:
        raise StoreError(
            f"{run_dir}: segment {kind}-{missing[0]:06d} is missing although a later one is there; "
            "copy the run directory again, whole"
        )
    return [found[number] for number in sorted(found)]


def data_files(run_dir: Path) -> list[Path]:
    """Files that hold the run's data, in the order of their names; the manifest is not one of them."""
    files = [*segments(run_dir, CYCLES), *segments(run_dir, POWER)]
    sittings = run_dir / SITTINGS
    return [*files, sittings] if sittings.is_file() else files


def replace(path: Path, content: bytes, *, kept: str) -> None:
    """Put a file in the place of another so that after any failure one of the two stands there whole.

    Raises:
        StoreError: it cannot be written; the old one stands.
    """
    fresh = path.with_name(path.name + ".tmp")
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            write_whole(fd, content)
            os.fsync(fd)
        finally:
            os.close(fd)
        fresh.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise unwritable(path, error, kept=kept) from error


def write_whole(fd: int, content: bytes) -> None:
    """Write all bytes; where the kernel takes only some, ask again so that it says why.

    Raises:
        OSError: some bytes were not taken.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def sync_directory(path: Path) -> None:
    """Make names created, replaced or removed in a directory survive a power loss.

    Raises:
        OSError: the directory cannot be synced.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def unwritable(path: Path, error: OSError, *, kept: str) -> StoreError:
    """What is said when the file system refuses: the path, its words, what is kept and what to do."""
    name = errno.errorcode.get(error.errno or 0, "no errno")
    step = _NEXT_STEP.get(error.errno or 0, "look at the disk and the kernel's log, then resume the run")
    return StoreError(f"{path}: cannot be written: {error.strerror or error} ({name}); {kept}; {step}")


def unreadable(path: Path, error: OSError) -> StoreError:
    """What is said when a file of a run cannot be read."""
    return StoreError(
        f"{path}: cannot be read: {error.strerror or error}; name a run directory that is whole"
    )
