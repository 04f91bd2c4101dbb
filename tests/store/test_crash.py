"""Deaths and full disks, for real: no cycle is lost once its writing was acknowledged."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from records import CASES, cycle, opened, raw_samples, run_start, run_stop

import harness
from harness.errors import StoreError
from harness.store import RunWriter, find_run, read_run, recover, runs

from .mounts import make_read_only, small_disk

CHILD = Path(__file__).with_name("writing_child.py")
SEED = 226


def start_child(results: Path, *arguments: str) -> subprocess.Popen[str]:
    """The writing process, its acknowledgements on a pipe."""
    command = [sys.executable, str(CHILD), str(results), *arguments]
    places = (CHILD.parents[1], Path(harness.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def write_until_refused(writer: RunWriter) -> None:
    """Cycles until one cannot be written, but never more than a small disk could hold."""
    for seq in range(10_000):
        writer.cycle(cycle(seq))


@pytest.mark.parametrize("attempt", range(10))
def test_kill_loses_no_acknowledged_cycle(tmp_path: Path, attempt: int) -> None:
    """A writer killed with SIGKILL at any moment leaves every acknowledged cycle and at most one torn line."""
    count = random.Random(f"{SEED}/{attempt}").randrange(1, 400)  # noqa: S311 - moments of a test, no secret
    with start_child(tmp_path) as child:
        assert child.stdout is not None
        path = Path(child.stdout.readline().strip())
        acknowledged = [int(child.stdout.readline()) for _ in range(count)]
        child.kill()
        acknowledged += [int(line) for line in child.stdout if line.endswith("\n")]
    before = read_run(path)
    dropped = recover(path)
    run = read_run(path)

    assert len(acknowledged) <= len(run.cycles) <= len(acknowledged) + 1
    assert list(range(len(run.cycles))) == run.cycles["seq"].tolist()
    assert dropped.lines <= 1
    assert "recovered" == before.status == run.status
    assert before.cycles.equals(run.cycles)
    assert before.recovered_lines == dropped.lines == run.recovered_lines
    with RunWriter.resume(path) as writer:
        assert len(run.cycles) == writer.next_seq


def test_a_live_run_reads_as_running(tmp_path: Path) -> None:
    """A run that another process is writing reads as running, and reading does not disturb the writer."""
    with start_child(tmp_path) as child:
        assert child.stdout is not None
        path = Path(child.stdout.readline().strip())
        statuses = []
        for _ in range(5):
            child.stdout.readline()
            statuses.append(read_run(path).status)
        with pytest.raises(StoreError, match=f"process {child.pid} is writing this run"):
            recover(path)
        child.kill()
        child.stdout.read()
    listed = [entry.status for entry in runs(tmp_path)]

    assert ["running"] * 5 == statuses
    assert ["recovered"] == listed


def test_a_file_size_limit_keeps_the_cycles_before(tmp_path: Path) -> None:
    """Where a line does not fit the error names file, cause and what is kept, and the torn line is taken back."""
    with start_child(tmp_path, "10000") as child:
        assert child.stdout is not None
        path, *acknowledged, error = child.stdout.read().splitlines()
    journal = Path(path) / "cycles-000000.jsonl"

    assert error.startswith(f"error: {journal}: cannot be written: File too large (EFBIG)")
    assert f"the {len(acknowledged)} cycles before it are kept" in error
    assert len(acknowledged) == journal.read_bytes().count(b"\n") == len(read_run(Path(path)).cycles) > 0
    assert journal.read_bytes().endswith(b"\n")
    assert 0 == recover(Path(path)).lines


def test_a_full_disk_keeps_the_cycles_before(tmp_path: Path) -> None:
    """On a full disk the run ends with the disk named, all cycles before are read, and room lets it go on."""
    with small_disk(tmp_path / "disk", size_kib=96) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(20_000))
        with RunWriter.create(disk, run_start()) as writer:
            with pytest.raises(StoreError) as caught:
                write_until_refused(writer)
            written = writer.next_seq
            with pytest.raises(StoreError, match="No space left on device"):
                writer.samples(CASES[0], 1, 1, raw_samples(1000))
        held = read_run(writer.path)
        ballast.unlink()
        with RunWriter.resume(writer.path) as again:
            again.opened(opened(part=2))
            again.cycle(cycle(written))
        resumed = read_run(writer.path)

    assert "cannot be written: No space left on device (ENOSPC)" in str(caught.value)
    assert f"the {written} cycles before it are kept" in str(caught.value)
    assert 3 == caught.value.exit_code
    assert written == len(held.cycles) > 0
    assert 0 == held.recovered_lines
    assert written + 1 == len(resumed.cycles)


def test_a_full_disk_leaves_no_empty_run(tmp_path: Path) -> None:
    """Where not even the manifest fits the run is refused and its directory goes again."""
    with small_disk(tmp_path / "disk", size_kib=16) as disk:
        (disk / "runs").mkdir()
        with pytest.raises(StoreError, match="nothing was measured yet; free space"):
            RunWriter.create(disk, run_start(provenance={"note": "x" * 40_000})).__enter__()
        left = list((disk / "runs").iterdir())

    assert [] == left


def test_a_read_only_disk_is_named_and_readable(tmp_path: Path) -> None:
    """A run on a read-only file system reads, even broken off; writing there is refused by name."""
    with small_disk(tmp_path / "disk", size_kib=256) as disk:
        with RunWriter.create(disk, run_start()) as writer:
            writer.cycle(cycle(0))
            writer.cycle(cycle(1))
            writer.samples(CASES[0], 1, 1, raw_samples(3))
        journal = writer.path / "cycles-000000.jsonl"
        journal.write_bytes(journal.read_bytes()[:-4])
        make_read_only(disk)
        run = read_run(find_run(disk, "latest"))
        power = run.power(CASES[0], 1, 1)
        with pytest.raises(StoreError, match=r"Read-only file system.*mount the file system for writing"):
            RunWriter.create(disk, run_start()).__enter__()
        with pytest.raises(StoreError, match="Read-only file system"):
            RunWriter.resume(writer.path).__enter__()

    assert ("recovered", 1, [0]) == (run.status, run.recovered_lines, run.cycles["seq"].tolist())
    assert np.array_equal(raw_samples(3), power)


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    """A file standing where the results folder should be is named, and so is what to do."""
    results = tmp_path / "results"
    results.write_text("not a folder")

    with pytest.raises(StoreError, match=r"results.*a file stands where a folder should be: move it"):
        RunWriter.create(results, run_start()).__enter__()


def test_a_stop_that_cannot_be_written_keeps_the_run(tmp_path: Path) -> None:
    """Where the end cannot be written the run stays broken off, and all of it is there."""
    with small_disk(tmp_path / "disk", size_kib=64) as disk:
        with RunWriter.create(disk, run_start()) as writer:
            writer.cycle(cycle(0))
            room = os.statvfs(disk)
            (disk / "ballast").write_bytes(bytes(room.f_bavail * room.f_frsize))
            with pytest.raises(
                StoreError, match=r"manifest\.json: cannot be written.*the 1 cycles before it are kept"
            ):
                writer.stop(run_stop(status="aborted", reason="The disk is full."))
        run = read_run(writer.path)

    assert ("recovered", 1) == (run.status, len(run.cycles))
