"""This module is the one error tree: each error knows whose turn it is, and so its exit code.

| exit | class | whose turn |
| --- | --- | --- |
| 2 | `FileError` | the person who wrote the file or the command: edit it |
| 3 | `BenchError` | the person at the bench: look at it |
| 4 | `MeasurementError` | nobody may use this measurement |
| 5 | `GateError` | a gate or a comparison failed: a result, not a fault |
| 130 | `Interrupted` | the user stopped the run: what was finished is kept |
"""

from collections.abc import Sequence
from typing import ClassVar


class HarnessError(Exception):
    """Base of all errors of the harness; its text is one or more whole sentences for a person."""

    exit_code: ClassVar[int] = 1


class FileError(HarnessError):
    """A file or an argument is wrong; nothing was measured.

    Args:
        faults: one sentence each, in the form `file: key.path: sentence`; all faults are told at once.
    """

    exit_code = 2

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults: Sequence[str] = faults


class BenchError(HarnessError):
    """The bench misbehaved: device, meter, connection or disk."""

    exit_code = 3


class TargetError(BenchError):
    """The device, its worker process or the engine in it failed or fell silent."""


class MeterError(BenchError):
    """The meter cannot be opened, is not what the profile says, or fell silent."""


class StoreError(BenchError):
    """A run directory cannot be written or read: full disk, read-only file system, foreign content."""


class MeasurementError(HarnessError):
    """The measurement is inadmissible: do not use it."""

    exit_code = 4


class RefusalError(MeasurementError):
    """The engine on the device refuses the model, the input or the way it is to run."""


class GateError(HarnessError):
    """A limit, a gate or a comparison failed."""

    exit_code = 5


class Interrupted(HarnessError):  # noqa: N818 - to be stopped is nobody's error
    """The user stopped the run; finished cycles are kept."""

    exit_code = 130
