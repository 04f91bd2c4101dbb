"""This module is the cycles of a run as columns: a pandas table of the scalars, and all latencies in one array."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.quantities import channel_name
from harness.record import Cycle
from harness.store.directory import is_sealed
from harness.store.records import read_cycles

COLUMNS: Mapping[str, str] = {
    field.name: {"case": "str", "phase": "str", "output_sha256": "str", "void": "str"}.get(
        field.name,
        {"energy_j": "float64", "coverage": "float64", "predicted": "Int64"}.get(field.name, "int64"),
    )
    for field in fields(Cycle)
    if field.name not in {"latencies_ns", "channels"}
}
"""Scalar fields of a cycle in order, and their types in pandas."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CycleTable:
    """Cycles in order of `seq`.

    Attributes:
        frame: the columns of `COLUMNS` and `repeats`, and `energy_NAME_j` of each channel of a meter that has several;
            energies are NaN and `predicted` <NA> where the cycle has none; reasons in `void` are joined by `;`, empty
            for a valid cycle.
        latencies_ns: of all inferences of all cycles in order, int64.
    """

    frame: pd.DataFrame
    latencies_ns: NDArray[np.int64]


def read_table(segments: Sequence[Path], *, torn_end: bool) -> tuple[CycleTable, int]:
    """Cycles of segments in either form, and the lines dropped from a torn end of the last.

    Raises:
        StoreError: a segment cannot be read or is damaged.
    """
    dropped = 0
    tables = [_of_cycles(())]
    for segment in segments:
        if is_sealed(segment):
            tables.append(_of_sealed(segment))
        else:
            cycles, dropped = read_cycles(segment, torn_end=torn_end and segment == segments[-1])
            tables.append(_of_cycles(cycles))
    frames = [table.frame for table in tables if len(table.frame)] or [tables[0].frame]
    frame = pd.concat(frames, ignore_index=True)
    return CycleTable(
        frame=frame, latencies_ns=np.concatenate([each.latencies_ns for each in tables])
    ), dropped


def channel_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Columns of the energies of channels, by the names of the channels."""
    head, tail = channel_name("energy_j", "|").split("|")
    found = [name for name in frame.columns if name not in COLUMNS and name.startswith(head)]
    return {name.removeprefix(head).removesuffix(tail): name for name in found}


def _of_cycles(cycles: Sequence[Cycle]) -> CycleTable:
    columns: dict[str, list[Any]] = {name: [getattr(each, name) for each in cycles] for name in COLUMNS}
    columns["phase"] = [str(each) for each in columns["phase"]]
    columns["void"] = [";".join(each) for each in columns["void"]]
    repeats = np.array([len(cycle.latencies_ns) for cycle in cycles], np.int64)
    latencies = np.array([each for cycle in cycles for each in cycle.latencies_ns], np.int64)
    names = dict.fromkeys(name for cycle in cycles for name in cycle.channels or ())
    energies = {
        name: [(each.channels or {}).get(name, {}).get("energy_j") for each in cycles] for name in names
    }
    return CycleTable(frame=_frame(columns, repeats, energies), latencies_ns=latencies)


def _of_sealed(segment: Path) -> CycleTable:
    # only where Parquet is read
    from harness.store.sealing import CYCLE_SCHEMA, channel_energies, read_sealed  # noqa: PLC0415

    table = read_sealed(segment, CYCLE_SCHEMA)
    lists = table["latencies_ns"].combine_chunks()
    columns = {name: table[name].to_pandas() for name in COLUMNS if name != "predicted"}
    predicted = table["predicted"]
    columns["predicted"] = pd.arrays.IntegerArray(
        predicted.fill_null(0).to_numpy().astype(np.int64), predicted.is_null().to_numpy().astype(np.bool_)
    )
    repeats = lists.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
    energies = channel_energies(table["channels"])
    return CycleTable(
        frame=_frame(columns, repeats, energies), latencies_ns=lists.flatten().to_numpy(zero_copy_only=False)
    )


def _frame(
    columns: Mapping[str, Any], repeats: NDArray[np.int64], energies: Mapping[str, Any]
) -> pd.DataFrame:
    typed: dict[str, Any] = {name: pd.Series(columns[name], dtype=kind) for name, kind in COLUMNS.items()}
    of_channels = {
        channel_name("energy_j", name): pd.Series(values, dtype="float64")
        for name, values in energies.items()
    }
    return pd.DataFrame(typed | {"repeats": pd.Series(repeats, dtype="int64")} | of_channels)
