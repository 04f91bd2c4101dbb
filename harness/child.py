"""This module is a child process of the bench, spoken to in frames over its standard streams.

The worker on this machine and the sampler are such children. A child ends when its input does; it is asked,
then urged, then forced, and its last words are kept for the message that tells of its end.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from harness.errors import BenchError
from harness.frames import Frame, FrameError, receive, send

GRACE_S = 2.0
"""For a child to end by itself, and again after it was urged."""

PIECE_BYTES = 1 << 16
"""What is read from a pipe at once."""

LAST_WORDS_BYTES = 2000
"""Of standard error, kept for the message."""


class Child:
    """A module of the harness run by the same Python in a process of its own.

    Args:
        module: run as `python -m`.
        title: what messages call it, such as "the worker".
        failure: the class of error it raises.
        descriptors: open files it inherits under the same numbers.
    """

    def __init__(
        self, module: str, *, title: str, failure: type[BenchError], descriptors: Sequence[int] = ()
    ) -> None:
        self._module = module
        self._title = title
        self._failure = failure
        self._descriptors = descriptors
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self._stderr = os.memfd_create(f"stderr of {self._module}")
            undo.callback(os.close, self._stderr)
            self._process = subprocess.Popen(
                # `-P` keeps files of the working directory out of its imports
                [sys.executable, "-P", "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                bufsize=0,  # reading and writing have deadlines, which buffers would hide
                pass_fds=self._descriptors,
                process_group=0,  # Ctrl-C is the bench's to handle
                env={**os.environ, "PYTHONPATH": _package_path()},
            )
            undo.callback(self._end)
            self._closing = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def pid(self) -> int | None:
        """Its process; None when it is not running."""
        return None if self._process is None else self._process.pid

    def send(self, frame: Frame, reply_s: float) -> None:
        """Send a frame, and wait so long for the child to take it.

        Raises:
            BenchError: it did not take it in time, or is gone; of the class given.
        """
        sink = cast("BinaryIO", self._running().stdin)
        try:
            send(cast("BinaryIO", _Patient(sink, reply_s)), frame)
        except TimeoutError as error:
            raise self._failure(self._silence(reply_s)) from error
        except OSError as error:
            raise self._failure(self.obituary()) from error

    def receive(self, reply_s: float) -> Frame:
        """Wait so long for a frame.

        Raises:
            BenchError: it did not come in time, is damaged, or the child is gone; of the class given.
        """
        source = cast("BinaryIO", self._running().stdout)
        try:
            frame = receive(cast("BinaryIO", _Patient(source, reply_s)))
        except TimeoutError as error:
            raise self._failure(self._silence(reply_s)) from error
        except FrameError as error:
            raise self._failure(f"{self.obituary()} ({error})") from error
        if frame is None:
            raise self._failure(self.obituary())
        return frame

    def must_live(self) -> None:
        """Look whether the child still runs.

        Raises:
            BenchError: it does not; of the class given.
        """
        if self._running().poll() is not None:
            raise self._failure(self.obituary())

    def obituary(self) -> str:
        """How the child ended, with the last words of its standard error."""
        process = self._running()
        try:
            code = process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            return f"{self._title} (process {process.pid}) closed its end of the pipe but still runs"
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        said = self._own_account() or self._last_words()
        return f"{self._title} (process {process.pid}) {how}" + (f"; it said: {said}" if said else "")

    def _silence(self, reply_s: float) -> str:
        return (
            f"{self._title} (process {self.pid}) gave no answer within {reply_s:g} s; is the machine "
            "overloaded? reply_s in the device's file sets the limit"
        )

    def _own_account(self) -> str:
        """The `error` of a frame that the child left behind; empty for none. Only for a child that has ended."""
        with suppress(FrameError, ValueError, OSError):
            frame = receive(cast("BinaryIO", _Patient(cast("BinaryIO", self._running().stdout), GRACE_S)))
            return str(frame.header.get("error", "")) if frame else ""
        return ""

    def _last_words(self) -> str:
        size = os.fstat(self._stderr).st_size
        tail = os.pread(self._stderr, LAST_WORDS_BYTES, max(0, size - LAST_WORDS_BYTES))
        return tail.decode("utf-8", "replace").strip()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise self._failure(f"{self._title} is not running")
        return self._process

    def _end(self) -> None:
        """Close its input, then urge, then force it to end; nothing of it is left."""
        process, self._process = self._running(), None
        with suppress(OSError):  # bytes it never read
            cast("BinaryIO", process.stdin).close()
        for urge in (process.terminate, process.kill):
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                urge()
        process.wait()
        cast("BinaryIO", process.stdout).close()


class _Patient:
    """A pipe that is read or written until a deadline, also where the other side stops in the middle.

    Args:
        pipe: its own end, unbuffered.
        within_s: from now to the deadline.
    """

    def __init__(self, pipe: BinaryIO, within_s: float) -> None:
        self._descriptor = pipe.fileno()
        self._deadline_s = time.monotonic() + within_s

    def read(self, size: int) -> bytes:
        """So many bytes; fewer where the other side closed before. Raises TimeoutError at the deadline."""
        pieces = []
        while size:
            self._wait(select.POLLIN)
            piece = os.read(self._descriptor, min(size, PIECE_BYTES))
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def write(self, content: bytes) -> None:
        """All of it. Raises TimeoutError at the deadline, when the other side has a part of it."""
        left = memoryview(content)
        while left:
            self._wait(select.POLLOUT)
            # a pipe that is ready takes this much without blocking: pipe(7)
            left = left[os.write(self._descriptor, left[: select.PIPE_BUF]) :]

    def flush(self) -> None:
        """Nothing is held back."""

    def _wait(self, event: int) -> None:
        ready = select.poll()
        ready.register(self._descriptor, event)
        if not ready.poll(max(0.0, self._deadline_s - time.monotonic()) * 1000):
            raise TimeoutError


def _package_path() -> str:
    """Search path on which the child finds this very package, wherever it lies."""
    package = str(Path(__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), package)))
