"""This module opens the bench for a plan and goes through its sittings, come what may.

A sitting that breaks, or ends with items that have no valid cycle, is an incident: it is recorded, its cycles are
kept, and the rest of its items are measured in a new part, if the device's `retries` allow.
"""

import os
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.admission import check_device
from harness.data import LabelledData
from harness.errors import BenchError, FileError, HarnessError, Interrupted, MeasurementError, StoreError
from harness.frames import Frame
from harness.lock import machine_turn
from harness.opening import run_start
from harness.plan import Case, Plan
from harness.profile import Device
from harness.provenance import utc_now
from harness.record import Cycle, Incident, RunStart, RunStop, Void
from harness.sitting import Order, Sitting
from harness.store import RunWriter
from harness.subject import Answer, Subject, most_likely
from harness.switch import cycle_power, find_program
from harness.targets import Target
from harness.targets.local import LocalTarget

ATTENDANCES = 2
"""A sitting is gone through to its end this often at most: what makes cycles void twice over, such as a machine that is
busy with other work, does not pass by trying again."""


class Watcher(Protocol):
    """Who is told how a run goes on; a progress bar is one."""

    def sitting(self, case: str, sitting: int, items: int) -> None:
        """A sitting of so many items begins."""

    def cycle(self, cycle: Cycle) -> None:
        """A cycle was written."""

    def incident(self, incident: Incident) -> None:
        """Something went wrong."""

    def waiting(self, device: str, holder: str) -> None:
        """Another has what is to be measured; it is waited for."""


@dataclass(slots=True)
class Bench:
    """One device and what is to be measured on it.

    Attributes:
        plan: what.
        data: its labelled inputs.
        watcher: who is told.
        answer: what finds the class in an output.
    """

    plan: Plan
    data: LabelledData
    watcher: Watcher
    answer: Answer = most_likely
    _executed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)
    _mishaps: list[tuple[str, str, int]] = field(default_factory=list)
    _waited: bool = False

    def start(self) -> RunStart:
        """Ask the device who it is, and put down everything known before the first cycle.

        Raises:
            BenchError: the device is not the one its file describes.
        """
        plan, device = self.plan, self.plan.device
        if device.power_cycle is not None:
            # told now, not only when it is needed, in the middle of a night
            find_program(device.power_cycle, device.path)
        found = self._identify()
        check_device(device, found, {case.engine.kind for case in plan.cases})
        return run_start(plan, found)

    def prepare(self) -> Mapping[str, str]:
        """Load every case once before any is measured; a sentence for each that cannot be loaded.

        Raises:
            BenchError: a worker broke at it more often than the device's `retries` allow.
            FileError: the file of a model cannot be read.
        """
        with self.turn():
            for case in self.plan.cases:
                if case.id not in self._refused:
                    self._load(case)
        return dict(self._refused)

    def _load(self, case: Case) -> None:
        for attempt in range(self.plan.device.retries + 1):
            try:
                self._evidence(case)
            except MeasurementError as error:
                self._refused[case.id] = f"{case.id} ({_named_in(self.plan, case)}): {error}"
            except BenchError as error:
                self._fail(case.id, f"before measuring: {error}", error)
                if attempt == self.plan.device.retries:
                    raise
                continue
            return

    def _fail(self, case_id: str, what: str, error: BenchError) -> None:
        """Remember a fault from before there was a run to put it down in; bring the device to a known state."""
        self._mishaps.append((case_id, "; ".join(filter(None, [what, self._switch(error)])), error.exit_code))

    def run(self, writer: RunWriter) -> Mapping[str, str]:
        """Go through all sittings that are not done; the reason of each case that could not be measured.

        Raises:
            BenchError: a sitting broke more often than the device's `retries` allow; the run is aborted.
            StoreError: the run directory cannot be written; what was written is kept.
            Interrupted: the user stopped it; finished cycles are kept.
        """
        refused: dict[str, str] = {}
        try:
            refused |= self._prepare_again(writer)
            for case_id, sitting in self.plan.order:
                if case_id not in refused:
                    try:
                        self.sit(writer, case_id, sitting)
                    except MeasurementError as error:
                        told = str(error)
                        refused[case_id] = told if told.startswith(case_id) else f"{case_id}: {told}"
        except KeyboardInterrupt:
            writer.stop(RunStop(utc=utc_now(), status="interrupted", reason="stopped by the user"))
            raise Interrupted(
                f"stopped; finished cycles are in {writer.path}. Go on with: harness run --resume {writer.path}"
            ) from None
        except HarnessError as error:
            with suppress(StoreError):
                writer.stop(RunStop(utc=utc_now(), status="aborted", reason=str(error)))
            raise
        reasons = [*refused.values(), *self.shortfalls(writer, leave_out=refused)]
        writer.stop(RunStop(utc=utc_now(), status="complete", reason="; ".join(reasons)))
        return refused

    def _prepare_again(self, writer: RunWriter) -> Mapping[str, str]:
        """Load what was not loaded yet, and put down what happened at it, which begins no part of a sitting."""
        try:
            refused = self.prepare()
        finally:
            mishaps, self._mishaps = self._mishaps, []
            for case_id, what, exit_code in mishaps:
                self._note(writer, case_id, 1, writer.parts(case_id, 1), what, exit_code)
        for case_id, what in refused.items():
            self._note(writer, case_id, 1, writer.parts(case_id, 1), what, MeasurementError.exit_code)
        return refused

    def shortfalls(self, writer: RunWriter, *, leave_out: Collection[str] = ()) -> list[str]:
        """A sentence for each case some of whose planned items have no valid cycle."""
        missing: Counter[str] = Counter()
        for case_id, sitting in self.plan.order:
            missing[case_id] += len(self._missing(writer, case_id, sitting))
        planned = sum(len(items) for items in self.plan.items.values())
        return [
            f"{case_id}: {count} of {planned} items have no valid cycle"
            for case_id, count in missing.items()
            if count and case_id not in leave_out
        ]

    def open_target(self) -> Target:
        """A fresh worker on the device."""
        device = self.plan.device
        if device.connection != "local":
            raise FileError(
                f"{device.path}: connection: {device.connection!r} is not served by this version; expected local"
            )
        return LocalTarget(reply_s=device.reply_s, cpus=_worker_cpus(device))

    def _identify(self) -> Mapping[str, Any]:
        """What the device says of itself, asked as often as its `retries` allow."""
        for attempt in range(self.plan.device.retries + 1):
            try:
                with self.open_target() as target:
                    return target.ask(
                        Frame(header={"verb": "identify"}), reply_s=self.plan.device.reply_s
                    ).header
            except BenchError as error:
                self._fail(self.plan.cases[0].id, f"asking the device who it is: {error}", error)
                if attempt == self.plan.device.retries:
                    raise
        raise AssertionError  # the last attempt returns or raises

    def sit(self, writer: RunWriter, case_id: str, sitting: int) -> None:
        """One planned sitting, in as many parts as it takes; nothing where it was done before.

        Raises:
            BenchError: it broke more often than the device's `retries` allow.
            MeasurementError: the case cannot be measured.
            StoreError: the run directory cannot be written.
        """
        case = self.plan.case(case_id)
        retries = self.plan.device.retries
        for attempt in range(retries + 1):
            items = self._missing(writer, case.id, sitting)
            if not items or writer.attended(case.id, sitting) >= min(ATTENDANCES, retries + 1):
                return
            part = writer.parts(case.id, sitting) + 1
            self.watcher.sitting(case.id, sitting, len(items))
            try:
                given_up = self._attend(writer, case, sitting, part, items)
            except StoreError:
                raise
            except (BenchError, MeasurementError) as error:
                self.mishap(writer, case.id, sitting, part, error)
                if isinstance(error, MeasurementError) or attempt == retries:
                    raise
            else:
                left = self._missing(writer, case.id, sitting)
                if left:
                    self.mishap(writer, case.id, sitting, part, _shortfall(left, items, given_up))

    def is_over(self, writer: RunWriter, case_id: str, sitting: int) -> bool:
        """A planned sitting came to its end, or broke only after the last of its items had a valid cycle."""
        if writer.attended(case_id, sitting):
            return True
        return bool(self.plan.items[sitting]) and not self._missing(writer, case_id, sitting)

    def _missing(self, writer: RunWriter, case_id: str, sitting: int) -> list[int]:
        """Planned items of a sitting that have no valid cycle yet, in order."""
        done = writer.done(case_id, sitting)
        return [item for item in self.plan.items[sitting] if item not in done]

    def mishap(self, writer: RunWriter, case_id: str, sitting: int, part: int, error: HarnessError) -> None:
        """Put an error of a part down; after one of the bench bring the device to a known state.

        Raises:
            BenchError: the device's power cannot be cycled, so nothing is known of its state.
            StoreError: the run directory cannot be written.
        """
        self._note(writer, case_id, sitting, part, str(error), error.exit_code)
        if isinstance(error, BenchError):
            try:
                done = self._switch(error)
            except BenchError as fault:
                self._note(writer, case_id, sitting, part, str(fault), fault.exit_code)
                raise
            if done:
                self._note(writer, case_id, sitting, part, done, 0)

    def _switch(self, error: BenchError) -> str:
        """Cycle the power after an error, where the device's file says how; what was done."""
        device = self.plan.device
        if device.power_cycle is None:
            return ""
        try:
            done = cycle_power(device.power_cycle, device.path)
        except BenchError as fault:
            raise BenchError(f"{error}; then the power could not be cycled: {fault}") from error
        return f"{device.id}: after that {done}"

    def _note(  # noqa: PLR0917 (of this class alone)
        self, writer: RunWriter, case_id: str, sitting: int, part: int, what: str, exit_code: int
    ) -> None:
        incident = Incident(
            utc=utc_now(), case=case_id, sitting=sitting, part=part, what=what, exit_code=exit_code
        )
        writer.incident(incident)
        self.watcher.incident(incident)

    def _attend(
        self, writer: RunWriter, case: Case, sitting: int, part: int, items: list[int]
    ) -> Mapping[int, Sequence[Void]]:
        protocol = self.plan.protocol
        with self.turn():
            if protocol.cooldown_s:
                time.sleep(protocol.cooldown_s)
            return self.sitting(writer, case, sitting, part, items).measure()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Where the device is this machine, let no other device that is it be measured meanwhile."""
        if self.plan.device.connection != "local":
            yield
            return
        with machine_turn(f"a sitting on {self.plan.device.id}", waiting=self._wait):
            yield

    def _wait(self, holder: str) -> None:
        """Say once in a run that the devices of this machine take turns."""
        if not self._waited:
            self._waited = True
            self.watcher.waiting("this machine", holder)

    def sitting(
        self, writer: RunWriter, case: Case, sitting: int, part: int, items: Sequence[int]
    ) -> Sitting:
        """A sitting of a case on this bench, not yet open."""
        order = Order(
            case=case,
            sitting=sitting,
            part=part,
            items=items,
            executed=self._evidence(case),
            seed=f"{self.plan.seed}/{case.id}/{sitting}/{part}",
        )
        return Sitting(
            order=order,
            device=self.plan.device,
            protocol=self.plan.protocol,
            data=self.data,
            journal=writer,
            open_target=self.open_target,
            seen=self.watcher.cycle,
            answer=self.answer,
        )

    def _evidence(self, case: Case) -> Mapping[str, Any]:
        """What runs in truth, once a case, in a process of its own so that no figure is touched by it."""
        if case.id not in self._executed:
            with self.open_target() as target:
                subject = Subject(
                    target,
                    case,
                    dtype=self.data.data.dtype,
                    shape=tuple(self.data.data.shape),
                    reply_s=self.plan.device.reply_s,
                )
                subject.load()
                providers, executed = subject.inspect()
            self._executed[case.id] = {
                "precision": executed.precision if executed else None,
                "precision_evidence": executed.evidence if executed else None,
                "providers": providers,
            }
        return self._executed[case.id]


def _shortfall(
    left: Sequence[int], asked: Sequence[int], given_up: Mapping[int, Sequence[Void]]
) -> MeasurementError:
    """What to say of a part that ended with items left."""
    reasons = Counter(str(void) for item in left for void in given_up.get(item, ()))
    why = ", ".join(f"{reason} of {count}" for reason, count in reasons.most_common())
    return MeasurementError(
        f"{len(left)} of {len(asked)} items have no valid cycle ({why or 'never joined'})"
    )


def _named_in(plan: Plan, case: Case) -> str:
    """The file of a case's model as the suite has it: relative to the suite's own."""
    path, folder = case.artefact.path, plan.suite.path.parent
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _worker_cpus(device: Device) -> Collection[int]:
    """Every processor but the sampler's, where both are on this machine and there is more than one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[:-1] if device.meter is not None and len(allowed) > 1 else ()
