"""What holds for the registers of an INA226, however they are reached: modelled, through an adapter, in a kernel."""

import pytest

from harness.meters.i2c import RegisterBus

CALIBRATION, ALERT_LIMIT = 0x05, 0x07
"""Registers of the chip that may be written without changing how it measures."""


class RegisterContract:
    """Subclasses give the fixture `registers`, those of an INA226 that nobody else uses."""

    def test_the_identity_is_high_byte_first(self, registers: RegisterBus) -> None:
        """The maker's word is "TI", in this order, and the die is a 226."""

        assert 0x5449 == registers.read_u16(0xFE)
        assert 0x2260 == registers.read_u16(0xFF) & 0xFFF0

    @pytest.mark.parametrize("word", [0x0000, 0x0001, 0x0100, 0x0A5B, 0x5B0A, 0x7FFF])
    def test_a_word_comes_back_as_written(self, registers: RegisterBus, word: int) -> None:
        """Each bit of a register that can be written is read where it was written, in both calls."""
        registers.write_u16(CALIBRATION, word)

        assert word == registers.read_u16(CALIBRATION)
        assert (word,) == registers.read_u16s(CALIBRATION)

    def test_several_are_read_in_the_order_asked_for(self, registers: RegisterBus) -> None:
        """Each value belongs to its register, however often and in whatever order they are named."""
        registers.write_u16(CALIBRATION, 0x0123)
        registers.write_u16(ALERT_LIMIT, 0x4567)

        assert (0x0123, 0x4567) == registers.read_u16s(CALIBRATION, ALERT_LIMIT)
        assert (0x4567, 0x0123, 0x4567) == registers.read_u16s(ALERT_LIMIT, CALIBRATION, ALERT_LIMIT)

    def test_a_register_keeps_to_itself(self, registers: RegisterBus) -> None:
        """Writing one register leaves its neighbour as it is."""
        registers.write_u16(CALIBRATION, 0x0123)
        registers.write_u16(ALERT_LIMIT, 0x7777)

        assert 0x0123 == registers.read_u16(CALIBRATION)

    def test_access_is_told(self, registers: RegisterBus) -> None:
        """How the registers are reached has a name for the record."""

        assert registers.access["access"]

    def test_closing_twice_is_harmless(self, registers: RegisterBus) -> None:
        """What is closed stays closed."""
        registers.close()
        registers.close()
