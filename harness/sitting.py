"""This module is one sitting: a case measured from scratch, uninterrupted.

Start the worker, load the model, open the meter, take idle power, pass the gate, warm up, measure, take idle
power again, state the harness's own cost, close everything.
"""

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.calibration import calibration_of, calibrations_of, summary_of
from harness.cooling import cool_down
from harness.cycle import Observation, Shape, choose_shape
from harness.data import LabelledData
from harness.errors import BenchError, MeasurementError
from harness.joining import Joiner, Keeper
from harness.meters.stream import Sampler
from harness.plan import Case
from harness.powerlog import PowerLog
from harness.profile import Device
from harness.provenance import utc_now
from harness.quantities import print_share
from harness.record import Cycle, Phase, SittingClosed, SittingOpened, Void
from harness.subject import Answer, Subject, most_likely
from harness.suite import Protocol as SuiteProtocol
from harness.targets import Target

OVERHEAD_WINDOWS = 4
"""Windows in each of the four stretches on, off, off, on that state the cost of the sampler."""

FAST_QUANTILE = 0.1
"""Repeats are chosen for an inference as fast as this quantile of the warm-up, so that windows are long enough."""


class Journal(Keeper, Protocol):
    """Where a sitting's records go; the writer of the store is one."""

    def opened(self, record: SittingOpened) -> None:
        """Keep the circumstances of a sitting."""

    def closed(self, record: SittingClosed) -> None:
        """Keep what is known of a sitting only at its end."""

    def samples(self, case: str, sitting: int, part: int, raw: Any) -> None:
        """Keep raw samples of the meter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one sitting is to do.

    Attributes:
        case: what is measured.
        sitting, part: which attendance.
        items: rows of the labelled data, in order.
        executed: evidence of what runs, taken beforehand in a process of its own.
        seed: of the gaps.
    """

    case: Case
    sitting: int
    part: int
    items: Sequence[int]
    executed: Mapping[str, Any]
    seed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """A sitting that is open: warmed up, its circumstances written, ready for cycles.

    Attributes:
        subject: the case on its target.
        joiner: its cycles that wait for their samples.
        shape: of the cycles.
        inference_s: latency the shape was chosen for.
        opened_ns: when the sitting began, on the bench's monotonic clock.
    """

    subject: Subject
    joiner: Joiner
    shape: Shape
    inference_s: float
    opened_ns: int


@dataclass(slots=True)
class Sitting:
    """One sitting on one device; `measure` does it."""

    order: Order
    device: Device
    protocol: SuiteProtocol
    data: LabelledData
    journal: Journal
    open_target: Callable[[], Target]
    seen: Callable[[Cycle], None]
    answer: Answer = most_likely
    clock: Callable[[], int] = time.monotonic_ns
    sleep: Callable[[float], None] = time.sleep
    open_sampler: Callable[..., Sampler] = Sampler
    _power: PowerLog | None = None
    _gaps: random.Random | None = None
    _tries: Counter[int] = field(default_factory=Counter)
    _given_up: dict[int, Sequence[Void]] = field(default_factory=dict)

    def measure(self) -> Mapping[int, Sequence[Void]]:
        """Measure the case once, from scratch.

        Returns:
            Items that were void as often as the protocol lets them be measured again, with the latest reasons.

        Raises:
            TargetError, MeterError, StoreError: the bench misbehaved; joined cycles are kept.
            MeasurementError: the model fails the gate before measuring.
        """
        with self.attend() as attendance:
            self._go_through(attendance)
        return self._given_up

    @contextmanager
    def attend(self) -> Iterator[Attendance]:
        """Open the sitting, hand it over for its cycles, close it; raises as `measure`."""
        with ExitStack() as bench:
            target = bench.enter_context(self.open_target())
            subject = Subject(
                target,
                self.order.case,
                dtype=self.data.data.dtype,
                shape=tuple(self.data.data.shape),
                reply_s=self.device.reply_s,
                answer=self.answer,
            )
            cool_down(self.device, subject.environment, clock=self.clock, sleep=self.sleep)
            opened_ns, opened_utc = self.clock(), utc_now()
            loaded = subject.load()
            meter = self._open_meter(bench, target)
            joiner = Joiner(
                self.journal, self.seen, power=self._power, protocol=self.protocol, place=self._place()
            )
            idle_before_w = self._idle()
            correct, asked = self._preflight(subject)
            inference_s, shape, warmed = self._warm_up(subject)
            self.journal.opened(
                SittingOpened(
                    **self._place(),
                    utc=opened_utc,
                    opened_ns=opened_ns,
                    requested=subject.requested,
                    executed={**self.order.executed, "versions": loaded["versions"]},
                    cold_start=loaded["cold_start"],
                    meter=meter,
                    period_ns=self._power.period_ns if self._power else None,
                    lag_ns=self._power.lag_ns if self._power else None,
                    watts=meter["watts"] if meter else None,
                    channels=self._power.channels if self._power else None,
                    idle_before_w=idle_before_w,
                    inference_s=inference_s,
                    repeats=shape.repeats,
                    lead=shape.lead,
                    tail=shape.tail,
                    beat=str(shape.beat) if shape.beat is not None else None,
                    preflight_correct=correct,
                    preflight_items=asked,
                    environment=subject.environment(),
                )
            )
            try:
                for observed in warmed:
                    joiner.add(observed, Phase.WARMUP)
                joiner.join(last=True)
                yield Attendance(
                    subject=subject,
                    joiner=joiner,
                    shape=shape,
                    inference_s=inference_s,
                    opened_ns=opened_ns,
                )
                idle_after_w = self._idle()
                on_s, off_s = self._own_cost(subject, shape, inference_s)
            except BaseException:
                joiner.give_up()
                raise
            if self._power:
                self._power.save()
            self.journal.closed(
                SittingClosed(
                    **self._place(),
                    utc=utc_now(),
                    idle_after_w=idle_after_w,
                    memory=subject.memory(),
                    samples=self._power.samples if self._power else 0,
                    lost=self._power.lost if self._power else 0,
                    sampler_on_s=on_s,
                    sampler_off_s=off_s,
                    dead_time_s=subject.dead_time_s(),
                    environment=subject.environment(),
                    link=self._power.link._asdict() if self._power else None,
                )
            )

    def cycle(
        self, at: Attendance, item: int, *, label: int | None = None, tensor: NDArray[Any] | None = None
    ) -> Cycle:
        """One counted cycle, joined before it returns: for whoever goes through the items himself.

        Args:
            at: the open sitting.
            item: row of the labelled data, or a number of one's own where label and tensor are one's own.
            label: what is right; None for the label of that row.
            tensor: the input as the model takes it; None for the input of that row.
        """
        seen = at.subject.observe(
            item,
            self.data.label(item) if label is None else label,
            self.data.input(item) if tensor is None else tensor,
            repeats=at.shape.repeats,
            lead=at.shape.lead,
            tail=at.shape.tail,
            gap_s=self._gap_s(at.shape),
            inference_s=at.inference_s,
        )
        at.joiner.add(seen, Phase.MEASURE)
        return at.joiner.join(last=True)[-1]

    def _gap_s(self, shape: Shape) -> float:
        """A random pause of up to one period of the meter."""
        if self._gaps is None:
            self._gaps = random.Random(self.order.seed)  # noqa: S311  dither, not a secret
        return self._gaps.uniform(0.0, shape.gap_limit_s)

    def _place(self) -> dict[str, Any]:
        return {"case": self.order.case.id, "sitting": self.order.sitting, "part": self.order.part}

    def _open_meter(self, bench: ExitStack, target: Target) -> Mapping[str, Any] | None:
        if self.device.meter is None:
            return None
        calibration = calibrations_of(self.device) or calibration_of(self.device)
        sampler = bench.enter_context(
            self.open_sampler(
                self.device.meter,
                subject_pid=target.subject_pid,
                reply_s=self.device.reply_s,
                calibration=calibration,
            )
        )
        self._power = PowerLog(sampler, lambda raw: self.journal.samples(**self._place(), raw=raw))
        several = len(sampler.channels) > 1
        return {
            **sampler.configuration,
            "origin": str(sampler.origin),
            "boundary": self.device.meter.boundary,
            "calibration": summary_of(calibration),
            "watts": None if several else sampler.scale.as_record(),
        }

    def _idle(self) -> float | None:
        """Mean power for the protocol's idle time with the model loaded and nothing running."""
        if self._power is None:
            return None
        begin_ns = self.clock()
        self.sleep(self.protocol.idle_s)
        end_ns = self.clock()
        if not self._power.period_ns:
            self._power.settle()
        if not self.protocol.idle_s:
            return None
        self._power.wait_for(end_ns)
        return self._power.mean_w(begin_ns, end_ns)

    def _preflight(self, subject: Subject) -> tuple[int, int]:
        """The gate: a wrong model is found before it is measured; its share is never the accuracy."""
        items = self.data.items[: self.protocol.preflight_items]
        right = sum(
            seen.predicted == seen.label
            for item in items
            for seen in [self._observe(subject, item, repeats=1)]
        )
        if items and right < self.protocol.preflight_accuracy * len(items):
            raise MeasurementError(
                f"{self.order.case.id}: {right} of {len(items)} labelled inputs are right before measuring, "
                f"the suite asks for {print_share(self.protocol.preflight_accuracy)}; check the model's file, its "
                "pre-processing and whether this version of the engine runs its precision correctly"
            )
        return right, len(items)

    def _warm_up(self, subject: Subject) -> tuple[float, Shape, list[Observation]]:
        """Run until the protocol's warm-up is over; then choose the shape from the latest cycle."""
        item = self.order.items[0] if self.order.items else self.data.items[0]
        period_s = self._power.period_ns * 1e-9 if self._power else None
        seen = [self._observe(subject, item, repeats=3)]
        while True:
            inference_s = _fast_s(seen[-1])
            shape = choose_shape(
                inference_s,
                period_s,
                self.protocol,
                clock_uncertainty_s=self._power.link.clock_uncertainty_ns * 1e-9 if self._power else 0.0,
            )
            spent_s = sum(one.stamps_ns[-1] - one.stamps_ns[0] for one in seen) * 1e-9
            if spent_s >= self.protocol.warmup_s and len(seen) > 2:
                return inference_s, shape, seen[1:]
            seen.append(self._observe(subject, item, shape=shape, inference_s=inference_s))

    def _go_through(self, at: Attendance) -> None:
        """Observe every item, join, measure void ones again, until the block is long enough."""
        begin_ns = self.clock()
        queue = deque(self.order.items)
        while True:
            if not queue:
                queue.extend(self._to_repeat(at.joiner.join(last=True)))
            if not queue and (self.clock() - begin_ns) * 1e-9 < self.protocol.block_s:
                queue.extend(self.order.items)
            if not queue:
                return
            if (self.clock() - at.opened_ns) * 1e-9 > self.device.job_s:
                raise BenchError(
                    f"{self.order.case.id}: the sitting is not over after job_s = {self.device.job_s:g} s; "
                    f"raise job_s in {self.device.path} or ask for fewer items"
                )
            seen = self._observe(
                at.subject,
                queue.popleft(),
                shape=at.shape,
                gap_s=self._gap_s(at.shape),
                inference_s=at.inference_s,
            )
            at.joiner.add(seen, Phase.MEASURE)
            queue.extend(self._to_repeat(at.joiner.join()))

    def _to_repeat(self, cycles: Sequence[Cycle]) -> list[int]:
        """Items of void cycles that may be measured again."""
        again = []
        for cycle in cycles:
            if cycle.phase is not Phase.MEASURE or cycle.valid:
                continue
            if self._tries[cycle.item] < self.protocol.remeasure:
                self._tries[cycle.item] += 1
                again.append(cycle.item)
            else:
                self._given_up[cycle.item] = cycle.void
        return again

    def _observe(
        self,
        subject: Subject,
        item: int,
        *,
        shape: Shape | None = None,
        repeats: int = 1,
        gap_s: float = 0.0,
        inference_s: float = 0.0,
    ) -> Observation:
        return subject.observe(
            item,
            self.data.label(item),
            self.data.input(item),
            repeats=shape.repeats if shape else repeats,
            lead=shape.lead if shape else 0,
            tail=shape.tail if shape else 0,
            gap_s=gap_s,
            inference_s=inference_s,
        )

    def _own_cost(
        self, subject: Subject, shape: Shape, inference_s: float
    ) -> tuple[float | None, float | None]:
        """Median latency with the sampler running and paused, in the order on, off, off, on."""
        if self._power is None:
            return None, None
        found: dict[bool, list[int]] = {True: [], False: []}
        item = self.data.items[0]
        for running in (True, False, False, True):
            with self._power.paused(not running):
                for _ in range(OVERHEAD_WINDOWS):
                    seen = self._observe(subject, item, shape=shape, inference_s=inference_s)
                    found[running] += np.diff(seen.stamps_ns).tolist()
        return float(np.median(found[True])) * 1e-9, float(np.median(found[False])) * 1e-9


def _fast_s(seen: Observation) -> float:
    return float(np.quantile(np.diff(seen.stamps_ns), FAST_QUANTILE)) * 1e-9
