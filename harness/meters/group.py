"""This module reads several INA226 on one bus in one loop, each in its own rhythm.

The chips run freely and are not in step. Each says in steps (`Ina226.steps`) when it wants to be looked at next, and
the one that is due first is served. Never are two chips asked in one transfer, which not every adapter can do
(drivers/i2c/busses/i2c-designware-master.c of the Linux kernel takes one address in each).
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from harness.meters import Raw
from harness.meters.i2c import RegisterBus
from harness.meters.ina226 import Ina226
from harness.profile import Ina226Group

ABSENCE_NS = 100_000_000
"""After nobody asked for so long, as in a pause, the chips are not blamed for the silence: waiting begins anew."""


class GroupStream:
    """The conversions of several chips, each with the number of its channel, as they come.

    Args:
        group: the chips; the place of a channel in it is its number.
        buses: registers of each channel's chip; they stay the caller's.
        clock: CLOCK_MONOTONIC in nanoseconds.
        sleep: waits that many seconds on the same clock.
    """

    def __init__(
        self,
        group: Ina226Group,
        buses: Mapping[str, RegisterBus],
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.origin = group.origin
        self._clock = clock
        self._sleep = sleep
        self._chips = {
            name: Ina226(chip, buses[name], clock=clock, sleep=sleep) for name, chip in group.channels.items()
        }
        self._numbered = list(self._chips.values())
        self._steps: list[Generator[int, None, Raw]] = []
        self._due_ns: list[int] = []
        self._left_ns = 0
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            for chip in self._chips.values():
                undo.enter_context(chip)
            self._opened = undo.pop_all()
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def configuration(self) -> Mapping[str, Any]:
        """What each chip is set to, as read back from it, by channel."""
        return {
            "chip": f"{len(self._chips)} INA226",
            "channels": {name: dict(chip.configuration()) for name, chip in self._chips.items()},
        }

    def next(self) -> Raw:
        """Wait for the next conversion of any chip, for at most a second or 20 periods.

        Raises:
            MeterError: a chip fell silent.
        """
        if self._clock() - self._left_ns > ABSENCE_NS:
            self._begin()
        while True:
            channel = min(range(len(self._steps)), key=self._due_ns.__getitem__)
            wait_s = (self._due_ns[channel] - self._clock()) * 1e-9
            if wait_s > 0:
                self._sleep(wait_s)
            try:
                self._due_ns[channel] = next(self._steps[channel])
            except StopIteration as finished:
                raw: Raw = finished.value
                self._left_ns = self._due_ns[channel] = self._clock()
                self._steps[channel] = self._numbered[channel].steps()
                return raw._replace(channel=channel)

    def _begin(self) -> None:
        self._steps = [chip.steps() for chip in self._numbered]
        self._left_ns = self._clock()
        self._due_ns = [self._left_ns] * len(self._steps)
