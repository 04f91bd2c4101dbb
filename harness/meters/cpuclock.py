"""This module reads the CPU time that another process has used up to this instant.

The kernel's CPU clock of a foreign process stands still between the ticks and switches of a processor (4 ms at
250 Hz); its task-clock event counter is brought up to date when it is read. The counter is used where the
kernel grants it (perf_event_open(2); containers often do not), else the clock.
"""

import ctypes
import os
import platform
import struct
import time
from pathlib import Path

from harness.errors import MeterError

PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "armv7l": 364}
"""Number of the system call by `platform.machine()`."""
PERF_ATTRIBUTES = struct.Struct("=IIQQQQQIIQ")
"""struct perf_event_attr, first published size."""
PERF_TYPE_SOFTWARE = 1
PERF_COUNT_SW_TASK_CLOCK = 1
INHERIT_EXCLUDE_KERNEL = 1 << 1 | 1 << 5
"""Count threads made later too; ask for nothing of the kernel, so that no privilege is needed."""
PERF_FLAG_FD_CLOEXEC = 1 << 3


def process_clock_ns(pid: int) -> int:
    """CPU time all threads of a process have used, by the kernel's clock of that process.

    The clock of a foreign process has the id (~pid << 3) | 2, as clock_getcpuclockid(3) makes it.

    Raises:
        MeterError: there is no such process.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError as error:
        raise MeterError(
            f"process {pid}, whose CPU use feeds the simulated meter, cannot be watched ({error.strerror}); "
            "did it end before the meter was closed?"
        ) from error


class CpuClock:
    """CPU time of a process; call it to read it.

    Args:
        pid: the process; its threads are those it has now and those it makes later.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._counters: list[int] = []

    def open(self) -> None:
        """Ask the kernel for counters of all threads; without them the coarser clock is read.

        Raises:
            MeterError: there is no such process.
        """
        process_clock_ns(self._pid)
        counters: list[int] = []
        try:
            for thread in Path(f"/proc/{self._pid}/task").iterdir():
                counters.append(_task_clock(int(thread.name)))  # noqa: PERF401 -- those opened are closed on error
        except OSError:
            for counter in counters:
                os.close(counter)
            counters = []
        self._counters = counters

    def close(self) -> None:
        """Give the counters back; twice is harmless."""
        while self._counters:
            os.close(self._counters.pop())

    @property
    def source(self) -> str:
        """What is read: `perf_task_clock`, exact to the reading, or `posix_clock`, which moves in ticks."""
        return "perf_task_clock" if self._counters else "posix_clock"

    def __call__(self) -> int:
        """Nanoseconds of CPU time, from a beginning that stays the same while it is open.

        Raises:
            MeterError: the process is gone.
        """
        used_ns = process_clock_ns(self._pid)
        if not self._counters:
            return used_ns
        return sum(int.from_bytes(os.read(counter, 8), "little") for counter in self._counters)


def _task_clock(thread: int) -> int:
    """Descriptor of a running task-clock counter of one thread and the threads it makes.

    Raises:
        OSError: the kernel does not grant it.
    """
    number = PERF_EVENT_OPEN.get(platform.machine())
    if number is None:
        raise OSError(f"the number of perf_event_open is not known on {platform.machine()}")
    attributes = PERF_ATTRIBUTES.pack(
        PERF_TYPE_SOFTWARE,
        PERF_ATTRIBUTES.size,
        PERF_COUNT_SW_TASK_CLOCK,
        *(0, 0, 0),
        INHERIT_EXCLUDE_KERNEL,
        *(0, 0, 0),
    )
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = int(
        library.syscall(
            ctypes.c_long(number),
            attributes,
            ctypes.c_int(thread),
            ctypes.c_int(-1),
            ctypes.c_int(-1),
            ctypes.c_ulong(PERF_FLAG_FD_CLOEXEC),
        )
    )
    if descriptor < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return descriptor
