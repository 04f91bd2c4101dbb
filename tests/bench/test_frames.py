"""A frame arrives whole and unchanged, or is refused."""

import io
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.frames import HEAD, Frame, FrameError, receive, send

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
frames = st.builds(
    Frame, header=st.dictionaries(texts, json_values, max_size=4), body=st.binary(max_size=200)
)
SMALL = Frame(header={"verb": "cycle", "gap_s": 0.001}, body=bytes(range(16)))


def packed(*wanted: Frame) -> bytes:
    """The bytes of some frames."""
    stream = io.BytesIO()
    for frame in wanted:
        send(stream, frame)
    return stream.getvalue()


def framed(header: bytes) -> bytes:
    """A frame around any header."""
    head = HEAD.pack(b"PH", 1, 0, len(header), 0)
    return head + header + zlib.crc32(head + header).to_bytes(4, "little")


@given(st.lists(frames, max_size=4))
def test_round_trip(sent: list[Frame]) -> None:
    """Frames come out as they went in, one by one, and then the stream has ended."""
    stream = io.BytesIO(packed(*sent))

    assert sent == [receive(stream) for _ in sent]
    assert receive(stream) is None


def test_big_body() -> None:
    """A body of 64 MiB goes through unchanged."""
    body = bytes(range(256)) * (1 << 18)
    answer = receive(io.BytesIO(packed(Frame(header={}, body=body))))

    assert answer is not None
    assert body == answer.body


@pytest.mark.parametrize("length", range(len(packed(SMALL))))
def test_cut_frame(length: int) -> None:
    """A stream that ends inside a frame is refused; before the first byte it has only ended."""
    stream = io.BytesIO(packed(SMALL)[:length])
    if length == 0:
        assert receive(stream) is None
        return

    with pytest.raises(FrameError):
        receive(stream)


def test_every_flipped_bit() -> None:
    """No frame with one bit flipped is taken for a frame."""
    content = packed(SMALL)
    refused = 0
    for position in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(FrameError):
            receive(io.BytesIO(damaged))
        refused += 1

    assert 8 * len(content) == refused


@given(st.binary(min_size=1, max_size=300))
def test_noise(noise: bytes) -> None:
    """Whatever arrives in place of a frame is refused by a FrameError."""
    with pytest.raises(FrameError):
        receive(io.BytesIO(noise))


@pytest.mark.parametrize(
    "header", [b"", b"{", b"[1]", b"7", b"\xff\xfe", b"[" * 200_000], ids=lambda header: repr(header[:8])
)
def test_header_is_an_object(header: bytes) -> None:
    """A frame whose header is no JSON object is refused, though its checksum is right."""
    with pytest.raises(FrameError, match="header"):
        receive(io.BytesIO(framed(header)))


def test_header_has_no_nan() -> None:
    """A figure that is not a number does not travel."""
    with pytest.raises(ValueError, match="JSON"):
        send(io.BytesIO(), Frame(header={"latency_s": float("nan")}))


def test_header_is_plain_json() -> None:
    """The header lies in the frame as JSON that any other program can read."""
    content = packed(SMALL)

    assert dict(SMALL.header) == json.loads(content[HEAD.size : content.index(b"}") + 1])
