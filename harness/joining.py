"""This module holds observed cycles until the meter's samples are in, then joins the two and has them kept."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from harness.cycle import Observation, join
from harness.powerlog import PowerLog
from harness.record import Cycle, Phase, Void
from harness.suite import Protocol as SuiteProtocol
from harness.trace import Trace, Traces


class Keeper(Protocol):
    """Where cycles go."""

    @property
    def next_seq(self) -> int:
        """Number of the next cycle."""

    def cycle(self, cycle: Cycle) -> None:
        """Keep one cycle."""


class Joiner:
    """The observed cycles of one sitting that wait for their samples, oldest first.

    Args:
        keeper: where joined cycles go.
        seen: told of each of them.
        power: samples of the sitting; None without a meter.
        protocol: what a valid window needs.
        place: `case`, `sitting` and `part` of the records.
    """

    def __init__(
        self,
        keeper: Keeper,
        seen: Callable[[Cycle], None],
        *,
        power: PowerLog | None,
        protocol: SuiteProtocol,
        place: Mapping[str, Any],
    ) -> None:
        self._keeper = keeper
        self._seen = seen
        self._power = power
        self._protocol = protocol
        self._place = place
        self._waiting: deque[tuple[Observation, Phase]] = deque()

    def add(self, observed: Observation, phase: Phase) -> None:
        """Take one more cycle, observed after all others."""
        self._waiting.append((observed, phase))

    def join(self, *, last: bool = False) -> list[Cycle]:
        """Join and keep every waiting cycle whose samples are in; with `last` wait for them.

        Raises:
            MeterError: the samples do not come.
            StoreError: the cycle cannot be kept.
        """
        joined = []
        while self._waiting:
            observed, phase = self._waiting[0]
            begin_ns, end_ns = observed.stamps_ns[0], observed.stamps_ns[-1]
            faults: list[Void] = []
            trace = None
            if self._power:
                if last:
                    self._power.wait_for(end_ns)
                elif not self._power.covers(end_ns):
                    break
                trace = self._power.trace(begin_ns)
                faults += [Void.METER_RESET] if self._power.was_reset(begin_ns, end_ns) else []
            joined.append(self._keep(observed, phase, trace, faults))
            if self._power:
                self._power.forget_before(end_ns)
        return joined

    def give_up(self) -> None:
        """Keep what can no longer be joined as void, so that nothing observed or sampled is left out."""
        while self._waiting:
            observed, phase = self._waiting[0]
            self._keep(observed, phase, None, [Void.NOT_JOINED])
        if self._power:
            self._power.save()

    def _keep(
        self, observed: Observation, phase: Phase, trace: Trace | Traces | None, faults: Sequence[Void]
    ) -> Cycle:
        """Keep the oldest that waits; once written it waits no more, whatever breaks after that."""
        seq = self._keeper.next_seq
        uncertainty_ns = self._power.clock_uncertainty_ns(observed.stamps_ns[0]) if self._power else 0
        cycle = join(
            observed,
            trace,
            self._protocol,
            faults,
            clock_uncertainty_ns=uncertainty_ns,
            seq=seq,
            phase=phase,
            **self._place,
        )
        try:
            self._keeper.cycle(cycle)
        finally:
            if self._keeper.next_seq > seq:
                self._waiting.popleft()
        self._seen(cycle)
        return cycle
