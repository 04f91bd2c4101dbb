"""This module is the ring of samples that the sampler writes and the bench reads: anonymous shared memory.

One writer, one reader, no locks between them. The memory belongs to the processes that hold its descriptor, so
the kernel frees it however they end. Layout, in the machine's own byte order:

    written u64 | wanted u32 | state u32 | capacity u32 | entry bytes u32 | link 5 x i64 | newest 16 x i64
    | entries

`newest` is the stamp of the last entry of each channel. Entry number n lies at place n modulo capacity. `written` is
raised after its entry is complete; a reader that falls a whole ring behind loses entries, and is told how many.
"""

import mmap
import os
import struct
from enum import IntEnum
from threading import Lock
from types import TracebackType
from typing import Self

from harness.errors import MeterError
from harness.meters import Link, Raw

ENTRY = struct.Struct("=qihHIH")
"""`Raw`, field by field."""
HEAD = struct.Struct("=QIIII")
CHANNELS = 16
"""As many addresses as an INA226 can have."""
HEAD_BYTES = 64 + 8 * CHANNELS
CAPACITY = 1 << 16
"""80 seconds at 806 conversions a second."""

_WANTED, _STATE = 2, 3  # in words of four bytes
_LINK, _NEWEST = 3, 8  # in words of eight


class Doing(IntEnum):
    """What the sampler does, or shall do."""

    RUN = 0
    PAUSE = 1


class Ring:
    """The shared memory; the one who makes it reads, the one who is handed its descriptor writes.

    Args:
        descriptor: of the memory, from `Ring.make` or inherited; closed with the ring.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.lost = 0
        self._memory: mmap.mmap | None = None
        self._barrier = Lock()
        self._read = 0

    @classmethod
    def make(cls, capacity: int = CAPACITY) -> "Ring":
        """A new empty ring of that many entries."""
        descriptor = os.memfd_create("harness-ring")
        os.ftruncate(descriptor, HEAD_BYTES + capacity * ENTRY.size)
        os.pwrite(descriptor, HEAD.pack(0, Doing.RUN, Doing.RUN, capacity, ENTRY.size), 0)
        return cls(descriptor)

    def __enter__(self) -> Self:
        memory = mmap.mmap(self.descriptor, 0)
        _, _, _, self._capacity, entry_bytes = HEAD.unpack_from(memory)
        if entry_bytes != ENTRY.size or len(memory) != HEAD_BYTES + self._capacity * ENTRY.size:
            memory.close()
            raise MeterError(
                "the shared memory of the sampler is not a ring of this version; install one version"
            )
        self._memory = memory
        self._view = memoryview(memory)
        self._count = self._view[:8].cast("Q")
        self._words = self._view[:HEAD_BYTES].cast("I")
        self._link = self._view[:HEAD_BYTES].cast("q")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        memory, self._memory = self._memory, None
        if memory is not None:
            for view in (self._count, self._words, self._link, self._view):
                view.release()
            memory.close()
            os.close(self.descriptor)

    @property
    def written(self) -> int:
        """Entries ever put."""
        return self._count[0]

    @property
    def wanted(self) -> Doing:
        """What the reader wants the sampler to do."""
        return Doing(self._words[_WANTED])

    @wanted.setter
    def wanted(self, doing: Doing) -> None:
        self._words[_WANTED] = doing

    @property
    def state(self) -> Doing:
        """What the sampler says it does."""
        return Doing(self._words[_STATE])

    @state.setter
    def state(self, doing: Doing) -> None:
        self._words[_STATE] = doing

    @property
    def link(self) -> Link:
        """What the meter said last of the way from it."""
        return Link(*self._link[_LINK : _LINK + len(Link._fields)])

    @link.setter
    def link(self, link: Link) -> None:
        for place, value in enumerate(link, _LINK):
            self._link[place] = value

    def put(self, raw: Raw) -> None:
        """Append one sample, over the oldest when the ring is full; the writer's only."""
        written = self._count[0]
        ENTRY.pack_into(self._view, HEAD_BYTES + written % self._capacity * ENTRY.size, *raw)
        # Taking and freeing a lock orders the entry before the count on processors that reorder stores.
        with self._barrier:
            self._count[0] = written + 1
        # After the count, so that whoever sees the stamp finds the entry.
        with self._barrier:
            self._link[_NEWEST + raw.channel] = raw.ready_ns

    def newest_ns(self, channel: int = 0) -> int:
        """Stamp of the sample of a channel put last; 0 before the first."""
        with self._barrier:
            return self._link[_NEWEST + channel]

    def drain(self) -> bytes:
        """The entries put since the last call, oldest first; those overwritten before are added to `lost`."""
        written = self._written()
        first = max(self._read, written - self._capacity)
        content = self._copied(first, written)
        # The writer went on meanwhile, and may be half through the entry after the last it counted.
        oldest_whole = self._written() + 1 - self._capacity
        kept = min(max(first, oldest_whole), written)
        self.lost += kept - self._read
        self._read = written
        return content[(kept - first) * ENTRY.size :]

    def _written(self) -> int:
        with self._barrier:
            return self._count[0]

    def _copied(self, first: int, last: int) -> bytes:
        begin, end = first % self._capacity, last % self._capacity
        if last == first:
            return b""
        if begin < end:
            return self._entries(begin, end)
        return self._entries(begin, self._capacity) + self._entries(0, end)

    def _entries(self, begin: int, end: int) -> bytes:
        return bytes(self._view[HEAD_BYTES + begin * ENTRY.size : HEAD_BYTES + end * ENTRY.size])
