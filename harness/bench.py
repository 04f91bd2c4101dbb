"""This module opens the bench for a plan and goes through its sittings, come what may.

A sitting that breaks, or ends with items that have no valid cycle, is an incident: it is recorded, its cycles are
kept, and the rest of its items are measured in a new part, as often as the device's `retries` allow.
"""

import os
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

from harness.data import LabelledData
from harness.errors import BenchError, FileError, HarnessError, Interrupted, MeasurementError, StoreError
from harness.frames import Frame
from harness.plan import Case, Plan
from harness.profile import Device
from harness.provenance import clock_anchor, read_provenance, utc_now
from harness.record import SCHEMA_VERSION, Cycle, Incident, RunStart, RunStop, Void
from harness.sitting import Order, Sitting
from harness.store import RunWriter
from harness.subject import Answer, Subject, most_likely
from harness.targets import Target
from harness.targets.local import LocalTarget


class Watcher(Protocol):
    """Who is told how a run goes on; a progress bar is one."""

    def sitting(self, case: str, sitting: int, items: int) -> None:
        """A sitting of so many items begins."""

    def cycle(self, cycle: Cycle) -> None:
        """A cycle was written."""

    def incident(self, incident: Incident) -> None:
        """Something went wrong."""


def check_device(device: Device, found: Mapping[str, Any], engines: Collection[str]) -> None:
    """Refuse a device that is not the one its file describes.

    Args:
        device: what is expected.
        found: what the device says of itself.
        engines: ids of the engines the plan uses.

    Raises:
        BenchError: identity, hardware revision or firmware differ, or the firmware is not one an engine may run on.
    """
    wanted = device.identity
    if wanted.kind != "none":
        answer = found.get(wanted.kind, ())
        said = [answer] if isinstance(answer, str) else list(answer)
        if wanted.value not in said:
            raise BenchError(
                f"{device.path}: identity.value: expected {wanted.kind} {wanted.value!r}, the device says "
                f"{', '.join(map(repr, said)) or 'nothing'}; check which board is connected"
            )
    revision = found.get("hw_revision")
    if device.hw_revision is not None and revision is not None and revision != device.hw_revision:
        raise BenchError(
            f"{device.path}: hw_revision: expected {device.hw_revision!r}, found {revision!r}; "
            "correct the file if the board was changed"
        )
    firmware = found.get("firmware")
    if device.firmware is not None and firmware is not None and not fnmatchcase(firmware, device.firmware):
        raise BenchError(
            f"{device.path}: firmware: expected {device.firmware!r}, found {firmware!r}; "
            "update the device or the file"
        )
    for engine in engines:
        patterns = device.firmware_compatibility_matrix.get(engine, ())
        if patterns and firmware is not None and not any(fnmatchcase(firmware, p) for p in patterns):
            raise BenchError(
                f"{device.path}: firmware_compatibility_matrix.{engine}: firmware {firmware!r} is none of "
                f"{', '.join(patterns)}"
            )


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

    def start(self) -> RunStart:
        """Ask the device who it is, and put down everything known before the first cycle.

        Raises:
            BenchError: the device is not the one its file describes.
        """
        plan, device = self.plan, self.plan.device
        found = self._identify()
        check_device(device, found, {case.engine.kind for case in plan.cases})
        return RunStart(
            schema_version=SCHEMA_VERSION,
            run="",
            **clock_anchor(),
            suite=_plain(plan.suite),
            device=_plain(device),
            protocol=_plain(plan.protocol),
            cases=[case.id for case in plan.cases],
            order=list(plan.order),
            items={str(sitting): list(rows) for sitting, rows in plan.items.items()},
            limits=[str(limit) for limit in plan.suite.limits],
            origin=None if device.meter is None else str(device.meter.origin),
            seed=plan.seed,
            plan_sha256=plan.sha256,
            provenance=read_provenance(Path.cwd()),
            found={**found, "expected": {"hw_revision": device.hw_revision, "firmware": device.firmware}},
        )

    def run(self, writer: RunWriter) -> Mapping[str, str]:
        """Go through all sittings that are not done; the reason of each case that could not be measured.

        Raises:
            BenchError: a sitting broke more often than the device's `retries` allow; the run is aborted.
            StoreError: the run directory cannot be written; what was written is kept.
            Interrupted: the user stopped it; finished cycles are kept.
        """
        refused: dict[str, str] = {}
        try:
            for case_id, sitting in self.plan.order:
                if case_id not in refused:
                    try:
                        self.sit(writer, case_id, sitting)
                    except MeasurementError as error:
                        refused[case_id] = str(error)
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
            except BenchError:
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
            if not items or writer.attended(case.id, sitting) > retries:
                return
            part = writer.parts(case.id, sitting) + 1
            self.watcher.sitting(case.id, sitting, len(items))
            try:
                given_up = self._attend(writer, case, sitting, part, items)
            except StoreError:
                raise
            except (BenchError, MeasurementError) as error:
                self._note(writer, case.id, sitting, part, error)
                if isinstance(error, MeasurementError) or attempt == retries:
                    raise
            else:
                left = self._missing(writer, case.id, sitting)
                if left:
                    self._note(writer, case.id, sitting, part, _shortfall(left, items, given_up))

    def _missing(self, writer: RunWriter, case_id: str, sitting: int) -> list[int]:
        """Planned items of a sitting that have no valid cycle yet, in order."""
        done = writer.done(case_id, sitting)
        return [item for item in self.plan.items[sitting] if item not in done]

    def _note(self, writer: RunWriter, case_id: str, sitting: int, part: int, error: HarnessError) -> None:
        incident = Incident(
            utc=utc_now(),
            case=case_id,
            sitting=sitting,
            part=part,
            what=str(error),
            exit_code=error.exit_code,
        )
        writer.incident(incident)
        self.watcher.incident(incident)

    def _attend(
        self, writer: RunWriter, case: Case, sitting: int, part: int, items: list[int]
    ) -> Mapping[int, Sequence[Void]]:
        protocol = self.plan.protocol
        if protocol.cooldown_s:
            time.sleep(protocol.cooldown_s)
        return self.sitting(writer, case, sitting, part, items).measure()

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


def _worker_cpus(device: Device) -> Collection[int]:
    """Every processor but the sampler's, where both are on this machine and there is more than one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[:-1] if device.meter is not None and len(allowed) > 1 else ()


def _plain(value: Any) -> Mapping[str, Any]:
    """A frozen value as plain JSON."""

    def plain(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {str(key): plain(inner) for key, inner in part.items()}
        if isinstance(part, list | tuple):
            return [plain(inner) for inner in part]
        return str(part) if isinstance(part, Path) else part

    return plain(asdict(value))  # type: ignore[no-any-return]
