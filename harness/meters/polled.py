"""This module makes a stream of a source that shows its latest value and does not say when it is new.

It is read on an absolute schedule, once in each update of the source. Equal readings are data. How old a value
is when it is read is not known better than one update interval, which is stated as the uncertainty of the stamps.
"""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from harness.errors import MeterError
from harness.meters import Flag, Link, Raw
from harness.meters.word import Readout
from harness.profile import Origin

LONGEST_DELAY_NS = (1 << 31) - 1
"""A reading that took longer is kept with this delay; it has 32 bits."""


class Source(Protocol):
    """What shows a value: it is opened, read again and again, and closed."""

    def open(self) -> Mapping[str, Any]:
        """Make ready; gives the settings as read back, as plain JSON.

        Raises:
            MeterError: it is not there, not what the profile says, or may not be read.
        """
        ...

    def read(self) -> tuple[int, int]:
        """The two integers of a sample, as they are now.

        Raises:
            MeterError: it cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of it; twice is harmless, and so is closing what was never opened."""
        ...

    @property
    def readout(self) -> Readout:
        """What the integers are; known once it is open."""
        ...

    @property
    def update_s(self) -> float | None:
        """Time between two new values of the source; None where it does not say."""
        ...


class Polled:
    """A source as a stream of readings.

    Args:
        source: what is read.
        origin: of its figures.
        period_s: time between two readings; None for the update interval of the source.
        clock: CLOCK_MONOTONIC in nanoseconds.
        sleep: waits that many seconds on the same clock.
    """

    def __init__(
        self,
        source: Source,
        *,
        origin: Origin,
        period_s: float | None,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.origin = origin
        self._source = source
        self._wanted_s = period_s
        self._clock = clock
        self._sleep = sleep
        self._period_ns = 0
        self._due_ns = 0
        self._settings: Mapping[str, Any] = {}

    def __enter__(self) -> Self:
        try:
            self._settings = self._source.open()
            self._period_ns = self._find_period_ns()
        except BaseException:
            self._source.close()
            raise
        self._due_ns = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    def configuration(self) -> Mapping[str, Any]:
        """Settings as read back, with `watts`, `period_s`, `update_s` and `lag_s`.

        A value read at t is the mean over an update interval U that ended between t - U and t. Its centre lies U
        before t on average, and the centre of a sample of period P lies P / 2 before t: the lag is U - P / 2.
        """
        period_s = self._period_ns * 1e-9
        return {
            **self._settings,
            "watts": self._source.readout.as_record(),
            "period_s": period_s,
            "update_s": self._source.update_s,
            "lag_s": self._update_s - period_s / 2,
        }

    @property
    def link(self) -> Link:
        """How far a value may be from where its stamp and the lag put it: half an update interval."""
        return Link(clock_uncertainty_ns=round(self._update_s / 2 * 1e9))

    def _find_period_ns(self) -> int:
        period_s = self._wanted_s or self._source.update_s
        if period_s is None:
            raise MeterError(
                "meter.period_s: is null, and the meter does not say how often it is renewed; give the time "
                "between two readings in s"
            )
        return max(1, round(period_s * 1e9))

    @property
    def _update_s(self) -> float:
        return self._source.update_s or self._period_ns * 1e-9

    def next(self) -> Raw:
        """Wait for the next time of the schedule and read; a time that is past is left out and flagged.

        Raises:
            MeterError: it cannot be read.
        """
        flags = Flag(0)
        self._due_ns += self._period_ns
        late_ns = self._clock() - self._due_ns
        if late_ns > self._period_ns:
            self._due_ns += late_ns // self._period_ns * self._period_ns
            flags |= Flag.MISSED
        wait_s = (self._due_ns - self._clock()) * 1e-9
        if wait_s > 0:
            self._sleep(wait_s)
        before_ns = self._clock()
        first, second = self._source.read()
        after_ns = self._clock()
        ready_ns = (before_ns + after_ns) // 2
        return Raw(ready_ns, min(after_ns - ready_ns, LONGEST_DELAY_NS), first, second, int(flags))
