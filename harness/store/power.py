"""This module is the raw power of a run: the integers of the meter's registers with their stamps, in chunks.

A chunk is a header of 64 bytes, one array after the other, and a checksum, all little-endian:

    magic 4s "PHPW" | version u16 | header bytes u16 | case u32 | sitting u32 | part u32 | samples u32
    | first u64 | channel u16 | 30 zero bytes | ready_ns i64[n] | delay_ns i32[n] | shunt i16[n] | bus u16[n]
    | flags u32[n] | crc32 u32

`case` is the place of the case in the start's `cases`, counted from 0; `first` numbers the chunk's first
sample among all of the run; `channel` is 0 where the meter has just one. The checksum covers everything before it.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from harness.errors import StoreError
from harness.record import SCHEMA_VERSION
from harness.store.directory import unreadable

SAMPLE = np.dtype(
    [
        ("ready_ns", "<i8"),
        ("delay_ns", "<i4"),
        ("shunt", "<i2"),
        ("bus", "<u2"),
        ("flags", "<u4"),
        ("channel", "<u2"),
    ]
)
"""One sample: when its conversion was seen ready on the bench's monotonic clock, how long reading it took,
the registers as integers, the meter's flags, and the number of the channel of a meter that has several."""

STORED = tuple(name for name in SAMPLE.names or () if name != "channel")
"""Fields with an array in a chunk, in order; the channel is told once for all of them."""

STORED_BYTES = sum(SAMPLE[name].itemsize for name in STORED)

_MAGIC = b"PHPW"
_HEAD = struct.Struct("<4sHHIIIIQH30x")
_CRC_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Consecutive samples of one part of a sitting.

    Attributes:
        case: place of the case in the start's `cases`.
        sitting, part: as of a cycle.
        first: number of its first sample among all of the run.
        samples: of the type `SAMPLE`, at least one, all of one channel.
    """

    case: int
    sitting: int
    part: int
    first: int
    samples: NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerContent:
    """What a power journal holds.

    Attributes:
        chunks: the whole ones, in order.
        size: bytes of them; what follows is a torn end.
        dropped: 1 where there is a torn end, otherwise 0.
    """

    chunks: Sequence[Chunk]
    size: int
    dropped: int


def samples_of(raw: NDArray[Any]) -> NDArray[Any]:
    """Samples of any array with the fields of `SAMPLE`, as `SAMPLE`; the channel is 0 where it is left out.

    Raises:
        ValueError: a field is missing, or a value does not fit in its field.
    """
    samples = np.empty(len(raw), SAMPLE)
    samples["channel"] = 0
    for name in STORED if "channel" not in (raw.dtype.names or ()) else SAMPLE.names or ():
        samples[name] = raw[name]
        if not np.array_equal(samples[name], raw[name]):
            raise ValueError(f"a value of {name} does not fit in {SAMPLE[name]}")
    return samples


def by_channel(samples: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The samples of each channel that has some, in their order; what a chunk can hold."""
    for channel in np.unique(samples["channel"]):
        yield samples[samples["channel"] == channel]


def encode(chunk: Chunk) -> bytes:
    """Bytes of a chunk."""
    head = _HEAD.pack(
        _MAGIC,
        SCHEMA_VERSION,
        _HEAD.size,
        chunk.case,
        chunk.sitting,
        chunk.part,
        len(chunk.samples),
        chunk.first,
        int(chunk.samples["channel"][0]),
    )
    content = b"".join((head, *(chunk.samples[name].tobytes() for name in STORED)))
    return content + crc32(content).to_bytes(_CRC_BYTES, "little")


def read_chunks(path: Path, *, torn_end: bool) -> PowerContent:
    """Chunks of a power journal.

    Args:
        path: the journal.
        torn_end: take a damaged end for the mark of a broken-off run; otherwise refuse it.

    Raises:
        StoreError: it cannot be read, or is damaged elsewhere than at a permitted torn end.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    chunks: list[Chunk] = []
    size = 0
    for chunk, end in _chunks(data):
        if chunks and chunk.first != chunks[-1].first + len(chunks[-1].samples):
            break
        chunks.append(chunk)
        size = end
    damaged = size < len(data)
    if damaged and not (torn_end and _nothing_whole(data, size)):
        raise StoreError(
            f"{path}: the chunk at byte {size} is damaged; "
            "the run is damaged: copy it again from where it was measured, or measure again"
        )
    return PowerContent(chunks=chunks, size=size, dropped=int(damaged))


def _chunks(data: bytes) -> Iterator[tuple[Chunk, int]]:
    """Whole chunks from the start to the first damaged one, each with the offset of its end."""
    start = 0
    while (found := _chunk_at(data, start)) is not None:
        yield found
        start = found[1]


def _nothing_whole(data: bytes, start: int) -> bool:
    """No whole chunk begins at or after an offset."""
    while (start := data.find(_MAGIC, start)) >= 0:
        if _chunk_at(data, start) is not None:
            return False
        start += 1
    return True


def _chunk_at(data: bytes, start: int) -> tuple[Chunk, int] | None:
    """The whole chunk that begins at an offset and the offset of its end; None where there is none."""
    if len(data) - start < _HEAD.size + _CRC_BYTES:
        return None
    magic, version, head_bytes, case, sitting, part, count, first, channel = _HEAD.unpack_from(data, start)
    if (magic, version, head_bytes) != (_MAGIC, SCHEMA_VERSION, _HEAD.size):
        return None
    end = start + _HEAD.size + count * STORED_BYTES
    if end + _CRC_BYTES > len(data):
        return None
    if crc32(memoryview(data)[start:end]) != int.from_bytes(data[end : end + _CRC_BYTES], "little"):
        return None
    samples = np.empty(count, SAMPLE)
    samples["channel"] = channel
    offset = start + _HEAD.size
    for name in STORED:
        column = np.frombuffer(data, SAMPLE[name], count, offset)
        samples[name] = column
        offset += column.nbytes
    chunk = Chunk(case=case, sitting=sitting, part=part, first=first, samples=samples)
    return chunk, end + _CRC_BYTES
