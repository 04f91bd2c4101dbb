"""This module follows the rhythm of a free-running converter from the looks taken at its ready flag.

A chip's clock is up to 10 % off the nominal one (TI SBOS547B section 5.5), steady over seconds, and known only
from the chip. While looks are close together they witness each end; where the sampler came late, the rhythm
says when the conversion it finds must have ended.
"""

from harness.meters import Flag

SHARP_PERIODS = 0.5
"""Two looks closer than this witness the end between them; wider apart, the rhythm places it."""

LOOSE_PERIODS = 0.65
"""Up to this distance they still teach the period: where a look takes a quarter of it they are never closer than two
looks, and without learning a chip off its nominal clock is lost again and again. Their middles scatter about the ends
without bias, which a long baseline averages; still wider ones are miscounted too often to teach anything."""

LEARNING_CONVERSIONS = 16
"""From this baseline on the measured period replaces the nominal one."""

BASELINE_CONVERSIONS = 4096
"""A baseline this long is begun anew, so that the period follows the temperature."""

RENEWAL_CONVERSIONS = 512
"""From this baseline on the period of the one before it is replaced; a short one would be less exact."""

LEAD_NS = 100_000.0
"""Looking begins at least this long before the expected end."""

LEAD_DECAY = 0.98
"""Of a longer lead, with each end that was witnessed."""

MEMORY_PERIODS = 64
"""After a longer silence the phase is no longer trusted."""


class Rhythm:
    """When the next conversion ends, and when the last one did.

    Attributes:
        period_ns: nominal at first, then measured.
        expected_ns: when the next conversion should end.
        lead_ns: how long before that the looking must begin. It doubles with each end that was not witnessed,
            or a chip that is faster than presumed would be found ready at each first look and never be learnt.

    Args:
        nominal_ns: period before anything was measured.
    """

    def __init__(self, nominal_ns: float) -> None:
        self.nominal_ns = nominal_ns
        self.period_ns = nominal_ns
        self.expected_ns = 0.0
        self.lead_ns = LEAD_NS
        self._last_ns: float | None = None
        self._anchor_ns: float | None = None
        self._conversions = 0
        self._enough = LEARNING_CONVERSIONS

    def restart(self, at_ns: int) -> None:
        """The chip began a new conversion at this instant; what is known of its clock stays."""
        self.expected_ns = at_ns + self.period_ns
        self._last_ns = None
        self._anchor_ns = None

    def forgotten(self, now_ns: int) -> bool:
        """The last sign of the chip is too old to tell its phase."""
        return now_ns - self.expected_ns > MEMORY_PERIODS * self.period_ns

    def forget(self, now_ns: int) -> None:
        """Expect the next end at any time from now on."""
        self.expected_ns = now_ns
        self._anchor_ns = None

    def place(self, down_ns: int, up_ns: int) -> tuple[int, Flag]:
        """Instant of the end that lies between two looks, with MISSED and LATE where they apply.

        Args:
            down_ns: begin of the last look that found the conversion unfinished.
            up_ns: end of the first look that found it ready.
        """
        flags = Flag(0)
        middle_ns = (down_ns + up_ns) / 2
        sharp = up_ns - down_ns <= SHARP_PERIODS * self.period_ns
        loose = up_ns - down_ns <= LOOSE_PERIODS * self.period_ns
        if sharp:
            ready_ns = middle_ns
            self.lead_ns = max(LEAD_NS, LEAD_DECAY * self.lead_ns)
        else:
            flags |= Flag.LATE
            if not loose:
                self.lead_ns = min(2 * self.lead_ns, self.period_ns)
            whole = max(0, int((up_ns - self.expected_ns) // self.period_ns))
            ready_ns = min(max(self.expected_ns + whole * self.period_ns, down_ns), up_ns)
        steps = 1
        if self._last_ns is not None:
            steps = max(1, round((ready_ns - self._last_ns) / self.period_ns))
            if steps > 1:
                flags |= Flag.MISSED
        if loose:
            self._learn(middle_ns, steps)
        else:
            self._conversions += steps
        self._last_ns = ready_ns
        self.expected_ns = ready_ns + self.period_ns
        return round(ready_ns), flags

    def _learn(self, ready_ns: float, steps: int) -> None:
        # A long step over an unlearnt period may be miscounted by one; such a baseline is not used.
        doubtful = steps > 1 and self.period_ns == self.nominal_ns
        renewed = self._conversions >= BASELINE_CONVERSIONS
        if self._anchor_ns is None or doubtful or renewed:
            self._enough = RENEWAL_CONVERSIONS if renewed else LEARNING_CONVERSIONS
            self._anchor_ns = ready_ns
            self._conversions = 0
            return
        self._conversions += steps
        if self._conversions >= self._enough:
            self.period_ns = (ready_ns - self._anchor_ns) / self._conversions
