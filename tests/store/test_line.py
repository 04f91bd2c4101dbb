"""Journal lines: what is written is read back, and no damage goes unseen."""

import json
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.store.line import LineError, decode, encode

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.dictionaries(st.text().filter(lambda name: name != "v"), PLAIN, max_size=5)


@given(MEMBERS)
def test_line_round_trip(members: dict[str, Any]) -> None:
    """A line reads back as the object it was made of, in order, and is one line of ASCII."""
    line = encode(members)

    assert list(members.items()) == list(decode(line).items())
    assert line.isascii()
    assert 1 == line.count(b"\n") == line.endswith(b"\n")


def test_checksum_covers_the_object_without_it() -> None:
    """The checksum is the CRC-32 of the compact JSON without the member `crc`, which stands last."""
    line = encode({"seq": 3})

    assert b'{"v":1,"seq":3,"crc":%d}\n' % crc32(b'{"v":1,"seq":3}') == line
    assert ["v", "seq", "crc"] == list(json.loads(line))


def test_every_flipped_bit_is_seen() -> None:
    """No single flipped bit of a line passes."""
    line = encode({"seq": 3, "case": "a/b", "energy_j": 0.125, "latencies_ns": [1_100_000, 1_090_000]})
    passed = []
    for bit in range(8 * len(line)):
        damaged = bytearray(line)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            passed.append((bit, decode(bytes(damaged))))
        except LineError:
            continue

    # the newline itself is no part of the checksum: whoever splits the lines judges it
    assert [] == [bit for bit, _ in passed if bit // 8 < len(line) - 1]


@given(MEMBERS, st.data())
def test_cut_lines_are_seen(members: dict[str, Any], data: st.DataObject) -> None:
    """A line without its end does not pass."""
    line = encode(members)
    cut = data.draw(st.integers(0, len(line) - 2))

    with pytest.raises(LineError):
        decode(line[:cut])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_json_does_not_have_is_refused(value: float) -> None:
    """NaN and infinity are refused: a figure that could not be had is null."""
    with pytest.raises(ValueError, match="JSON compliant"):
        encode({"energy_j": value})


def test_numbers_and_arrays_of_numpy_are_plain() -> None:
    """Numbers and arrays of numpy are written as JSON's own."""
    members = decode(encode({"a": np.int64(3), "b": np.float32(0.5), "c": np.arange(2), "d": (1, 2)}))

    assert {"a": 3, "b": 0.5, "c": [0, 1], "d": [1, 2]} == members


def test_objects_are_refused() -> None:
    """A value that is not plain JSON is refused by its type."""
    with pytest.raises(TypeError, match="object is not plain JSON"):
        encode({"a": object()})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"v":2,"seq":1}', "schema version is 2"),
        (b'{"seq":1}', "schema version is None"),
        (b"[1}", "not JSON"),
    ],
)
def test_foreign_lines_are_named(body: bytes, expected: str) -> None:
    """A line with a right checksum but of another version, or not JSON, is refused with what was found."""
    with pytest.raises(LineError, match=expected):
        decode(b'%s,"crc":%d}\n' % (body[:-1], crc32(body)))
