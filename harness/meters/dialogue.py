"""This module is one uninterrupted talk with a serial bridge: questions, samples, and markers that map its clock."""

from collections import deque
from collections.abc import Callable, Sequence

from harness.errors import MeterError
from harness.meters import Flag, Raw
from harness.meters.bridge_frames import (
    ASK,
    MARK,
    Arrived,
    BridgeFlag,
    FrameParser,
    HelloFrame,
    SampleFrame,
    configure,
)
from harness.meters.clockmap import UNSURE_NS, ClockMap
from harness.meters.line import Line
from harness.meters.succession import Succession

NS = 1_000_000_000
HELLO_NS = NS // 4
"""For one answer of the bridge."""
ATTEMPTS = 6
"""At one question; the first may find the bridge in the middle of starting."""
SETTLING_ECHOES = 24
"""Markers echoed before the first sample is handed on."""
SETTLING_NS = 3 * NS
"""And the time for them, on top of 8 conversions."""
LEAST_ECHOES = 2
"""At slow settings, where an echo takes long."""
MARK_S = 0.1
"""Mean time between two markers later on; it varies by half."""
PHASE_S = 0.01
"""A marker is held back for up to one conversion, and no longer than this. Bytes come at the ends of conversions; a
marker written at once would always meet the same phase of the next one. One that comes just before the end of a
conversion waits least for its echo, and bounds the clock best."""
ECHO_NS = 20_000_000
"""An echo that takes longer than this and two conversions is not used."""
LOST_ECHO_NS = 3 * NS // 10
"""A marker not echoed after this and the limit is given up, and none is written for as long again: an echo that comes
late must find no other marker to be taken for."""

HELD_STAMPS = 256
"""What is said of the uncertainty holds for so many of the latest stamps: they are handed on in batches, and the map
may have become better since."""


class Dialogue:
    """What is said on one open line while the bridge at its end keeps counting.

    Args:
        line: open; stays the caller's.
        period_s: typical time between two conversions at the setting to come.
        clock: CLOCK_MONOTONIC in nanoseconds.
        sleep: waits that many seconds on the same clock.
        dither: numbers from 0 to 1 that vary when markers are written.

    Attributes:
        clock_map: of the bridge's clock.
        at_us: end of the latest conversion on the bridge's clock.
    """

    def __init__(
        self,
        line: Line,
        period_s: float,
        *,
        clock: Callable[[], int],
        sleep: Callable[[float], None],
        dither: Callable[[], float],
    ) -> None:
        self._line = line
        self._period_s = period_s
        self._clock = clock
        self._sleep = sleep
        self._dither = dither
        self._parser = FrameParser()
        self._succession = Succession(period_s)
        limit_ns = ECHO_NS + round(2.2e9 * period_s)
        self.clock_map = ClockMap(limit_ns)
        self.at_us = 0
        self._heard_bytes = 0
        self._marked_ns: int | None = None
        self._next_mark_ns = 0
        self._lost_echo_ns = limit_ns + LOST_ECHO_NS
        self._uncertain: deque[int] = deque(maxlen=HELD_STAMPS)

    @property
    def damaged(self) -> int:
        """Stretches of bytes that were no frame, and samples that did not follow the one before."""
        return self._parser.damaged + self._succession.refused

    @property
    def clock_uncertainty_ns(self) -> int:
        """The latest stamps are off by no more than this."""
        return max(self._uncertain, default=UNSURE_NS)

    @property
    def strangers(self) -> int:
        """Samples in a row that did not follow; many mean that the bridge began anew."""
        return self._succession.strangers

    def ask(self) -> HelloFrame:
        """Who the bridge is, and how its chip is set.

        Raises:
            MeterError: it does not say.
            OSError: the line is gone.
        """
        return self._answer(ASK)

    def configure(self, word: int) -> HelloFrame:
        """Set the chip, and say how it is set then.

        Raises:
            MeterError: the bridge does not say.
            OSError: the line is gone.
        """
        return self._answer(configure(word))

    def settle(self) -> None:
        """Learn the bridge's clock by markers close together; the samples meanwhile are not kept.

        Raises:
            MeterError: no conversions come, or no marker is echoed.
            OSError: the line is gone.
        """
        deadline_ns = self._clock() + SETTLING_NS + round(8e9 * self._period_s)
        heard = 0
        while self.clock_map.echoes < SETTLING_ECHOES and self._clock() < deadline_ns:
            self._mark(2 * self._period_s)
            heard += len(self._take())
        if self.clock_map.echoes >= LEAST_ECHOES:
            self._uncertain.clear()  # no stamp so far is handed on
            self._uncertain.append(self.clock_map.uncertainty_ns(self.at_us))
            return
        if not heard:
            raise MeterError(
                "the bridge answers, but no conversions come; look at the chip's supply and its ALERT wire"
            )
        raise MeterError(
            f"{heard} samples came, but {self.clock_map.echoes} of the markers were echoed; look at the wire to "
            "the bridge (RX), and load the firmware that belongs to this harness"
        )

    def listen(self) -> Sequence[Raw]:
        """The conversions that came within a moment; from time to time a marker is sent.

        Raises:
            OSError: the line is gone.
        """
        self._mark(MARK_S)
        return self._take()

    def skip(self) -> None:
        """Throw away what came in unread.

        Raises:
            OSError: the line is gone.
        """
        self._line.discard()
        self._parser.forget()
        self._give_up_mark()

    def _answer(self, question: bytes) -> HelloFrame:
        frames = 0
        for _ in range(ATTEMPTS):
            self._line.write(question)
            deadline_ns = self._clock() + HELLO_NS
            while self._clock() < deadline_ns:
                for frame, _ in self._frames():
                    frames += 1
                    if isinstance(frame, HelloFrame):
                        return frame
        if not self._heard_bytes:
            raise MeterError(
                "nothing came from it; is the bridge powered, its firmware loaded, RX and TX crossed?"
            )
        if not frames:
            raise MeterError(
                f"{self._heard_bytes} bytes came from it, but no frame; compare meter.bus.baud, and see that it "
                "is the bridge and its firmware that is there"
            )
        raise MeterError("it sends samples, but answers no question; look at the wire to the bridge (RX)")

    def _frames(self) -> list[Arrived]:
        data = self._line.read()
        self._heard_bytes += len(data)
        return self._parser.feed(data, self._clock(), silent=not data)

    def _take(self) -> list[Raw]:
        placed = (
            self._place(frame, arrival_ns)
            for frame, arrival_ns in self._frames()
            if isinstance(frame, SampleFrame)
        )
        return [raw for raw in placed if raw is not None]

    def _place(self, frame: SampleFrame, arrival_ns: int) -> Raw | None:
        place = self._succession.place(frame, arrival_ns)
        if place is None:
            return None
        self.at_us = place.at_us
        self.clock_map.heard(place.at_us, arrival_ns)
        if frame.flags & BridgeFlag.MARKED and self._marked_ns is not None:
            self.clock_map.echoed(place.at_us, self._marked_ns, arrival_ns)
            self._marked_ns = None
        ready_ns = self.clock_map.stamp_ns(place.at_us)
        self._uncertain.append(self.clock_map.uncertainty_ns(place.at_us))
        return Raw(
            ready_ns, max(0, arrival_ns - ready_ns), frame.shunt, frame.bus, place.flags | _flags(frame)
        )

    def _mark(self, mean_s: float) -> None:
        """Write a marker where one is due and none is under way."""
        now_ns = self._clock()
        if self._marked_ns is not None:
            if now_ns - self._marked_ns > self._lost_echo_ns:
                self._give_up_mark()
        elif now_ns >= self._next_mark_ns:
            self._next_mark_ns = now_ns + round(mean_s * (0.5 + self._dither()) * 1e9)
            self._sleep(self._dither() * min(self._period_s, PHASE_S))
            self._marked_ns = self._clock()
            self._line.write(MARK)

    def _give_up_mark(self) -> None:
        if self._marked_ns is not None:
            self._marked_ns = None
            self._next_mark_ns = self._clock() + self._lost_echo_ns


def _flags(frame: SampleFrame) -> Flag:
    flags = Flag(0)
    if frame.flags & BridgeFlag.TAG_PIN:
        flags |= Flag.TAG
    if frame.flags & BridgeFlag.SATURATED or abs(frame.shunt) >= 0x7FFF or frame.bus >= 0x7FFF:
        flags |= Flag.SATURATED
    if frame.flags & BridgeFlag.MISSED:
        flags |= Flag.MISSED
    if frame.flags & BridgeFlag.CHIP_RESET:
        flags |= Flag.RESET | Flag.MISSED
    return flags
