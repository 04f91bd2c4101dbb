"""This module holds what feeds a simulated meter: cumulative energy over time, exact or from a real process."""

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

POINTS = 1 << 14
"""Of a process's CPU use that are remembered; half are dropped when there are more."""

TOGETHER_NS = 20_000
"""Two readings of the clock this close say when the CPU clock between them was read."""
READINGS = 4
"""Attempts at that; the last one counts as it is."""


class Energy(Protocol):
    """Energy a load has taken since some beginning; it never falls."""

    def energy_j(self, at_ns: int) -> float:
        """Energy taken until this instant."""
        ...


class CpuWaveform:
    """Idle power plus the CPU use of a process times the power of one core.

    CPU use is known at the instants it was asked for; in between the process is taken to run evenly.

    Args:
        used_ns: reads the CPU time of the process.
        idle_w: power with nothing running.
        core_w: additional power of one fully used core.
        clock: nanoseconds on the clock of the simulated chip.
    """

    def __init__(
        self,
        used_ns: Callable[[], int],
        *,
        idle_w: float,
        core_w: float,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._read_used_ns = used_ns
        self._idle_w = idle_w
        self._core_w = core_w
        self._clock = clock
        self._at_ns: list[int] = []
        self._used_ns: list[int] = []
        self._begin_ns = 0

    def energy_j(self, at_ns: int) -> float:
        """Energy until this instant, which is now or earlier.

        Raises:
            MeterError: the process is gone.
        """
        if not self._at_ns or at_ns > self._at_ns[-1]:
            self._note()
        used_ns = self._used_until(at_ns)
        return (self._idle_w * (at_ns - self._begin_ns) + self._core_w * used_ns) * 1e-9

    def _note(self) -> None:
        # Where the watcher itself was held up between the three readings, they do not belong together.
        for _ in range(READINGS):
            before_ns = self._clock()
            used_ns = self._read_used_ns()
            after_ns = self._clock()
            if after_ns - before_ns <= TOGETHER_NS:
                break
        at_ns = (before_ns + after_ns) // 2
        if not self._at_ns:
            self._begin_ns = at_ns
        elif at_ns <= self._at_ns[-1]:
            return
        self._at_ns.append(at_ns)
        self._used_ns.append(used_ns)
        if len(self._at_ns) > POINTS:
            del self._at_ns[: POINTS // 2], self._used_ns[: POINTS // 2]

    def _used_until(self, at_ns: int) -> float:
        after = bisect_right(self._at_ns, at_ns)
        if after in (0, len(self._at_ns)):  # before the first or after the last point
            return self._used_ns[min(after, len(self._at_ns) - 1)]
        begin_ns, end_ns = self._at_ns[after - 1], self._at_ns[after]
        begin_used, end_used = self._used_ns[after - 1], self._used_ns[after]
        return begin_used + (end_used - begin_used) * (at_ns - begin_ns) / (end_ns - begin_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Constant power for a time, with an optional sinusoidal ripple on it.

    Attributes:
        duration_s: how long.
        power_w: mean level.
        ripple_w: amplitude of the ripple.
        ripple_hz: its frequency; its phase is zero at the begin of the level.
    """

    duration_s: float
    power_w: float
    ripple_w: float = 0.0
    ripple_hz: float = 0.0

    def energy_j(self, elapsed_s: float) -> float:
        """Integral from the begin of the level."""
        energy_j = self.power_w * elapsed_s
        if self.ripple_w:
            omega = 2 * math.pi * self.ripple_hz
            energy_j += self.ripple_w * (1 - math.cos(omega * elapsed_s)) / omega
        return energy_j


class PiecewiseWaveform:
    """Levels one after the other, with their exact integral.

    Args:
        levels: at least one.
        begin_ns: begin of the first level.
        periodic: begin again after the last level; otherwise `rest_w` follows.
        rest_w: power before the first level, and after the last one.
    """

    def __init__(
        self, levels: Sequence[Level], *, begin_ns: int = 0, periodic: bool = False, rest_w: float = 0.0
    ) -> None:
        self._levels = levels
        self._begin_ns = begin_ns
        self._periodic = periodic
        self._rest_w = rest_w
        self._starts_s = list(accumulate((level.duration_s for level in levels), initial=0.0))
        self._sums_j = list(accumulate((level.energy_j(level.duration_s) for level in levels), initial=0.0))

    def energy_j(self, at_ns: int) -> float:
        """Energy since `begin_ns`; negative before it."""
        elapsed_s = (at_ns - self._begin_ns) * 1e-9
        if elapsed_s < 0:
            return self._rest_w * elapsed_s
        whole_s = self._starts_s[-1]
        if self._periodic:
            rounds = elapsed_s // whole_s
            return rounds * self._sums_j[-1] + self._within_j(elapsed_s - rounds * whole_s)
        if elapsed_s >= whole_s:
            return self._sums_j[-1] + self._rest_w * (elapsed_s - whole_s)
        return self._within_j(elapsed_s)

    def _within_j(self, elapsed_s: float) -> float:
        index = min(bisect_right(self._starts_s, elapsed_s), len(self._levels)) - 1
        return self._sums_j[index] + self._levels[index].energy_j(elapsed_s - self._starts_s[index])
