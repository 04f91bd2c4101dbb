"""This module is the framed pipe protocol between the bench and its processes, here or far away.

A frame is a fixed head, a JSON header, a raw body and a checksum, all little-endian:

    magic 2s "PH" | version u8 | zero u8 | header bytes u32 | body bytes u32 | header | body | crc32 u32

The checksum covers everything before it. One request gets one reply; the header of a reply holds either
what was asked for or `error`, a sentence. Nothing here knows what travels, so the same frames serve a
pipe, a pseudo-terminal in raw mode or the standard streams of a remote shell.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from zlib import crc32

HEAD = struct.Struct("<2sBBII")
MAGIC = b"PH"
VERSION = 1
HEADER_LIMIT_BYTES = 64 << 20


class FrameError(Exception):
    """What arrived is not a frame: noise on the line, another version, a damaged or cut frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message.

    Attributes:
        header: JSON object; what is asked or answered.
        body: raw bytes, such as a model, a tensor or stamps; empty for none.
    """

    header: Mapping[str, Any]
    body: bytes = field(default=b"", repr=False)


def send(stream: BinaryIO, frame: Frame) -> None:
    """Write one frame and flush it.

    Raises:
        OSError: the other side is gone.
    """
    header = json.dumps(frame.header, separators=(",", ":"), allow_nan=False).encode()
    head = HEAD.pack(MAGIC, VERSION, 0, len(header), len(frame.body))
    checksum = crc32(frame.body, crc32(header, crc32(head)))
    stream.write(b"".join((head, header, frame.body, checksum.to_bytes(4, "little"))))
    stream.flush()


def receive(stream: BinaryIO) -> Frame | None:
    """Read one frame; None when the other side closed the stream between two frames.

    Raises:
        FrameError: the bytes are not a frame of this version, or the stream ended inside one.
    """
    head = stream.read(HEAD.size)
    if not head:
        return None
    _exactly(head, HEAD.size)
    magic, version, _, header_bytes, body_bytes = HEAD.unpack(head)
    if magic != MAGIC or version != VERSION:
        raise FrameError(f"expected a frame of version {VERSION}, found {head!r}")
    if header_bytes > HEADER_LIMIT_BYTES:
        raise FrameError(f"a header of {header_bytes} bytes is above the limit of {HEADER_LIMIT_BYTES}")
    header = _exactly(stream.read(header_bytes), header_bytes)
    body = _exactly(stream.read(body_bytes), body_bytes)
    found = int.from_bytes(_exactly(stream.read(4), 4), "little")
    expected = crc32(body, crc32(header, crc32(head)))
    if found != expected:
        raise FrameError(f"checksum {found:#010x} does not match the content ({expected:#010x})")
    try:
        content = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"the header is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise FrameError(f"the header is not a JSON object but {type(content).__name__}")
    return Frame(header=content, body=body)


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise FrameError(f"the stream ended {size - len(data)} bytes before the end of a frame")
    return data
