"""This module is a process that writes a run until it is killed, and says each cycle once that is written.

usage: python writing_child.py RESULTS [FILE_SIZE_LIMIT_BYTES]

It prints the run's path, then the number of each cycle after `cycle` has returned. With a limit, files of the
process may not grow past it, and the error's text and the last number are printed when they would.
"""

import resource
import sys
from pathlib import Path

from records import CASES, cycle, opened, raw_samples, run_start

from harness.errors import StoreError
from harness.store import RunWriter


def main(results: Path, limit_bytes: int | None) -> None:
    """Write cycles and samples without end."""
    template = cycle(0)
    with RunWriter.create(results, run_start()) as writer:
        say(str(writer.path))
        writer.opened(opened())
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
        while True:
            seq = writer.next_seq
            try:
                writer.cycle(cycle(seq, latencies_ns=template.latencies_ns))
            except StoreError as error:
                say(f"error: {error}")
                return
            if seq % 7 == 0 and limit_bytes is None:
                writer.samples(CASES[0], 1, 1, raw_samples(50))
            say(str(seq))


def say(line: str) -> None:
    """Write a line to standard output at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
