"""This module says what a target is: a device made ready to infer, spoken to in frames."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from harness.frames import Frame


class Target(Protocol):
    """A worker process on a device, from its start to its end; a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def hello(self) -> Mapping[str, Any]:
        """What the worker said of itself at its start."""

    @property
    def subject_pid(self) -> int | None:
        """Process whose CPU use a simulated meter watches; None where it is not on this machine."""

    def ask(self, frame: Frame, *, reply_s: float) -> Frame:
        """Send a request and wait for its answer.

        Raises:
            RefusalError: the worker refused; it can be asked again.
            TargetError: the worker died or stayed silent for reply_s; it is then unusable.
        """
