"""This module is one line of a journal: a JSON object that carries the checksum of itself.

A line is `{"v":1,...,"crc":N}` and a newline. N is the CRC-32 (as of zlib), in decimal, of the bytes of the
same object without its last member: the line up to `,"crc":`, and a closing brace. The text is JSON in ASCII
with separators `,` and `:`, members in the order they were given, and no NaN or infinity.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from harness.record import SCHEMA_VERSION

_MARK = b',"crc":'


class LineError(ValueError):
    """A line is cut, damaged or of another schema version."""


def encode(members: Mapping[str, Any]) -> bytes:
    """The line of an object, newline included.

    Raises:
        TypeError, ValueError: a value is not plain JSON, or is NaN or infinite.
    """
    body = json_text({"v": SCHEMA_VERSION, **members})
    return b"%s%s%d}\n" % (body[:-1], _MARK, crc32(body))


def decode(line: bytes) -> dict[str, Any]:
    """The object of a line without its checksum and version.

    Args:
        line: with or without its newline.

    Raises:
        LineError: it is not one that `encode` wrote, or its schema version is another.
    """
    text = line.removesuffix(b"\n")
    head, mark, tail = text.rpartition(_MARK)
    if not mark:
        raise LineError("it has no checksum")
    body = head + b"}"
    expected = crc32(body)
    if tail != b"%d}" % expected:
        raise LineError(f"its checksum is not {expected}, that of its content")
    try:
        members = json.loads(body)
    except ValueError as error:
        raise LineError(f"it is not JSON: {error}") from error
    if not isinstance(members, dict):
        raise LineError(f"it holds {type(members).__name__}, not an object")
    version = members.pop("v", None)
    if version != SCHEMA_VERSION:
        raise LineError(f"its schema version is {version!r}, this harness reads {SCHEMA_VERSION}")
    return members


def json_text(value: object, *, indent: int | None = None) -> bytes:
    """JSON in ASCII; mappings, sequences and numpy's numbers become plain.

    Raises:
        TypeError, ValueError: a value is not plain JSON, or is NaN or infinite.
    """
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(value, separators=separators, indent=indent, allow_nan=False, default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not plain JSON: {value!r}")
