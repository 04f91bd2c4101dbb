"""This module reads a power monitor of TI's INA2xx family: it sets the chip up and yields each conversion once.

The parts of the family convert shunt, then bus, again and again, and raise a flag when both are done. What differs
between them is in `harness.meters.part` and in the classes that name one of them.
"""

import errno
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self

from harness.errors import MeterError
from harness.meters import Flag, Raw
from harness.meters.i2c import RegisterBus
from harness.meters.part import Part
from harness.meters.rhythm import Rhythm

CONFIG = 0x00
SHUNT = 0x01
BUS = 0x02
"""The same in each part."""

SETTLE_NS = 100_000
"""Allowed to an overdue conversion beside its share of the period: the time of a look."""
OVERDUE_PERIODS = 0.3
"""A conversion this much late is looked into; the chip's clock explains 0.1."""
POLL_PAUSE_NS = 20_000
"""Between two looks; it leaves the processor to others where the bus itself takes no time."""
PATIENCE_NS = 1_000_000_000
"""Without any conversion for this long, or for 20 periods, the chip counts as silent."""
CHECK_CONVERSIONS = 64
"""CONFIG is read again this often: a chip that lost its supply for a moment works on with other settings."""
LONGEST_DELAY_NS = (1 << 31) - 1
"""A result read later than this is given up; the delay is kept in 32 bits."""
ATTEMPTS = 3
"""At the results of a conversion before it is given up, and at giving the chip back."""


def signed(word: int) -> int:
    """Two's complement of a 16-bit register; SHUNT and CURRENT have it."""
    return word - 0x10000 if word & 0x8000 else word


class Monitor(ABC):
    """One chip as a stream of conversions; it is set up on entry and given back as found on exit.

    Args:
        part: which of the family it is.
        bus: its registers; stays the caller's.
        name: of the chip and its place, for messages.
        word: CONFIG as it is to be set.
        nominal_s: time between two results by the typical conversion times.
        largest_shunt: count of SHUNT at which its range ends, in either direction.
        clock: CLOCK_MONOTONIC in nanoseconds.
        sleep: waits that many seconds on the same clock.
    """

    def __init__(
        self,
        part: Part,
        bus: RegisterBus,
        *,
        name: str,
        word: int,
        nominal_s: float,
        largest_shunt: int,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._part = part
        self._bus = bus
        self._name = name
        self._word = word
        self._largest_shunt = largest_shunt
        self._clock = clock
        self._sleep = sleep
        self._rhythm = Rhythm(nominal_s * 1e9)
        self._patience_ns = max(PATIENCE_NS, round(20 * nominal_s * 1e9))
        self._found_config: int | None = None
        self._down_ns = 0
        self._unchecked = 0
        self._troubled = False
        self._last_error: OSError | None = None

    @abstractmethod
    def configuration(self) -> Mapping[str, Any]:
        """What the chip is set to, as read back from it."""

    @abstractmethod
    def _identify(self) -> None:
        """See that the chip is what the profile says.

        Raises:
            MeterError: it is not.
            OSError: it does not answer.
        """

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self._restore)
            try:
                self._identify()
                self._found_config = self._bus.read_u16(CONFIG)
                holds = self._set_up()
                found = self._word if holds else self._bus.read_u16(CONFIG)
            except OSError as error:
                raise MeterError(
                    f"{self._name}: no answer while it was set up ({error}); check wiring and supply"
                ) from error
            if not holds:
                raise MeterError(
                    f"{self._name}: CONFIG was set to {self._word:#06x} and reads {found:#06x}; "
                    "does another program or a kernel driver use the chip?"
                )
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _restore(self) -> None:
        """Give CONFIG back as it was found, once."""
        found, self._found_config = self._found_config, None
        if found is not None:
            for _ in range(ATTEMPTS):
                with suppress(OSError, MeterError):  # a chip that no longer answers keeps nothing to restore
                    self._bus.write_u16(CONFIG, found)
                    break

    def next(self) -> Raw:
        """Wait for the next conversion, for at most a second or 20 periods.

        Raises:
            MeterError: the chip fell silent.
        """
        steps = self.steps()
        while True:
            try:
                wait_s = (next(steps) - self._clock()) * 1e-9
            except StopIteration as finished:
                raw: Raw = finished.value
                return raw
            if wait_s > 0:
                self._sleep(wait_s)

    def steps(self) -> Generator[int, None, Raw]:
        """The next conversion in steps, between which other chips on the bus can be served.

        Yields:
            When the next step is due, on the clock given.

        Returns:
            The conversion.

        Raises:
            MeterError: the chip fell silent for a second or 20 periods.
        """
        flags = Flag(0)
        deadline_ns = self._clock() + self._patience_ns
        while self._clock() < deadline_ns:
            try:
                raw = yield from self._attempt()
                if raw is None:
                    flags |= Flag.MISSED
                if raw is not None and self._unchecked < CHECK_CONVERSIONS:
                    return raw._replace(flags=raw.flags | flags)
                self._unchecked = 0
                if self._bus.read_u16(CONFIG) == self._word:
                    if raw is not None:
                        return raw._replace(flags=raw.flags | flags)
                    continue
                if self._set_up():
                    flags |= Flag.RESET | Flag.MISSED
            except OSError as error:
                self._last_error = error
                flags |= Flag.MISSED
                yield self._clock() + POLL_PAUSE_NS
        raise MeterError(
            f"{self._name}: no conversion within {self._patience_ns * 1e-9:g} s"
            + (f" (last bus error: {self._last_error})" if self._last_error else "")
            + "; check wiring and supply, and that nothing else reads the chip"
        )

    def _set_up(self) -> bool:
        """Write CONFIG, which begins a conversion, and see that it holds."""
        self._bus.write_u16(CONFIG, self._word)
        self._down_ns = self._clock()
        self._rhythm.restart(self._down_ns)
        self._unchecked = 0
        return self._bus.read_u16(CONFIG) == self._word

    def _attempt(self) -> Generator[int, None, Raw | None]:
        """One conversion; None where its flag did not come in time or its figures may mix two conversions."""
        if self._rhythm.forgotten(self._clock()):
            self._down_ns = self._clock()
            self._bus.read_u16(self._part.clear_register)
            self._rhythm.forget(self._down_ns)
        up_ns = yield from self._await_flag()
        if up_ns is None:
            return None
        shunt, bus = self._results(up_ns)
        finished_ns = self._clock()
        ready_ns, flags = self._rhythm.place(self._down_ns, up_ns)
        self._down_ns = up_ns  # the look that found the flag also cleared it
        if finished_ns - ready_ns >= min(self._rhythm.period_ns, LONGEST_DELAY_NS):
            return None  # the next conversion may have ended between the reads
        if abs(shunt) >= self._largest_shunt or bus >= self._part.largest_bus:
            flags |= Flag.SATURATED
        if self._troubled:
            flags |= Flag.RETRIED
            self._troubled = False
        if bus == 0:
            # So does a chip read that was reset a moment ago; whether it was, CONFIG tells.
            self._unchecked = CHECK_CONVERSIONS
        return Raw(ready_ns, finished_ns - ready_ns, shunt, bus, int(flags))

    def _await_flag(self) -> Generator[int, None, int | None]:
        """Instant after the look that found the flag; None when it is overdue."""
        expected_ns = self._rhythm.expected_ns
        look_ns = round(expected_ns - self._rhythm.lead_ns)
        if look_ns > self._clock():
            yield look_ns
        overdue_ns = max(expected_ns, self._clock()) + OVERDUE_PERIODS * self._rhythm.period_ns + SETTLE_NS
        looks = 0
        while True:
            before_ns = self._clock()
            up = self._look()
            after_ns = self._clock()
            if up:
                # A flag that is up before its time is the mark of a chip that runs on other settings.
                hasty = looks == 0 and after_ns < expected_ns
                self._unchecked += CHECK_CONVERSIONS if hasty else 1
                return after_ns
            if up is not None:
                self._down_ns = before_ns
            if after_ns > overdue_ns:
                self._unchecked = CHECK_CONVERSIONS
                return None
            looks += 1
            yield self._clock() + POLL_PAUSE_NS

    def _look(self) -> bool | None:
        """Whether the flag is up; None where the look failed, which may have cleared it all the same."""
        try:
            word = self._bus.read_u16(self._part.flag_register)
            if word & self._part.flag_void:
                raise _undriven(f"register {self._part.flag_register:#04x}", word)
        except OSError as error:
            self._last_error = error
            self._troubled = True
            return None
        return bool(word & self._part.flag)

    def _results(self, up_ns: int) -> tuple[int, int]:
        """SHUNT and BUS; tried again a few times, as long as they are those of this conversion.

        Raises:
            OSError: they could not be read.
        """
        failed = OSError(errno.EIO, "SHUNT and BUS were not read")
        for _ in range(ATTEMPTS):
            try:
                shunt, bus, *_ = self._bus.read_u16s(SHUNT, BUS, *self._part.after_results)
                if bus & self._part.bus_void:
                    raise _undriven("BUS", bus)
            except OSError as error:
                self._last_error = failed = error
                self._troubled = True
                if self._clock() - up_ns > self._rhythm.period_ns:
                    break
            else:
                return signed(shunt), bus >> self._part.bus_shift
        raise failed


def _undriven(name: str, word: int) -> OSError:
    return OSError(errno.EIO, f"{name} read {word:#06x}, which the chip never says")
