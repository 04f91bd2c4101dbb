"""This module is a file that only grows, whole pieces at a time, and the reading of it up to a torn end.

A piece is appended by one `write` on a descriptor opened with O_APPEND, so it survives the death of the
process once `append` has returned, and the loss of power once `sync` has.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.store.directory import sync_directory, unreadable, unwritable, write_whole
from harness.store.line import LineError, decode


class Journal:
    """An open journal, made where it is not there. Closing twice is harmless.

    Args:
        path: the file.
        kept: words for the error: what stays when it cannot be opened.

    Raises:
        StoreError: it cannot be opened.
    """

    def __init__(self, path: Path, *, kept: str) -> None:
        self.path = path
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            sync_directory(path.parent)
        except OSError as error:
            self.close()
            raise unwritable(path, error, kept=kept) from error

    def append(self, piece: bytes, *, kept: str) -> None:
        """Add one piece, or nothing of it.

        Args:
            piece: all bytes of it.
            kept: words for the error: what stays when this piece cannot be written.

        Raises:
            StoreError: it cannot be written; the journal ends with the piece before.
        """
        size = os.lseek(self._fd, 0, os.SEEK_END)
        try:
            write_whole(self._fd, piece)
        except OSError as error:
            with suppress(OSError):  # what cannot be cut now is cut as a torn end when the run is resumed
                os.ftruncate(self._fd, size)
            raise unwritable(self.path, error, kept=kept) from error

    def sync(self, *, kept: str) -> None:
        """Make everything appended survive a power loss.

        Raises:
            StoreError: the disk could not take it.
        """
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise unwritable(self.path, error, kept=kept) from error

    def close(self) -> None:
        """Free the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a journal of lines holds.

    Attributes:
        lines: objects of the whole lines, in order.
        size: bytes of them; what follows is a torn end.
        dropped: lines of the torn end, 0 for none.
    """

    lines: Sequence[dict[str, Any]]
    size: int
    dropped: int


def read_lines(path: Path, *, torn_end: bool) -> Content:
    """Objects of a journal.

    Args:
        path: the journal.
        torn_end: take damaged lines at the very end for the mark of a broken-off run; otherwise refuse them.

    Raises:
        StoreError: it cannot be read, or a line is damaged that is not at a permitted torn end.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    lines: list[dict[str, Any]] = []
    size = 0
    rows = BytesIO(data).readlines()
    for number, row in enumerate(rows, start=1):
        try:
            if not row.endswith(b"\n"):
                raise LineError("it is cut")  # noqa: TRY301 - one place says what a bad line means
            lines.append(decode(row))
        except LineError as error:
            rest = rows[number:]
            if torn_end and not any(map(_is_whole, rest)):
                return Content(lines=lines, size=size, dropped=1 + len(rest))
            raise StoreError(
                f"{path}: line {number}: {error}; "
                "the run is damaged: copy it again from where it was measured, or measure again"
            ) from error
        size += len(row)
    return Content(lines=lines, size=size, dropped=0)


def truncate(path: Path, size: int) -> None:
    """Cut a torn end off.

    Raises:
        StoreError: the file cannot be written.
    """
    try:
        fd = os.open(path, os.O_WRONLY)
        try:
            os.ftruncate(fd, size)
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise unwritable(path, error, kept="everything before its torn end is kept") from error


def _is_whole(row: bytes) -> bool:
    try:
        decode(row)
    except LineError:
        return False
    return row.endswith(b"\n")
