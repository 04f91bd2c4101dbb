"""The writer: what it has written is there, what it must not write it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from records import CASES, FIRST_NS, closed, cycle, incident, opened, raw_samples, run_start, run_stop

from harness.errors import FileError, StoreError
from harness.record import ImportedCase, Phase, Void
from harness.store import RunWriter, read_run
from harness.store import series as series_module
from harness.store import writer as writer_module


def test_a_run_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """Start, sittings, incidents, cycles, raw power and stop come back as they were handed over."""
    cycles = [cycle(seq) for seq in range(4)]
    with RunWriter.create(tmp_path, run_start()) as writer:
        writer.opened(opened())
        writer.incident(incident())
        for each in cycles:
            writer.cycle(each)
        writer.samples(CASES[0], 1, 1, raw_samples(9))
        writer.closed(closed())
        writer.stop(run_stop())
    run = read_run(writer.path)

    assert run_start(run=writer.path.name) == run.start == writer.start
    assert (run_stop(), "complete") == (run.stop, run.status)
    assert ((opened(),), (closed(),), (incident(),)) == (run.opened, run.closed, run.incidents)
    assert [each.energy_j for each in cycles] == run.cycles["energy_j"].tolist()
    assert [ns for each in cycles for ns in each.latencies_ns] == run.latencies_ns(CASES[0]).tolist()
    assert np.array_equal(raw_samples(9), run.power(CASES[0], 1, 1))


def test_a_run_is_named_by_its_time(tmp_path: Path) -> None:
    """The directory's name is the start's time of day in UTC and six drawn digits, and the start repeats it."""
    with RunWriter.create(tmp_path, run_start(utc="2026-01-02T05:04:05+02:00")) as writer:
        name = writer.path.name

    assert "20260102T030405Z-" == name[:17]
    assert 23 == len(name)
    assert tmp_path / "runs" == writer.path.parent
    assert name == writer.start.run


def test_a_taken_name_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making the directory is the claim: where the name is taken another is drawn."""
    drawn = iter(["000000", "000000", "000001"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(drawn))
    with RunWriter.create(tmp_path, run_start()) as first, RunWriter.create(tmp_path, run_start()) as second:
        pass

    assert ["000000", "000001"] == [writer.path.name[-6:] for writer in (first, second)]


def test_two_writers_are_refused(tmp_path: Path) -> None:
    """A run being written is refused to a second writer, which is told whose process holds it."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        with pytest.raises(StoreError, match=f"process {os.getpid()} is writing this run"):
            RunWriter.resume(writer.path).__enter__()
        writer.cycle(cycle(0))
    with RunWriter.resume(writer.path) as again:
        assert 1 == again.next_seq


def test_a_complete_run_is_not_resumed(tmp_path: Path) -> None:
    """There is nothing to go on with in a complete run, and it stays as it is."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        writer.stop(run_stop())
    names = sorted(path.name for path in writer.path.iterdir())

    with pytest.raises(FileError, match="the run is complete"):
        RunWriter.resume(writer.path).__enter__()
    assert names == sorted(path.name for path in writer.path.iterdir())


def test_another_schema_is_not_resumed(tmp_path: Path) -> None:
    """A run of another schema version is refused by both versions."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        pass
    manifest = writer.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema_version": 1', '"schema_version": 9', 1))

    with pytest.raises(StoreError, match="schema_version: is 9, this harness reads 1"):
        RunWriter.resume(writer.path).__enter__()


@pytest.mark.parametrize("status", ["aborted", "interrupted"])
def test_a_stopped_run_goes_on(tmp_path: Path, status: str) -> None:
    """A run that was stopped early is gone on with: numbers, items and parts follow on."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        writer.opened(opened())
        writer.cycle(cycle(0, phase=Phase.WARMUP, item=5))
        writer.cycle(cycle(1, item=6))
        writer.cycle(cycle(2, item=7, void=(Void.GAP,)))
        writer.incident(incident())
        writer.samples(CASES[0], 1, 1, raw_samples(5))
        writer.stop(run_stop(status=status, reason="The meter fell silent."))
    with RunWriter.resume(writer.path) as again:
        facts = (again.next_seq, again.done(CASES[0], 1), again.parts(CASES[0], 1), again.parts(CASES[1], 1))
        again.opened(opened(part=2))
        again.cycle(cycle(3, part=2, item=7))
        again.samples(CASES[0], 1, 2, raw_samples(6, first_ns=2 * FIRST_NS))
        again.closed(closed(part=2))
        attended = [again.attended(case, 1) for case in CASES]
        again.stop(run_stop())
    run = read_run(writer.path)

    assert (3, frozenset({6}), 1, 0) == facts
    assert [1, 0] == attended
    assert ([0, 1, 2, 3], "complete") == (run.cycles["seq"].tolist(), run.status)
    assert [5, 6] == [len(run.power(CASES[0], 1, part)) for part in (1, 2)]


def test_cycles_are_numbered_without_holes(tmp_path: Path) -> None:
    """A cycle with another number than the next is refused and not written."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        with pytest.raises(ValueError, match="cycle 4 was given where cycle 0 is next"):
            writer.cycle(cycle(4))

        assert b"" == (writer.path / "cycles-000000.jsonl").read_bytes()


def test_samples_of_a_foreign_case_are_refused(tmp_path: Path) -> None:
    """Raw power belongs to a case of the run."""
    with RunWriter.create(tmp_path, run_start()) as writer, pytest.raises(ValueError, match="not in tuple"):
        writer.samples("somebody/else", 1, 1, raw_samples(1))


def test_segments_follow_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full segment is followed by the next, also after going on; the run reads as one."""
    monkeypatch.setattr(writer_module, "SEGMENT_CYCLES", 3)
    monkeypatch.setattr(writer_module, "SEGMENT_SAMPLES", 10)
    with RunWriter.create(tmp_path, run_start()) as writer:
        for seq in range(5):
            writer.cycle(cycle(seq))
            writer.samples(CASES[0], 1, 1, raw_samples(6))
    with RunWriter.resume(writer.path) as writer:
        for seq in range(5, 8):
            writer.cycle(cycle(seq))
    counts = [path.read_bytes().count(b"\n") for path in sorted(writer.path.glob("cycles-*.jsonl"))]
    run = read_run(writer.path)

    assert [3, 3, 2] == counts
    assert 3 == len(list(writer.path.glob("power-*.bin")))
    assert list(range(8)) == run.cycles["seq"].tolist()
    assert 30 == len(run.power(CASES[0], 1, 1))


def test_syncing_is_bounded_by_cycles_and_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Journals are synced after a hundred cycles or a second, whichever comes first."""
    synced: list[int] = []
    now_ns = 0
    with RunWriter.create(tmp_path, run_start(), clock=lambda: now_ns) as writer:
        monkeypatch.setattr(series_module.Journal, "sync", lambda *_, **__: synced.append(writer.next_seq))
        for seq in range(150):
            writer.cycle(cycle(seq))
        now_ns = 999_999_999
        writer.cycle(cycle(150))
        now_ns = 1_000_000_000
        writer.cycle(cycle(151))

    assert [100, 100, 152, 152] == synced


def test_writing_needs_neither_pandas_nor_pyarrow() -> None:
    """The writing side imports nothing heavier than numpy."""
    script = (
        "import sys; from harness.store import RunWriter, recover, find_run;"
        "print([name for name in ('pandas', 'pyarrow', 'matplotlib', 'pydantic') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "[]\n" == found.stdout


def test_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    """`sha256sum -c SHA256SUMS` passes in a closed run and covers every file, and a changed byte fails it."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        writer.opened(opened())
        writer.cycle(cycle(0))
        writer.stop(run_stop())
    check = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    listed = {line.split()[1] for line in (writer.path / "SHA256SUMS").read_text().splitlines()}

    assert {path.name for path in writer.path.iterdir()} == listed | {"SHA256SUMS"}
    assert 0 == subprocess.run(check, cwd=writer.path, check=False, capture_output=True).returncode
    with (writer.path / "sittings.jsonl").open("ab") as file:
        file.write(b"\n")
    assert 1 == subprocess.run(check, cwd=writer.path, check=False, capture_output=True).returncode


def test_imported_cases_come_back(tmp_path: Path) -> None:
    """What another tool says of a case is written, summed and read back; it is no cycle."""
    record = ImportedCase(
        case="bench-b/tool/net/int8", board="", figures={"latency_p90_s": 0.1}, place="line 2"
    )
    start = run_start(cases=(record.case,), order=(), items={}, origin="imported")
    with RunWriter.create(tmp_path, start) as writer:
        writer.imported(record)
        writer.stop(run_stop())
    run = read_run(writer.path)

    assert (record,) == run.imported
    assert (0, "complete") == (len(run.cycles), run.status)
