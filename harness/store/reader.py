"""This module is a run read back from its directory, which is never written: a read-only copy will do.

A run that was broken off is read up to its torn end. Checksums, schema versions and the numbering of the
cycles are verified; what does not fit is refused by file and place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import StoreError
from harness.record import ImportedCase, Incident, Phase, RunStart, RunStop, SittingClosed, SittingOpened
from harness.store.claim import is_held
from harness.store.directory import CYCLES, POWER, SITTINGS, data_files, is_sealed, segments
from harness.store.manifest import RECOVERED, RUNNING, Manifest, read_manifest
from harness.store.power import SAMPLE, read_chunks
from harness.store.records import read_sittings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """Everything a run directory holds.

    Attributes:
        path: the directory.
        start: everything known before the first cycle.
        stop: how it ended; None for a run that is running or was broken off.
        status: `running` (a live process is writing it), `complete`, `aborted`, `interrupted` or `recovered`
            (broken off, whether its torn ends were cut or only passed over).
        recovered_lines: damaged lines dropped from the ends of its journals, cut or passed over.
        opened, closed, incidents: records of the sittings, in the order they were written.
        imported: cases of another tool, whose figures stand in place of cycles; empty for a measured run.
        cycles: one row a cycle, in order: the scalar fields of `harness.record.Cycle`, `repeats`, and `energy_NAME_j`
            of each channel of a meter that has several; energies are NaN and `predicted` <NA> where the cycle has none;
            reasons in `void` are joined by `;`, empty for a valid cycle.
        all_latencies_ns: of all inferences of all cycles in order, `repeats` to a row, int64.
    """

    path: Path
    start: RunStart
    stop: RunStop | None
    status: str
    recovered_lines: int
    opened: Sequence[SittingOpened]
    closed: Sequence[SittingClosed]
    incidents: Sequence[Incident]
    imported: Sequence[ImportedCase] = ()
    cycles: "pd.DataFrame" = field(repr=False)
    all_latencies_ns: NDArray[np.int64] = field(repr=False)

    @property
    def channels(self) -> Mapping[str, str]:
        """Columns of `cycles` with the energy of each channel of a meter that has several, by the channel's name."""
        from harness.store.table import channel_columns  # noqa: PLC0415 - pandas is only where runs are read

        return channel_columns(self.cycles)

    def latencies_ns(self, case: str, sitting: int | None = None) -> NDArray[np.int64]:
        """Latencies of a case's valid counted cycles, in order; of all its sittings where none is named.

        There are none where the source of an imported run tells only whole windows.
        """
        if any(record.case == case and record.whole_windows for record in self.opened):
            return self.all_latencies_ns[:0]
        rows = self.cycles
        wanted = (rows["case"] == case) & (rows["phase"] == Phase.MEASURE.value) & (rows["void"] == "")
        if sitting is not None:
            wanted &= rows["sitting"] == sitting
        return self.all_latencies_ns[np.repeat(wanted.to_numpy(np.bool_), rows["repeats"].to_numpy())]

    def power(self, case: str, sitting: int, part: int = 1) -> NDArray[Any]:
        """Raw power samples of one part of a sitting, those of each channel in order, as `harness.store.SAMPLE`.

        They are read on each call.

        Raises:
            StoreError: a power file cannot be read or is damaged.
        """
        found = [np.empty(0, SAMPLE)]
        wanted = (list(self.start.cases).index(case) if case in self.start.cases else None, sitting, part)
        paths = segments(self.path, POWER)
        for path in paths:
            if is_sealed(path):
                from harness.store.sealing import sealed_samples  # noqa: PLC0415 - only where Parquet is read

                found.append(sealed_samples(path, case, sitting, part))
                continue
            content = read_chunks(path, torn_end=self.stop is None and path == paths[-1])
            found.extend(
                chunk.samples for chunk in content.chunks if (chunk.case, chunk.sitting, chunk.part) == wanted
            )
        return np.concatenate(found)


def read_run(run_dir: Path, *, lean: bool = False) -> Run:
    """A run in any state, read without writing.

    Args:
        run_dir: its directory.
        lean: leave out of the cycles what judging never asks for, and hold the rest in a third of the memory.

    Raises:
        StoreError: it cannot be read, is damaged elsewhere than at the end of a broken-off run, or was written
            by a harness of another schema version.
    """
    # pandas is only where runs are read
    from harness.store.lean import read_lean_table  # noqa: PLC0415
    from harness.store.table import read_table  # noqa: PLC0415

    manifest = read_manifest(run_dir)
    broken_off = manifest.stop is None
    _check_files(run_dir, manifest)
    paths = segments(run_dir, CYCLES)
    table, dropped_cycles = (read_lean_table if lean else read_table)(paths, torn_end=broken_off)
    seq = table.frame["seq"].to_numpy()
    holes = np.flatnonzero(seq != np.arange(len(seq)))
    if len(holes):
        raise StoreError(
            f"{run_dir}: holds cycle {seq[holes[0]]} where cycle {holes[0]} was expected; "
            "the run is damaged: copy it again from where it was measured, or measure again"
        )
    records, dropped_records = (
        read_sittings(run_dir / SITTINGS, torn_end=broken_off) if (run_dir / SITTINGS).exists() else ([], 0)
    )
    return Run(
        path=run_dir,
        start=manifest.start,
        stop=manifest.stop,
        status=status_of(run_dir, manifest),
        recovered_lines=manifest.recovered_lines + dropped_cycles + dropped_records,
        opened=tuple(each for each in records if isinstance(each, SittingOpened)),
        closed=tuple(each for each in records if isinstance(each, SittingClosed)),
        incidents=tuple(each for each in records if isinstance(each, Incident)),
        imported=tuple(each for each in records if isinstance(each, ImportedCase)),
        cycles=table.frame,
        all_latencies_ns=table.latencies_ns,
    )


def status_of(run_dir: Path, manifest: Manifest) -> str:
    """The status in the manifest, or `recovered` for a run called running that no live process is writing."""
    broken_off = manifest.status == RUNNING and not is_held(run_dir)
    return RECOVERED if broken_off else manifest.status


def _check_files(run_dir: Path, manifest: Manifest) -> None:
    """Refuse a closed run whose files are not those its manifest lists."""
    if not manifest.files:
        return
    found = {path.name: path.stat().st_size for path in data_files(run_dir)}
    for name, facts in manifest.files.items():
        if found.get(name) != facts.get("bytes"):
            raise StoreError(
                f"{run_dir}: {name!r:.80} has {found.get(name, 'no')} bytes, the manifest says "
                f"{facts.get('bytes')}; copy the run directory again, whole"
            )
