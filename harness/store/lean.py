"""This module reads the cycles of long runs in little memory: the columns that judging asks for, in small types.

Texts that repeat become categories, counters take four bytes. Segments are read one by one into columns of
their final size, so that nothing is held twice.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from harness.quantities import channel_name
from harness.store.directory import is_sealed
from harness.store.sealing import CYCLE_SCHEMA, channel_energies, read_sealed, sealed_rows
from harness.store.table import CycleTable, channel_columns, read_table

CODED = ("case", "phase", "void")

KINDS: Mapping[str, str] = {
    "seq": "int64",
    "sitting": "int32",
    "part": "int32",
    "item": "int32",
    "label": "int32",
    "begin_ns": "int64",
    "end_ns": "int64",
    "clock_uncertainty_ns": "int64",
    "energy_j": "float64",
    "samples": "int32",
    "coverage": "float64",
    "repeats": "int32",
}
"""Types of the numbers; `predicted` is a nullable whole number and `CODED` are categories."""

_SCHEMA = pa.schema(
    [
        CYCLE_SCHEMA.field(name)
        for name in CYCLE_SCHEMA.names
        if name in {*KINDS, *CODED, "predicted", "latencies_ns", "channels"}
    ]
)


def read_lean_table(segments: Sequence[Path], *, torn_end: bool) -> tuple[CycleTable, int]:
    """As `harness.store.table.read_table`, without `output_sha256`, `lost` and `saturated`.

    Raises:
        StoreError: a segment cannot be read or is damaged.
    """
    journals = {
        path: read_table([path], torn_end=torn_end and path == segments[-1])
        for path in segments
        if not is_sealed(path)
    }
    counts = [len(journals[path][0].frame) if path in journals else sealed_rows(path) for path in segments]
    total = sum(counts)
    columns: dict[str, NDArray[Any]] = {name: np.empty(total, kind) for name, kind in KINDS.items()}
    predicted, unknown = np.zeros(total, np.int32), np.ones(total, np.bool_)
    codes = {name: np.empty(total, np.int16) for name in CODED}
    known: dict[str, dict[str, int]] = {name: {} for name in CODED}
    energies: dict[str, NDArray[np.float64]] = {}
    latencies: list[NDArray[np.int64]] = []
    begin = 0
    for path, count in zip(segments, counts, strict=True):
        here = slice(begin, begin + count)
        begin += count
        found = _of_journal(journals[path][0]) if path in journals else _of_sealed(path)
        for name, column in columns.items():
            column[here] = found.numbers[name]
        predicted[here], unknown[here] = found.predicted, found.unknown
        for name in CODED:
            words, places = found.coded[name]
            book = known[name]
            translated = np.array([book.setdefault(word, len(book)) for word in words] or [0], np.int16)
            codes[name][here] = translated[places]
        for name, values in found.energies.items():
            energies.setdefault(name, np.full(total, np.nan))[here] = values
        latencies.append(found.latencies_ns)
    texts: dict[str, Any] = {
        name: pd.Categorical.from_codes(codes[name], categories=pd.Index(list(known[name]), dtype="str"))
        for name in CODED
    }
    nullable = {"predicted": pd.arrays.IntegerArray(predicted, unknown)}
    of_channels = {channel_name("energy_j", name): values for name, values in energies.items()}
    frame = pd.DataFrame({**columns, **texts, **nullable, **of_channels}, copy=False)
    dropped = sum(each for _, each in journals.values())
    joined = np.concatenate(latencies) if latencies else np.empty(0, np.int64)
    return CycleTable(frame=frame, latencies_ns=joined), dropped


class _Segment:
    """Columns of one segment: numbers, the class found and where it is absent, words with codes, latencies.

    `energies` are those of the channels of a meter that has several, by name.
    """

    __slots__ = ("coded", "energies", "latencies_ns", "numbers", "predicted", "unknown")

    def __init__(
        self,
        *,
        numbers: Mapping[str, NDArray[Any]],
        predicted: NDArray[Any],
        unknown: NDArray[np.bool_],
        coded: Mapping[str, tuple[Sequence[str], NDArray[Any]]],
        latencies_ns: NDArray[np.int64],
        energies: Mapping[str, NDArray[np.float64]],
    ) -> None:
        self.numbers = numbers
        self.predicted = predicted
        self.unknown = unknown
        self.coded = coded
        self.latencies_ns = latencies_ns
        self.energies = energies


def _of_journal(table: CycleTable) -> _Segment:
    frame = table.frame
    unknown = frame["predicted"].isna().to_numpy(np.bool_)
    factors = {name: pd.factorize(frame[name]) for name in CODED}
    return _Segment(
        numbers={name: frame[name].to_numpy() for name in KINDS},
        predicted=frame["predicted"].fillna(0).to_numpy(np.int64),
        unknown=unknown,
        coded={name: ([str(word) for word in words], places) for name, (places, words) in factors.items()},
        latencies_ns=table.latencies_ns,
        energies={name: frame[column].to_numpy() for name, column in channel_columns(frame).items()},
    )


def _of_sealed(path: Path) -> _Segment:
    table = read_sealed(path, _SCHEMA, coded=CODED)
    lists = table["latencies_ns"].combine_chunks()
    repeats = lists.value_lengths().to_numpy(zero_copy_only=False)
    numbers = {name: repeats if name == "repeats" else table[name].to_numpy() for name in KINDS}
    predicted = table["predicted"]
    coded = {}
    for name in CODED:
        column = table[name].unify_dictionaries().combine_chunks()
        column = column if isinstance(column, pa.DictionaryArray) else column.chunk(0)
        coded[name] = (column.dictionary.to_pylist(), column.indices.to_numpy(zero_copy_only=False))
    return _Segment(
        numbers=numbers,
        predicted=predicted.fill_null(0).to_numpy(),
        unknown=predicted.is_null().to_numpy().astype(np.bool_),
        coded=coded,
        latencies_ns=lists.flatten().to_numpy(zero_copy_only=False),
        energies=channel_energies(table["channels"]),
    )
