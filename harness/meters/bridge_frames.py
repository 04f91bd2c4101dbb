"""This module finds the frames of a serial bridge in a stream of bytes, and makes the commands it takes.

A frame is 15 bytes, little-endian, and either one conversion or the bridge's account of itself:

    sample  A5 5A | seq u16 | t_us u32 | shunt i16 | bus u16 | flags u8 | crc u16
    hello   A5 3C | protocol u8 | firmware u8 | manufacturer u16 | die u16 | config u16 | address u8
            | i2c_khz u16 | crc u16

The CRC is CRC-16/CCITT-FALSE of the 13 bytes before it. It lets one in 65536 of wildly damaged frames pass, so it is
not trusted alone: a frame counts only when the line falls silent after it or another begins right there, which no
frame does that has lost or gained a byte; and `harness.meters.succession` looks at its number and its time.
"""

from binascii import crc_hqx
from enum import IntFlag
from struct import Struct
from typing import NamedTuple

FRAME_BYTES = 15
SAMPLE_SYNC = b"\xa5\x5a"
HELLO_SYNC = b"\xa5\x3c"
MARK = b"M"
"""The next conversion that ends carries MARKED."""
ASK = b"?"
"""Answered by a hello."""

_SYNCS = (SAMPLE_SYNC, HELLO_SYNC)
_CONTENT_BYTES = FRAME_BYTES - 2
_SAMPLE = Struct("<2xHIhHB2x")
_HELLO = Struct("<2xBBHHHBH2x")
_CRC_BEGIN = 0xFFFF


class BridgeFlag(IntFlag):
    """What a bridge says of one conversion.

    Attributes:
        TAG_PIN: level of the pin that the device under test sets.
        SATURATED: a register stands at the end of its range.
        MISSED: the bridge did not get the conversions just before this one.
        MARKED: the first conversion that ended after the host's marker had come.
        CHIP_RESET: the chip had lost its settings and was set up anew just before.
    """

    TAG_PIN = 1
    SATURATED = 2
    MISSED = 4
    MARKED = 8
    CHIP_RESET = 16


class SampleFrame(NamedTuple):
    """One conversion as the bridge sent it.

    Attributes:
        seq: number of the frame, modulo 2**16.
        t_us: end of the conversion on the bridge's clock, modulo 2**32 (71.6 minutes).
        shunt: SHUNT register, signed.
        bus: BUS register.
        flags: sum of `BridgeFlag`.
    """

    seq: int
    t_us: int
    shunt: int
    bus: int
    flags: int


class HelloFrame(NamedTuple):
    """Who a bridge is, as it read it from its chip when asked; zeros where the chip did not answer.

    Attributes:
        protocol, firmware: versions.
        manufacturer, die, config: registers of the chip.
        address: of the chip on the bridge's own bus.
        i2c_khz: clock of that bus.
    """

    protocol: int
    firmware: int
    manufacturer: int
    die: int
    config: int
    address: int
    i2c_khz: int


class Arrived(NamedTuple):
    """A frame, and when all of it was in hand.

    Attributes:
        frame: as the bridge sent it.
        arrival_ns: of its last byte, also where it was confirmed later.
    """

    frame: SampleFrame | HelloFrame
    arrival_ns: int


class FrameParser:
    """Finds frames; what is no frame is passed over and counted.

    Attributes:
        damaged: stretches of bytes that were no frame; what came before the first frame does not count.
        skipped: bytes in them.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self.skipped = 0
        self._astray = True
        self._begun = False
        self._bytes = bytearray()
        self._arrival_ns = 0

    def feed(self, data: bytes, arrival_ns: int, *, silent: bool = False) -> list[Arrived]:
        """The frames that these bytes complete or confirm, in order.

        Args:
            data: as they came, in pieces of any length.
            arrival_ns: when they were in hand.
            silent: nothing follows at once, so that the last frame need not wait for the begin of the next.
        """
        buffer = self._bytes
        had = len(buffer)
        buffer += data
        frames: list[Arrived] = []
        at = 0
        last = len(buffer) - FRAME_BYTES - (0 if silent else 2)
        while at <= last:
            if self._stands_at(at):
                end = at + FRAME_BYTES
                frames.append(Arrived(self._read(at), arrival_ns if end > had else self._arrival_ns))
                at = end
                self._astray, self._begun = False, True
            else:
                found = buffer.find(SAMPLE_SYNC[0], at + 1)
                self._pass_over((len(buffer) if found < 0 else found) - at)
                at = len(buffer) if found < 0 else found
        del buffer[:at]
        self._arrival_ns = arrival_ns
        return frames

    def forget(self) -> None:
        """The line was opened anew, or what had come in was thrown away; the rest of a frame means nothing."""
        self._bytes.clear()
        self._astray, self._begun = True, False

    def _stands_at(self, at: int) -> bool:
        buffer = self._bytes
        end = at + _CONTENT_BYTES
        if buffer[at : at + 2] not in _SYNCS:
            return False
        if crc_hqx(buffer[at:end], _CRC_BEGIN) != buffer[end] | buffer[end + 1] << 8:
            return False
        following = buffer[end + 2 : end + 4]
        return any(sync.startswith(following) for sync in _SYNCS)

    def _read(self, at: int) -> SampleFrame | HelloFrame:
        if self._bytes[at + 1] == SAMPLE_SYNC[1]:
            return SampleFrame._make(_SAMPLE.unpack_from(self._bytes, at))
        return HelloFrame._make(_HELLO.unpack_from(self._bytes, at))

    def _pass_over(self, count: int) -> None:
        if not self._begun:
            return
        self.skipped += count
        if not self._astray:
            self._astray = True
            self.damaged += 1


def configure(word: int) -> bytes:
    """The command that sets the CONFIG register of the bridge's chip; it is answered by a hello."""
    command = b"C" + word.to_bytes(2, "little")
    return command + crc_hqx(command, _CRC_BEGIN).to_bytes(2, "little")
