"""This module is an INA226 behind a serial bridge: a microcontroller that stamps each conversion at its end.

The bridge's own clock gives the stamps, never the arrival of bytes. A pulled cable is waited for, for some seconds;
that conversions were lost meanwhile is flagged.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from harness.conversions import Config
from harness.errors import MeterError
from harness.meters import Flag, Link, Raw
from harness.meters.bridge_frames import HelloFrame, configure
from harness.meters.dialogue import Dialogue
from harness.meters.identity import DIE, MANUFACTURER
from harness.meters.ina226 import nominal_period_s
from harness.meters.line import Line, open_line
from harness.profile import Ina226Meter, Origin

PROTOCOL = 1
"""Of the frames; a bridge that speaks another is refused."""
PATIENCE_NS = 1_000_000_000
"""Without any conversion for this long, or for 20 periods, the bridge counts as silent."""
STALE_NS = 300_000_000
"""What waits longer than this unread soon overruns the 4096 bytes of a terminal's buffer; it is thrown away."""
RECONNECT_NS = 10_000_000_000
"""A line that is gone is waited for this long. `reply_s` of the device may end the wait earlier."""
REOPEN_S = 0.1
"""Between two attempts to open it."""
STRANGERS = 8
"""Samples in a row that follow nothing: the bridge itself began anew."""


class Bridge:
    """One INA226 behind a serial bridge as a stream of conversions; its setting is given back as found on exit.

    Args:
        meter: how it is wired and to be set; its bus is of kind `bridge`.
        open_port: opens the serial line of a path at a rate.
        clock: CLOCK_MONOTONIC in nanoseconds.
        sleep: waits that many seconds on the same clock.
        dither: numbers from 0 to 1 that vary when markers are written.
    """

    def __init__(
        self,
        meter: Ina226Meter,
        *,
        open_port: Callable[[str, int], Line] = open_line,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
        dither: Callable[[], float] = random.random,
    ) -> None:
        self._meter = meter
        self._open_port = open_port
        self._clock = clock
        self._sleep = sleep
        self._dither = dither
        self._word = Config.of(meter).encode()
        self._period_s = nominal_period_s(meter)
        self._patience_ns = max(PATIENCE_NS, round(20e9 * self._period_s))
        self._line: Line | None = None
        self._dialogue: Dialogue | None = None
        self._hello: HelloFrame | None = None
        self._found_config: int | None = None
        self._waiting: deque[Raw] = deque()
        self._flags = Flag(0)
        self._damaged = 0
        self._begun = 0
        self._newest_ns = 0
        self._left_ns = 0

    @property
    def origin(self) -> Origin:
        """Measured."""
        return self._meter.origin

    @property
    def link(self) -> Link:
        """How well the bridge's clock is known now, and how the line has fared."""
        dialogue = self._opened()
        clock_map = dialogue.clock_map
        return Link(
            clock_uncertainty_ns=dialogue.clock_uncertainty_ns,
            clock_rate_ppb=round((clock_map.rate - 1) * 1e9),
            clock_residual_ns=round(clock_map.residual_ns or 0),
            damaged=self._damaged + dialogue.damaged,
            reopened=self._begun - 1,
        )

    def __enter__(self) -> Self:
        self._line = self._open_port(self._port, self._baud)
        try:
            self._begin()
        except (MeterError, OSError) as error:
            self._close()
            raise MeterError(f"{self._name}: {error}") from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        found, self._found_config = self._found_config, None
        if found is not None and self._line is not None:
            with suppress(OSError):  # a bridge that is gone keeps nothing to restore
                self._line.write(configure(found))
        self._close()

    def configuration(self) -> Mapping[str, Any]:
        """What the chip is set to, as the bridge read it back, and the map of its clock as it stands."""
        dialogue, hello = self._opened(), self._hello
        assert hello is not None  # noqa: S101 -- an opened bridge has said hello
        clock_map, at_us = dialogue.clock_map, dialogue.at_us
        config = Config.decode(hello.config)
        return {
            "chip": "INA226",
            "address": f"{hello.address:#04x}",
            "bus": self._port,
            "access": "bridge",
            "manufacturer_id": f"{hello.manufacturer:#06x}",
            "die_id": f"{hello.die:#06x}",
            "config": f"{hello.config:#06x}",
            "average": config.average,
            "shunt_conversion_s": config.shunt_conversion_us * 1e-6,
            "bus_conversion_s": config.bus_conversion_us * 1e-6,
            "mode": config.mode,
            "bridge": {
                "protocol": hello.protocol,
                "firmware": hello.firmware,
                "i2c_hz": hello.i2c_khz * 1000,
                "baud": self._baud,
            },
            "clock": {
                "rate": clock_map.rate,
                "offset_ns": clock_map.stamp_ns(at_us) - at_us * 1000,
                "residual_ns": round(clock_map.residual_ns or 0),
                "uncertainty_ns": dialogue.clock_uncertainty_ns,
                "rtt_limit_ns": clock_map.rtt_limit_ns,
                "echoes": clock_map.echoes,
            },
        }

    def next(self) -> Raw:
        """Wait for the next conversion: a second or 20 periods, and longer only for a line that is gone.

        Raises:
            MeterError: the bridge fell silent, or its line did not come back.
        """
        try:
            return self._next()
        finally:
            self._left_ns = self._clock()

    def _next(self) -> Raw:
        begin_ns = self._clock()
        stale = begin_ns - self._left_ns > STALE_NS
        while stale or not self._waiting:
            try:
                if stale:
                    self._waiting.clear()
                    self._opened().skip()
                    stale = False
                self._listen()
            except OSError as error:
                self._reconnect(error)
                stale = False
            # To begin anew takes its own time, and ends by setting `_left_ns`.
            if not self._waiting and self._clock() - max(begin_ns, self._left_ns) > self._patience_ns:
                raise self._silence()
        return self._waiting.popleft()

    def _listen(self) -> None:
        dialogue = self._opened()
        for raw in dialogue.listen():
            self._keep(raw)
        if dialogue.strangers >= STRANGERS:
            try:
                self._begin()
            except MeterError as error:
                raise MeterError(f"{self._name}: it began anew, and {error}") from error

    def _keep(self, raw: Raw) -> None:
        flags, self._flags = raw.flags | self._flags, Flag(0)
        ready_ns = raw.ready_ns
        if ready_ns <= self._newest_ns:  # the clock was mapped anew, a little earlier than before
            ready_ns = self._newest_ns + 1
            flags |= Flag.LATE
        self._newest_ns = ready_ns
        self._waiting.append(raw._replace(ready_ns=ready_ns, flags=int(flags)))

    def _begin(self) -> None:
        """Learn who is there, set its chip, and learn its clock; what was known of a bridge before is void."""
        assert self._line is not None  # noqa: S101 -- every caller has opened it
        if self._dialogue is not None:
            self._damaged += self._dialogue.damaged
            self._flags |= Flag.RESET | Flag.MISSED
            self._dialogue = None
        dialogue = Dialogue(
            self._line, self._period_s, clock=self._clock, sleep=self._sleep, dither=self._dither
        )
        hello = dialogue.ask()
        self._check(hello)
        if self._found_config is None:
            self._found_config = hello.config
        hello = dialogue.configure(self._word)
        if hello.config != self._word:
            raise MeterError(
                f"CONFIG was set to {self._word:#06x} and reads {hello.config:#06x}; look at the wires between "
                "the bridge and its chip"
            )
        dialogue.settle()
        self._dialogue, self._hello = dialogue, hello
        self._begun += 1
        self._left_ns = self._clock()

    def _check(self, hello: HelloFrame) -> None:
        if hello.protocol != PROTOCOL:
            raise MeterError(
                f"it speaks version {hello.protocol} of the protocol, expected {PROTOCOL}; load the firmware that "
                "belongs to this harness"
            )
        if hello.address != self._meter.address:
            raise MeterError(
                f"its chip is at {hello.address:#04x}, meter.address is {self._meter.address:#04x}; is it another "
                "bridge?"
            )
        if hello.manufacturer != MANUFACTURER or hello.die & 0xFFF0 != DIE:
            raise MeterError(
                f"expected manufacturer {MANUFACTURER:#06x} and die {DIE:#06x}, found {hello.manufacturer:#06x} and "
                f"{hello.die:#06x}; "
                + (
                    "another chip answers there"
                    if hello.manufacturer
                    else "no chip answers the bridge; check its wires"
                )
            )

    def _reconnect(self, lost: OSError) -> None:
        """Open the line again and begin anew, within a bounded time."""
        deadline_ns = self._clock() + RECONNECT_NS
        last: Exception = lost
        while self._clock() < deadline_ns:
            self._close()
            self._sleep(REOPEN_S)
            try:
                self._line = self._open_port(self._port, self._baud)
                self._begin()
            except (MeterError, OSError) as error:
                last = error
            else:
                return
        raise MeterError(
            f"{self._name}: the line was lost ({lost}) and did not come back within {RECONNECT_NS * 1e-9:g} s "
            f"({last}); look at the cable"
        ) from lost

    def _silence(self) -> MeterError:
        what = f"{self._name}: no conversion within {self._patience_ns * 1e-9:g} s; "
        try:
            self._opened().ask()
        except (MeterError, OSError) as error:
            return MeterError(f"{what}{error}")
        return MeterError(what + "the bridge answers, so look at the chip's supply and its ALERT wire")

    def _opened(self) -> Dialogue:
        if self._dialogue is None:
            raise MeterError(f"{self._name} is not open")
        return self._dialogue

    def _close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    @property
    def _port(self) -> str:
        return self._meter.bus.path or ""

    @property
    def _baud(self) -> int:
        return self._meter.bus.baud or 0

    @property
    def _name(self) -> str:
        return f"bridge on {self._port}"
