"""This module tells from a chip's identity words whether an INA226 answers, and if not, what does.

An INA226 says 0x5449 ("TI") in register FEh and 0x226x in FFh, high byte first, x being its revision (TI SBOS547B,
sections 7.1.9 and 7.1.10). A copy that says the same cannot be told from a genuine part by its words.
"""

MANUFACTURER = 0x5449
DIE = 0x2260
"""Bits 15 to 4; the rest is the revision."""
DIE_MASK = 0xFFF0

RELATIVES = {
    0x2270: "an INA260 (TI SBOS656), which has its shunt inside and other scales",
    0x3220: "an INA3221 (TI SBOS576), which has three channels and other registers; use meter.kind ina3221",
}
"""Other parts of the maker at the same addresses, by their DIE ID."""
INA219_POWER_ON = 0x399F
"""CONFIG of an INA219 after power-on (TI SBOS448, table of register 00h); it has no identity words."""


def is_ina226(manufacturer: int, die: int) -> bool:
    """Whether the words are those of an INA226, or of a copy that says so."""
    return manufacturer == MANUFACTURER and die & DIE_MASK == DIE


def misfit(manufacturer: int, die: int, config: int) -> str:
    """What answers in place of an INA226, and what to do about it.

    Args:
        manufacturer: register FEh.
        die: register FFh.
        config: register 00h.
    """
    words = {manufacturer, die, config}
    if is_ina226(swapped(manufacturer), swapped(die)):
        return (
            "the bytes of each word are swapped: what is between the chip and this program (an adapter, a bridge) "
            "hands the low byte over first; correct it there"
        )
    if words in ({0xFFFF}, {0}):
        return "the lines stand still and no chip drives them; check wiring, pull-ups and supply"
    if manufacturer == MANUFACTURER and (relative := RELATIVES.get(die & DIE_MASK)):
        return f"it is {relative}, not an INA226; check meter.address"
    if config == INA219_POWER_ON:
        return "by its CONFIG it may be an INA219, whose steps are other ones than an INA226's; use meter.kind ina219"
    if manufacturer == MANUFACTURER or die & DIE_MASK == DIE:
        return "it is a copy of an INA226 or a relative of it; its figures are not to be trusted"
    return "another chip answers there; check meter.address"


def swapped(word: int) -> int:
    """A 16-bit word with its bytes exchanged."""
    return (word & 0xFF) << 8 | word >> 8
