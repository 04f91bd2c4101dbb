"""This module is what a run already holds, so that a run that was broken off goes on where it stopped."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import StoreError
from harness.record import Cycle, ImportedCase, Incident, Phase, SittingClosed, SittingOpened
from harness.store.directory import CYCLES, POWER, SITTINGS, is_sealed, segments
from harness.store.members import SittingRecord
from harness.store.power import read_chunks
from harness.store.records import read_cycles, read_sittings

Sitting = tuple[str, int]


@dataclass(slots=True, kw_only=True)
class Progress:
    """What a run holds so far.

    Attributes:
        cycles: number of them, and the `seq` of the next.
        samples: number of raw power samples.
        cycles_in_last, samples_in_last: of them in the last segment.
        done: items with a valid counted cycle, by (case, sitting).
        parts: highest part begun, by (case, sitting).
        attended: parts that came to their end, by (case, sitting).
    """

    cycles: int = 0
    samples: int = 0
    cycles_in_last: int = 0
    samples_in_last: int = 0
    done: defaultdict[Sitting, set[int]] = field(default_factory=lambda: defaultdict(set))
    parts: defaultdict[Sitting, int] = field(default_factory=lambda: defaultdict(int))
    attended: Counter[Sitting] = field(default_factory=Counter)

    def add(self, record: Cycle | SittingRecord) -> None:
        """Take note of a record that was written."""
        if isinstance(record, ImportedCase):
            return
        sitting = (record.case, record.sitting)
        self.parts[sitting] = max(self.parts[sitting], record.part)
        match record:
            case Cycle():
                self.cycles += 1
                if record.valid and record.phase is Phase.MEASURE:
                    self.done[sitting].add(record.item)
            case SittingClosed():
                self.attended[sitting] += 1
            case SittingOpened() | Incident():
                pass


def progress_of(run_dir: Path) -> Progress:
    """What a run without torn ends holds.

    Raises:
        StoreError: a file cannot be read or is damaged, or numbers of cycles are missing.
    """
    progress = Progress()
    sittings = run_dir / SITTINGS
    if sittings.exists():
        for record in read_sittings(sittings, torn_end=False)[0]:
            progress.add(record)
    for segment in segments(run_dir, CYCLES):
        before = progress.cycles
        for cycle in cycles_in(segment):
            if cycle.seq != progress.cycles:
                raise StoreError(
                    f"{segment}: holds cycle {cycle.seq} where cycle {progress.cycles} was expected; "
                    "the run is damaged: copy it again from where it was measured, or measure again"
                )
            progress.add(cycle)
        progress.cycles_in_last = progress.cycles - before
    for segment in segments(run_dir, POWER):
        progress.samples_in_last = samples_in(segment)
        progress.samples += progress.samples_in_last
    return progress


def cycles_in(segment: Path) -> Iterator[Cycle]:
    """Cycles of a segment in either form.

    Raises:
        StoreError: it cannot be read or is damaged.
    """
    if not is_sealed(segment):
        yield from read_cycles(segment, torn_end=False)[0]
        return
    from harness.store.sealing import sealed_cycles  # noqa: PLC0415 - pyarrow is only where Parquet is read

    yield from sealed_cycles(segment)


def samples_in(segment: Path) -> int:
    """Number of raw power samples in a segment of either form.

    Raises:
        StoreError: it cannot be read or is damaged.
    """
    if not is_sealed(segment):
        return sum(len(chunk.samples) for chunk in read_chunks(segment, torn_end=False).chunks)
    from harness.store.sealing import sealed_rows  # noqa: PLC0415 - pyarrow is only where Parquet is read

    return sealed_rows(segment)
