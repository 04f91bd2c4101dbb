"""This module turns the INA226's integers into watts, in floating point and from the host's own factors.

The chip's CURRENT and POWER registers are not used: they truncate, and POWER drops the sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from harness.datasheet import BUS_LSB_V, SHUNT_LSB_V
from harness.profile import Ina226Meter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Figure = TypeVar("Figure", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Factors from raw integers to watts.

    Attributes:
        shunt_ohm: resistance of the shunt.
        vbus_tap: `load` where the voltage is taken behind the shunt, `source` where before it.
        shunt_lsb_v, bus_lsb_v: volts of one count.
        voltage_gain, voltage_offset_v: calibration: true voltage = gain x indicated + offset.
        current_gain, current_offset_a: the same of the current.
    """

    shunt_ohm: float
    vbus_tap: str
    shunt_lsb_v: float = SHUNT_LSB_V
    bus_lsb_v: float = BUS_LSB_V
    voltage_gain: float = 1.0
    voltage_offset_v: float = 0.0
    current_gain: float = 1.0
    current_offset_a: float = 0.0

    @classmethod
    def of(cls, meter: Ina226Meter) -> Scale:
        """The uncalibrated scale of a meter as it is wired."""
        return cls(shunt_ohm=meter.shunt_ohm, vbus_tap=meter.vbus_tap)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Scale:
        """The scale that `as_record` described; unknown keys of later versions are an error."""
        return cls(**record)

    def as_record(self) -> dict[str, Any]:
        """All factors as plain JSON."""
        return asdict(self)

    def current_a(self, shunt: Figure) -> Figure:
        """Current through the shunt; positive towards the load."""
        return shunt * (self.shunt_lsb_v / self.shunt_ohm * self.current_gain) + self.current_offset_a

    def voltage_v(self, bus: Figure) -> Figure:
        """Voltage at the VBUS pin."""
        return bus * (self.bus_lsb_v * self.voltage_gain) + self.voltage_offset_v

    def watts(self, shunt: Figure, bus: Figure) -> Figure:
        """Power the load takes, shunt not included; of single integers or of arrays of them."""
        current_a = self.current_a(shunt)
        voltage_v = self.voltage_v(bus)
        if self.vbus_tap == "source":
            return (voltage_v - current_a * self.shunt_ohm) * current_a
        return voltage_v * current_a
