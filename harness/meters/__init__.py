"""This module says what a meter is: a stream of conversions as the chip made them, each with its stamp.

Nothing here or below it needs numpy, pydantic or a YAML reader: the sampler must start fast.
"""

from collections.abc import Mapping
from enum import IntFlag
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from harness.profile import Origin


class Flag(IntFlag):
    """What is to be known of one sample beside its figures.

    Attributes:
        SATURATED: a register stands at the end of its range; the true value is at least that.
        MISSED: conversions just before this one were lost.
        RESET: the chip had lost its configuration and was set up anew just before this one.
        LATE: the end of the conversion was not witnessed closely; its stamp continues the chip's rhythm.
    """

    SATURATED = 1
    MISSED = 2
    RESET = 4
    LATE = 8


class Raw(NamedTuple):
    """One conversion, in the chip's own integers.

    Attributes:
        ready_ns: end of the conversion on CLOCK_MONOTONIC: the middle between the last look that found it
            unfinished and the first that found it ready.
        delay_ns: from there until both registers had been read.
        shunt: SHUNT register, signed.
        bus: BUS register, unsigned.
        flags: sum of `Flag`.
    """

    ready_ns: int
    delay_ns: int
    shunt: int
    bus: int
    flags: int


class Stream(Protocol):
    """A meter that yields each conversion once; it is set up on entry and restored on exit."""

    @property
    def origin(self) -> Origin:
        """Where its figures come from."""
        ...

    def configuration(self) -> Mapping[str, Any]:
        """The settings as read back from the chip; plain JSON."""
        ...

    def next(self) -> Raw:
        """Wait, not for ever, for the next conversion.

        Raises:
            MeterError: it did not come.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
