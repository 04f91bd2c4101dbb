"""This module waits for what processes do: for an event, never for a time that should be enough.

`PATIENCE_S` is no measure of anything. It only turns a hang into a failure, also on a slow and crowded machine.
"""

import os
import select
import signal
import time
from collections.abc import Callable

PATIENCE_S = 60.0


def wait_until(condition: Callable[[], object]) -> None:
    """Return when something is so."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"not so after {PATIENCE_S:g} s"
        time.sleep(1e-3)


def stop(pid: int) -> None:
    """Stop a child of this process; returns when it has stopped, which a signal alone does not say."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT | os.WNOHANG))


def has_ended(pidfd: int) -> bool:
    """Wait for the end of the process of a pidfd; False where it does not end."""
    return bool(select.select([pidfd], (), (), PATIENCE_S)[0])
