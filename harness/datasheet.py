"""This module holds the error limits of an INA226: those of its data sheet, and those assumed of an unknown chip."""

from dataclasses import dataclass, replace

SHUNT_LSB_V = 2.5e-6
BUS_LSB_V = 1.25e-3
"""TI SBOS547B table 7-1, registers 01h and 02h."""

COMMON_MODE_V = 12.0
SUPPLY_V = 3.3
"""The data sheet's limits hold at this common mode and this supply (TI SBOS547B section 5.5)."""

SUPPLY_SPAN_V = 2.2
"""From 3.3 V to the farthest supply the chip permits, 5.5 V (TI SBOS547B section 5.3)."""

MODULE_SHUNT = 0.05
MODULE_GAIN = 0.02
"""Assumed of a module of unknown make. Seen on the bus voltage of such modules: +1.2 to +5.4 %
(github.com/RobTillaart/INA226 issue 30, github.com/Zanduino/INA issues 45 and 101)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """Largest errors of the converter, at 25 °C, 3.3 V and 12 V common mode.

    Attributes:
        name: for the table.
        shunt_gain, bus_gain: relative.
        shunt_gain_per_k, bus_gain_per_k: their drift.
        shunt_offset_v, bus_offset_v: input-referred.
        shunt_offset_v_per_k, bus_offset_v_per_k: their drift.
        shunt_common_mode: volts at the shunt input for a volt of common mode.
        shunt_supply, bus_supply: volts at the input for a volt of supply.
        gain_source: of both gains.
    """

    name: str
    shunt_gain: float
    shunt_gain_per_k: float
    shunt_offset_v: float
    shunt_offset_v_per_k: float
    shunt_common_mode: float
    shunt_supply: float
    bus_gain: float
    bus_gain_per_k: float
    bus_offset_v: float
    bus_offset_v_per_k: float
    bus_supply: float
    gain_source: str


SHEET = "TI SBOS547B section 5.5, maximum"
SHEET_TYPICAL = "TI SBOS547B section 5.5, typical; no maximum is given"

GENUINE = Chip(
    name="genuine",
    shunt_gain=1e-3,
    shunt_gain_per_k=50e-6,
    shunt_offset_v=10e-6,
    shunt_offset_v_per_k=0.1e-6,
    shunt_common_mode=10 ** (-126 / 20),
    shunt_supply=2.5e-6,
    bus_gain=1e-3,
    bus_gain_per_k=50e-6,
    bus_offset_v=7.5e-3,
    bus_offset_v_per_k=40e-6,
    bus_supply=0.5e-3,
    gain_source=SHEET,
)
MODULE = replace(
    GENUINE,
    name="module",
    shunt_gain=MODULE_GAIN,
    bus_gain=MODULE_GAIN,
    gain_source="assumed of a chip of unknown make; both inputs share one converter and reference",
)
CHIPS = {chip.name: chip for chip in (GENUINE, MODULE)}
"""By what the device's file may say of `chip`."""
