"""Frames are found in any stream of bytes, and nothing else is taken for one."""

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from harness.meters.bridge_frames import (
    FRAME_BYTES,
    BridgeFlag,
    FrameParser,
    HelloFrame,
    SampleFrame,
    configure,
)

from .firmware import load

GOLDEN = bytes.fromhex("a55a 0000 70110100 ffff 7025 01 b34e")
"""Number 0 at 70 ms, shunt -1, bus 9584, tag pin high; as MicroPython 1.28 made it from the firmware."""

samples = st.builds(
    SampleFrame,
    seq=st.integers(0, 0xFFFF),
    t_us=st.integers(0, 2**32 - 1),
    shunt=st.integers(-0x8000, 0x7FFF),
    bus=st.integers(0, 0xFFFF),
    flags=st.integers(0, 31),
)


def sent(frame: SampleFrame) -> bytes:
    """The bytes of a sample as the firmware makes them."""
    protocol = load("protocol")
    frames, time = protocol.Frames(), protocol.Microseconds(0, lambda later, earlier: later - earlier)
    frames.seq = frame.seq
    time.low, time.high = frame.t_us & 0xFFFF, frame.t_us >> 16
    return bytes(frames.sample(time, frame.shunt & 0xFFFF, frame.bus, frame.flags))


def found(parser: FrameParser, data: bytes, *, silent: bool = True) -> list[SampleFrame | HelloFrame]:
    """Frames in the bytes, without their arrival."""
    return [frame for frame, _ in parser.feed(data, 0, silent=silent)]


def test_a_sample_is_read_field_by_field() -> None:
    """Fifteen given bytes are the sample they were made of."""

    assert [SampleFrame(seq=0, t_us=70_000, shunt=-1, bus=9584, flags=BridgeFlag.TAG_PIN)] == found(
        FrameParser(), GOLDEN
    )


def test_the_firmware_makes_the_given_bytes() -> None:
    """The firmware under CPython makes what it made under MicroPython."""

    assert GOLDEN == sent(SampleFrame(0, 70_000, -1, 9584, 1))


def test_a_hello_is_read_field_by_field() -> None:
    """Who the bridge is comes over whole."""
    hello = bytes(load("protocol").Frames().hello(0x5449, 0x2260, 0x4027, 0x40, 400))

    assert [HelloFrame(1, 1, 0x5449, 0x2260, 0x4027, 0x40, 400)] == found(FrameParser(), hello)


def test_the_checksum_is_the_catalogued_one() -> None:
    """CRC-16/CCITT-FALSE of the check string is 0x29B1 in the firmware, and the host's commands carry it."""

    assert 0x29B1 == load("protocol").crc16(b"123456789", 9)
    assert bytes.fromhex("43 2740") == configure(0x4027)[:3]
    assert load("protocol").crc16(configure(0x4027), 3) == int.from_bytes(configure(0x4027)[3:], "little")


@given(st.lists(samples, min_size=1, max_size=6), st.lists(st.integers(1, 20), max_size=30))
def test_pieces_do_not_matter(frames: Sequence[SampleFrame], pieces: Sequence[int]) -> None:
    """Frames come out whole and in order however the bytes were cut."""
    data = b"".join(map(sent, frames))
    parser, out, at = FrameParser(), [], 0
    for length in [*pieces, len(data)]:
        out += found(parser, data[at : at + length], silent=False)
        at += length
    out += found(parser, b"")

    assert list(frames) == out
    assert 0 == parser.damaged


@given(samples, samples, st.integers(0, 8 * FRAME_BYTES - 1))
def test_a_flipped_bit_makes_no_sample(first: SampleFrame, second: SampleFrame, bit: int) -> None:
    """A frame with a wrong bit is passed over and counted; the one after it is found again."""
    spoilt = bytearray(sent(first))
    spoilt[bit // 8] ^= 1 << bit % 8
    parser = FrameParser()
    out = found(parser, 2 * sent(first) + bytes(spoilt) + sent(second))

    # Where the sync itself was hit, nothing confirms the frame before it.
    assert [first] * (1 + (bit >= 16)) + [second] == out
    assert 1 == parser.damaged


@given(
    st.lists(samples, min_size=3, max_size=3),
    st.integers(FRAME_BYTES, 2 * FRAME_BYTES - 1),
    st.binary(max_size=3),
)
def test_a_lost_or_foreign_byte_makes_no_sample(
    frames: Sequence[SampleFrame], at: int, foreign: bytes
) -> None:
    """A byte that was lost in a frame, or replaced by others, yields nothing that was not sent."""
    data = b"".join(map(sent, frames))
    out = found(FrameParser(), data[:at] + foreign + data[at + 1 :])

    assert set() == set(out) - set(frames)
    assert frames[2] in out


def test_a_frame_is_held_until_the_next_begins() -> None:
    """What follows confirms a frame, and its arrival is still that of its own last byte."""
    parser = FrameParser()
    held = parser.feed(GOLDEN, 100)
    confirmed = parser.feed(GOLDEN[:2], 200)

    assert [] == held
    assert [100] == [arrival_ns for _, arrival_ns in confirmed]


def test_what_came_before_the_first_frame_is_not_damage() -> None:
    """A line is opened in the middle of a frame."""
    parser = FrameParser()
    found(parser, GOLDEN[4:] + GOLDEN)

    assert (0, 0) == (parser.damaged, parser.skipped)


def test_noise_is_passed_over_without_a_trace() -> None:
    """A hundred thousand random bytes end in no error, little memory and no frame."""
    parser = FrameParser()
    noise = random.Random(1)  # noqa: S311  noise, not a secret
    out = [frame for _ in range(1000) for frame in found(parser, noise.randbytes(100), silent=False)]

    assert [] == out
    assert len(parser._bytes) < 2 * FRAME_BYTES
    assert [SampleFrame(0, 70_000, -1, 9584, 1)] == found(parser, GOLDEN)
