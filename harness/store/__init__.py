"""This module is the store of runs: one directory a run, appended to while measuring, read by everybody else.

Writing imports neither pandas nor pyarrow; reading imports them when it is asked to.
"""

from harness.store.catalogue import Entry, find_run, runs
from harness.store.closing import seal
from harness.store.manifest import read_start
from harness.store.power import SAMPLE
from harness.store.reader import Run, read_run
from harness.store.recovery import Dropped, recover
from harness.store.writer import RunWriter

__all__ = [
    "SAMPLE",
    "Dropped",
    "Entry",
    "Run",
    "RunWriter",
    "find_run",
    "read_run",
    "read_start",
    "recover",
    "runs",
    "seal",
]
