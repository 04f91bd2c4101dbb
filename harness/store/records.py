"""This module is the records in the journals of a run, read back."""

from pathlib import Path

from harness.errors import StoreError
from harness.record import Cycle
from harness.store.journal import read_lines
from harness.store.members import MemberError, SittingRecord, record_of, sitting_record_of


def read_sittings(path: Path, *, torn_end: bool) -> tuple[list[SittingRecord], int]:
    """Records of `sittings.jsonl` in order, and the lines dropped from its torn end.

    Raises:
        StoreError: it cannot be read or is damaged.
    """
    content = read_lines(path, torn_end=torn_end)
    records: list[SittingRecord] = []
    for number, members in enumerate(content.lines, start=1):
        try:
            records.append(sitting_record_of(members))
        except MemberError as error:
            raise _foreign_line(path, number, error) from error
    return records, content.dropped


def read_cycles(path: Path, *, torn_end: bool) -> tuple[list[Cycle], int]:
    """Cycles of an open segment in order, and the lines dropped from its torn end.

    Raises:
        StoreError: it cannot be read or is damaged.
    """
    content = read_lines(path, torn_end=torn_end)
    cycles: list[Cycle] = []
    for number, members in enumerate(content.lines, start=1):
        try:
            cycles.append(record_of(Cycle, members))
        except MemberError as error:
            raise _foreign_line(path, number, error) from error
    return cycles, content.dropped


def _foreign_line(path: Path, number: int, error: MemberError) -> StoreError:
    return StoreError(
        f"{path}: line {number}: {error}; read the run with the version of the harness that wrote it"
    )
