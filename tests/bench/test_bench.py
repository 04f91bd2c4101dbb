"""The bench refuses the wrong device, and goes through a plan come what may."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.admission import check_device
from harness.bench import Bench
from harness.errors import BenchError, FileError, Interrupted, StoreError, TargetError
from harness.lock import THIS_MACHINE, DeviceLock
from harness.meters.virtual import VirtualClock
from harness.plan import Plan
from harness.profile import Identity
from harness.record import Cycle, Incident
from harness.store import Run, RunWriter, read_run
from harness.targets import Target

from .fake_target import FakeTarget
from .values import device, labelled, plan


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, {}),
        ({"identity": Identity(kind="machine", value="x86_64")}, {"machine": "x86_64"}),
        ({"identity": Identity(kind="dt-compatible", value="b")}, {"dt-compatible": ["a", "b"]}),
        ({"identity": Identity(kind="mac", value="02:00:00:00:00:01")}, {"mac": ["02:00:00:00:00:01"]}),
        ({"hw_revision": "1.0"}, {"hw_revision": "1.0"}),
        ({"firmware": "2026-05-*"}, {"firmware": "2026-05-08"}),
        ({"firmware_compatibility_matrix": {"a": ["1.*", "2.*"]}}, {"firmware": "2.3"}),
        ({"firmware_compatibility_matrix": {"other": ["1.*"]}}, {"firmware": "2.3"}),
        ({"firmware_compatibility_matrix": {"a": []}}, {"firmware": "2.3"}),
    ],
)
def test_right_device(wanted: dict[str, Any], found: dict[str, Any]) -> None:
    """A device that is what its file says passes."""
    check_device(device(**wanted), found, {"a"})


@pytest.mark.parametrize(
    ("wanted", "found", "sentence"),
    [
        (
            {"identity": Identity(kind="machine", value="aarch64")},
            {"machine": "x86_64"},
            r"identity.value: expected machine 'aarch64', the device says 'x86_64'",
        ),
        (
            {"identity": Identity(kind="dt-compatible", value="c")},
            {"dt-compatible": ["a", "b"]},
            r"identity.value: expected dt-compatible 'c', the device says 'a', 'b'",
        ),
        (
            {"identity": Identity(kind="mac", value="02:00:00:00:00:01")},
            {},
            r"identity.value: expected mac '02:00:00:00:00:01', the device says nothing",
        ),
        ({"hw_revision": "1.0"}, {"hw_revision": "1.1"}, r"hw_revision: expected '1.0', found '1.1'"),
        ({"firmware": "2026-05-*"}, {"firmware": "2025-01-01"}, r"firmware: expected '2026-05-\*', found"),
        (
            {"firmware_compatibility_matrix": {"a": ["1.*", "2.*"]}},
            {"firmware": "3.0"},
            r"firmware_compatibility_matrix.a: firmware '3.0' is none of 1.\*, 2.\*",
        ),
    ],
)
def test_wrong_device(wanted: dict[str, Any], found: dict[str, Any], sentence: str) -> None:
    """A device that is not what its file says is refused; file, key, expected and found are told."""
    with pytest.raises(BenchError, match=rf"^devices/bench-1.yaml: {sentence}"):
        check_device(device(**wanted), found, {"a"})


class StagedBench(Bench):
    """A bench whose workers are fake, one after the other as they are opened.

    Attributes:
        stage: what the workers raise by row, from the first opened on; more are flawless.
        dying: which workers die as they are opened.
        opened: the workers so far.
    """

    stage: Sequence[dict[int, BaseException]] = ()
    dying: Collection[int] = ()

    def __init__(self, **parts: Any) -> None:
        super().__init__(watcher=Ledger(), **parts)
        self.opened: list[FakeTarget] = []

    def open_target(self) -> Target:
        """The next fake worker."""
        number = len(self.opened)
        errors = self.stage[number] if number < len(self.stage) else {}
        self.opened.append(FakeTarget(clock=VirtualClock(10**9 * (1 + number)), errors=errors))
        if number in self.dying:
            raise TargetError("the worker was killed by SIGSEGV")
        return self.opened[-1]


class Ledger:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.sittings: list[tuple[str, int, int]] = []
        self.cycles: list[Cycle] = []
        self.incidents: list[Incident] = []
        self.holders: list[str] = []

    def sitting(self, case: str, sitting: int, items: int) -> None:
        """Remember it."""
        self.sittings.append((case, sitting, items))

    def cycle(self, cycle: Cycle) -> None:
        """Remember it."""
        self.cycles.append(cycle)

    def incident(self, incident: Incident) -> None:
        """Remember it."""
        self.incidents.append(incident)

    def waiting(self, device: str, holder: str) -> None:
        """Remember it."""
        self.holders.append(f"{device}: {holder}")


class Lab:
    """A plan of fake cases and a folder for its results."""

    def __init__(self, folder: Path, models: Sequence[str] = ("good",), **asked: Any) -> None:
        self.folder = folder
        self.data = labelled()
        self.plan: Plan = plan(folder, self.data, models, on=device(**asked.pop("device", {})), **asked)

    def bench(self, *stage: dict[int, BaseException]) -> StagedBench:
        """A bench; a worker identifies the device, one for each case loads it, then those of the stage come."""
        bench = StagedBench(plan=self.plan, data=self.data)
        bench.stage = [*[{}] * self.before, *stage]
        return bench

    @property
    def before(self) -> int:
        """Workers that are opened before the first that measures."""
        return 1 + len(self.plan.cases)

    def begin(self, bench: Bench) -> RunWriter:
        """A new run of that bench."""
        return RunWriter.create(self.folder / "results", bench.start())

    def read(self) -> Run:
        """The only run there is."""
        (path,) = (self.folder / "results" / "runs").iterdir()
        return read_run(path)

    @property
    def path(self) -> Path:
        """Of the only run there is."""
        return self.read().path


def valid_items(run: Run) -> list[tuple[str, int, int]]:
    """Case, sitting and item of every cycle that counts."""
    rows = run.cycles[(run.cycles["phase"] == "measure") & (run.cycles["void"] == "")]
    return sorted(zip(rows["case"], rows["sitting"], rows["item"], strict=True))


def planned_items(wanted: Plan) -> list[tuple[str, int, int]]:
    """Case, sitting and item of every cycle that is to count."""
    return sorted((case, sitting, item) for case, sitting in wanted.order for item in wanted.items[sitting])


def test_all_that_was_planned(tmp_path: Path) -> None:
    """A run measures every planned item of every sitting, in the planned order, and is complete."""
    lab = Lab(tmp_path, ["good", "fine"], sittings=2)
    bench = lab.bench()
    with lab.begin(bench) as writer:
        refused = bench.run(writer)
    run = lab.read()

    assert {} == refused
    assert "complete" == run.status
    assert planned_items(lab.plan) == valid_items(run)
    assert list(lab.plan.order) == [(case, sitting) for case, sitting, _ in bench.watcher.sittings]
    assert list(lab.plan.order) == [(each.case, each.sitting) for each in run.opened]
    assert [target.is_open for target in bench.opened] == [False] * len(bench.opened)


class WatchedBench(StagedBench):
    """A bench that notes at each worker whether this machine is taken."""

    def open_target(self) -> Target:
        """The next worker."""
        try:
            with DeviceLock(THIS_MACHINE, who="a test"):
                self.taken.append(False)
        except BenchError:
            self.taken.append(True)
        return super().open_target()


def test_one_local_device_at_a_time(tmp_path: Path) -> None:
    """This machine is held while it is measured, by the sitting, and free in between for another device that is it."""
    lab = Lab(tmp_path, sittings=2)
    bench = WatchedBench(plan=lab.plan, data=lab.data)
    bench.taken = []
    with lab.begin(bench) as writer:
        bench.run(writer)
    with DeviceLock(THIS_MACHINE, who="a test"):
        free = True

    assert [False, True, True, True] == bench.taken  # identified, loaded, two sittings
    assert free
    assert [] == bench.watcher.holders


def test_start_says_what_was_planned(tmp_path: Path) -> None:
    """The start of a run holds the plan's digest, its orders, what the device said and what was expected."""
    lab = Lab(tmp_path)
    start = lab.bench().start()

    assert lab.plan.sha256 == start.plan_sha256
    assert [case.id for case in lab.plan.cases] == list(start.cases)
    assert {"1": list(lab.plan.items[1])} == start.items
    assert start.origin is None
    assert "fake" == start.found["machine"]
    assert {"hw_revision": None, "firmware": None} == start.found["expected"]


def test_evidence_is_taken_once_by_a_worker_of_its_own(tmp_path: Path) -> None:
    """What runs is inspected once a case, by a worker that measures nothing."""
    lab = Lab(tmp_path, sittings=2)
    bench = lab.bench()
    with lab.begin(bench) as writer:
        bench.run(writer)
    inspections = [target.verbs for target in bench.opened if "inspect" in target.verbs]

    assert [["load", "inspect"]] == inspections
    assert {"FakeProvider": 1} == lab.read().opened[0].executed["providers"]


def test_sitting_goes_on_after_an_incident(tmp_path: Path) -> None:
    """A sitting that breaks is written as an incident, and the rest of its items is measured in part 2."""
    lab = Lab(tmp_path)
    last = lab.plan.items[1][5]
    bench = lab.bench({last: TargetError("the worker was killed by SIGKILL")})
    with lab.begin(bench) as writer:
        bench.run(writer)
    run = lab.read()

    assert "complete" == run.status
    assert planned_items(lab.plan) == valid_items(run)
    assert [(1, "the worker was killed by SIGKILL", 3)] == [
        (each.part, each.what, each.exit_code) for each in run.incidents
    ]
    assert [1, 2] == [each.part for each in run.opened]
    assert [2] == [each.part for each in run.closed]
    assert [8, 3] == [items for _, _, items in bench.watcher.sittings]
    assert 1 == len(bench.watcher.incidents)


def test_incident_before_the_first_cycle(tmp_path: Path) -> None:
    """A sitting that breaks in its warm-up is tried again as part 2."""
    lab = Lab(tmp_path)
    first = lab.plan.items[1][0]
    bench = lab.bench({first: TargetError("gone")})
    with lab.begin(bench) as writer:
        bench.run(writer)

    assert [2] == [each.part for each in lab.read().opened]
    assert planned_items(lab.plan) == valid_items(lab.read())


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_retries_are_exhausted(tmp_path: Path, retries: int) -> None:
    """After so many retries the run is aborted by the error itself; what was measured is kept."""
    lab = Lab(tmp_path, ["good", "fine"], device={"retries": retries})
    row = lab.plan.items[1][5]
    errors = {row: TargetError("the worker was killed by SIGKILL")}
    bench = lab.bench(*[errors] * 10)
    with lab.begin(bench) as writer, pytest.raises(TargetError, match="SIGKILL") as caught:
        bench.run(writer)
    run = lab.read()

    assert 3 == caught.value.exit_code
    assert "aborted" == run.status
    assert run.stop is not None
    assert "the worker was killed by SIGKILL" == run.stop.reason
    assert list(range(1, retries + 2)) == [each.part for each in run.incidents]
    assert 5 == len(valid_items(run))


@pytest.mark.parametrize("bad", ["wrong", "refused"])
def test_other_cases_are_measured(tmp_path: Path, bad: str) -> None:
    """A case that fails the gate or the load is given up after one attempt; the others are measured."""
    lab = Lab(tmp_path, [bad, "good"], sittings=2)
    bench = lab.bench()
    with lab.begin(bench) as writer:
        refused = bench.run(writer)
    run = lab.read()
    case = f"bench-1/fake/two/{bad}"

    assert {case} == set(refused)
    assert "complete" == run.status
    assert run.stop is not None
    assert refused[case] == run.stop.reason
    assert [(case, 4)] == [(each.case, each.exit_code) for each in run.incidents]
    assert [each for each in planned_items(lab.plan) if each[0] != case] == valid_items(run)


def test_every_case_is_loaded_before_one_is_measured(tmp_path: Path) -> None:
    """What cannot be loaded is told before anything is measured, with its case and its file as the suite has it."""
    lab = Lab(tmp_path, ["good", "refused", "fine"])
    bench = lab.bench()
    refused = bench.prepare()
    prepared = len(bench.opened)
    with lab.begin(bench) as writer:
        bench.run(writer)
    loads = [target for target in bench.opened[:prepared] if "load" in target.verbs]

    assert {
        "bench-1/fake/two/refused": "bench-1/fake/two/refused (refused.model): the fake worker refuses this model"
    } == refused
    assert 3 == len(loads) == prepared
    assert [] == [verb for target in loads for verb in target.verbs if verb == "cycle"]
    assert list(refused.values()) == [each.what for each in bench.watcher.incidents]
    assert prepared + 1 + 2 == len(
        bench.opened
    )  # identified, then two sittings: nothing is loaded twice in vain


def test_worker_that_breaks_at_a_load_is_an_incident(tmp_path: Path) -> None:
    """A worker that dies before anything is measured is followed by another, and the run has it on record."""
    lab = Lab(tmp_path)
    bench = lab.bench()
    with lab.begin(bench) as writer:
        bench.dying = {len(bench.opened)}
        bench.run(writer)
    run = lab.read()

    assert [("before measuring: the worker was killed by SIGSEGV", 3)] == [
        (each.what, each.exit_code) for each in run.incidents
    ]
    assert planned_items(lab.plan) == valid_items(run)
    assert [1] == [each.part for each in run.opened], "no sitting was broken off: its first part is the first"


def test_interrupted_run_goes_on(tmp_path: Path) -> None:
    """A run stopped by the user keeps its cycles, says how to go on, and measures only the rest when resumed."""
    lab = Lab(tmp_path, ["good", "fine"])
    row = lab.plan.items[1][5]
    bench = lab.bench({row: KeyboardInterrupt()})
    with (
        lab.begin(bench) as writer,
        pytest.raises(Interrupted, match=r"harness run --resume .*runs/") as stop,
    ):
        bench.run(writer)
    before = lab.read()
    again = lab.bench()
    with RunWriter.resume(lab.path) as writer:
        again.run(writer)
    after = lab.read()

    assert 130 == stop.value.exit_code
    assert "interrupted" == before.status
    assert 5 == len(valid_items(before))
    assert "complete" == after.status
    assert planned_items(lab.plan) == valid_items(after)
    assert [3, 8] == [items for _, _, items in again.watcher.sittings]
    assert [1, 2, 1] == [each.part for each in after.opened]


class DriftingBench(StagedBench):
    """A bench on which the output of one row varies, in the workers opened up to a number; so its cycles are void."""

    row = -1
    until = 0

    def open_target(self) -> Target:
        """The next worker."""
        target = super().open_target()
        if len(self.opened) <= self.until:
            self.opened[-1].drifting = frozenset({self.row})
        return target


def drifting(lab: Lab, row: int, *, until: int) -> DriftingBench:
    """A bench whose row varies in so many workers that measure, the first ones."""
    bench = DriftingBench(plan=lab.plan, data=lab.data)
    bench.row, bench.until = row, lab.before + until
    return bench


def test_items_without_a_valid_cycle_are_measured_in_another_part(tmp_path: Path) -> None:
    """What stays void to the end of a part is an incident with its reasons, and measured again from scratch."""
    lab = Lab(tmp_path)
    bench = drifting(lab, lab.plan.items[1][2], until=1)
    with lab.begin(bench) as writer:
        bench.run(writer)
    run = lab.read()

    assert planned_items(lab.plan) == valid_items(run)
    assert [8, 1] == [items for _, _, items in bench.watcher.sittings]
    assert [(1, "1 of 8 items have no valid cycle (output_differs of 1)", 4)] == [
        (each.part, each.what, each.exit_code) for each in run.incidents
    ]
    assert ("complete", "") == (run.status, run.stop.reason if run.stop else None)


def test_items_that_never_had_a_valid_cycle_are_told(tmp_path: Path) -> None:
    """After the last retry the run goes on and ends complete, and its end says what it lacks."""
    lab = Lab(tmp_path, ["good", "fine"], device={"retries": 1})
    bench = drifting(lab, lab.plan.items[1][2], until=2)
    with lab.begin(bench) as writer:
        refused = bench.run(writer)
    run = lab.read()
    case = lab.plan.order[0][0]

    assert {} == refused
    assert [1, 2] == [each.part for each in run.incidents]
    assert ("complete", f"{case}: 1 of 8 items have no valid cycle") == (
        run.status,
        run.stop.reason if run.stop else None,
    )
    assert 15 == len(valid_items(run))


def test_resumed_run_leaves_what_was_tried_enough(tmp_path: Path) -> None:
    """An item that stayed void as often as retries allow is not measured again by resuming."""
    lab = Lab(tmp_path, ["good", "fine"], device={"retries": 0})
    bench = drifting(lab, lab.plan.items[1][2], until=1)
    bench.stage = [*[{}] * (lab.before + 1), {lab.plan.items[1][5]: KeyboardInterrupt()}]
    with lab.begin(bench) as writer, pytest.raises(Interrupted):
        bench.run(writer)
    again = lab.bench()
    with RunWriter.resume(lab.path) as writer:
        again.run(writer)

    assert [lab.plan.order[1][0]] == [case for case, _, _ in again.watcher.sittings]
    assert "complete" == lab.read().status


def test_missing_model_aborts(tmp_path: Path) -> None:
    """A model file that vanishes ends the run as aborted, by an error of the file."""
    lab = Lab(tmp_path)
    bench = lab.bench()
    with lab.begin(bench) as writer:
        lab.plan.cases[0].artefact.path.unlink()
        with pytest.raises(FileError, match=r"good.model"):
            bench.run(writer)

    assert "aborted" == lab.read().status


def test_full_disk_aborts_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run directory that takes no more ends the run without retries."""
    lab = Lab(tmp_path)
    bench = lab.bench()
    with lab.begin(bench) as writer:
        monkeypatch.setattr(RunWriter, "cycle", full_disk)
        with pytest.raises(StoreError, match="No space"):
            bench.run(writer)
    run = lab.read()

    assert "aborted" == run.status
    assert [] == list(run.incidents)
    assert 1 == len(bench.watcher.sittings)


def full_disk(_writer: RunWriter, _cycle: Cycle) -> None:
    """What the store does when the disk is full."""
    raise StoreError("cannot be written: No space left on device")


def test_wrong_device_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """On the wrong device no run begins."""
    lab = Lab(tmp_path, device={"identity": Identity(kind="machine", value="aarch64")})
    with pytest.raises(BenchError, match="expected machine 'aarch64', the device says 'fake'"):
        lab.begin(lab.bench())

    assert not (tmp_path / "results").exists()


def test_unknown_connection(tmp_path: Path) -> None:
    """A connection that this version does not serve is an error of the file."""
    lab = Lab(tmp_path, device={"connection": "pigeon"})
    with pytest.raises(FileError, match="connection: 'pigeon'"):
        Bench(plan=lab.plan, data=lab.data, watcher=Ledger()).open_target()
