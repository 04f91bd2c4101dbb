"""Sealing: the Parquet form holds what the journal held, and the journal goes only after that was seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import CASES, cycle, opened, raw_samples, run_start, run_stop

from harness.errors import FileError, StoreError
from harness.record import Cycle, Phase, Void
from harness.store import RunWriter, read_run, recover, seal
from harness.store import closing as closing_module
from harness.store import sealing as sealing_module
from harness.store import writer as writer_module
from harness.store.sealing import CYCLE_SCHEMA, cycle_table, sealed_cycles

NS = st.integers(0, 2**62)
CHANNELS = st.fixed_dictionaries(
    {
        "energy_j": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "coverage": st.floats(0, 1),
        "samples": st.integers(0, 2**40),
        "lost": st.integers(0, 2**40),
        "saturated": st.integers(0, 2**40),
    }
)
CYCLES = st.lists(
    st.builds(
        Cycle,
        seq=st.just(0),
        case=st.sampled_from(CASES),
        sitting=st.integers(1, 5),
        part=st.integers(1, 3),
        phase=st.sampled_from(Phase),
        item=st.integers(0, 2**40),
        label=st.integers(-1, 1000),
        begin_ns=NS,
        end_ns=NS,
        clock_uncertainty_ns=NS,
        latencies_ns=st.lists(NS, min_size=1, max_size=4).map(tuple),
        energy_j=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        samples=st.integers(0, 2**40),
        coverage=st.floats(0, 1),
        lost=st.integers(0, 2**40),
        saturated=st.integers(0, 2**40),
        predicted=st.none() | st.integers(-1, 1000),
        output_sha256=st.text("0123456789abcdef", min_size=0, max_size=64),
        void=st.lists(st.sampled_from(Void), max_size=3, unique=True).map(tuple),
        channels=st.none() | st.dictionaries(st.sampled_from(["core", "io", "usb-1"]), CHANNELS),
    ),
    max_size=8,
)


@contextmanager
def written(results: Path, cycles: list[Cycle], **settings_: int) -> Iterator[RunWriter]:
    """An open run of those cycles, with a chunk of raw power after each."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings_.items():
            patch.setattr(writer_module, name, value)
        with RunWriter.create(results, run_start()) as writer:
            writer.opened(opened())
            for each in cycles:
                writer.cycle(each)
                writer.samples(CASES[each.seq % 2], 1, 1, raw_samples(3 + each.seq))
            yield writer


@settings(max_examples=30, deadline=None)
@given(cycles=CYCLES)
def test_sealed_reads_as_the_journal_did(
    tmp_path_factory: pytest.TempPathFactory, cycles: list[Cycle]
) -> None:
    """A sealed run reads exactly as it did before it was sealed: columns, types, latencies and raw power."""
    numbered = [cycle(seq, **_values(each)) for seq, each in enumerate(cycles)]
    with written(tmp_path_factory.mktemp("results"), numbered) as writer:
        before = read_run(writer.path)
        power = [before.power(case, 1) for case in CASES]
        writer.stop(run_stop())
    after = read_run(writer.path)

    assert {"cycles-000000.parquet", "power-000000.parquet"} == {
        p.name for p in writer.path.glob("*.parquet")
    }
    pd.testing.assert_frame_equal(before.cycles, after.cycles)
    assert before.all_latencies_ns.tolist() == after.all_latencies_ns.tolist()
    assert all(np.array_equal(raw, after.power(case, 1)) for case, raw in zip(CASES, power, strict=True))
    assert numbered == [
        cycle(each.seq, **_values(each)) for each in sealed_cycles(writer.path / "cycles-000000.parquet")
    ]


def _values(record: Cycle) -> dict[str, Any]:
    names = [name for name in Cycle.__slots__ if name != "seq"]
    return {name: getattr(record, name) for name in names} | {"latencies_ns": tuple(record.latencies_ns)}


def test_a_board_without_pyarrow_keeps_its_journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow a complete run stays as journals, is summed and reads the same; a desk seals it later."""
    monkeypatch.setattr(closing_module, "find_spec", lambda _: None)
    with written(tmp_path, [cycle(0), cycle(1)]) as writer:
        writer.stop(run_stop())
    names = {path.name for path in writer.path.iterdir()}
    before = read_run(writer.path)
    with pytest.raises(FileError, match="sealing needs pyarrow: pip install pyarrow"):
        seal(writer.path)
    monkeypatch.undo()
    seal(writer.path)
    after = read_run(writer.path)

    assert {
        "manifest.json",
        "SHA256SUMS",
        "sittings.jsonl",
        "cycles-000000.jsonl",
        "power-000000.bin",
    } == names
    assert {
        "manifest.json",
        "SHA256SUMS",
        "sittings.jsonl",
        "cycles-000000.parquet",
        "power-000000.parquet",
    } == {path.name for path in writer.path.iterdir()}
    pd.testing.assert_frame_equal(before.cycles, after.cycles)


def test_sealed_twice_is_the_same(tmp_path: Path) -> None:
    """Sealing a sealed run changes no byte."""
    with written(tmp_path, [cycle(0)]) as writer:
        writer.stop(run_stop())
    before = {path.name: path.read_bytes() for path in writer.path.iterdir()}
    seal(writer.path)

    assert before == {path.name: path.read_bytes() for path in writer.path.iterdir()}


def test_the_same_journal_seals_to_the_same_bytes(tmp_path: Path) -> None:
    """Sealing is a function of the journal alone."""
    sealed = []
    for name in ("one", "two"):
        with written(tmp_path / name, [cycle(seq) for seq in range(5)]) as writer:
            writer.stop(run_stop())
        sealed.append((writer.path / "cycles-000000.parquet").read_bytes())

    assert sealed[0] == sealed[1]


def test_mixed_segments_read_as_one(tmp_path: Path) -> None:
    """Sealed and open segments of one run read as one table, and the run can be gone on with."""
    with written(tmp_path, [cycle(seq) for seq in range(5)], SEGMENT_CYCLES=3, SEGMENT_SAMPLES=5) as writer:
        plain = read_run(writer.path)
        power = plain.power(CASES[0], 1)
    recover(writer.path)
    seal(writer.path)
    sealed = len(list(writer.path.glob("*.parquet")))
    with RunWriter.resume(writer.path) as again:
        again.cycle(cycle(5, item=19))
        again.samples(CASES[0], 1, 1, raw_samples(2))
        done = again.done(CASES[0], 1)
    mixed = read_run(writer.path)

    assert 2 + 4 == sealed
    assert {".jsonl", ".parquet"} == {path.suffix for path in writer.path.glob("cycles-*")}
    assert frozenset({0, 1, 2, 3, 4, 19}) == done
    pd.testing.assert_frame_equal(plain.cycles, mixed.cycles.iloc[:5])
    assert [*power["ready_ns"].tolist(), *raw_samples(2)["ready_ns"].tolist()] == (
        mixed.power(CASES[0], 1)["ready_ns"].tolist()
    )


def test_the_journal_is_the_source_where_both_forms_stand(tmp_path: Path) -> None:
    """A process that died between sealing and removing the journal leaves both; the journal is read."""
    with written(tmp_path, [cycle(0), cycle(1)]) as writer:
        pass
    recover(writer.path)
    pq.write_table(cycle_table([cycle(0)]), writer.path / "cycles-000000.parquet")
    (writer.path / "cycles-000000.parquet.tmp").write_bytes(b"half")
    run = read_run(writer.path)
    seal(writer.path)

    assert 2 == len(run.cycles) == len(read_run(writer.path).cycles)
    assert not (writer.path / "cycles-000000.jsonl").exists()


def test_a_sealed_form_that_differs_is_not_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the written file reads back otherwise the journal stays, and the run still reads."""
    monkeypatch.setattr(sealing_module, "read_sealed", lambda *_: cycle_table([cycle(7)]), raising=True)
    said = r"does not read back as it was written; cycles-000000\.jsonl is kept"
    with written(tmp_path, [cycle(0)]) as writer, pytest.raises(StoreError, match=said):
        writer.stop(run_stop())
    monkeypatch.undo()

    assert [] == list(writer.path.glob("*.parquet*"))
    assert ("complete", 1) == (read_run(writer.path).status, len(read_run(writer.path).cycles))


def test_encodings_are_those_promised(tmp_path: Path) -> None:
    """Counters and stamps are delta-packed, floats byte-split, texts in dictionaries, all in zstd."""
    with written(tmp_path, [cycle(seq) for seq in range(50)]) as writer:
        writer.stop(run_stop())
    group = pq.ParquetFile(writer.path / "cycles-000000.parquet").metadata.row_group(0)
    columns = {group.column(each).path_in_schema: group.column(each) for each in range(group.num_columns)}

    for name in ("seq", "begin_ns", "latencies_ns.list.element", "predicted"):
        assert "DELTA_BINARY_PACKED" in columns[name].encodings
    for name in ("energy_j", "coverage"):
        assert "BYTE_STREAM_SPLIT" in columns[name].encodings
    for name in ("case", "phase", "output_sha256", "void"):
        assert "RLE_DICTIONARY" in columns[name].encodings
    assert {"ZSTD"} == {column.compression for column in columns.values()}


def test_a_flipped_bit_in_a_sealed_segment_is_refused(tmp_path: Path) -> None:
    """Each page carries a checksum: damage of its bytes is refused by file."""
    with written(tmp_path, [cycle(seq) for seq in range(50)]) as writer:
        writer.stop(run_stop())
    path = writer.path / "cycles-000000.parquet"
    column = pq.ParquetFile(path).metadata.row_group(0).column(7)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 3] ^= 1
    path.write_bytes(data)

    with pytest.raises(StoreError, match=r"cycles-000000\.parquet: is damaged"):
        read_run(writer.path)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (cycle_table([cycle(0)]).replace_schema_metadata({"schema_version": "2"}), "its schema version is 2"),
        (cycle_table([cycle(0)]).drop_columns(["energy_j"]), "column energy_j is missing or not double"),
        (
            cycle_table([cycle(0)]).set_column(0, "seq", pa.array(["0"])),
            "column seq is missing or not int64",
        ),
    ],
)
def test_foreign_tables_are_named(tmp_path: Path, table: pa.Table, expected: str) -> None:
    """A Parquet file of another schema is refused by what differs."""
    with written(tmp_path, []) as writer:
        pass
    (writer.path / "cycles-000000.jsonl").unlink()
    pq.write_table(table, writer.path / "cycles-000000.parquet")

    with pytest.raises(StoreError, match=expected):
        read_run(writer.path)


def test_columns_added_later_are_passed_over(tmp_path: Path) -> None:
    """A column of a later harness does not stop this one from reading."""
    with written(tmp_path, []) as writer:
        pass
    (writer.path / "cycles-000000.jsonl").unlink()
    table = cycle_table([cycle(0)]).append_column("weather", pa.array(["fine"]))
    pq.write_table(table, writer.path / "cycles-000000.parquet")
    run = read_run(writer.path)

    assert 1 == len(run.cycles)
    assert "weather" not in run.cycles


def test_a_run_sealed_before_there_were_channels_is_read(tmp_path: Path) -> None:
    """A segment without the columns of channels reads as one of a meter with just one channel."""
    with written(tmp_path, [cycle(seq) for seq in range(3)]) as writer:
        writer.stop(run_stop())
    new = read_run(writer.path)
    for name in ("cycles-000000.parquet", "power-000000.parquet"):
        table = pq.read_table(writer.path / name)
        pq.write_table(table.drop_columns({"channels", "channel"} & set(table.column_names)), tmp_path / name)
        old = sealing_module.read_sealed(
            tmp_path / name,
            sealing_module.CYCLE_SCHEMA if name.startswith("cycles") else sealing_module.POWER_SCHEMA,
        )

        assert old.equals(table)
    assert [None] * 3 == [each.channels for each in sealed_cycles(tmp_path / "cycles-000000.parquet")]
    assert {0} == set(new.power(CASES[0], 1)["channel"].tolist())
    assert {} == new.channels


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("lean", [False, True])
def test_energies_of_channels_are_columns(tmp_path: Path, *, sealed: bool, lean: bool) -> None:
    """Each channel's energy is a column of its own, absent where a cycle has none; samples keep their channel."""
    apart = {"energy_j": 0.25, "coverage": 1.0, "samples": 10, "lost": 0, "saturated": 0}
    unseen = apart | {"energy_j": None, "coverage": 0.0}
    cycles = [
        cycle(0, channels={"core": apart, "io": unseen}),
        cycle(1, channels={"core": apart, "io": apart}),
    ]
    with RunWriter.create(tmp_path, run_start()) as writer:
        writer.opened(opened())
        for each in cycles:
            writer.cycle(each)
        raw = raw_samples(6)
        raw["channel"] = [0, 1, 0, 1, 1, 0]
        writer.samples(CASES[0], 1, 1, raw)
        if sealed:
            writer.stop(run_stop())
        run = read_run(writer.path, lean=lean)
        kept = run.power(CASES[0], 1)

    assert {"core": "energy_core_j", "io": "energy_io_j"} == run.channels
    assert [0.25, 0.25] == run.cycles["energy_core_j"].tolist()
    assert np.array_equal([np.nan, 0.25], run.cycles["energy_io_j"], equal_nan=True)
    for channel in (0, 1):
        assert np.array_equal(raw[raw["channel"] == channel], kept[kept["channel"] == channel])


def test_the_schema_has_the_fields_of_a_cycle() -> None:
    """The columns of a sealed segment are the fields of a cycle, in order."""
    assert list(Cycle.__slots__) == CYCLE_SCHEMA.names
