"""Reading runs: tables have their columns and types, and what does not fit together is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from records import CASES, cycle, opened, raw_samples, run_start, run_stop

from harness.errors import StoreError
from harness.record import Phase, Void
from harness.store import RunWriter, read_run, read_start
from harness.store.line import encode
from harness.store.members import members_of


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A complete run of valid, void and warm-up cycles of two cases in two sittings."""
    changes: list[dict[str, Any]] = [
        {"phase": Phase.WARMUP, "latencies_ns": (1,)},
        {"latencies_ns": (2, 3)},
        {"latencies_ns": (4,), "void": (Void.GAP, Void.LOW_COVERAGE), "energy_j": None, "predicted": None},
        {"latencies_ns": (5, 6), "sitting": 2},
        {"latencies_ns": (7,), "case": CASES[1]},
    ]
    with RunWriter.create(tmp_path, run_start()) as writer:
        writer.opened(opened())
        for seq, change in enumerate(changes):
            writer.cycle(cycle(seq, **change))
        writer.samples(CASES[0], 1, 1, raw_samples(3))
        writer.stop(run_stop())
    return writer.path


def test_latencies_are_of_valid_counted_cycles(run_dir: Path) -> None:
    """Latencies leave out warm-up and void cycles and stand in order."""
    run = read_run(run_dir)

    assert [2, 3, 5, 6] == run.latencies_ns(CASES[0]).tolist()
    assert [2, 3] == run.latencies_ns(CASES[0], 1).tolist()
    assert [7] == run.latencies_ns(CASES[1], 1).tolist()
    assert [] == run.latencies_ns("somebody/else").tolist()
    assert np.dtype(np.int64) == run.latencies_ns(CASES[0]).dtype


def test_columns_are_the_fields_of_a_cycle(run_dir: Path) -> None:
    """What a cycle does not have is absent, never a number; reasons are joined."""
    cycles = read_run(run_dir).cycles

    assert ["", "", "gap;low_coverage", "", ""] == cycles["void"].tolist()
    assert ["warmup", *["measure"] * 4] == cycles["phase"].tolist()
    assert [1, 2, 1, 2, 1] == cycles["repeats"].tolist()
    assert [False, False, True, False, False] == cycles["energy_j"].isna().tolist()
    assert [False, False, True, False, False] == cycles["predicted"].isna().tolist()
    assert "Int64" == str(cycles["predicted"].dtype)


def test_an_empty_run_has_the_columns_too(tmp_path: Path, run_dir: Path) -> None:
    """A run without cycles has the columns and types of one with them."""
    with RunWriter.create(tmp_path / "other", run_start()) as writer:
        pass
    run = read_run(writer.path)

    pd.testing.assert_series_equal(read_run(run_dir).cycles.dtypes, run.cycles.dtypes)
    assert (0, 0) == (len(run.cycles), len(run.latencies_ns(CASES[0])))
    assert 0 == len(run.power(CASES[0], 1))


def test_power_of_what_is_not_there_is_empty(run_dir: Path) -> None:
    """No samples of a part, a sitting or a case is an empty array."""
    run = read_run(run_dir)

    assert [3, 0, 0, 0] == [
        len(run.power(*wanted)) for wanted in [(CASES[0], 1), (CASES[0], 1, 2), (CASES[1], 1), ("no", 1)]
    ]


def test_foreign_files_are_ignored(run_dir: Path) -> None:
    """Files that are no part of a run, or links to elsewhere, are not read."""
    (run_dir / "notes.txt").write_text("hello")
    (run_dir / "cycles-1.jsonl").write_text("no segment")
    (run_dir / "power-000001.bin").symlink_to("/etc/passwd")

    assert 5 == len(read_run(run_dir).cycles)


def test_a_run_may_be_renamed(run_dir: Path) -> None:
    """A directory given another name is the same run."""
    moved = run_dir.rename(run_dir.with_name("the winner"))

    assert run_dir.name == read_run(moved).start.run == read_start(moved).run


@pytest.mark.parametrize("name", ["cycles-000000.parquet", "sittings.jsonl", "power-000000.parquet"])
def test_a_missing_file_is_named(run_dir: Path, name: str) -> None:
    """A closed run without one of its files is refused by that file."""
    (run_dir / name).unlink()

    with pytest.raises(StoreError, match=f"'{name}' has no bytes, the manifest says"):
        read_run(run_dir)


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    """Segments are numbered without holes."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        pass
    (writer.path / "cycles-000000.jsonl").rename(writer.path / "cycles-000001.jsonl")

    with pytest.raises(StoreError, match="segment cycles-000000 is missing"):
        read_run(writer.path)


def test_a_missing_cycle_is_named(tmp_path: Path) -> None:
    """A line taken out of a journal is noticed by the numbers of the cycles, when read and when resumed."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        for seq in range(3):
            writer.cycle(cycle(seq))
    journal = writer.path / "cycles-000000.jsonl"
    first, _, third = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(first + third)

    with pytest.raises(StoreError, match="holds cycle 2 where cycle 1 was expected"):
        read_run(writer.path)
    with pytest.raises(StoreError, match="holds cycle 2 where cycle 1 was expected"):
        RunWriter.resume(writer.path).__enter__()


def test_a_torn_end_is_refused_in_a_closed_run(tmp_path: Path) -> None:
    """Only a broken-off run may have a torn end."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        writer.cycle(cycle(0))
        writer.stop(run_stop(status="aborted", reason="The meter fell silent."))
    manifest = writer.path / "manifest.json"
    content = json.loads(manifest.read_bytes()) | {"files": {}}
    manifest.write_text(json.dumps(content))
    journal = writer.path / "cycles-000000.jsonl"
    journal.write_bytes(journal.read_bytes()[:-1])

    with pytest.raises(StoreError, match="line 1: it is cut"):
        read_run(writer.path)


def test_lines_that_are_no_cycles_are_named(tmp_path: Path) -> None:
    """A whole line that is not a cycle is refused by file, line and member."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        writer.cycle(cycle(0))
    with (writer.path / "cycles-000000.jsonl").open("ab") as journal:
        journal.write(encode(members_of(cycle(1)) | {"item": "first"}))

    with pytest.raises(StoreError, match=r"cycles-000000\.jsonl: line 2: item is 'first', expected int"):
        read_run(writer.path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda content: content.pop("schema_version"), "schema_version: is None"),
        (lambda content: content.update(schema_version=2), "schema_version: is 2"),
        (lambda content: content.update(start=[]), "start or stop is not an object"),
        (lambda content: content["start"].pop("cases"), "cases is missing"),
        (lambda content: content["start"].update(seed="7"), "seed is '7', expected int"),
        (lambda content: content.update(status="splendid"), "status is 'splendid'"),
        (lambda content: content["stop"].update(status="splendid"), "status is 'complete'"),
        (lambda content: content.update(recovered_lines=None), "recovered_lines is not an integer"),
        (lambda content: content.update(files={"a": 1}), "files holds something else than objects"),
    ],
)
def test_manifests_that_do_not_fit_are_named(run_dir: Path, change: Any, expected: str) -> None:
    """A manifest of another version or form is refused by member, with what was found."""
    path = run_dir / "manifest.json"
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))

    with pytest.raises(StoreError, match=f"manifest.json: .*{expected}"):
        read_run(run_dir)


@pytest.mark.parametrize("text", ["", "{", "[]", "\udcff"])
def test_manifests_that_are_no_json_objects_are_named(run_dir: Path, text: str) -> None:
    """A manifest that is no JSON object is refused by name."""
    (run_dir / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(StoreError, match=r"manifest\.json: "):
        read_run(run_dir)
