"""This module runs the worker on this machine, as a child process."""

import os
import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from harness.child import Child
from harness.errors import RefusalError, TargetError
from harness.frames import Frame


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
        self._child = Child("harness.targets.worker", title="the worker", failure=TargetError)
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            spawned_ns = time.monotonic_ns()
            undo.enter_context(self._child)
            if self._cpus and self._child.pid is not None:
                os.sched_setaffinity(self._child.pid, self._cpus)
            hello = self._child.receive(self._reply_s).header
            self._hello = {**hello, "start_s": (hello["started_ns"] - spawned_ns) * 1e-9}
            self._closing = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def hello(self) -> Mapping[str, Any]:
        """What the worker said at its start, with the time from its spawning to its first line of code."""
        return self._hello

    @property
    def subject_pid(self) -> int | None:
        """The worker's process."""
        return self._child.pid

    def ask(self, frame: Frame, *, reply_s: float) -> Frame:
        """Send a request and wait for its answer.

        Raises:
            RefusalError: the worker refused; it can be asked again.
            TargetError: the worker died or stayed silent for reply_s; it is then unusable.
        """
        self._child.send(frame, reply_s)
        reply = self._child.receive(reply_s)
        if "error" in reply.header:
            raise RefusalError(str(reply.header["error"]))
        return reply
