"""This module is the lock on a device: one process at a time measures on it, and each knows who does.

It is a lock of the kernel on a file (flock(2)): it ends with its process, however that ends, so that no lock is
ever left behind and none has to be broken. It holds on one machine, where each device has its one host.
"""

import fcntl
import json
import math
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import BenchError
from harness.provenance import utc_now

LOOK_S = 0.1
"""Between two tries of a process that waits."""

FOLDER_VARIABLE = "HARNESS_LOCKS"

THIS_MACHINE, _TURNSTILE = "this_machine", "this_machine_next"
"""Locks beside those of the devices, whose ids hold no underscore."""

_TURNS = threading.local()
"""Folders of the locks in which this thread has the machine's turn, in `held`."""

_RUN_LOCK = Path("/run/lock")
_TMP = Path("/tmp")  # noqa: S108  not the user's own folder of temporary files: all users must find the lock
_SHOWN = 120


def locks_folder() -> Path:
    """Where all users of this machine find the locks: `/run/lock` where everyone may write there, else `/tmp`.

    What the folder allows decides, not who asks, so that all processes agree. The variable `HARNESS_LOCKS` names
    another folder, for processes that shall not meet, such as two runs of a test suite.
    """
    if os.environ.get(FOLDER_VARIABLE):
        return Path(os.environ[FOLDER_VARIABLE])
    try:
        shared = bool(_RUN_LOCK.stat().st_mode & stat.S_IWOTH)
    except OSError:
        shared = False
    return _RUN_LOCK if shared else _TMP


class DeviceLock:
    """The right to measure on a device; entered it is held, left it is freed.

    Args:
        device: its id.
        who: what is to be told of the holder, such as `harness run`.
        wait_s: how long another holder is waited for; 0 for not at all.
        waiting: told once of each other holder that is waited for.
        folder: of the locks; None for the machine's.
        clock, sleep: monotonic seconds, and how to let them pass.
    """

    def __init__(
        self,
        device: str,
        *,
        who: str,
        wait_s: float = 0.0,
        waiting: Callable[[str], None] | None = None,
        folder: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.device = device
        self._who = who
        self._wait_s = wait_s
        self._waiting = waiting
        self._folder = folder
        self._clock = clock
        self._sleep = sleep
        self._fd = -1

    @property
    def path(self) -> Path:
        """The file that is locked; it is never removed, for two could then hold one name."""
        return (self._folder or locks_folder()) / f"pareto-harness-{self.device}.lock"

    def __enter__(self) -> Self:
        """Take it.

        Raises:
            BenchError: another process holds it, or the file is not what a lock should be; both are named.
        """
        fd = _open(self.path)
        try:
            self._take(fd)
            _write_holder(fd, self._who)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _take(self, fd: int) -> None:
        deadline_s = self._clock() + self._wait_s
        told = ""
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            holder = _read_holder(fd)
            if self._clock() >= deadline_s:
                waited = f" after {self._wait_s:g} s of waiting" if self._wait_s else ""
                raise BenchError(
                    f"{self.device}: is held by {holder}{waited} ({self.path}); "
                    "wait for it to end, or end it, then try again"
                )
            if holder != told and self._waiting is not None:
                self._waiting(holder)
            told = holder
            self._sleep(LOOK_S)


@contextmanager
def machine_turn(
    who: str, *, waiting: Callable[[str], None] | None = None, folder: Path | None = None
) -> Iterator[None]:
    """Have the processors of this machine alone for as long as the block lasts, after waiting as long as it takes.

    Whoever waits for the machine holds the turnstile, which the holder needs before it may have the machine once more:
    so two that want it again and again take turns. A thread that has the turn keeps it in a block inside the block.

    Args:
        who: what is to be told of the holder, such as `a sitting on rpi5-a`.
        waiting: told of each other holder that is waited for.
        folder: of the locks; None for the machine's.

    Raises:
        BenchError: a file of the locks is not what it should be.
    """

    def lock(name: str) -> DeviceLock:
        return DeviceLock(name, who=who, wait_s=math.inf, waiting=waiting, folder=folder)

    held: set[Path] = _TURNS.__dict__.setdefault("held", set())
    place = folder or locks_folder()
    if place in held:
        yield
        return
    with ExitStack() as turn:
        with lock(_TURNSTILE):
            turn.enter_context(lock(THIS_MACHINE))
        held.add(place)
        turn.callback(held.discard, place)
        yield


def _open(path: Path) -> int:
    """The lock's file, made where it is missing; never through a link and never anything but a file.

    The folder belongs to everyone: a file there is first opened without being made, since Linux refuses to
    "make" what another user owns (sysctl fs.protected_regular).
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        try:
            fd = os.open(path, flags)
        except FileNotFoundError:
            try:
                fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
                os.fchmod(fd, 0o666)  # other users must be able to lock it
            except FileExistsError:
                fd = os.open(path, flags)
    except OSError as error:
        raise BenchError(
            f"{path}: cannot be locked: {error.strerror}; remove what lies there, or have it removed"
        ) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise BenchError(f"{path}: cannot be locked: it is no file; remove what lies there")
    return fd


def _write_holder(fd: int, who: str) -> None:
    text = json.dumps({"pid": os.getpid(), "who": who, "utc": utc_now()})
    os.ftruncate(fd, 0)
    os.pwrite(fd, text.encode(), 0)


def _read_holder(fd: int) -> str:
    """Who holds the lock, in words; what the file says is text of another process and is shown as such."""
    try:
        said = json.loads(os.pread(fd, 4096, 0))
        text = f"{said['who']} (process {int(said['pid'])}, since {said['utc']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
    return "".join(c if c.isprintable() else "?" for c in text)[:_SHOWN]
