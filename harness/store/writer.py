"""This module is the one writer of a run: it claims a directory, appends what happened and closes the run.

On a board it needs the standard library and numpy, nothing else.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from harness.record import Cycle, ImportedCase, Incident, RunStart, RunStop, SittingClosed, SittingOpened
from harness.store.closing import close_files
from harness.store.directory import CYCLES, POWER, SITTINGS
from harness.store.journal import Journal
from harness.store.line import encode as encode_line
from harness.store.manifest import COMPLETE, Manifest, write_manifest
from harness.store.members import SittingRecord, members_of
from harness.store.opening import open_again, open_new
from harness.store.power import Chunk, by_channel, samples_of
from harness.store.power import encode as encode_chunk
from harness.store.progress import Progress, progress_of
from harness.store.series import Series

SEGMENT_CYCLES = 100_000
SEGMENT_SAMPLES = 4_000_000
"""About 80 MB, and an hour at 1 kHz."""

SYNC_NS = 1_000_000_000
SYNC_CYCLES = 100
"""Whichever comes first bounds what a loss of power takes."""


class RunWriter:
    """The run being measured; `with` claims or recovers its directory and frees it.

    What a method has written survives the death of the process once the method has returned. Leaving `with`
    without `stop` leaves the run as broken off as it is.

    Attributes:
        path: the run directory; there once entered.
        start: as written, with the run's id; there once entered.
        recovered_lines: damaged lines dropped from the ends of its journals so far.
    """

    path: Path
    start: RunStart
    recovered_lines: int
    _progress: Progress
    _sittings: Journal
    _cycles: Series
    _power: Series
    _synced_cycles: int
    _synced_ns: int

    def __init__(
        self,
        claim: Callable[[ExitStack], tuple[Path, Manifest]],
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._claim = claim
        self._clock = clock
        self._stack = ExitStack()

    @classmethod
    def create(
        cls, results: Path, start: RunStart, *, clock: Callable[[], int] = time.monotonic_ns
    ) -> "RunWriter":
        """A new run.

        Args:
            results: results folder; the run becomes a directory in its folder `runs`.
            start: everything known beforehand; its `run` is replaced by the id drawn.
            clock: monotonic nanoseconds, only to know when syncing is due.

        Raises:
            StoreError: on entering: the directory cannot be made.
        """
        return cls(lambda stack: open_new(results, start, stack), clock=clock)

    @classmethod
    def resume(cls, run_dir: Path, *, clock: Callable[[], int] = time.monotonic_ns) -> "RunWriter":
        """A run that was aborted, interrupted or broken off, to go on with; its torn ends are cut first.

        Raises:
            FileError: on entering: the run is complete.
            StoreError: on entering: another process is writing it, it is damaged or of another schema.
        """
        return cls(lambda stack: open_again(run_dir, stack), clock=clock)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.path, manifest = self._claim(stack)
            self.start = manifest.start
            self.recovered_lines = manifest.recovered_lines
            self._progress = progress_of(self.path)
            self._sittings = stack.enter_context(closing(Journal(self.path / SITTINGS, kept=self._kept)))
            held = self._progress
            cycles = Series(self.path, CYCLES, limit=SEGMENT_CYCLES, rows_in_last=held.cycles_in_last)
            self._cycles = stack.enter_context(closing(cycles))
            power = Series(self.path, POWER, limit=SEGMENT_SAMPLES, rows_in_last=held.samples_in_last)
            self._power = stack.enter_context(closing(power))
            self._synced_cycles = self._progress.cycles
            self._synced_ns = self._clock()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def next_seq(self) -> int:
        """Number the next cycle must have."""
        return self._progress.cycles

    def done(self, case: str, sitting: int) -> frozenset[int]:
        """Items of a sitting that have a valid counted cycle."""
        return frozenset(self._progress.done.get((case, sitting), ()))

    def parts(self, case: str, sitting: int) -> int:
        """Parts of a sitting already begun; 0 for none."""
        return self._progress.parts.get((case, sitting), 0)

    def attended(self, case: str, sitting: int) -> int:
        """Parts of a sitting that came to their end; 0 for none."""
        return self._progress.attended[case, sitting]

    def opened(self, record: SittingOpened) -> None:
        """Write the circumstances of a sitting.

        Raises:
            StoreError: it cannot be written; what was written before is kept.
        """
        self._sitting("opened", record)

    def closed(self, record: SittingClosed) -> None:
        """Write what is known of a sitting only at its end; raises as `opened`."""
        self._sitting("closed", record)

    def incident(self, record: Incident) -> None:
        """Write that something went wrong; raises as `opened`."""
        self._sitting("incident", record)

    def imported(self, record: ImportedCase) -> None:
        """Write what another tool says of a case; raises as `opened`."""
        self._sitting("imported", record)

    def cycle(self, record: Cycle) -> None:
        """Write one cycle, between two windows; syncs where it is due.

        Raises:
            ValueError: its `seq` is not `next_seq`, or a figure in it is NaN or infinite.
            StoreError: it cannot be written; the cycles before it are kept.
        """
        if record.seq != self.next_seq:
            raise ValueError(f"cycle {record.seq} was given where cycle {self.next_seq} is next")
        line = encode_line(members_of(record) | {"latencies_ns": [int(each) for each in record.latencies_ns]})
        self._cycles.append(line, rows=1, kept=self._kept)
        self._progress.add(record)
        self.sync_if_due(self._clock())

    def samples(self, case: str, sitting: int, part: int, raw: NDArray[Any]) -> None:
        """Write raw power samples of a part of a sitting; an empty array is passed over.

        Args:
            case: id of the case they belong to.
            sitting: its number.
            part: of that sitting.
            raw: structured array with at least the fields of `harness.store.power.SAMPLE`.

        Raises:
            ValueError: the case is not of this run, or a value does not fit in its field.
            StoreError: they cannot be written; what was written before is kept.
        """
        if not len(raw):
            return
        place = tuple(self.start.cases).index(case)
        for samples in by_channel(samples_of(raw)):
            chunk = Chunk(
                case=place, sitting=sitting, part=part, first=self._progress.samples, samples=samples
            )
            self._power.append(encode_chunk(chunk), rows=len(samples), kept=self._kept)
            self._progress.samples += len(samples)

    def sync_if_due(self, now_ns: int) -> None:
        """Sync where `SYNC_CYCLES` cycles or `SYNC_NS` have passed since the last time; raises as `sync`."""
        if self.next_seq - self._synced_cycles >= SYNC_CYCLES or now_ns - self._synced_ns >= SYNC_NS:
            self.sync()

    def sync(self) -> None:
        """Make everything written survive a loss of power.

        Raises:
            StoreError: the disk could not take it.
        """
        for series in (self._cycles, self._power):
            series.sync(kept=self._kept)
        self._synced_cycles = self.next_seq
        self._synced_ns = self._clock()

    def stop(self, stop: RunStop) -> None:
        """Close the run; nothing can be written after it. A complete run is sealed where pyarrow is there.

        Raises:
            StoreError: the end cannot be written; what was written before is kept.
        """
        self.sync()
        ended = replace(stop, recovered_lines=stop.recovered_lines + self.recovered_lines)
        manifest = Manifest(start=self.start, stop=ended, recovered_lines=self.recovered_lines)
        write_manifest(self.path, manifest, kept=self._kept)
        for journal in (self._cycles, self._power, self._sittings):
            journal.close()
        close_files(self.path, sealed=stop.status == COMPLETE)

    @property
    def _kept(self) -> str:
        return f"the {self.next_seq} cycles before it are kept"

    def _sitting(self, kind: str, record: SittingRecord) -> None:
        self._sittings.append(encode_line({"kind": kind, **members_of(record)}), kept=self._kept)
        self._sittings.sync(kept=self._kept)
        self._progress.add(record)
