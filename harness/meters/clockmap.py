"""This module maps the clock of a bridge onto this machine's monotonic clock, with a bound of the error.

Two facts bound the difference of the clocks at each instant, whatever the line does. A sample arrives after its
conversion ended: so the bridge's clock is at most that far behind. A sample that echoes a marker ended after the marker
was written: so it is at least that far behind. Each bound widens with age at the rate at which the two oscillators may
part, until a sample that travelled faster narrows it again. In between lies a line, fitted to the middle of the
bounds; it moves smoothly, and the bounds say how far off it can be at most.

The idea of taking the earliest arrivals as the envelope of a clock is that of Moon, Skelly and Towsley, "Estimation and
removal of clock skew from network delay measurements", IEEE INFOCOM 1999; the marker in band that of
"PowerSensor3", arXiv 2504.17883.
"""

import math
from collections import deque
from typing import NamedTuple

DRIFT = 200e-6
"""Oscillators part no faster: 30 ppm of the RP2040's crystal ("Hardware design with RP2040", Raspberry Pi, section on
the crystal oscillator), and what is left for this machine's and for time services that adjust its rate."""
PART_NS = 500_000_000
"""The line is fitted to one point out of each stretch of this length, the one with the tightest bounds."""
PARTS = 64
"""Half a minute; longer, and the line lags behind the temperature."""
LEAST_PARTS = 8
"""A line through fewer is level: its slope would be noise."""
ECHOES = 64
"""The residual is that of the latest ones."""
RESOLUTION_NS = 1000
"""The bridge cuts its stamps to whole microseconds."""
UNSURE_NS = 10**18
"""Said where nothing bounds the error: 30 years."""


class _Part(NamedTuple):
    """The best point of a stretch: time on the bridge's clock, middle and width of the bounds; nanoseconds."""

    at_ns: int
    middle_ns: float
    width_ns: float


class ClockMap:
    """From the bridge's microseconds to nanoseconds of CLOCK_MONOTONIC.

    Args:
        rtt_limit_ns: an echo that took longer is not used; it may belong to another marker.

    Attributes:
        echoes: markers whose echo was used.
        rejected: echoes over the limit.
        contradictions: times the bounds crossed and were begun anew; a sound bench has none.
    """

    def __init__(self, rtt_limit_ns: int) -> None:
        self.rtt_limit_ns = rtt_limit_ns
        self.echoes = 0
        self.rejected = 0
        self.contradictions = 0
        self._base_ns: int | None = None
        self._at_ns = 0
        self._lower_ns, self._upper_ns = -math.inf, math.inf
        self._parts: deque[_Part] = deque(maxlen=PARTS)
        self._middles: deque[tuple[int, float]] = deque(maxlen=ECHOES)
        self._slope = 0.0
        self._centre_ns = 0.0
        self._level_ns = 0.0

    @property
    def rate(self) -> float:
        """Nanoseconds of this machine in one nanosecond of the bridge."""
        return 1.0 + self._slope

    @property
    def residual_ns(self) -> float | None:
        """Root mean square of the middles of the latest echoes about the line; None before the first.

        An echo waits for the end of a conversion, so this is mostly that wait and the line's delay; the bounds, not
        this, are the uncertainty.
        """
        if not self._middles:
            return None
        squares = ((middle - self._line_ns(at)) ** 2 for at, middle in self._middles)
        return math.sqrt(sum(squares) / len(self._middles))

    def heard(self, at_us: int, arrival_ns: int) -> None:
        """A sample that ended at at_us was in hand at arrival_ns; at_us never falls."""
        if self._base_ns is None:
            self._base_ns = arrival_ns - at_us * 1000
        at_ns = at_us * 1000
        self._age(at_ns)
        offset_ns = arrival_ns - self._base_ns - at_ns
        if offset_ns < self._lower_ns:
            self.contradictions += 1
            self._lower_ns = -math.inf
            self._upper_ns = offset_ns
        self._upper_ns = min(self._upper_ns, offset_ns)

    def echoed(self, at_us: int, sent_ns: int, arrival_ns: int) -> None:
        """The sample heard last is the first that ended after the marker written from sent_ns on."""
        if arrival_ns - sent_ns > self.rtt_limit_ns or self._base_ns is None:
            self.rejected += 1
            return
        at_ns = at_us * 1000
        offset_ns = sent_ns - self._base_ns - at_ns
        if offset_ns > self._upper_ns:
            self.contradictions += 1
            self._upper_ns = arrival_ns - self._base_ns - at_ns
            self._lower_ns = offset_ns
        self._lower_ns = max(self._lower_ns, offset_ns)
        self.echoes += 1
        self._middles.append((at_ns, offset_ns + (arrival_ns - sent_ns) / 2))
        self._fit(at_ns)

    def stamp_ns(self, at_us: int) -> int:
        """The instant on CLOCK_MONOTONIC; only after something was heard."""
        at_ns = at_us * 1000
        return at_ns + (self._base_ns or 0) + round(self._line_ns(at_ns))

    def uncertainty_ns(self, at_us: int) -> int:
        """The stamp of this instant is off by no more than this; `UNSURE_NS` where nothing bounds it."""
        at_ns = at_us * 1000
        widened_ns = DRIFT * abs(at_ns - self._at_ns)
        line_ns = self._line_ns(at_ns)
        off_ns = max(self._upper_ns - line_ns, line_ns - self._lower_ns) + widened_ns + RESOLUTION_NS
        return UNSURE_NS if math.isinf(off_ns) else math.ceil(off_ns)

    def _age(self, at_ns: int) -> None:
        widened_ns = DRIFT * (at_ns - self._at_ns)
        self._lower_ns -= widened_ns
        self._upper_ns += widened_ns
        self._at_ns = at_ns

    def _line_ns(self, at_ns: int) -> float:
        return self._level_ns + self._slope * (at_ns - self._centre_ns)

    def _fit(self, at_ns: int) -> None:
        middle_ns, width_ns = (self._lower_ns + self._upper_ns) / 2, self._upper_ns - self._lower_ns
        part = _Part(at_ns, middle_ns, width_ns)
        parts = self._parts
        if parts and at_ns // PART_NS == parts[-1].at_ns // PART_NS:
            if width_ns >= parts[-1].width_ns:
                return
            parts[-1] = part
        else:
            parts.append(part)
        if len(parts) < LEAST_PARTS:
            self._slope, self._centre_ns, self._level_ns = 0.0, at_ns, middle_ns
            return
        centre_ns = sum(one.at_ns for one in parts) / len(parts)
        level_ns = sum(one.middle_ns for one in parts) / len(parts)
        spread = sum((one.at_ns - centre_ns) ** 2 for one in parts)
        product = sum((one.at_ns - centre_ns) * (one.middle_ns - level_ns) for one in parts)
        self._slope = product / spread
        self._centre_ns, self._level_ns = centre_ns, level_ns
