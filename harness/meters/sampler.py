"""This module is the sampler: a process of its own that reads the chip and fills the ring, and nothing else.

A thread beside the load starves under the interpreter's lock. The bench starts `python -m
harness.meters.sampler`, sends one frame with the meter, the process that is measured and the ring, and gets one
frame back: the chip's configuration, or `error`. Sampling ends when the bench closes the pipe or dies.
"""

import ctypes
import gc
import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from harness.errors import FileError, MeterError
from harness.frames import Frame, FrameError, receive, send
from harness.meters import DIRECT, Remote, Stream
from harness.meters.opening import meter_from, open_stream
from harness.meters.ring import Doing, Ring

LOOK_EVERY = 32
"""Samples between two looks whether the bench is still there."""
LOOK_NS = 50_000_000
"""Or this time, where samples are slow."""
PAUSED_S = 5e-3
"""Between two looks whether to go on."""
REALTIME_PRIORITY = 10
PR_SET_TIMERSLACK = 29
"""prctl(2): how late the kernel may wake this thread to save power; 50 us by default."""


def prefer_punctuality() -> Mapping[str, Any]:
    """Ask the kernel to wake this process on time; says what was granted.

    Returns:
        `scheduler`: `fifo` or `other`; `cpu`: the only processor it runs on, or None where there is one anyway.
    """
    gc.disable()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
    cpu = None
    allowed = os.sched_getaffinity(0)
    if len(allowed) > 1:
        cpu = max(allowed)
        os.sched_setaffinity(0, {cpu})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REALTIME_PRIORITY))
    except OSError:
        return {"scheduler": "other", "cpu": cpu}
    return {"scheduler": "fifo", "cpu": cpu}


def sample(stream: Stream, ring: Ring, commands: BinaryIO) -> None:
    """Move conversions from the meter to the ring until the bench is gone.

    Raises:
        MeterError: the meter fell silent.
    """
    parent = os.getppid()
    while os.getppid() == parent and not select.select([commands], (), (), 0)[0]:
        if ring.wanted is Doing.PAUSE:
            ring.state = Doing.PAUSE
            time.sleep(PAUSED_S)
            continue
        ring.state = Doing.RUN
        _sample_some(stream, ring)


def _sample_some(stream: Stream, ring: Ring) -> None:
    until_ns = time.monotonic_ns() + LOOK_NS
    for _ in range(LOOK_EVERY):
        ring.put(stream.next())
        if ring.wanted is Doing.PAUSE or time.monotonic_ns() > until_ns:
            break
    if isinstance(stream, Remote):
        ring.link = stream.link


def main() -> int:
    """Serve one bench; the exit code is 0 unless the meter failed."""
    # The bench ends the sampler in order; an interrupt at the terminal goes to the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    commands = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        _serve(commands, answers)
    except (MeterError, FileError, FrameError) as error:
        with suppress(OSError):
            send(answers, Frame(header={"error": str(error)}))
        return MeterError.exit_code
    return 0


def _serve(commands: BinaryIO, answers: BinaryIO) -> None:
    frame = receive(commands)
    if frame is None:
        return
    start = frame.header
    meter = meter_from(start["meter"])
    with (
        Ring(start["ring"]) as ring,
        open_stream(meter, start["subject_pid"]) as stream,
    ):
        granted = prefer_punctuality()
        ring.link = stream.link if isinstance(stream, Remote) else DIRECT
        configuration = {"origin": stream.origin, **stream.configuration(), **granted}
        send(answers, Frame(header={"configuration": configuration}))
        sample(stream, ring, commands)


if __name__ == "__main__":
    sys.exit(main())
