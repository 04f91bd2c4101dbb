"""This module describes how one power monitor of a family differs from another to the driver that reads it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Where a chip's flag and results are, and what its words may be.

    CONFIG is register 00h of every part, the shunt's result 01h and the bus's 02h.

    Attributes:
        name: such as `INA226`.
        flag_register, flag: where a finished conversion shows, and its bit.
        flag_void: bits of that register that the chip reads as 0; set, they come from lines nobody drives.
        clear_register: reading it takes the flag down.
        after_results: registers read behind the two results, so that the flag goes down; empty where looking does it.
        bus_void: as `flag_void`, of the bus's result.
        bus_shift: bits below the count in the bus's result.
        largest_bus: count at which its range ends.
    """

    name: str
    flag_register: int
    flag: int
    flag_void: int
    clear_register: int
    after_results: tuple[int, ...]
    bus_void: int
    bus_shift: int
    largest_bus: int


INA226 = Part(
    name="INA226",
    flag_register=0x06,
    flag=1 << 3,
    flag_void=0x03E0,
    clear_register=0x06,
    after_results=(),
    bus_void=0x8000,
    bus_shift=0,
    largest_bus=0x7FFF,
)
"""TI SBOS547B section 7.1.7: MASK/ENABLE holds the flag, and looking at it takes it down."""

INA219 = Part(
    name="INA219",
    flag_register=0x02,
    flag=1 << 1,
    flag_void=0,
    clear_register=0x03,
    after_results=(0x03,),
    bus_void=0,
    bus_shift=3,
    largest_bus=8000,
)
"""TI SBOS448G section 8.6.3.2: the bus's result holds the flag, below its count; reading POWER takes it
down. What bit 2 reads as is not said, so nothing is expected of it."""
