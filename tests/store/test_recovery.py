"""Recovery: whatever tore the end of a run, at most the last line is lost, and damage elsewhere is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from records import CASES, closed, cycle, opened, raw_samples, run_start

from harness.errors import StoreError
from harness.store import Dropped, RunWriter, read_run, recover
from harness.store.journal import read_lines


@pytest.fixture
def broken_off(tmp_path: Path) -> Path:
    """A run of three cycles whose process ended without closing it."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        writer.opened(opened())
        for seq in range(3):
            writer.cycle(cycle(seq, latencies_ns=(1, 2), output_sha256="0"))
        writer.samples(CASES[0], 1, 1, raw_samples(4))
    return writer.path


def contents(run_dir: Path) -> dict[str, bytes]:
    """Bytes of every file."""
    return {path.name: path.read_bytes() for path in run_dir.iterdir()}


def test_every_truncation_of_a_journal_loses_at_most_one_line(broken_off: Path) -> None:
    """Cut at any byte, a journal keeps all whole lines; readers and recovery agree on them."""
    path = broken_off / "cycles-000000.jsonl"
    data = path.read_bytes()
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        content = read_lines(path, torn_end=True)
        whole = data[:size].count(b"\n")

        assert list(range(whole)) == [members["seq"] for members in content.lines]
        assert int(not data[:size].endswith(b"\n") and size > 0) == content.dropped


@pytest.mark.parametrize("cut", [1, 2, 17])
@pytest.mark.parametrize("name", ["cycles-000000.jsonl", "sittings.jsonl"])
def test_recovery_cuts_the_torn_end(broken_off: Path, name: str, cut: int) -> None:
    """Recovery removes exactly the torn line, counts it, and marks the run."""
    path = broken_off / name
    data = path.read_bytes()
    path.write_bytes(data[:-cut])

    assert Dropped(lines=1) == recover(broken_off)
    assert data[: data.rfind(b"\n", 0, -1) + 1] == path.read_bytes()
    assert ("recovered", 1) == (read_run(broken_off).status, read_run(broken_off).recovered_lines)


def test_recovered_twice_is_the_same(broken_off: Path) -> None:
    """A second recovery changes no byte."""
    path = broken_off / "cycles-000000.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    recover(broken_off)
    before = contents(broken_off)

    assert Dropped() == recover(broken_off)
    assert before == contents(broken_off)


def test_a_torn_power_chunk_is_dropped(broken_off: Path) -> None:
    """The torn last chunk of raw power goes, the ones before it stay."""
    path = broken_off / "power-000000.bin"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:50])

    assert Dropped(chunks=1) == recover(broken_off)
    assert whole == path.read_bytes()
    assert np.array_equal(raw_samples(4), read_run(broken_off).power(CASES[0], 1, 1))


def test_a_tail_of_zeros_is_dropped(broken_off: Path) -> None:
    """Zeros where a file system had reserved blocks before the power went are a torn end."""
    path = broken_off / "cycles-000000.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(4096))

    assert Dropped(lines=1) == recover(broken_off)
    assert whole == path.read_bytes()


def test_damage_before_the_end_is_refused_and_kept(broken_off: Path) -> None:
    """A damaged line with whole ones after it is refused by file and line, and nothing is cut."""
    path = broken_off / "cycles-000000.jsonl"
    data = bytearray(path.read_bytes())
    data[data.index(b"\n") + 20] ^= 1
    path.write_bytes(data)

    for read in (recover, read_run):
        with pytest.raises(StoreError, match=r"cycles-000000\.jsonl: line 2: its checksum is not"):
            read(broken_off)
    assert data == path.read_bytes()


def test_a_run_in_use_is_not_recovered(tmp_path: Path) -> None:
    """The claim of a live writer stands in the way of recovery."""
    with (
        RunWriter.create(tmp_path, run_start()) as writer,
        pytest.raises(StoreError, match="is writing this run"),
    ):
        recover(writer.path)


def test_resuming_goes_on_after_the_torn_end(broken_off: Path) -> None:
    """A resumed run drops the torn line, takes the next number, and remembers what was dropped to its end."""
    path = broken_off / "cycles-000000.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    with RunWriter.resume(broken_off) as writer:
        writer.cycle(cycle(writer.next_seq))
        writer.closed(closed())
    recover(broken_off)
    run = read_run(broken_off)

    assert [0, 1, 2] == run.cycles["seq"].tolist()
    assert (1, "recovered") == (run.recovered_lines, run.status)
    assert run.stop is not None
    assert 1 == run.stop.recovered_lines


def test_a_copy_without_a_manifest_is_refused(broken_off: Path, tmp_path: Path) -> None:
    """A directory without a manifest is no run; it is not touched."""
    copy = tmp_path / "copy"
    shutil.copytree(broken_off, copy)
    (copy / "manifest.json").unlink()
    before = contents(copy)

    with pytest.raises(StoreError, match=r"manifest\.json: cannot be read"):
        recover(copy)
    assert before == contents(copy)
