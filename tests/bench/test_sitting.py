"""A sitting measures its items from scratch, in virtual time, and writes down what happened."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data import LabelledData
from harness.errors import BenchError, FileError, MeasurementError, MeterError, RefusalError, TargetError
from harness.meters import Flag, Link
from harness.meters.virtual import VirtualClock
from harness.profile import Device
from harness.record import Cycle, Phase, Void
from harness.sitting import Order, Sitting

from .fake_sampler import FakeSampler
from .fake_target import FakeTarget
from .notebook import Notebook
from .values import METER, device, labelled, plan, protocol

PERIOD_NS = 1_250_000


class Room:
    """A sitting with a meter, with everything fake that it touches."""

    def __init__(
        self,
        folder: Path,
        *,
        data: LabelledData | None = None,
        model: str = "good",
        on: Device | None = None,
        **asked: Any,
    ) -> None:
        self.data = data or labelled()
        self.device = on or device(meter=METER)
        self.clock = VirtualClock(10**9)
        self.target = FakeTarget(clock=self.clock)
        self.sampler = FakeSampler(meter=METER, clock=self.clock, period_ns=PERIOD_NS)
        self.notebook = Notebook()
        case = plan(folder, self.data, (model,), on=self.device, **asked).cases[0]
        self.sitting = Sitting(
            order=Order(
                case=case, sitting=1, part=1, items=self.data.items, executed={"precision": "fp32"}, seed="1"
            ),
            device=self.device,
            protocol=protocol(**asked),
            data=self.data,
            journal=self.notebook,
            open_target=lambda: self.target,
            seen=lambda _: None,
            clock=self.clock,
            sleep=self.clock.sleep,
            open_sampler=lambda *_, **__: self.sampler,
        )

    def spoil(self, row: int, attempts: int, flags: Flag | None) -> None:
        """Give these flags to samples in the middle of the first windows of a row; None loses them."""

        def told(stamp_ns: int) -> Flag | None:
            windows = [
                (b, e) for found, b, e in self.target.windows if found == row and e - b > 8 * PERIOD_NS
            ]
            hit = any(b + 3 * PERIOD_NS < stamp_ns < e - 3 * PERIOD_NS for b, e in windows[-attempts:])
            first = any(b < stamp_ns < e for b, e in windows[:attempts])
            return flags if hit and first else Flag(0)

        self.sampler.flags = told


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """A sitting by the short protocol."""
    return Room(tmp_path)


def test_every_item_has_a_valid_cycle(room: Room) -> None:
    """Each item is measured once, right, and with the energy of its own window."""
    room.sitting.measure()

    assert list(room.data.items) == [cycle.item for cycle in room.notebook.measured]
    for cycle in room.notebook.measured:
        assert cycle.valid
        assert cycle.correct
        assert cycle.samples >= 10
        assert 6.0 == pytest.approx(cycle.power_mean_w, rel=1e-3)
        assert {1_000_000} == set(cycle.latencies_ns)


def test_windows_are_those_of_the_device(room: Room) -> None:
    """The windows written are the windows observed on the device, and they do not overlap."""
    room.sitting.measure()
    observed = {(begin, end) for _, begin, end in room.target.windows}
    written = [(cycle.begin_ns, cycle.end_ns) for cycle in room.notebook.cycles]

    assert set(written) <= observed
    assert all(before[1] < after[0] for before, after in pairwise(written))


def test_warm_up_does_not_count(room: Room) -> None:
    """Warm-up lasts as long as asked, comes first, is written and marked."""
    room.sitting.measure()
    warmed = [cycle for cycle in room.notebook.cycles if cycle.phase is Phase.WARMUP]

    assert len(warmed) >= 2
    assert sum(cycle.duration_s for cycle in warmed) + 0.003 >= 0.05
    assert warmed == list(room.notebook.cycles[: len(warmed)])


def test_gaps_are_dithered(room: Room) -> None:
    """Windows begin at phases of the meter that are spread over its period."""
    room.sitting.order = Order(
        case=room.sitting.order.case,
        sitting=1,
        part=1,
        items=room.data.items * 10,
        executed={},
        seed="1",
    )
    room.sitting.measure()
    phases = [cycle.begin_ns % PERIOD_NS / PERIOD_NS for cycle in room.notebook.measured]

    assert np.histogram(phases, 4, (0, 1))[0].min() > 5


def test_circumstances(room: Room) -> None:
    """The opening and the closing say what was asked, what runs, the power at rest and the harness's cost."""
    room.sitting.measure()
    opening, closing = room.notebook.openings[0], room.notebook.closings[0]

    assert (1, 1) == (len(room.notebook.openings), len(room.notebook.closings))
    assert "fake" == opening.requested["engine"]
    assert {"precision": "fp32", "versions": {"fake": "1"}} == opening.executed
    assert {"start_s", "import_s", "load_s", "first_inference_s"} == set(opening.cold_start)
    assert opening.meter is not None
    assert "simulated" == opening.meter["origin"]
    assert PERIOD_NS == pytest.approx(opening.period_ns)
    assert 6.0 == pytest.approx(opening.idle_before_w, rel=1e-3)
    assert 6.0 == pytest.approx(closing.idle_after_w, rel=1e-3)
    assert (2, 2) == (opening.preflight_correct, opening.preflight_items)
    assert 1e-3 == pytest.approx(opening.inference_s)
    assert (2, 2) == (opening.lead, opening.tail)
    assert opening.beat == "4/5"
    assert 1e-3 == pytest.approx(closing.sampler_on_s)
    assert 1e-3 == pytest.approx(closing.sampler_off_s)
    assert 1e-9 == pytest.approx(closing.dead_time_s)


def test_a_meter_with_a_clock_of_its_own(room: Room) -> None:
    """Windows outgrow what is unknown of the clock; each cycle has it, and the closing says how it was known."""
    room.sampler.link = Link(clock_uncertainty_ns=1_000_000, clock_rate_ppb=40_000, damaged=3)
    room.sitting.measure()

    assert {(1_000_000, ())} == {(cycle.clock_uncertainty_ns, cycle.void) for cycle in room.notebook.measured}
    assert min(cycle.duration_s for cycle in room.notebook.measured) >= 0.04
    assert room.notebook.openings[0].lead == 3
    assert {
        "clock_uncertainty_ns": 1_000_000,
        "clock_rate_ppb": 40_000,
        "clock_residual_ns": 0,
        "damaged": 3,
        "reopened": 0,
    } == room.notebook.closings[0].link


def cooling(room: Room) -> None:
    """From 80 °C down by 1 °C a second."""
    room.target.temperature_c = lambda: 81.0 - room.clock() * 1e-9


def test_a_sitting_begins_no_hotter_than_stated(tmp_path: Path) -> None:
    """A hot device is waited for before the model is loaded."""
    room = Room(tmp_path, on=device(meter=METER, start_temperature_c=55.0))
    cooling(room)
    room.sitting.measure()
    [opening] = room.notebook.openings

    assert 26_000_000_000 <= opening.opened_ns
    assert opening.environment["temperature_c"]["zone0 soc"] <= 55.0


def test_a_device_that_stays_hot_is_not_measured(tmp_path: Path) -> None:
    """It is waited for as long as a sitting may take, and told with its sensor and what to do."""
    room = Room(tmp_path, on=device(meter=METER, start_temperature_c=55.0, job_s=10.0))
    cooling(room)
    with pytest.raises(
        BenchError, match=r"start_temperature_c: zone0 soc still shows 69.0 °C.*expected 55 °C"
    ):
        room.sitting.measure()

    assert [] == room.notebook.openings


def test_a_temperature_that_cannot_be_seen_is_not_kept(tmp_path: Path) -> None:
    """A device without a sensor is refused where its file states a temperature."""
    room = Room(tmp_path, on=device(meter=METER, start_temperature_c=55.0))
    with pytest.raises(BenchError, match="found no temperature sensor on bench-1"):
        room.sitting.measure()


def test_nothing_is_left_open(room: Room) -> None:
    """Worker and sampler are closed at the end, and were asked in the order of a sitting."""
    room.sitting.measure()
    firsts = list(dict.fromkeys(room.target.verbs))

    assert not room.target.is_open
    assert not room.sampler.is_open
    assert ["load", "cycle", "environment", "memory", "idle_loop"] == firsts


def test_every_sample_is_kept(room: Room) -> None:
    """Raw samples from before the first cycle to after the last are kept once, in order, and none is called lost."""
    room.sitting.measure()
    stamps = room.notebook.stamps_ns
    steps = set(np.diff(stamps[stamps <= room.sampler.paused[0].start]).tolist())
    closing = room.notebook.closings[0]

    assert {PERIOD_NS} == steps
    assert stamps[0] < room.notebook.cycles[0].begin_ns
    assert stamps[-1] > room.notebook.cycles[-1].end_ns
    assert len(stamps) == closing.samples
    assert 0 == closing.lost
    assert 2 == len(room.sampler.paused)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [(None, Void.GAP), (Flag.SATURATED, Void.SATURATED), (Flag.RESET, Void.METER_RESET)],
    ids=str,
)
def test_void_item_is_measured_again(room: Room, flags: Flag | None, reason: Void) -> None:
    """An item whose cycle was void is measured again, and both cycles are written."""
    room.spoil(4, 1, flags)
    room.sitting.measure()
    found = [cycle for cycle in room.notebook.measured if cycle.item == 4]

    assert [False, True] == [cycle.valid for cycle in found]
    assert reason in found[0].void
    assert len(room.data.items) + 1 == len(room.notebook.measured)


def test_lost_samples_are_counted(room: Room) -> None:
    """Samples lost in a window are told at the end of the sitting."""
    room.spoil(4, 1, None)
    room.sitting.measure()
    first = next(cycle for cycle in room.notebook.measured if cycle.item == 4)

    assert first.lost > 0
    assert first.lost == room.notebook.closings[0].lost


def test_void_item_is_given_up(tmp_path: Path) -> None:
    """An item that stays void is measured `remeasure` times more, not for ever; the others once."""
    room = Room(tmp_path, remeasure=2)
    room.target.drifting = frozenset({3})
    room.sitting.measure()
    counts = Counter(cycle.item for cycle in room.notebook.measured)

    assert {item: 3 if item == 3 else 1 for item in room.data.items} == counts
    assert {(Void.OUTPUT_DIFFERS,)} == {c.void for c in room.notebook.measured if c.item == 3}


def test_block_is_long_enough(tmp_path: Path) -> None:
    """The items are gone through again until the block is as long as asked, each equally often."""
    room = Room(tmp_path, block_s=1.0)
    room.sitting.measure()
    counts = Counter(cycle.item for cycle in room.notebook.measured)
    measured = room.notebook.measured

    assert (measured[-1].end_ns - measured[0].begin_ns) * 1e-9 >= 0.98
    assert 1 == len(set(counts.values()))


def test_no_meter(tmp_path: Path) -> None:
    """Without a meter latency and verdict are there, and everything about power is absent."""
    room = Room(tmp_path, on=device())
    room.sitting.measure()
    opening, closing = room.notebook.openings[0], room.notebook.closings[0]

    assert len(room.data.items) == len(room.notebook.measured)
    assert all(cycle.valid and cycle.energy_j is None for cycle in room.notebook.measured)
    assert {None} == {opening.meter, opening.period_ns, opening.lag_ns, opening.watts, opening.idle_before_w}
    assert {None} == {closing.idle_after_w, closing.sampler_on_s, closing.sampler_off_s}
    assert [] == room.notebook.chunks


def test_no_idle_time(tmp_path: Path) -> None:
    """Where no idle time is asked for idle power is absent, and the period is still measured."""
    room = Room(tmp_path, idle_s=0.0)
    room.sitting.measure()

    assert room.notebook.openings[0].idle_before_w is None
    assert PERIOD_NS == pytest.approx(room.notebook.openings[0].period_ns)
    assert all(cycle.valid for cycle in room.notebook.measured)


def test_gate(tmp_path: Path) -> None:
    """A model that is wrong before measuring is not measured."""
    room = Room(tmp_path, model="wrong", preflight_items=8)
    with pytest.raises(MeasurementError, match=r"bench-1/fake/two/wrong: 0 of 8 labelled inputs.*90 %"):
        room.sitting.measure()

    assert ([], []) == (room.notebook.cycles, room.notebook.openings)
    assert not room.target.is_open
    assert not room.sampler.is_open


def test_gate_is_no_accuracy(tmp_path: Path) -> None:
    """Without a gate a wrong model is measured, and its verdicts are wrong."""
    room = Room(tmp_path, model="wrong", preflight_items=0)
    room.sitting.measure()

    assert {False} == {cycle.correct for cycle in room.notebook.measured}
    assert 0 == room.notebook.openings[0].preflight_items


def test_refused_model(tmp_path: Path) -> None:
    """A model that the engine refuses ends the sitting before anything is written."""
    room = Room(tmp_path, model="refused")
    with pytest.raises(RefusalError):
        room.sitting.measure()

    assert [] == room.notebook.cycles


def test_missing_model(room: Room) -> None:
    """A model file that is gone is named."""
    room.sitting.order.case.artefact.path.unlink()
    with pytest.raises(FileError, match=r"good.model: cannot be read: No such file"):
        room.sitting.measure()


def test_job_limit(tmp_path: Path) -> None:
    """A sitting longer than the device's job_s is broken off, and names the file to edit."""
    room = Room(tmp_path, on=device(meter=METER, job_s=0.5), block_s=5.0)
    with pytest.raises(BenchError, match=r"job_s = 0.5 s; raise job_s in devices/bench-1.yaml"):
        room.sitting.measure()

    assert room.notebook.measured
    assert [] == room.notebook.closings


def kill_target(room: Room) -> BaseException:
    """The worker dies at row 5."""
    error = TargetError("the worker was killed")
    room.target.errors = {5: error}
    return error


def stop_by_user(room: Room) -> BaseException:
    """The user stops the run at row 5."""
    error = KeyboardInterrupt()
    room.target.errors = {5: error}
    return error


def kill_meter(room: Room) -> BaseException:
    """The meter falls silent once row 5 was observed."""
    error = MeterError("the sampler sent nothing")
    drain = room.sampler.drain

    def fail() -> Any:
        if any(row == 5 and end - begin > 8 * PERIOD_NS for row, begin, end in room.target.windows):
            raise error
        return drain()

    room.sampler.drain = fail  # type: ignore[method-assign]
    return error


def stop_while_told(room: Room) -> BaseException:
    """The user stops the run while the watcher is told of a cycle."""
    error = KeyboardInterrupt()

    def seen(_cycle: Cycle) -> None:
        if 8 == len(room.notebook.cycles):
            raise error

    room.sitting.seen = seen
    return error


def stop_while_syncing(room: Room) -> BaseException:
    """The user stops the run when a cycle is written and the journal has not returned yet."""
    error = KeyboardInterrupt()

    class Slow(Notebook):
        def cycle(self, cycle: Cycle) -> None:
            Notebook.cycle(self, cycle)
            if 8 == len(self.cycles):
                raise error

    room.notebook = room.sitting.journal = Slow()
    return error


def kill_meter_at_the_end(room: Room) -> BaseException:
    """The meter falls silent in the idle time after the last cycle."""
    error = MeterError("the sampler sent nothing")
    idle: list[float] = []

    def sleep(seconds: float) -> None:
        idle.append(seconds)
        if 2 == len(idle):
            raise error
        room.clock.sleep(seconds)

    room.sitting.sleep = sleep
    return error


@pytest.mark.parametrize(
    "spoil",
    [kill_target, stop_by_user, kill_meter, stop_while_told, stop_while_syncing, kill_meter_at_the_end],
)
def test_broken_sitting_keeps_what_was_observed(room: Room, spoil: Callable[[Room], BaseException]) -> None:
    """Every window observed before the end is written once, joined or void, and every sample drained is kept."""
    expected = spoil(room)
    with pytest.raises(type(expected)):
        room.sitting.measure()
    written = [cycle.begin_ns for cycle in room.notebook.cycles]
    observed = [begin for _, begin, end in room.target.windows if end - begin > 8 * PERIOD_NS]
    void = [cycle for cycle in room.notebook.cycles if not cycle.valid]

    assert observed == written
    assert all((Void.NOT_JOINED,) == cycle.void and cycle.energy_j is None for cycle in void)
    assert len(room.notebook.measured) - len(void) >= 3
    assert {PERIOD_NS} == set(np.diff(room.notebook.stamps_ns).tolist())
    assert room.notebook.stamps_ns[-1] >= max(cycle.end_ns for cycle in room.notebook.cycles if cycle.valid)
    assert [] == room.notebook.closings
    assert not room.target.is_open
    assert not room.sampler.is_open
