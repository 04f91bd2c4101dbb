"""This module is the recovery of a run that was broken off: its torn ends are cut, and nothing else is touched."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harness.record import RunStop
from harness.store.claim import Claim
from harness.store.directory import CYCLES, POWER, SITTINGS, is_sealed, segments
from harness.store.journal import read_lines, truncate
from harness.store.manifest import RECOVERED, read_manifest, write_manifest
from harness.store.power import read_chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What was cut from the ends of a run's files.

    Attributes:
        lines: of the journals; more than one only after a loss of power.
        chunks: of raw power.
    """

    lines: int = 0
    chunks: int = 0


def recover(run_dir: Path) -> Dropped:
    """Cut the torn ends of a run that was broken off and mark it `recovered`; a second time changes nothing.

    Raises:
        StoreError: another process is writing the run, a file cannot be read or written, or a journal is
            damaged elsewhere than at its end.
    """
    read_manifest(run_dir)
    with Claim(run_dir):
        return recover_claimed(run_dir)


def recover_claimed(run_dir: Path) -> Dropped:
    """As `recover`, by the process that holds the claim."""
    manifest = read_manifest(run_dir)
    if manifest.stop is not None:
        return Dropped()
    dropped = Dropped(lines=_cut_lines(run_dir), chunks=_cut_chunks(run_dir))
    lines = manifest.recovered_lines + dropped.lines
    stop = RunStop(
        utc=datetime.now(UTC).isoformat(timespec="seconds"),
        status=RECOVERED,
        reason="The run was found broken off: its process had ended without closing it.",
        recovered_lines=lines,
    )
    write_manifest(
        run_dir,
        replace(manifest, stop=stop, recovered_lines=lines),
        kept="everything before the torn ends is kept",
    )
    return dropped


def _cut_lines(run_dir: Path) -> int:
    dropped = 0
    for path in [*segments(run_dir, CYCLES)[-1:], run_dir / SITTINGS]:
        if is_sealed(path) or not path.exists():
            continue
        content = read_lines(path, torn_end=True)
        if content.dropped:
            truncate(path, content.size)
        dropped += content.dropped
    return dropped


def _cut_chunks(run_dir: Path) -> int:
    for path in segments(run_dir, POWER)[-1:]:
        if is_sealed(path):
            break
        content = read_chunks(path, torn_end=True)
        if content.dropped:
            truncate(path, content.size)
        return content.dropped
    return 0
