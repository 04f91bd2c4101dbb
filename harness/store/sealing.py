"""This module is the sealing of a journal into Parquet, a pure function of the journal, and its reading back.

Counters and stamps are DELTA_BINARY_PACKED, floats and registers BYTE_STREAM_SPLIT, texts in dictionaries,
all in zstd with a checksum on each page (https://parquet.apache.org/docs/file-format/data-pages/encodings/).
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from harness.errors import StoreError
from harness.record import SCHEMA_VERSION, Cycle
from harness.store.directory import (
    CYCLES,
    POWER,
    is_sealed,
    number_of,
    sealed_name,
    segments,
    sync_directory,
    unreadable,
    unwritable,
)
from harness.store.members import MemberError, members_of, record_of
from harness.store.power import SAMPLE, Chunk, read_chunks
from harness.store.records import read_cycles

_VERSION = {b"schema_version": b"%d" % SCHEMA_VERSION}
_LATENCIES = "latencies_ns.list.element"
_ROW_GROUP = 1 << 17

CHANNELS_TYPE = pa.map_(
    pa.string(),
    pa.struct(
        [
            ("energy_j", pa.float64()),
            ("coverage", pa.float64()),
            ("samples", pa.int64()),
            ("lost", pa.int64()),
            ("saturated", pa.int64()),
        ]
    ),
)
"""Of each channel of a meter that has several, by its name."""

CYCLE_SCHEMA = pa.schema(
    [
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("case", pa.string(), nullable=False),
        pa.field("sitting", pa.int64(), nullable=False),
        pa.field("part", pa.int64(), nullable=False),
        pa.field("phase", pa.string(), nullable=False),
        pa.field("item", pa.int64(), nullable=False),
        pa.field("label", pa.int64(), nullable=False),
        pa.field("begin_ns", pa.int64(), nullable=False),
        pa.field("end_ns", pa.int64(), nullable=False),
        pa.field("clock_uncertainty_ns", pa.int64(), nullable=False),
        pa.field("latencies_ns", pa.list_(pa.field("element", pa.int64(), nullable=False)), nullable=False),
        pa.field("energy_j", pa.float64()),
        pa.field("samples", pa.int64(), nullable=False),
        pa.field("coverage", pa.float64(), nullable=False),
        pa.field("lost", pa.int64(), nullable=False),
        pa.field("saturated", pa.int64(), nullable=False),
        pa.field("predicted", pa.int64()),
        pa.field("output_sha256", pa.string(), nullable=False),
        pa.field("void", pa.string(), nullable=False),
        pa.field("channels", CHANNELS_TYPE),
    ],
    _VERSION,
)
"""Of a sealed segment of cycles: the fields of `harness.record.Cycle`; reasons in `void` are joined by `;`."""

POWER_SCHEMA = pa.schema(
    [
        pa.field("case", pa.string(), nullable=False),
        pa.field("sitting", pa.int64(), nullable=False),
        pa.field("part", pa.int64(), nullable=False),
        pa.field("ready_ns", pa.int64(), nullable=False),
        pa.field("delay_ns", pa.int32(), nullable=False),
        pa.field("shunt", pa.int16(), nullable=False),
        pa.field("bus", pa.uint16(), nullable=False),
        pa.field("flags", pa.uint32(), nullable=False),
        pa.field("channel", pa.uint16(), nullable=False),
    ],
    _VERSION,
)
"""Of a sealed segment of raw power."""

_ADDED: Mapping[str, Any] = {"channels": None, "channel": 0}
"""Columns that a segment sealed before they were thought of lacks, and what they then hold."""

_ENCODINGS = {
    pa.int64(): "DELTA_BINARY_PACKED",
    pa.int32(): "DELTA_BINARY_PACKED",
    pa.uint32(): "DELTA_BINARY_PACKED",
    pa.int16(): "BYTE_STREAM_SPLIT",
    pa.uint16(): "BYTE_STREAM_SPLIT",
    pa.float64(): "BYTE_STREAM_SPLIT",
}


def seal_segments(run_dir: Path, cases: Sequence[str]) -> None:
    """Seal every open segment of a run; each journal goes only once its sealed form was read back equal.

    Args:
        run_dir: claimed by this process, without torn ends.
        cases: of the start, for the places in the power chunks.

    Raises:
        StoreError: a segment cannot be read or written; all journals not yet sealed are kept.
    """
    for segment in segments(run_dir, CYCLES):
        if not is_sealed(segment):
            _seal(segment, CYCLES, cycle_table(read_cycles(segment, torn_end=False)[0]))
    for segment in segments(run_dir, POWER):
        if not is_sealed(segment):
            _seal(segment, POWER, power_table(read_chunks(segment, torn_end=False).chunks, cases))


def cycle_table(cycles: Sequence[Cycle]) -> pa.Table:
    """Cycles as a table of `CYCLE_SCHEMA`."""
    rows = [
        members_of(cycle)
        | {
            "void": ";".join(cycle.void),
            "channels": None if cycle.channels is None else list(cycle.channels.items()),
        }
        for cycle in cycles
    ]
    return pa.Table.from_pylist(rows, schema=CYCLE_SCHEMA)


def power_table(chunks: Sequence[Chunk], cases: Sequence[str]) -> pa.Table:
    """Power chunks as a table of `POWER_SCHEMA`.

    Raises:
        StoreError: a chunk names a case the run does not have.
    """
    if any(chunk.case >= len(cases) for chunk in chunks):
        raise StoreError(
            f"a power chunk names case {max(chunk.case for chunk in chunks)}, the run has {len(cases)}; "
            "copy the run directory again, whole"
        )
    sizes = [len(chunk.samples) for chunk in chunks]
    samples = np.concatenate([chunk.samples for chunk in chunks]) if chunks else np.empty(0, SAMPLE)
    columns = [
        pa.array(np.repeat(np.array([cases[chunk.case] for chunk in chunks], object), sizes), pa.string()),
        pa.array(np.repeat(np.array([chunk.sitting for chunk in chunks], np.int64), sizes)),
        pa.array(np.repeat(np.array([chunk.part for chunk in chunks], np.int64), sizes)),
        *(pa.array(np.ascontiguousarray(samples[name])) for name in SAMPLE.names or ()),
    ]
    return pa.Table.from_arrays(columns, schema=POWER_SCHEMA)


def channel_energies(column: pa.ChunkedArray) -> dict[str, NDArray[np.float64]]:
    """Energy of each channel by its name, NaN where a cycle has none of it, from the column `channels`."""
    maps = column.combine_chunks()
    rows = np.repeat(np.arange(len(maps)), np.diff(maps.offsets.to_numpy()))
    names = np.array(maps.keys.to_pylist(), object)
    joules = maps.items.field("energy_j").to_numpy(zero_copy_only=False)
    found = {}
    for name in dict.fromkeys(names.tolist()):
        own = names == name
        found[name] = np.full(len(maps), np.nan)
        found[name][rows[own]] = joules[own]
    return found


def read_sealed(path: Path, schema: pa.Schema, *, filters: Any = None, coded: Sequence[str] = ()) -> pa.Table:
    """The columns of a schema from a sealed segment; others are passed over.

    Args:
        path: the segment.
        schema: `CYCLE_SCHEMA` or `POWER_SCHEMA`.
        filters: rows wanted, as `pyarrow.parquet.read_table` takes them; None for all.
        coded: columns of texts to be given as codes with a dictionary.

    Raises:
        StoreError: it cannot be read, is damaged, or is of another schema.
    """
    try:
        found = pq.read_schema(path)
        _check_schema(path, found, schema)
        table = pq.read_table(
            path,
            columns=[name for name in schema.names if name in found.names],
            filters=filters,
            partitioning=None,
            page_checksum_verification=True,
            read_dictionary=list(coded),
        )
        table = _with_added(table, schema)
        return table if coded else table.cast(schema)
    except FileNotFoundError as error:
        raise unreadable(path, error) from error
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"{path}: is damaged: {error}; copy it again from where it was measured, or measure again"
        ) from error


def sealed_cycles(path: Path) -> Iterator[Cycle]:
    """Cycles of a sealed segment in order; raises as `read_sealed`."""
    for row in read_sealed(path, CYCLE_SCHEMA).to_pylist():
        try:
            channels = None if row["channels"] is None else dict(row["channels"])
            void = row["void"].split(";") if row["void"] else []
            yield record_of(Cycle, row | {"void": void, "channels": channels})
        except MemberError as error:
            raise StoreError(f"{path}: {error}; copy it again from where it was measured") from error


def sealed_samples(path: Path, case: str, sitting: int, part: int) -> NDArray[Any]:
    """Raw samples of one part of a sitting in a sealed segment; raises as `read_sealed`."""
    wanted = [("case", "==", case), ("sitting", "==", sitting), ("part", "==", part)]
    table = read_sealed(path, POWER_SCHEMA, filters=wanted)
    samples = np.empty(table.num_rows, SAMPLE)
    for name in SAMPLE.names or ():
        samples[name] = table[name].to_numpy()
    return samples


def sealed_rows(path: Path) -> int:
    """Rows of a sealed segment, from its footer.

    Raises:
        StoreError: it cannot be read or is damaged.
    """
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"{path}: is damaged: {error}; copy it again from where it was measured, or measure again"
        ) from error


def _check_schema(path: Path, found: pa.Schema, expected: pa.Schema) -> None:
    version = (found.metadata or {}).get(b"schema_version", b"none").decode("ascii", "replace")
    if version != str(SCHEMA_VERSION):
        raise StoreError(
            f"{path}: its schema version is {version}, this harness reads {SCHEMA_VERSION}; "
            "read the run with the version of the harness that wrote it"
        )
    for field in expected:
        index = found.get_field_index(field.name)
        if index < 0 and field.name in _ADDED:
            continue
        if index < 0 or found.field(index).type != field.type:
            raise StoreError(
                f"{path}: column {field.name} is missing or not {field.type}; "
                "read the run with the version of the harness that wrote it"
            )


def _with_added(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with the columns that were added to the schema since it was sealed, all in the schema's order."""
    for field in schema:
        if field.name not in table.schema.names:
            values = pa.array([_ADDED[field.name]] * table.num_rows, field.type)
            table = table.append_column(field, values)
    return table.select(schema.names)


def _seal(journal: Path, kind: str, table: pa.Table) -> None:
    sealed = journal.with_name(sealed_name(kind, number_of(journal)))
    fresh = sealed.with_name(sealed.name + ".tmp")
    try:
        with fresh.open("wb") as file:
            _write(table, file)
            file.flush()
            os.fsync(file.fileno())
        if not read_sealed(fresh, table.schema).equals(table):
            raise StoreError(
                f"{fresh}: does not read back as it was written; {journal.name} is kept: look at the disk"
            )
        fresh.replace(sealed)
        sync_directory(sealed.parent)
        journal.unlink()
        sync_directory(sealed.parent)
    except OSError as error:
        raise unwritable(sealed, error, kept=f"{journal.name} is kept and can be read") from error
    finally:
        fresh.unlink(missing_ok=True)


def _write(table: pa.Table, file: Any) -> None:
    encodings = {field.name: _ENCODINGS[field.type] for field in table.schema if field.type in _ENCODINGS}
    if "latencies_ns" in table.schema.names:
        encodings[_LATENCIES] = "DELTA_BINARY_PACKED"
    pq.write_table(
        table,
        file,
        compression="zstd",
        use_dictionary=[field.name for field in table.schema if field.type == pa.string()],
        column_encoding=encodings,
        row_group_size=_ROW_GROUP,
        write_page_checksum=True,
    )
