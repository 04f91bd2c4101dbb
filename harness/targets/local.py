"""This module runs the worker on this machine, as a child process with two pipes."""

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from harness.errors import RefusalError, TargetError
from harness.frames import Frame, FrameError, receive, send

STDERR_TAIL_BYTES = 2000


class LocalTarget:
    """A worker process on this machine.

    Args:
        reply_s: how long its start may take.
        cpus: processors it may run on, so that it does not meet the sampler there; empty for all.
    """

    def __init__(self, *, reply_s: float, cpus: Collection[int] = ()) -> None:
        self._reply_s = reply_s
        self._cpus = cpus
        self._hello: Mapping[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._spawned_ns = 0

    def __enter__(self) -> Self:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self._spawned_ns = time.monotonic_ns()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.targets.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            process_group=0,
        )
        if self._cpus:
            os.sched_setaffinity(self._process.pid, self._cpus)
        try:
            hello = self._receive(self._reply_s).header
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self._hello = {**hello, "start_s": (hello["started_ns"] - self._spawned_ns) * 1e-9}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            try:
                cast("BinaryIO", stream).close()
            except OSError:  # unflushed bytes for a worker that is gone
                continue
        try:
            process.wait(timeout=self._reply_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._stderr.close()

    @property
    def hello(self) -> Mapping[str, Any]:
        """What the worker said at its start, with the time from its spawning to its first line of code."""
        return self._hello

    @property
    def subject_pid(self) -> int | None:
        """The worker's process."""
        return None if self._process is None else self._process.pid

    def ask(self, frame: Frame, *, reply_s: float) -> Frame:
        """Send a request and wait for its answer.

        Raises:
            RefusalError: the worker refused; it can be asked again.
            TargetError: the worker died or stayed silent for reply_s; it is then unusable.
        """
        if self._process is None:
            raise TargetError("the worker is not running")
        try:
            send(cast("BinaryIO", self._process.stdin), frame)
        except OSError as error:
            raise TargetError(self._obituary()) from error
        reply = self._receive(reply_s)
        if "error" in reply.header:
            raise RefusalError(str(reply.header["error"]))
        return reply

    def _receive(self, reply_s: float) -> Frame:
        process = cast("subprocess.Popen[bytes]", self._process)
        stream = cast("BinaryIO", process.stdout)
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            if not selector.select(reply_s):
                raise TargetError(
                    f"the worker (process {process.pid}) gave no answer within {reply_s:g} s; "
                    "raise reply_s in the device's file if the model is that slow"
                )
        try:
            frame = receive(stream)
        except FrameError as error:
            raise TargetError(f"{self._obituary()} ({error})") from error
        if frame is None:
            raise TargetError(self._obituary())
        return frame

    def _obituary(self) -> str:
        """How the worker ended, with the last words of its standard error."""
        process = cast("subprocess.Popen[bytes]", self._process)
        try:
            code = process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return f"the worker (process {process.pid}) closed its end of the pipe but still runs"
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, self._stderr.tell() - STDERR_TAIL_BYTES))
        said = self._stderr.read().decode("utf-8", "replace").strip()
        return f"the worker (process {process.pid}) {how}" + (f"; it said: {said}" if said else "")
