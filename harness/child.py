"""This module is a child process of the bench, spoken to in frames over its standard streams.

The worker on this machine and the sampler are such children. A child ends when its input does; it is asked,
then urged, then forced, and its last words are kept for the message that tells of its end.
"""

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from harness.errors import BenchError
from harness.frames import Frame, FrameError, receive, send

GRACE_S = 2.0
"""For a child to end by itself, and again after it was urged."""

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

    def send(self, frame: Frame) -> None:
        """Send a frame.

        Raises:
            BenchError: the child is gone; of the class given.
        """
        try:
            send(cast("BinaryIO", self._running().stdin), frame)
        except OSError as error:
            raise self._failure(self.obituary()) from error

    def receive(self, reply_s: float) -> Frame:
        """Wait so long for a frame.

        Raises:
            BenchError: it did not come in time, is damaged, or the child is gone; of the class given.
        """
        stream = cast("BinaryIO", self._running().stdout)
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            if not selector.select(reply_s):
                raise self._failure(
                    f"{self._title} (process {self.pid}) gave no answer within {reply_s:g} s; is the machine "
                    "overloaded? reply_s in the device's file sets the limit"
                )
        try:
            frame = receive(stream)
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

    def _own_account(self) -> str:
        """The `error` of a frame that the child left behind; empty for none. Only for a child that has ended."""
        with suppress(FrameError, ValueError):
            frame = receive(cast("BinaryIO", self._running().stdout))
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


def _package_path() -> str:
    """Search path on which the child finds this very package, wherever it lies."""
    package = str(Path(__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), package)))
