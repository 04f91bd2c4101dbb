"""This module counts how often the verdicts of one suite on one device were looked at.

Each run of the same suite, device and protocol is a look; measuring again until it passes is how a limit is
kept by luck. The bounds of a suite are made for a declared number of looks.
"""

from dataclasses import dataclass

from harness.errors import StoreError
from harness.judging.cases import LOOKS
from harness.record import RunStart
from harness.store import Run, read_start


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Which look at a suite a run is.

    Attributes:
        run: its id.
        taken: runs of the same suite, device and protocol in the same folder up to this one.
        declared: as many as the suite's bounds are made for.
    """

    run: str
    taken: int
    declared: int

    @property
    def over(self) -> bool:
        """More looks were taken than the bounds are made for."""
        return self.taken > self.declared


def look_of(run: Run) -> Look:
    """Which look a run is, from the runs beside it; a folder that is no run counts for nothing."""
    taken = 1
    for path in run.path.parent.iterdir() if run.path.parent.is_dir() else ():
        if path.name == run.path.name or not path.is_dir():
            continue
        try:
            other = read_start(path)
        except StoreError:
            continue
        taken += _what(other) == _what(run.start) and (other.utc, other.run) < (run.start.utc, run.start.run)
    return Look(run=run.start.run, taken=taken, declared=int(run.start.suite.get("looks") or LOOKS))


def _what(start: RunStart) -> tuple[object, ...]:
    return start.suite.get("sha256"), start.device.get("id"), start.protocol.get("name")
