"""CPU time of a process, by the kernel's counters or by its clock."""

import errno
import os
import subprocess
import sys
import time

import pytest
from processes import stop, wait_until

from harness.errors import MeterError
from harness.meters import cpuclock
from harness.meters.cpuclock import CpuClock, process_clock_ns


def refused(_thread: int) -> int:
    """What a kernel that grants no counters does."""
    raise OSError(errno.EACCES, "Permission denied")


def opened(monkeypatch: pytest.MonkeyPatch, pid: int, *, counters: bool) -> CpuClock:
    """The clock of a process with the kernel's counters, where this machine has them, or without."""
    if not counters:
        monkeypatch.setattr(cpuclock, "_task_clock", refused)
    clock = CpuClock(pid)
    clock.open()
    if counters and clock.source != "perf_task_clock":
        pytest.skip("needs perf_event_open, which containers and kernel.perf_event_paranoid may refuse")
    return clock


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
    """With the counters and without them the difference of two readings is the CPU time between them.

    A counter leaves out the switches of the processor, and goes on while that serves an interrupt or is lent to another
    virtual machine; so how much more than the clock it may show is known of real time only.
    """
    clock = opened(monkeypatch, os.getpid(), counters=counters)
    most_ns = time.monotonic_ns if counters else time.process_time_ns
    outer_ns = most_ns()
    begin_ns = clock()
    inner_ns = time.process_time_ns()
    while time.process_time_ns() - inner_ns < 30_000_000:
        pass
    inner_ns = time.process_time_ns() - inner_ns
    used_ns = clock() - begin_ns
    outer_ns = most_ns() - outer_ns
    clock.close()

    assert inner_ns - 3_000_000 * counters <= used_ns <= outer_ns


@pytest.mark.parametrize("counters", [True, False])
def test_a_process_that_rests_uses_none(monkeypatch: pytest.MonkeyPatch, counters: bool) -> None:
    """With the counters and without them the CPU time of a stopped process stands still while others use theirs."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as subject:
        clock = opened(monkeypatch, subject.pid, counters=counters)
        stop(subject.pid)
        wait_until(
            lambda: clock() == clock()
        )  # it says that it has stopped a moment before it leaves the processor
        begin_ns, own_ns = clock(), time.process_time_ns()
        while time.process_time_ns() - own_ns < 10_000_000:
            pass
        used_ns = clock() - begin_ns
        clock.close()
        subject.kill()

    assert 0 == used_ns


@pytest.mark.parametrize("counters", [True, False])
def test_a_process_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch, counters: bool) -> None:
    """Where the process ended, opening and reading name it; its last figure is not repeated for ever."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as subject:
        clock = opened(monkeypatch, subject.pid, counters=counters)
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
