"""This module is the bridge's side of the serial protocol: frames out, commands in.

It runs on MicroPython and, for its tests, on CPython. A frame is 15 bytes, little-endian, on the wire:

    sample  A5 5A | seq u16 | t_us u32 | shunt i16 | bus u16 | flags u8 | crc u16
    hello   A5 3C | protocol u8 | firmware u8 | manufacturer u16 | die u16 | config u16 | address u8
            | i2c_khz u16 | crc u16

The CRC is CRC-16/CCITT-FALSE (polynomial 0x1021, begin 0xFFFF) of the 13 bytes before it. What is done for each
sample allocates nothing: a collection of garbage would cost conversions.
"""

import struct
from array import array

try:
    import micropython
except ImportError:  # CPython, in the tests

    class micropython:  # noqa: N801 - stands in for the module of this name
        """The part of MicroPython's module that is used here, without effect."""

        @staticmethod
        def native(function):
            """Leave a function as it is."""
            return function


PROTOCOL = 1
FIRMWARE = 1

FRAME_BYTES = 15
TAG_PIN = 1
SATURATED = 2
MISSED = 4
MARKED = 8
CHIP_RESET = 16

MARK = 0x4D
"""'M': the next conversion that ends carries MARKED."""
HELLO = 0x3F
"""'?': say who you are."""
CONFIGURE = 0x43
"""'C', followed by CONFIG u16 and the CRC u16 of these three bytes: set the chip, then say hello."""


def _table():
    table = array("H", bytes(512))
    for index in range(256):
        crc = index << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        table[index] = crc & 0xFFFF
    return table


_CRC = _table()


@micropython.native
def crc16(data, count):
    """CRC-16/CCITT-FALSE of the first bytes of a buffer; 0x29B1 for b"123456789"."""
    crc = 0xFFFF
    table = _CRC
    for index in range(count):
        crc = ((crc << 8) & 0xFF00) ^ table[(crc >> 8) ^ data[index]]
    return crc


class Microseconds:
    """Microseconds modulo 2**32, out of a counter that wraps earlier.

    They are held in two halves, because MicroPython allocates for whole numbers beyond 30 bits.

    Args:
        ticks: a reading of the counter to begin at 0.
        ticks_diff: difference of two readings less than half a turn of the counter apart.
    """

    def __init__(self, ticks, ticks_diff):
        self.low = 0
        self.high = 0
        self._ticks = ticks
        self._ticks_diff = ticks_diff

    def advance(self, ticks):
        """Go on to a later reading of the counter."""
        low = self.low + self._ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        self.high = (self.high + (low >> 16)) & 0xFFFF
        self.low = low & 0xFFFF


class Frames:
    """Builds frames in the same 15 bytes again and again; the number of a sample counts on by itself."""

    def __init__(self):
        self.seq = 0
        self._frame = bytearray(FRAME_BYTES)

    def sample(self, time, shunt, bus, flags):
        """The frame of one conversion; valid until the next is built.

        Args:
            time: `Microseconds` at the end of the conversion.
            shunt: register as an unsigned word.
            bus: register.
            flags: sum of the flags of this module.
        """
        frame = self._frame
        struct.pack_into("<HHHHHHB", frame, 0, 0x5AA5, self.seq, time.low, time.high, shunt, bus, flags)
        self.seq = (self.seq + 1) & 0xFFFF
        return self._sealed()

    def hello(self, manufacturer, die, config, address, i2c_khz):
        """The frame that says who the bridge is and how its chip is set; valid until the next is built."""
        struct.pack_into(
            "<HBBHHHBH",
            self._frame,
            0,
            0x3CA5,
            PROTOCOL,
            FIRMWARE,
            manufacturer,
            die,
            config,
            address,
            i2c_khz,
        )
        return self._sealed()

    def _sealed(self):
        frame = self._frame
        crc = crc16(frame, 13)
        frame[13] = crc & 0xFF
        frame[14] = crc >> 8
        return frame


class Commands:
    """Finds commands in what the host sends; anything else is passed over.

    Attributes:
        config: the word of the last CONFIGURE.
    """

    def __init__(self):
        self.config = 0
        self._bytes = bytearray(5)
        self._count = 0

    def take(self, byte):
        """The command that this byte completes; 0 where it completes none."""
        if self._count == 0 and byte != CONFIGURE:
            return byte if byte in (MARK, HELLO) else 0
        taken = self._bytes
        taken[self._count] = byte
        self._count += 1
        if self._count < 5:
            return 0
        self._count = 0
        if taken[3] | taken[4] << 8 != crc16(taken, 3):
            return 0
        self.config = taken[1] | taken[2] << 8
        return CONFIGURE
