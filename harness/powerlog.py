"""This module keeps the power of one sitting while it is measured.

It drains the sampler between windows, turns raw integers into intervals of mean power when a window is to
be joined, and hands the raw integers on for keeping.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.meters import Flag, Link
from harness.meters.intervals import trace_of
from harness.meters.stream import PERIOD_SAMPLES, Channel, Sampler
from harness.meters.word import EnergyWord
from harness.trace import Trace, Traces

SAVE_EVERY_NS = 1_000_000_000
"""Raw samples are handed on for keeping once they are this old."""


class ChannelLog:
    """Samples of one channel, newest kept at hand.

    Args:
        channel: which.
        first: its samples so far.

    Attributes:
        period_ns, lag_ns: measured; 0 before `settle`.
        samples, lost: of the whole sitting.
    """

    def __init__(self, channel: Channel, first: NDArray[Any]) -> None:
        self.channel = channel
        self.period_ns = 0.0
        self.lag_ns = 0.0
        self.samples = len(first)
        self.lost = 0
        self._tail = first
        self._was_paused = False

    @property
    def is_enough(self) -> bool:
        """There are samples enough to tell the period."""
        return len(self._tail) >= PERIOD_SAMPLES

    @property
    def seen_until_ns(self) -> int:
        """End of the newest sample; 0 before the first."""
        return int(self._tail["ready_ns"][-1]) if len(self._tail) else 0

    @property
    def reach_ns(self) -> float:
        """A sample must end so long after a window for the window to be joined."""
        return self.lag_ns + self.period_ns

    def settle(self) -> None:
        """Take period and lag from the samples so far."""
        self.period_ns = self.channel.period_ns(self._tail["ready_ns"])
        self.lag_ns = self.channel.lag_s(self.period_ns * 1e-9) * 1e9

    def covers(self, end_ns: int) -> bool:
        """Samples have come in that end after end_ns."""
        return bool(len(self._tail)) and self.seen_until_ns - self.lag_ns >= end_ns

    def trace(self, begin_ns: int) -> Trace:
        """Intervals from before begin_ns to now."""
        since = np.searchsorted(self._tail["ready_ns"], begin_ns - 2 * self.period_ns)
        tail = self._tail[max(0, int(since) - 1) :]
        return trace_of(tail, self.channel.scale, period_ns=self.period_ns, lag_ns=self.lag_ns)

    def was_reset(self, begin_ns: int, end_ns: int) -> bool:
        """The chip had to be set anew for a sample that touches the window."""
        stamps = self._tail["ready_ns"]
        first, last = np.searchsorted(stamps, [begin_ns, round(end_ns + self.reach_ns)])
        return bool((self._tail["flags"][first : last + 1] & Flag.RESET).any())

    def pause(self) -> None:
        """What passes unread until the next sample was not lost."""
        self._was_paused = True

    def add(self, fresh: NDArray[Any]) -> None:
        """Samples that came in, at least one."""
        self.samples += len(fresh)
        self.lost += self._lost_before(fresh["ready_ns"])
        self._tail = np.concatenate([self._tail, fresh])

    def forget_before(self, begin_ns: int) -> None:
        """Drop samples that no window from begin_ns on needs."""
        keep = max(0, int(np.searchsorted(self._tail["ready_ns"], begin_ns - 4 * self.period_ns)) - 1)
        self._tail = self._tail[keep:]

    def as_record(self) -> Mapping[str, Any]:
        """What is needed to read its samples, as plain JSON."""
        return {
            "channel": self.channel.number,
            "period_ns": self.period_ns,
            "lag_ns": self.lag_ns,
            "watts": self.channel.scale.as_record(),
        }

    def _lost_before(self, ready_ns: NDArray[np.int64]) -> int:
        """Conversions missing between fresh samples and the one before them."""
        if not self.period_ns or not len(self._tail) or isinstance(self.channel.scale, EnergyWord):
            return 0  # before anything is known of the rhythm; a counter loses nothing
        stamps = np.concatenate([self._tail["ready_ns"][-1:], ready_ns])
        steps = np.rint(np.diff(stamps) / self.period_ns).astype(np.int64)
        if self._was_paused:
            steps[0], self._was_paused = 1, False
        return int(np.clip(steps - 1, 0, None).sum())


class PowerLog:
    """Samples of one sitting, newest kept at hand, those of each channel of the meter apart.

    Args:
        sampler: running.
        save: takes raw samples for keeping.
    """

    def __init__(self, sampler: Sampler, save: Callable[[NDArray[Any]], None]) -> None:
        self._sampler = sampler
        self._save = save
        first = sampler.drain()
        self._channels = [ChannelLog(channel, first[:0]) for channel in sampler.channels]
        self._unsaved: list[NDArray[Any]] = []
        self._uncertain: deque[tuple[int, int]] = deque()
        self._take(first)

    @property
    def link(self) -> Link:
        """How well the meter's clock is known, and how the way from it has fared."""
        return self._sampler.link

    @property
    def samples(self) -> int:
        """Of all channels, over the whole sitting."""
        return sum(log.samples for log in self._channels)

    @property
    def lost(self) -> int:
        """Conversions that were not read, of all channels."""
        return sum(log.lost for log in self._channels)

    @property
    def period_ns(self) -> float:
        """Measured conversion period, of the slowest channel; 0 before `settle`."""
        return max(log.period_ns for log in self._channels)

    @property
    def lag_ns(self) -> float:
        """Shift of a sample's interval against its stamp, the largest of any channel."""
        return max(log.lag_ns for log in self._channels)

    @property
    def channels(self) -> Mapping[str, Mapping[str, Any]] | None:
        """What is needed to read the samples of each channel, by its name; None of a meter that has just one."""
        if len(self._channels) == 1:
            return None
        return {
            log.channel.name: {**log.as_record(), "in_total": log.channel.name in self._sampler.total}
            for log in self._channels
        }

    def clock_uncertainty_ns(self, begin_ns: int) -> int:
        """The largest uncertainty of the meter's clock that was said of samples from begin_ns on."""
        return max((said_ns for until_ns, said_ns in self._uncertain if until_ns >= begin_ns), default=0)

    def settle(self) -> None:
        """Take period and lag from the samples so far, once there are enough of them.

        Raises:
            MeterError: they do not come.
        """
        self._drain()
        while not all(log.is_enough for log in self._channels):
            self._sampler.wait_beyond(min(log.seen_until_ns for log in self._channels))
            self._drain()
        for log in self._channels:
            log.settle()

    def covers(self, end_ns: int) -> bool:
        """Samples of every channel have come in that end after end_ns, so that a window up to there can be joined."""
        self._drain()
        return all(log.covers(end_ns) for log in self._channels)

    def wait_for(self, end_ns: int) -> None:
        """Wait, bounded, until the samples of every channel reach beyond end_ns.

        Raises:
            MeterError: they do not come.
        """
        self._sampler.wait_beyond(round(end_ns + max(log.reach_ns for log in self._channels)))
        self._drain()

    def trace(self, begin_ns: int) -> Trace | Traces:
        """Intervals from before begin_ns to now; those of each channel where there are several."""
        if len(self._channels) == 1:
            return self._channels[0].trace(begin_ns)
        return Traces(
            channels={log.channel.name: log.trace(begin_ns) for log in self._channels},
            total=self._sampler.total,
        )

    def was_reset(self, begin_ns: int, end_ns: int) -> bool:
        """A chip had to be set anew for a sample that touches the window."""
        return any(log.was_reset(begin_ns, end_ns) for log in self._channels)

    def mean_w(self, begin_ns: int, end_ns: int) -> float | None:
        """Mean power from begin_ns to end_ns; None where less than 90 % of it is covered."""
        trace = self.trace(begin_ns)
        if isinstance(trace, Traces):
            means = [_mean_w(trace.channels[name], begin_ns, end_ns) for name in trace.total]
            known = [mean_w for mean_w in means if mean_w is not None]
            return sum(known) if len(known) == len(means) else None
        return _mean_w(trace, begin_ns, end_ns)

    @contextmanager
    def paused(self, paused: bool = True) -> Iterator[None]:  # noqa: FBT001, FBT002  reads as a question to the log
        """With `paused` the sampler sleeps inside the block; without, it runs on as ever."""
        if not paused:
            yield
            return
        self._sampler.pause()
        self._drain()
        for log in self._channels:
            log.pause()
        try:
            yield
        finally:
            self._sampler.resume()

    def forget_before(self, begin_ns: int) -> None:
        """Drop samples that no window from begin_ns on needs; hand old ones on for keeping."""
        for log in self._channels:
            log.forget_before(begin_ns)
        while self._uncertain and self._uncertain[0][0] < begin_ns:
            self._uncertain.popleft()
        oldest = next((chunk["ready_ns"][0] for chunk in self._unsaved if len(chunk)), None)
        if oldest is not None and begin_ns - int(oldest) > SAVE_EVERY_NS:
            self.save()

    def save(self) -> None:
        """Hand all samples not yet kept on for keeping."""
        unsaved, self._unsaved = self._unsaved, []
        if unsaved:
            self._save(np.concatenate(unsaved))

    def _drain(self) -> None:
        fresh = self._sampler.drain()
        if len(fresh):
            self._uncertain.append((int(fresh["ready_ns"][-1]), self._sampler.link.clock_uncertainty_ns))
            self._take(fresh)

    def _take(self, fresh: NDArray[Any]) -> None:
        if not len(fresh):
            return
        self._unsaved.append(fresh)
        for log in self._channels:
            own = fresh if len(self._channels) == 1 else fresh[fresh["channel"] == log.channel.number]
            if len(own):
                log.add(own)


def _mean_w(trace: Trace, begin_ns: int, end_ns: int) -> float | None:
    power = trace.window(begin_ns, end_ns)
    if power.energy_j is None or power.coverage < 0.9:
        return None
    return power.energy_j / ((end_ns - begin_ns) * 1e-9 * power.coverage)
