"""This module tells whether a sample of a bridge can follow the one before it, and how many lie between.

Number and time of a frame were made by different counters of the bridge. A frame whose number and time agree with
the frame before it, with the chip's rhythm and with this machine's clock is what the bridge sent; others are not used.
"""

from typing import NamedTuple

from harness.meters import Flag
from harness.meters.bridge_frames import BridgeFlag, SampleFrame

SEQ_TURN = 1 << 16
TIME_TURN_US = 1 << 32
"""71.6 minutes."""

SHARP_PERIODS = 0.25
"""A stamp further off the rhythm is flagged LATE: the bridge was late to see the end."""
LOOSE_PERIODS = 0.45
"""A stamp further off the rhythm cannot be told from its neighbour, and is not believed."""
NOMINAL_SHARE = 0.12
"""The chip's period is up to 10 % off the typical one (TI SBOS547B section 5.5), and the bridge's clock a little."""
LEARNT_SHARE = 1e-3
"""Of the measured period, for the temperature."""
LEARNING_CONVERSIONS = 16
"""From this baseline on the measured period replaces the nominal one."""
BASELINE_CONVERSIONS = 4096
"""A baseline this long is begun anew, so that the period follows the temperature."""
AHEAD_US = 50_000
"""No sample is from further in the future than this, by the earliest arrivals so far."""
FORGOTTEN_NS = 1_800_000_000_000
"""After half an hour without a sample its time can no longer be told from one a turn later."""


class Place(NamedTuple):
    """Where a sample stands.

    Attributes:
        at_us: end of its conversion on the bridge's clock, without turns; the first sample's t_us is its own.
        conversions: since the sample before it; 1 where none is lost.
        flags: LATE and MISSED of `harness.meters.Flag`.
    """

    at_us: int
    conversions: int
    flags: Flag


class Succession:
    """Follows the samples of one bridge at one setting.

    Args:
        period_s: typical time between two conversions.

    Attributes:
        period_us: typical at first, then measured.
        strangers: samples in a row that did not follow; many mean that the bridge began anew.
        refused: samples in all that did not follow.
    """

    def __init__(self, period_s: float) -> None:
        self.period_us = period_s * 1e6
        self.strangers = 0
        self.refused = 0
        self._learnt = False
        self._last: SampleFrame | None = None
        self._confirmed = False
        self._at_us = 0
        self._arrival_ns = 0
        self._least_us = 0.0
        self._anchor_us: int | None = None
        self._conversions = 0

    def place(self, frame: SampleFrame, arrival_ns: int) -> Place | None:
        """The place of a sample; None for one that does not follow, and for the first, which nothing confirms.

        Args:
            frame: as it came.
            arrival_ns: when it was in hand, on this machine's clock.
        """
        last = self._last
        if last is None:
            self._begin(frame, arrival_ns)
            return None
        sent = (frame.seq - last.seq) % SEQ_TURN
        passed_us = (frame.t_us - last.t_us) % TIME_TURN_US
        if not self._follows(sent, passed_us, frame.flags, arrival_ns):
            self.refused += 1
            self.strangers += 1
            if not self._confirmed:  # of two that disagree neither is believed
                self._begin(frame, arrival_ns)
            return None
        conversions = max(sent, round(passed_us / self.period_us))
        flags = Flag.MISSED if conversions > 1 else Flag(0)
        if abs(passed_us - conversions * self.period_us) > SHARP_PERIODS * self.period_us:
            flags |= Flag.LATE
        self._at_us += passed_us
        self._least_us = min(self._least_us + passed_us * LEARNT_SHARE, arrival_ns / 1000 - self._at_us)
        self._last, self._arrival_ns = frame, arrival_ns
        self._confirmed, self.strangers = True, 0
        self._learn(conversions, anew=bool(flags or frame.flags & BridgeFlag.CHIP_RESET))
        return Place(self._at_us, conversions, flags)

    def _begin(self, frame: SampleFrame, arrival_ns: int) -> None:
        self._last, self._at_us, self._arrival_ns = frame, frame.t_us, arrival_ns
        self._least_us = arrival_ns / 1000 - frame.t_us
        self._anchor_us = None

    def _follows(self, sent: int, passed_us: int, flags: int, arrival_ns: int) -> bool:
        if not sent or arrival_ns - self._arrival_ns > FORGOTTEN_NS:
            return False
        share = LEARNT_SHARE if self._learnt else NOMINAL_SHARE
        tolerance_us = (LOOSE_PERIODS + sent * share) * self.period_us
        if passed_us < sent * self.period_us - tolerance_us:
            return False
        if self._at_us + passed_us + self._least_us > arrival_ns / 1000 + AHEAD_US:
            return False
        # A frame that follows the last one sent may come late only if the bridge itself says it missed some;
        # of frames that were lost in between one may have said so.
        excused = sent > 1 or flags & (BridgeFlag.MISSED | BridgeFlag.CHIP_RESET)
        return bool(excused) or passed_us <= self.period_us + tolerance_us

    def _learn(self, conversions: int, *, anew: bool) -> None:
        if (
            self._anchor_us is None
            or (anew and not self._learnt)
            or self._conversions >= BASELINE_CONVERSIONS
        ):
            self._anchor_us, self._conversions = self._at_us, 0
            return
        self._conversions += conversions
        if self._conversions >= LEARNING_CONVERSIONS:
            self.period_us = (self._at_us - self._anchor_us) / self._conversions
            self._learnt = True
