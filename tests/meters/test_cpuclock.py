"""CPU time of a process, by the kernel's counters or by its clock."""

import errno
import os
import subprocess
import sys
import time

import pytest

from harness.errors import MeterError
from harness.meters import cpuclock
from harness.meters.cpuclock import CpuClock, process_clock_ns


def refused(_thread: int) -> int:
    """What a kernel that grants no counters does."""
    raise OSError(errno.EACCES, "Permission denied")


def test_own_cpu_use_is_read_from_the_kernel() -> None:
    """The CPU clock of this process by its id is the CPU clock of this process."""
    before_ns = time.process_time_ns()
    by_id_ns = process_clock_ns(os.getpid())

    assert before_ns <= by_id_ns <= time.process_time_ns()


def test_the_clock_says_which_one_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters are `perf_task_clock`; where the kernel grants none, it is `posix_clock`."""
    clock = CpuClock(os.getpid())
    monkeypatch.setattr(cpuclock, "_task_clock", lambda _: os.open("/dev/zero", os.O_RDONLY))
    clock.open()
    granted = clock.source
    clock.close()

    assert ("perf_task_clock", "posix_clock") == (granted, clock.source)


@pytest.mark.parametrize("counters", [True, False])
def test_cpu_time_grows_by_what_was_used(monkeypatch: pytest.MonkeyPatch, counters: bool) -> None:
    """With the counters and without them the difference of two readings is the CPU time between them."""
    if not counters:
        monkeypatch.setattr(cpuclock, "_task_clock", refused)
    clock = CpuClock(os.getpid())
    clock.open()
    outer_ns = time.process_time_ns()
    begin_ns = clock()
    inner_ns = time.process_time_ns()
    while time.process_time_ns() - inner_ns < 30_000_000:
        pass
    inner_ns = time.process_time_ns() - inner_ns
    used_ns = clock() - begin_ns
    outer_ns = time.process_time_ns() - outer_ns
    clock.close()

    assert inner_ns - 1_000_000 <= used_ns <= outer_ns + 1_000_000


@pytest.mark.parametrize("counters", [True, False])
def test_a_process_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch, counters: bool) -> None:
    """Where the process ended, opening and reading name it; its last figure is not repeated for ever."""
    if not counters:
        monkeypatch.setattr(cpuclock, "_task_clock", refused)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as subject:
        clock = CpuClock(subject.pid)
        clock.open()
        clock()
        assert subject.stdin is not None
        subject.stdin.write(b"\n")
    for act in (clock, CpuClock(subject.pid).open):
        with pytest.raises(MeterError, match=f"process {subject.pid}"):
            act()
    clock.close()


def test_counters_opened_before_a_refusal_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a set of counters is none, and closing twice is harmless."""
    reader, writer = os.pipe()
    granted = iter([writer])
    monkeypatch.setattr(cpuclock, "_task_clock", lambda thread: next(granted, None) or refused(thread))
    monkeypatch.setattr(cpuclock.Path, "iterdir", lambda _: [cpuclock.Path("1"), cpuclock.Path("2")])
    clock = CpuClock(os.getpid())
    clock.open()
    clock.close()
    clock.close()

    assert os.read(reader, 1) == b""  # no writer is left
    os.close(reader)


def test_an_unknown_machine_has_no_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the number of the system call is not known, it is not guessed."""
    monkeypatch.setattr(cpuclock.platform, "machine", lambda: "vax")

    with pytest.raises(OSError, match="vax"):
        cpuclock._task_clock(os.getpid())
