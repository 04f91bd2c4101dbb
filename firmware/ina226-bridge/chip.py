"""This module reads and sets the INA226 of the bridge (register map: TI SBOS547B, table 7-1)."""

CONFIG = 0x00
SHUNT = 0x01
BUS = 0x02
MASK_ENABLE = 0x06
MANUFACTURER_ID = 0xFE
DIE_ID = 0xFF

CONVERSION_READY_ON_ALERT = 0x0400
"""CNVR in MASK/ENABLE: ALERT falls at the end of a conversion, and rises when MASK/ENABLE is read."""
DEFAULT_CONFIG = 0x4027
"""Shunt 1.1 ms, bus 140 us, no averaging, both without end: 806 conversions in a second."""

_AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)
_CONVERSIONS_US = (140, 204, 332, 588, 1100, 2116, 4156, 8244)


def period_us(config):
    """Typical time between two results of a CONFIG word; the chip is up to 10 % off (section 5.5)."""
    pair_us = _CONVERSIONS_US[config >> 6 & 7] + _CONVERSIONS_US[config >> 3 & 7]
    return _AVERAGES[config >> 9 & 7] * pair_us


class Chip:
    """One INA226.

    Args:
        i2c: with MicroPython's `readfrom_mem_into` and `writeto_mem`.
        address: 7 bit.
    """

    def __init__(self, i2c, address):
        self.address = address
        self.config = DEFAULT_CONFIG
        self._i2c = i2c
        self._word = bytearray(2)

    def read(self, register):
        """A register as an unsigned word. Raises OSError."""
        word = self._word
        self._i2c.readfrom_mem_into(self.address, register, word)
        return word[0] << 8 | word[1]

    def write(self, register, value):
        """Set a register. Raises OSError."""
        self._word[0] = value >> 8
        self._word[1] = value & 0xFF
        self._i2c.writeto_mem(self.address, register, self._word)

    def set_up(self):
        """Begin converting as `config` says, with ALERT at each end. Raises OSError."""
        self.write(MASK_ENABLE, CONVERSION_READY_ON_ALERT)
        self.write(CONFIG, self.config)

    def is_set_up(self):
        """The chip still has its settings; after a failure of its supply it has others. Raises OSError."""
        return self.read(CONFIG) == self.config and bool(self.read(MASK_ENABLE) & CONVERSION_READY_ON_ALERT)
