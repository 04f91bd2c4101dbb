"""This module makes a stream of an energy counter: a count that only rises, is renewed now and then, and wraps.

A counter loses nothing between two looks, but its energy is only known at the instants it is renewed. It is
looked at on a schedule; a sample is made when it has changed. Where it is renewed more seldom than looked at,
the instant is the middle between the last look that found it unchanged and the first that found it changed.
"""

import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from statistics import median
from types import TracebackType
from typing import Any, Protocol, Self

from harness.errors import MeterError
from harness.meters import Flag, Link, Raw
from harness.meters.polled import LONGEST_DELAY_NS
from harness.meters.word import EnergyWord, split, wrapped
from harness.profile import Origin

PATIENCE_NS = 2_000_000_000
"""A counter that stands still for longer, or for 20 looks, does not count."""
SLOW_LOOKS = 1.5
"""A counter renewed more seldom than every so many looks is seen at each renewal."""
PROBE_NS = 500_000_000
"""It is watched for this long at first, to learn how often it is renewed."""
PROBE_CHANGES = 8
"""Or until it has been renewed this often."""


class Counter(Protocol):
    """What counts energy."""

    def open(self) -> Mapping[str, Any]:
        """Make ready; gives what it says of itself, as plain JSON.

        Raises:
            MeterError: it is not there or may not be read.
        """
        ...

    def read(self) -> int:
        """The count as it is now.

        Raises:
            MeterError: it cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of it; twice is harmless, and so is closing what was never opened."""
        ...

    @property
    def span(self) -> int | None:
        """Counts after which it begins again from 0; None where it never does. Known once it is open."""
        ...


class Counted:
    """A counter as a stream: each sample is the count when it was renewed, unwrapped, modulo 2**32.

    Args:
        counter: what is read.
        unit_j: joules of one count.
        origin: of its figures.
        period_s: time between two looks.
        clock: CLOCK_MONOTONIC in nanoseconds.
        sleep: waits that many seconds on the same clock.
    """

    def __init__(
        self,
        counter: Counter,
        *,
        unit_j: float,
        origin: Origin,
        period_s: float,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.origin = origin
        self._counter = counter
        self._readout = EnergyWord(unit_j=unit_j)
        self._period_ns = max(1, round(period_s * 1e9))
        self._patience_ns = max(PATIENCE_NS, 20 * self._period_ns)
        self._clock = clock
        self._sleep = sleep
        self._settings: Mapping[str, Any] = {}
        self._update_s: float | None = None
        self._last = self._total = 0
        self._due_ns = self._looked_ns = 0
        self._was_still = False

    def __enter__(self) -> Self:
        try:
            self._settings = self._counter.open()
            self._last = self._counter.read()
            self._due_ns = self._looked_ns = self._clock()
            self._update_s = self._probe()
        except BaseException:
            self._counter.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._counter.close()

    def configuration(self) -> Mapping[str, Any]:
        """What the counter says of itself, with `watts`, `period_s`, `update_s`, `span` and `lag_s`.

        `update_s` is how often it was seen renewed, at most as often as it is looked at; None where it was seen
        less than three times. A window holds at least the protocol's number of renewals, and is so bounded by it.
        """
        return {
            **self._settings,
            "watts": self._readout.as_record(),
            "period_s": self._period_ns * 1e-9,
            "update_s": self._update_s,
            "span": self._counter.span,
            "lag_s": 0.0,
        }

    @property
    def link(self) -> Link:
        """How far a renewal may be from its stamp: half a look where each is seen, a whole one where not."""
        is_slow = self._update_s is not None and self._update_s > SLOW_LOOKS * self._period_ns * 1e-9
        return Link(clock_uncertainty_ns=self._period_ns // (2 if is_slow else 1))

    def next(self) -> Raw:
        """Wait until the counter has changed.

        Raises:
            MeterError: it cannot be read, or stands still.
        """
        deadline_ns = self._clock() + self._patience_ns
        while (raw := self._look()) is None:
            if self._clock() > deadline_ns:
                raise MeterError(
                    f"the energy counter has stood at {self._last} for {self._patience_ns * 1e-9:g} s; it does not "
                    "count on this machine (virtual machines often show one that stands still)"
                )
        return raw

    def _look(self) -> Raw | None:
        """One look at its time; None where the counter has not changed."""
        self._due_ns = max(self._due_ns + self._period_ns, self._clock())
        wait_s = (self._due_ns - self._clock()) * 1e-9
        if wait_s > 0:
            self._sleep(wait_s)
        before_ns = self._clock()
        count = self._counter.read()
        after_ns = self._clock()
        unchanged_ns, self._looked_ns = self._looked_ns, before_ns
        step, flags = self._step(count)
        was_still, self._was_still = self._was_still, not step
        if not step and not flags:
            return None
        ready_ns = ((unchanged_ns if was_still else before_ns) + after_ns) // 2
        delay_ns = min(after_ns - ready_ns, LONGEST_DELAY_NS)
        return Raw(ready_ns, delay_ns, *split(wrapped(self._total)), int(flags))

    def _step(self, count: int) -> tuple[int, Flag]:
        """Counts since the last look, added to the total."""
        step, self._last = count - self._last, count
        flags = Flag(0)
        if step < 0:
            if self._counter.span is None:
                return 0, Flag.RESET | Flag.MISSED  # it began anew; how far it had come is not known
            step += self._counter.span
        self._total += step
        return step, flags

    def _probe(self) -> float | None:
        """Time between two changes, as often as it is looked at."""
        until_ns = self._clock() + PROBE_NS
        stamps: list[int] = []
        while self._clock() < until_ns and len(stamps) <= PROBE_CHANGES:
            raw = self._look()
            if raw is not None:
                stamps.append(raw.ready_ns)
        steps = [after - before for before, after in pairwise(stamps)]
        return median(steps) * 1e-9 if len(steps) > 1 else None
