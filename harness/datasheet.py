"""This module holds the error limits of power monitors: those of their data sheets, and those assumed of a copy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

SHUNT_LSB_V = 2.5e-6
BUS_LSB_V = 1.25e-3
"""Of an INA226: TI SBOS547B table 7-1, registers 01h and 02h."""

COMMON_MODE_V = 12.0
SUPPLY_V = 3.3
"""The limits of all chips here hold at this common mode and this supply (head of the table each one cites)."""

SUPPLY_SPAN_V = 2.2
"""From 3.3 V to the farthest supply the chips permit, 5.5 V (TI SBOS547B section 5.3)."""

MODULE_SHUNT = 0.05
MODULE_GAIN = 0.02
"""Assumed of a module of unknown make. Seen on the bus voltage of such modules: +1.2 to +5.4 %
(github.com/RobTillaart/INA226 issue 30, github.com/Zanduino/INA issues 45 and 101)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """Largest errors of a converter, at 25 °C, 3.3 V and 12 V common mode; 0 where another of them holds it already.

    Attributes:
        name: `genuine` or `module`.
        part: what it is, such as `INA226`.
        shunt_lsb_v, bus_lsb_v: volts of one count.
        shunt_gain, bus_gain: relative.
        shunt_gain_per_k, bus_gain_per_k: their drift.
        shunt_offset_v, bus_offset_v: input-referred.
        shunt_offset_v_per_k, bus_offset_v_per_k: their drift.
        shunt_common_mode: volts at the shunt input for a volt of common mode.
        shunt_supply, bus_supply: volts at the input for a volt of supply.
        gain_source: of both gains.
        sheet: where the other limits stand.
        sheet_typical: where those stand of which no maximum is given: supply, and drifts that `drifts_typical` marks.
        lsb_source: of one count.
        drifts_typical: the sheet gives no maximum of the drift of the offsets.
        power_factor: counts of current, times 1 V, in one of the power the chip computes; 0 where it computes none.
    """

    name: str
    part: str
    shunt_lsb_v: float
    bus_lsb_v: float
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
    sheet: str
    sheet_typical: str
    lsb_source: str
    drifts_typical: bool = False
    power_factor: int = 0


SHEET = "TI SBOS547B section 5.5, maximum"
TYPICAL = "typical; no maximum is given"

GENUINE = Chip(
    name="genuine",
    part="INA226",
    shunt_lsb_v=SHUNT_LSB_V,
    bus_lsb_v=BUS_LSB_V,
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
    sheet=SHEET,
    sheet_typical=f"TI SBOS547B section 5.5, {TYPICAL}",
    lsb_source="TI SBOS547B table 7-1",
    power_factor=25,
)

INA219 = Chip(
    name="genuine",
    part="INA219",
    shunt_lsb_v=10e-6,
    bus_lsb_v=4e-3,
    # The errors of a current and of a voltage, each as a whole, over -25 to 85 °C: drift and bus offset are in them.
    shunt_gain=0.01,
    shunt_gain_per_k=0.0,
    shunt_offset_v=200e-6,  # at the amplifier's widest range, the power-on setting and that of the kernel's driver
    shunt_offset_v_per_k=0.1e-6,
    shunt_common_mode=10 ** (-100 / 20),
    shunt_supply=10e-6,
    bus_gain=0.01,
    bus_gain_per_k=0.0,
    bus_offset_v=0.0,
    bus_offset_v_per_k=0.0,
    bus_supply=0.0,
    gain_source="TI SBOS448G section 7.5, measurement error over temperature, INA219A, maximum",
    sheet="TI SBOS448G section 7.5, INA219A, maximum",
    sheet_typical=f"TI SBOS448G section 7.5, {TYPICAL}",
    lsb_source="TI SBOS448G section 7.5",
    drifts_typical=True,
    power_factor=20,
)
INA219_NARROWEST_V = 0.04
"""Range of the shunt without division."""
INA219_OFFSETS_V: Mapping[int, float] = {1: 100e-6, 2: 125e-6, 4: 150e-6, 8: 200e-6}
"""Of the shunt, by the division of the amplifier before it (TI SBOS448G section 7.5, INA219A, maximum)."""

INA3221 = Chip(
    name="genuine",
    part="INA3221",
    shunt_lsb_v=40e-6,
    bus_lsb_v=8e-3,
    shunt_gain=2.5e-3,
    shunt_gain_per_k=50e-6,
    shunt_offset_v=80e-6,
    shunt_offset_v_per_k=0.5e-6,
    shunt_common_mode=10 ** (-110 / 20),
    shunt_supply=15e-6,
    bus_gain=2.5e-3,
    bus_gain_per_k=50e-6,
    bus_offset_v=16e-3,
    bus_offset_v_per_k=80e-6,
    bus_supply=0.5e-3,
    gain_source="TI SBOS576 electrical characteristics, maximum",
    sheet="TI SBOS576 electrical characteristics, maximum",
    sheet_typical=f"TI SBOS576 electrical characteristics, {TYPICAL}",
    lsb_source="TI SBOS576 electrical characteristics",
)


def copied(chip: Chip) -> Chip:
    """The same chip from an unknown maker."""
    return replace(
        chip,
        name="module",
        shunt_gain=MODULE_GAIN,
        bus_gain=MODULE_GAIN,
        gain_source="assumed of a chip of unknown make; both inputs share one converter and reference",
    )


MODULE = copied(GENUINE)
CHIPS = {chip.name: chip for chip in (GENUINE, MODULE)}
"""An INA226 by what the device's file may say of `chip`."""

PARTS: Mapping[str, Chip] = {"ina226": GENUINE, "ina219": INA219, "ina3221": INA3221}
"""By the name the kernel's drivers give the chip."""
