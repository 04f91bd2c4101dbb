"""This module says what a meter is: a stream of conversions as the chip made them, each with its stamp.

Nothing here or below it needs numpy, pydantic or a YAML reader: the sampler must start fast.
"""

from collections.abc import Mapping
from enum import IntFlag
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

from harness.profile import Origin


class Flag(IntFlag):
    """What is to be known of one sample beside its figures.

    Attributes:
        SATURATED: a register stands at the end of its range; the true value is at least that.
        MISSED: conversions just before this one were lost.
        RESET: the chip had lost its configuration and was set up anew just before this one.
        LATE: the end of the conversion was not witnessed closely; its stamp continues the chip's rhythm.
        RETRIED: a transfer to the chip failed and was tried again; the figures are good.
        TAG: the pin that the device under test can set was high at the end of the conversion; only a bridge has it.
    """

    SATURATED = 1
    MISSED = 2
    RESET = 4
    LATE = 8
    TAG = 16
    RETRIED = 32


class Raw(NamedTuple):
    """One conversion, in the chip's own integers.

    Attributes:
        ready_ns: end of the conversion on CLOCK_MONOTONIC: the middle between the last look that found it
            unfinished and the first that found it ready.
        delay_ns: from there until both registers had been read.
        shunt: SHUNT register, signed.
        bus: BUS register, unsigned. Other meters put their own integers in both, as `harness.meters.word` says.
        flags: sum of `Flag`.
        channel: number of the chip where several are read in turn, each with a rhythm of its own; 0 for the only one.
    """

    ready_ns: int
    delay_ns: int
    shunt: int
    bus: int
    flags: int
    channel: int = 0


class Link(NamedTuple):
    """The way from the meter's clock to this machine's.

    Attributes:
        clock_uncertainty_ns: stamps are off by no more than this; 0 where the meter is stamped on this clock.
        clock_rate_ppb: how much faster this machine's clock runs than the meter's.
        clock_residual_ns: root mean square of what was seen of the two clocks about the line that maps them.
        damaged: stretches of what came in that were no sample, or not believed.
        reopened: times the line to the meter had to be begun anew.
    """

    clock_uncertainty_ns: int = 0
    clock_rate_ppb: int = 0
    clock_residual_ns: int = 0
    damaged: int = 0
    reopened: int = 0


DIRECT = Link()
"""Of a meter that this machine stamps itself."""


@runtime_checkable
class Remote(Protocol):
    """A stream that is stamped on a clock of its own, besides."""

    @property
    def link(self) -> Link:
        """How its clock is known now, and how the way from it has fared so far."""
        ...


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
