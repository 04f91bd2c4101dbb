"""This module is the claim of one process on a run directory, freed by the kernel when the process ends.

The lock belongs to an open file description (fcntl(2), "Open file description locks"): it can be asked for
without being taken, so a reader never stands in a writer's way, and it also tells two writers of one process
apart.
"""

import fcntl
import os
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import StoreError
from harness.store.directory import LOCK, unwritable

# struct flock: l_type, l_whence, l_start, l_len (0: to the end), l_pid (0 is asked of these locks)
_FLOCK = struct.Struct("hhqqi")
_WHOLE_FILE = (os.SEEK_SET, 0, 0, 0)


class Claim:
    """The right to write a run directory; entered it is held, left it is freed.

    Args:
        run_dir: the directory.
    """

    def __init__(self, run_dir: Path) -> None:
        self.path = run_dir / LOCK
        self._fd = -1

    def __enter__(self) -> Self:
        """Take it.

        Raises:
            StoreError: another process holds it; its id is named.
        """
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise unwritable(self.path, error, kept="what the run holds is kept") from error
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, *_WHOLE_FILE))
            if not os.path.samestat(os.fstat(fd), self.path.stat()):
                raise BlockingIOError  # noqa: TRY301 - its last holder removed this file, another made a new one
            os.ftruncate(fd, 0)
            os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        except (BlockingIOError, PermissionError) as error:
            os.close(fd)
            raise StoreError(
                f"{self.path.parent}: process {holder(self.path.parent)} is writing this run; "
                "wait for it to end, or end it, then try again"
            ) from error
        except OSError as error:
            os.close(fd)
            raise unwritable(self.path, error, kept="what the run holds is kept") from error
        self._fd = fd
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_held(run_dir: Path) -> bool:
    """A live process is writing the run; False where that cannot be asked, as of a copy."""
    try:
        fd = os.open(run_dir / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, *_WHOLE_FILE))
    except OSError:
        return False
    finally:
        os.close(fd)
    return bool(_FLOCK.unpack_from(answer)[0] != fcntl.F_UNLCK)


def holder(run_dir: Path) -> str:
    """Id of the process that last claimed the run, as text for a sentence."""
    try:
        text = (run_dir / LOCK).read_text("ascii", errors="replace").strip()
    except OSError:
        return "unknown"
    return text if text.isdecimal() else "unknown"
