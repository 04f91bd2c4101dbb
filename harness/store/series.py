"""This module is the open segments of one kind, one after the other: each is begun when the last is full."""

from pathlib import Path

from harness.store.directory import is_sealed, journal_name, segments
from harness.store.journal import Journal


class Series:
    """The segment being appended to, and those that will follow it. Closing twice is harmless.

    Args:
        run_dir: claimed by this process, without torn ends.
        kind: `cycles` or `power`.
        limit: cycles or samples after which the next segment is begun.
        rows_in_last: of them in the last segment; its number counts where that segment is still open.

    Raises:
        StoreError: it cannot be opened.
    """

    def __init__(self, run_dir: Path, kind: str, *, limit: int, rows_in_last: int) -> None:
        found = segments(run_dir, kind)
        goes_on = bool(found) and not is_sealed(found[-1])
        self._run_dir = run_dir
        self._kind = kind
        self._limit = limit
        self._number = len(found) - goes_on
        self._rows = rows_in_last if goes_on else 0
        self._journal = self._open(kept="what the run holds is kept")

    def append(self, piece: bytes, *, rows: int, kept: str) -> None:
        """Add one piece of some rows, or nothing of it.

        Raises:
            StoreError: it cannot be written; everything before it is kept.
        """
        if self._rows >= self._limit:
            self._journal.sync(kept=kept)
            self._journal.close()
            self._number += 1
            self._journal = self._open(kept=kept)
            self._rows = 0
        self._journal.append(piece, kept=kept)
        self._rows += rows

    def sync(self, *, kept: str) -> None:
        """Make everything appended survive a power loss.

        Raises:
            StoreError: the disk could not take it.
        """
        self._journal.sync(kept=kept)

    def close(self) -> None:
        """Free the descriptor."""
        self._journal.close()

    def _open(self, *, kept: str) -> Journal:
        return Journal(self._run_dir / journal_name(self._kind, self._number), kept=kept)
