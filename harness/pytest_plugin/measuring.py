"""This module measures the cases of one pytest session: one run for each suite on each device.

Sittings of different cases alternate, as the plan says, so that no drift of the device favours a case: a test
takes the run so far that its own case is complete. The first one therefore does most of the work, all but the last
sittings of the others; with one sitting a case, each test does its own.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from harness.bench import Bench, Watcher
from harness.catalog import load_suite
from harness.data import LabelledData, load_data
from harness.errors import HarnessError, StoreError
from harness.lock import DeviceLock
from harness.plan import Plan, make_plan
from harness.profile import Device
from harness.provenance import utc_now
from harness.pytest_plugin.collect import Wanted
from harness.pytest_plugin.openrun import ENDED_EARLY, Measured, OpenRun, read_measured
from harness.pytest_plugin.options import Settings
from harness.record import RunStart, RunStop
from harness.store import Run, RunWriter, read_run, runs
from harness.suite import Suite

SEED = 1
"""Of orders and gaps, as on the command line."""

PROVENANCE = "pytest"
"""Key of what a run's provenance says of the session."""

Key = tuple[str, tuple[str, ...], str]


class Measuring:
    """The measuring of one session; `close` leaves no run open and no device held.

    Args:
        settings: what was asked for.
        session: id of the session; the processes of one share it.
        watcher: told how it goes.
        waiting: told of a device and who holds it.
        shared: other processes of the session may measure on the same devices.
        resume: go on with a run that was broken off before.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        session: str,
        watcher: Watcher,
        waiting: Callable[[str, str], None],
        shared: bool,
        resume: bool,
    ) -> None:
        self.settings = settings
        self.session = session
        self.watcher = watcher
        self._waiting = waiting
        self.shared = shared
        self._resume = resume
        self._wanted: dict[Key, list[str]] = {}
        self._paths: dict[Key, Path] = {}
        self._elsewhere: set[Path] = set()
        self._open: dict[Key, tuple[OpenRun, ExitStack]] = {}
        self._broken: dict[Key, HarnessError] = {}
        self._locks: dict[str, DeviceLock] = {}

    def plan_for(self, all_wanted: Sequence[Wanted]) -> None:
        """Take note of all cases of the session, in order."""
        for wanted in all_wanted:
            cases = self._wanted.setdefault(_key(wanted), [])
            if wanted.case.id not in cases:
                cases.append(wanted.case.id)

    def measure(self, wanted: Wanted) -> Measured:
        """The case, measured as far as it was not yet in this session.

        Raises:
            BenchError: the bench misbehaved, or another process holds the device for too long.
            MeasurementError: the case cannot be measured.
            FileError: a file has changed since it was collected.
        """
        key = _key(wanted)
        if key in self._broken:
            raise self._broken[key]
        try:
            path = self._advance(key, wanted)
        except HarnessError as error:
            if key not in self._open and key not in self._paths:  # the bench could not even be opened
                self._broken[key] = error
            raise
        return read_measured(path, wanted.case.id)

    def _advance(self, key: Key, wanted: Wanted) -> Path:
        self.hold(wanted.case.device.id)
        if key not in self._open:
            path = self._own_run(key)
            if path is not None and read_run(path).status == "complete":
                return path
            self._open[key] = self._begin(key, wanted, path)
        opened, _ = self._open[key]
        self._paths[key] = opened.writer.path
        opened.measure(wanted.case.id)
        return self._paths[key]

    def _own_run(self, key: Key) -> Path | None:
        """The run of this session for a suite on a device, also where another of its processes began it."""
        if key in self._paths or not self.shared:
            return self._paths.get(key)
        for path, start in self.session_runs():
            if _said(start).get("key") == _digest(key):
                return path
        return None

    def session_runs(self) -> Iterator[tuple[Path, RunStart]]:
        """Every run this session began or went on with, oldest first."""
        for entry in reversed(runs(self.settings.results)):
            if entry.start is None:
                continue
            if _said(entry.start).get("session") == self.session or entry.path in self._known():
                yield entry.path, entry.start

    def paths(self) -> Collection[Path]:
        """The runs of suites that this process took forward."""
        return self._paths.values()

    def join(self, paths: Collection[Path]) -> None:
        """Take runs that other processes of the session took forward for the session's own."""
        self._elsewhere.update(paths)

    def _known(self) -> Collection[Path]:
        return {*self._paths.values(), *self._elsewhere}

    def _begin(self, key: Key, wanted: Wanted, path: Path | None) -> tuple[OpenRun, ExitStack]:
        suite = replace(load_suite(wanted.suite.path, verify=True), limits=wanted.suite.limits)
        data = load_data(suite.data)
        cases = self._wanted.get(key) or [wanted.case.id]
        if path is None and self._resume:
            path = self._broken_off(cases, suite, wanted, data)
        with ExitStack() as stack:
            if path is None:
                plan = make_plan(suite, wanted.case.device, self.settings.protocol, cases, SEED, data.items)
                bench = Bench(plan=plan, data=data, watcher=self.watcher)
                start = self.sign(bench.start(), _digest(key))
                writer = stack.enter_context(RunWriter.create(self.settings.results, start))
            else:
                writer = stack.enter_context(RunWriter.resume(path))
                plan = _plan_again(writer.start, suite, wanted, data)
                bench = Bench(plan=plan, data=data, watcher=self.watcher)
                bench.start()  # the same device must still be there
            return OpenRun(bench=bench, writer=writer, wanted=cases), stack.pop_all()

    def sign(self, start: RunStart, key: str) -> RunStart:
        """The start of a run with the session in it, so that its processes find each other's runs."""
        return replace(
            start, provenance={**start.provenance, PROVENANCE: {"session": self.session, "key": key}}
        )

    def _broken_off(
        self, cases: Sequence[str], suite: Suite, wanted: Wanted, data: LabelledData
    ) -> Path | None:
        """The newest run of the same plan that was not ended and still lacks a wanted case; None for none."""
        for entry in runs(self.settings.results):
            start = entry.start
            if start is None or entry.status in {"complete", "running"} or not _said(start):
                continue
            same = (
                start.suite.get("sha256") == suite.sha256
                and start.device.get("sha256") == wanted.case.device.sha256
                and start.protocol.get("name") == self.settings.protocol
                and set(cases) <= set(start.cases)
                and _plan_again(start, suite, wanted, data).sha256 == start.plan_sha256
            )
            if same and _lacks(read_run(entry.path), cases):
                return entry.path
        return None

    def hold(self, device: str) -> None:
        """Hold a device until `leave`; holding it already is no fault.

        Raises:
            BenchError: another process holds it for longer than the settings allow.
        """
        if device not in self._locks:
            lock = DeviceLock(
                device,
                who="pytest",
                wait_s=self.settings.wait_s,
                waiting=lambda who: self._waiting(device, who),
            )
            lock.__enter__()  # freed in `leave`: the hold outlasts a test
            self._locks[device] = lock

    def leave(self, device: Device) -> None:
        """Close what is open on a device and let others have it."""
        for key in [key for key in self._open if key[2] == device.sha256]:
            self._close(key, early=False)
        lock = self._locks.pop(device.id, None)
        if lock is not None:
            lock.__exit__(None, None, None)

    def _close(self, key: Key, *, early: bool) -> None:
        opened, stack = self._open.pop(key)
        with stack:
            opened.stop(early=early)

    def close(self, *, last: bool) -> None:
        """End what is open; where no other process of the session lives any more, end what they left too."""
        for key in list(self._open):
            with suppress(StoreError):
                self._close(key, early=last)
        for path, _ in self.session_runs() if last else ():
            with suppress(HarnessError):
                if read_run(path).status == "recovered":
                    with RunWriter.resume(path) as writer:
                        writer.stop(RunStop(utc=utc_now(), status="interrupted", reason=ENDED_EARLY))
        for lock in self._locks.values():
            lock.__exit__(None, None, None)
        self._locks.clear()


def _plan_again(start: RunStart, suite: Suite, wanted: Wanted, data: LabelledData) -> Plan:
    return make_plan(
        suite, wanted.case.device, str(start.protocol["name"]), start.cases, start.seed, data.items
    )


def _lacks(run: Run, cases: Sequence[str]) -> bool:
    """A sitting of one of the cases is not closed."""
    closed = {(record.case, record.sitting) for record in run.closed}
    return any(case in cases and (case, sitting) not in closed for case, sitting in run.start.order)


def _key(wanted: Wanted) -> Key:
    suite = wanted.suite
    return suite.sha256, tuple(map(str, suite.limits)), wanted.case.device.sha256


def _digest(key: Key) -> str:
    return hashlib.sha256(repr(key).encode()).hexdigest()[:16]


def _said(start: RunStart) -> Mapping[str, str]:
    said = start.provenance.get(PROVENANCE)
    return said if isinstance(said, Mapping) else {}
