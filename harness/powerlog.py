"""This module keeps the power of one sitting while it is measured.

It drains the sampler between windows, turns raw integers into intervals of mean power when a window is to
be joined, and hands the raw integers on for keeping.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.meters import Flag, Link
from harness.meters.intervals import trace_of
from harness.meters.stream import PERIOD_SAMPLES, Sampler, conversion_period_ns
from harness.meters.word import EnergyWord
from harness.trace import Trace

SAVE_EVERY_NS = 1_000_000_000
"""Raw samples are handed on for keeping once they are this old."""


class PowerLog:
    """Samples of one sitting, newest kept at hand.

    Args:
        sampler: running.
        save: takes raw samples for keeping.
    """

    def __init__(self, sampler: Sampler, save: Callable[[NDArray[Any]], None]) -> None:
        self._sampler = sampler
        self._save = save
        self._tail = sampler.drain()
        self._unsaved = [self._tail]
        self.samples = len(self._tail)
        self.lost = 0
        self.period_ns = 0.0
        self.lag_ns = 0.0
        self._was_paused = False
        self._uncertain: deque[tuple[int, int]] = deque()

    @property
    def link(self) -> Link:
        """How well the meter's clock is known, and how the way from it has fared."""
        return self._sampler.link

    def clock_uncertainty_ns(self, begin_ns: int) -> int:
        """The largest uncertainty of the meter's clock that was said of samples from begin_ns on."""
        return max((said_ns for until_ns, said_ns in self._uncertain if until_ns >= begin_ns), default=0)

    def settle(self) -> None:
        """Take period and lag from the samples so far, once there are enough of them.

        Raises:
            MeterError: they do not come.
        """
        self._drain()
        while len(self._tail) < PERIOD_SAMPLES:
            self._sampler.wait_beyond(int(self._tail["ready_ns"][-1]) if len(self._tail) else 0)
            self._drain()
        self.period_ns = conversion_period_ns(self._tail["ready_ns"])
        self.lag_ns = self._sampler.lag_s(self.period_ns * 1e-9) * 1e9

    def covers(self, end_ns: int) -> bool:
        """Samples have come in that end after end_ns, so that a window up to there can be joined."""
        self._drain()
        return bool(len(self._tail)) and int(self._tail["ready_ns"][-1]) - self.lag_ns >= end_ns

    def wait_for(self, end_ns: int) -> None:
        """Wait, bounded, until the samples reach beyond end_ns.

        Raises:
            MeterError: they do not come.
        """
        self._sampler.wait_beyond(round(end_ns + self.lag_ns + self.period_ns))
        self._drain()

    def trace(self, begin_ns: int) -> Trace:
        """Intervals from before begin_ns to now."""
        since = np.searchsorted(self._tail["ready_ns"], begin_ns - 2 * self.period_ns)
        tail = self._tail[max(0, int(since) - 1) :]
        return trace_of(tail, self._sampler.scale, period_ns=self.period_ns, lag_ns=self.lag_ns)

    def was_reset(self, begin_ns: int, end_ns: int) -> bool:
        """The chip had to be set anew for a sample that touches the window."""
        stamps = self._tail["ready_ns"]
        first, last = np.searchsorted(stamps, [begin_ns, round(end_ns + self.lag_ns + self.period_ns)])
        return bool((self._tail["flags"][first : last + 1] & Flag.RESET).any())

    def mean_w(self, begin_ns: int, end_ns: int) -> float | None:
        """Mean power from begin_ns to end_ns; None where less than 90 % of it is covered."""
        power = self.trace(begin_ns).window(begin_ns, end_ns)
        if power.energy_j is None or power.coverage < 0.9:
            return None
        return power.energy_j / ((end_ns - begin_ns) * 1e-9 * power.coverage)

    @contextmanager
    def paused(self, paused: bool = True) -> Iterator[None]:  # noqa: FBT001, FBT002  reads as a question to the log
        """With `paused` the sampler sleeps inside the block; without, it runs on as ever."""
        if not paused:
            yield
            return
        self._sampler.pause()
        self._drain()
        self._was_paused = True
        try:
            yield
        finally:
            self._sampler.resume()

    def forget_before(self, begin_ns: int) -> None:
        """Drop samples that no window from begin_ns on needs; hand old ones on for keeping."""
        keep = max(0, int(np.searchsorted(self._tail["ready_ns"], begin_ns - 4 * self.period_ns)) - 1)
        self._tail = self._tail[keep:]
        while self._uncertain and self._uncertain[0][0] < begin_ns:
            self._uncertain.popleft()
        oldest = next((chunk["ready_ns"][0] for chunk in self._unsaved if len(chunk)), None)
        if oldest is not None and begin_ns - int(oldest) > SAVE_EVERY_NS:
            self.save()

    def save(self) -> None:
        """Hand all samples not yet kept on for keeping."""
        unsaved, self._unsaved = [chunk for chunk in self._unsaved if len(chunk)], []
        if unsaved:
            self._save(np.concatenate(unsaved))

    def _drain(self) -> None:
        fresh = self._sampler.drain()
        if len(fresh):
            self.samples += len(fresh)
            self.lost += self._lost_before(fresh["ready_ns"])
            self._uncertain.append((int(fresh["ready_ns"][-1]), self._sampler.link.clock_uncertainty_ns))
            self._unsaved.append(fresh)
            self._tail = np.concatenate([self._tail, fresh])

    def _lost_before(self, ready_ns: NDArray[np.int64]) -> int:
        """Conversions missing between fresh samples and the one before them."""
        if not self.period_ns or not len(self._tail) or isinstance(self._sampler.scale, EnergyWord):
            return 0  # before anything is known of the rhythm; a counter loses nothing
        stamps = np.concatenate([self._tail["ready_ns"][-1:], ready_ns])
        steps = np.rint(np.diff(stamps) / self.period_ns).astype(np.int64)
        if self._was_paused:  # what passed unread in a pause was not lost
            steps[0], self._was_paused = 1, False
        return int(np.clip(steps - 1, 0, None).sum())
