"""Power recorded earlier, played again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import PATIENCE_S
from records import CASES, opened, run_start

from harness.errors import FileError, MeterError
from harness.instruments import ReplayMeter
from harness.meters import Flag
from harness.meters.replay import Replay, read_recording
from harness.meters.scale import Scale
from harness.meters.stream import SAMPLE, Sampler
from harness.meters.virtual import VirtualClock
from harness.meters.word import EnergyWord, readout_from
from harness.profile import Origin
from harness.store import RunWriter
from harness.store.power import Chunk, encode

MS = 1_000_000


def csv_meter(path: Path, **fields: object) -> ReplayMeter:
    """Of a CSV file with columns t and w."""
    defaults = {"time": "t", "time_unit_s": 1.0, "power": "w", "voltage": None, "current": None}
    return ReplayMeter(
        kind="replay", path=str(path), case=None, sitting=1, part=1, boundary="-", **{**defaults, **fields}
    )


def written(path: Path, *rows: str) -> ReplayMeter:
    """A CSV file of these rows."""
    path.write_text("\n".join(("t,w", *rows)) + "\n")
    return csv_meter(path)


def samples(count: int = 50) -> np.ndarray:
    """Raw samples of 5 W on 10 mohm, one each 1.24 ms."""
    raw = np.zeros(count, SAMPLE)
    raw["ready_ns"] = 7 * 10**12 + np.arange(count) * 1_240_000
    raw["shunt"], raw["bus"] = 4000, 4000
    raw["flags"][3] = Flag.LATE
    return raw


def test_a_trace_is_played_at_its_own_pace(tmp_path: Path) -> None:
    """Steps are those of the file, begun when the stream is opened; then it begins anew, and says so."""
    meter = written(tmp_path / "a.csv", "100.00,1", "100.01,2", "100.03,3", "100.04,4")
    clock = VirtualClock(5 * 10**9)
    with Replay(meter, clock=clock, sleep=clock.sleep) as stream:
        raws = [stream.next() for _ in range(6)]
        readout = readout_from(stream.configuration()["watts"])

    assert [0, 10, 30, 40, 50, 60] == [(raw.ready_ns - 5 * 10**9) // MS for raw in raws]
    assert [1, 2, 3, 4, 1, 2] == pytest.approx([readout.watts(raw.shunt, raw.bus) for raw in raws])
    assert [0, 0, 0, 0, Flag.MISSED, 0] == [raw.flags for raw in raws]
    assert clock() == raws[-1].ready_ns


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-4000, 4000), min_size=3, max_size=10))
def test_any_power_survives_to_a_millionth(
    tmp_path_factory: pytest.TempPathFactory, powers_w: list[float]
) -> None:
    """The unit of a count is chosen so that the largest power fits, finely enough for all."""
    path = tmp_path_factory.mktemp("replay") / "a.csv"
    recording = read_recording(written(path, *(f"{k},{power_w!r}" for k, power_w in enumerate(powers_w))))
    readout = readout_from(recording.watts)
    largest_w = max(map(abs, powers_w))

    assert powers_w == pytest.approx(
        [readout.watts(raw.shunt, raw.bus) for raw in recording.samples],
        abs=max(0.6e-6, 1e-6 * largest_w),
    )


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["1,2", "x,3", "4,5"], r"line 3: t: found 'x', expected a number"),
        (["1,2", "2,inf", "4,5"], r"line 3: w: found 'inf', expected a number"),
        (["1,2", "2", "4,5"], r"line 3: w: found ''"),
        (["1,2", "1,3", "4,5"], r"sample 2 is not later than the one before"),
        (["1,2", "2,3"], r"holds 2 samples, expected 3 or more"),
        (["1,1e12", "2,3", "3,3"], r"found 1e\+12 W"),
    ],
)
def test_a_trace_that_is_none_is_told_by_line(tmp_path: Path, rows: list[str], sentence: str) -> None:
    """Nothing is skipped or guessed."""
    with pytest.raises(FileError, match=sentence):
        read_recording(written(tmp_path / "a.csv", *rows))


def test_a_missing_column_is_told_with_those_there(tmp_path: Path) -> None:
    """The message names the column and the file's."""
    written(tmp_path / "a.csv", "1,2")

    with pytest.raises(FileError, match="found the columns t, w, expected watt"):
        read_recording(csv_meter(tmp_path / "a.csv", power="watt"))


def raw_file(folder: Path, **facts: object) -> ReplayMeter:
    """A file as `harness meter record` writes it."""
    path = folder / "rail.bin"
    path.write_bytes(encode(Chunk(case=0, sitting=1, part=1, first=0, samples=samples())))
    watts = Scale(shunt_ohm=0.01, vbus_tap="load").as_record()
    said = {"source": "rail of the tests", "watts": watts, "lag_s": 70e-6, **facts}
    (folder / "rail.bin.json").write_text(json.dumps(said))
    return csv_meter(path)


def test_a_raw_power_file_keeps_its_integers(tmp_path: Path) -> None:
    """Registers, flags, scale and lag are those of the recording, to the bit."""
    recording = read_recording(raw_file(tmp_path))

    assert samples()[["shunt", "bus", "flags"]].tolist() == [
        (raw.shunt, raw.bus, raw.flags) for raw in recording.samples
    ]
    assert (70e-6, 1_240_000) == (recording.lag_s, recording.period_ns)
    assert 5.0 == pytest.approx(readout_from(recording.watts).watts(4000, 4000))


def test_a_raw_power_file_without_its_companion_is_refused(tmp_path: Path) -> None:
    """Integers alone are no watts."""
    meter = raw_file(tmp_path)
    (tmp_path / "rail.bin.json").unlink()

    with pytest.raises(FileError, match=r"rail\.bin\.json.*copy it together"):
        read_recording(meter)


def test_counts_of_energy_are_not_played(tmp_path: Path) -> None:
    """A counter that begins again would show a step that never was."""
    meter = raw_file(tmp_path, watts=EnergyWord(unit_j=1e-6).as_record())

    with pytest.raises(FileError, match="cannot begin again"):
        read_recording(meter)


def test_a_sitting_of_a_run_is_played(tmp_path: Path) -> None:
    """A run directory gives its raw samples with the scale of the sitting they belong to."""
    watts = Scale(shunt_ohm=0.01, vbus_tap="load").as_record()
    with RunWriter.create(tmp_path, run_start()) as writer:
        writer.opened(opened(case=CASES[0], sitting=1, part=1, watts=watts, lag_ns=70_000.0))
        writer.samples(CASES[0], 1, 1, samples())
        path = writer.path
    recording = read_recording(csv_meter(path))

    assert len(samples()) == len(recording.samples)
    assert (watts, 70e-6) == (recording.watts, pytest.approx(recording.lag_s))
    with pytest.raises(FileError, match="has no part 2 of sitting 1"):
        read_recording(replace(csv_meter(path), part=2))


def test_the_sampler_plays_a_recording(tmp_path: Path) -> None:
    """Through the process of its own a recording arrives as replayed power, on this machine's clock."""
    rows = [f"{k * 0.002:.3f},{5 + k % 2}" for k in range(100)]
    meter = written(tmp_path / "a.csv", *rows)
    with Sampler(meter, subject_pid=None, reply_s=PATIENCE_S) as sampler:
        sampler.wait_beyond(0)
        drained_ns = int(sampler.drain()["ready_ns"][-1])
        sampler.wait_beyond(drained_ns + 30 * MS)
        played = sampler.drain()
        watts = sampler.scale.watts(played["shunt"], played["bus"])

        assert Origin.REPLAYED is sampler.origin
        assert 0.0 == sampler.channels[0].lag_s(0.002)
    assert {5.0, 6.0} == set(watts.round(6).tolist())
    assert {2 * MS} == set(np.diff(played["ready_ns"]).tolist())


def test_a_recording_that_is_gone_ends_the_sampler_with_its_reason(tmp_path: Path) -> None:
    """The bench raises the sentence of the sampler's process."""
    with (
        pytest.raises(MeterError, match=r"gone\.csv: cannot be read"),
        Sampler(csv_meter(tmp_path / "gone.csv"), subject_pid=None, reply_s=PATIENCE_S),
    ):
        pass
