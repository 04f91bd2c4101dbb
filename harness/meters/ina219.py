"""This module drives a TI INA219: the older part of the family, of 12 bits and without identity words.

Register map and coding: TI SBOS448G, section 8.6. The conversion-ready flag is part of the bus's result, and reading
POWER takes it down, so this driver is the sole reader of that register too.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any, NamedTuple

from harness.datasheet import INA219 as LIMITS
from harness.datasheet import INA219_NARROWEST_V
from harness.errors import MeterError
from harness.instruments import Ina219Meter
from harness.meters.i2c import RegisterBus, open_i2c
from harness.meters.identity import INA219_POWER_ON, MANUFACTURER
from harness.meters.monitor import CONFIG, Monitor
from harness.meters.part import INA219
from harness.meters.scale import Scale
from harness.profile import Origin

CALIBRATION = 0x05
TI_MANUFACTURER_ID = 0xFE
"""Of the INA226 and its relatives; the INA219 has no such register."""

RESET = 1 << 15
MODE = 0b111
"""Bits of the operating mode; all of them set convert shunt, then bus, again and again."""
BUS_32_V = 1 << 13
DIVISIONS = (1, 2, 4, 8)
"""Of the amplifier before the shunt's converter, by code (section 8.6.2.1)."""
CONVERSIONS_S: Mapping[float, int] = {
    532e-6: 0b0011,
    1.06e-3: 0b1001,
    2.13e-3: 0b1010,
    4.26e-3: 0b1011,
    8.51e-3: 0b1100,
    17.02e-3: 0b1101,
    34.05e-3: 0b1110,
    68.10e-3: 0b1111,
}
"""Codes of the typical conversion times of 12 bits, from one conversion to the mean of 128 (same section). The faster
ones of fewer bits are left out: their steps are up to eight times as large."""


class Config(NamedTuple):
    """The CONFIG register in its fields, in the range of 32 V.

    Attributes:
        division: of the amplifier, one of `DIVISIONS`.
        bus_code, shunt_code: of the conversion times, values of `CONVERSIONS_S`.
        mode: 0 to 7.
    """

    division: int
    bus_code: int
    shunt_code: int
    mode: int = MODE

    @classmethod
    def of(cls, meter: Ina219Meter) -> "Config":
        """What a profile asks for.

        Raises:
            MeterError: the chip has no such setting.
        """
        division = round(meter.shunt_range_v / INA219_NARROWEST_V)
        if division not in DIVISIONS or not _alike(meter.shunt_range_v, division * INA219_NARROWEST_V):
            raise MeterError(
                f"INA219: meter.shunt_range_v is {meter.shunt_range_v:g} V; the chip has 0.04, 0.08, 0.16 and 0.32 V"
            )
        return cls(division, _code(meter.bus_conversion_s), _code(meter.shunt_conversion_s))

    @classmethod
    def decode(cls, word: int) -> "Config":
        """Fields of a register value."""
        return cls(DIVISIONS[word >> 11 & 3], word >> 7 & 15, word >> 3 & 15, word & MODE)

    def encode(self) -> int:
        """Register value."""
        return (
            BUS_32_V
            | DIVISIONS.index(self.division) << 11
            | self.bus_code << 7
            | self.shunt_code << 3
            | self.mode
        )

    @property
    def largest_shunt(self) -> int:
        """Count of SHUNT at which its range ends."""
        return round(self.division * INA219_NARROWEST_V / LIMITS.shunt_lsb_v)


class Ina219(Monitor):
    """One INA219 as a stream of conversions.

    Args:
        meter: how it is wired and to be set.
        bus: its registers; stays the caller's.
        clock: CLOCK_MONOTONIC in nanoseconds.
        sleep: waits that many seconds on the same clock.

    Raises:
        MeterError: the chip has no such setting.
    """

    def __init__(
        self,
        meter: Ina219Meter,
        bus: RegisterBus,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        config = Config.of(meter)
        super().__init__(
            INA219,
            bus,
            name=f"INA219 at {meter.address:#04x} on {meter.path}",
            word=config.encode(),
            nominal_s=meter.shunt_conversion_s + meter.bus_conversion_s,
            largest_shunt=config.largest_shunt,
            clock=clock,
            sleep=sleep,
        )
        self._meter = meter

    @property
    def origin(self) -> Origin:
        """Measured."""
        return self._meter.origin

    def configuration(self) -> Mapping[str, Any]:
        """What the chip is set to, as read back from it, with `watts`, `period_s` and `lag_s`."""
        word = self._bus.read_u16(CONFIG)
        config = Config.decode(word)
        times = {code: seconds for seconds, code in CONVERSIONS_S.items()}
        meter = self._meter
        scale = Scale(
            shunt_ohm=meter.shunt_ohm,
            vbus_tap="load",  # the chip takes the bus voltage at IN-, behind the shunt (section 8.3.1)
            shunt_lsb_v=LIMITS.shunt_lsb_v,
            bus_lsb_v=LIMITS.bus_lsb_v,
        )
        return {
            "chip": "INA219",
            "address": f"{meter.address:#04x}",
            "bus": meter.path,
            **self._bus.access,
            "config": f"{word:#06x}",
            "shunt_range_v": config.division * INA219_NARROWEST_V,
            "shunt_conversion_s": times.get(config.shunt_code),
            "bus_conversion_s": times.get(config.bus_code),
            "mode": config.mode,
            "watts": scale.as_record(),
            "period_s": meter.shunt_conversion_s + meter.bus_conversion_s,
            "lag_s": meter.bus_conversion_s / 2,
        }

    def _identify(self) -> None:
        """See that what answers behaves as an INA219: no identity words, and the power-on CONFIG after a reset.

        A reset also clears CALIBRATION, which is given back at once; CURRENT and POWER need it, metering does not.
        More cannot be told: an INA220 has the same registers, and a copy behaves alike.
        """
        claimed = 0
        with suppress(OSError):  # the chip need not answer for a register it does not have
            claimed = self._bus.read_u16(TI_MANUFACTURER_ID)
        if claimed == MANUFACTURER:
            raise MeterError(
                f"{self._name}: what answers says it is another part of TI's (register FEh {MANUFACTURER:#06x}); an "
                "INA219 has no such word. Use meter.kind ina226, or check meter.address"
            )
        config, calibration = self._bus.read_u16(CONFIG), self._bus.read_u16(CALIBRATION)
        self._bus.write_u16(CONFIG, RESET)
        found = self._bus.read_u16(CONFIG)
        self._bus.write_u16(CALIBRATION, calibration)
        self._bus.write_u16(CONFIG, config)
        if found != INA219_POWER_ON:
            raise MeterError(
                f"{self._name}: after a reset CONFIG reads {found:#06x}, an INA219 says {INA219_POWER_ON:#06x}; "
                "another chip answers there, check meter.address"
            )

    def _set_up(self) -> bool:
        """As of every part; only a new mode takes an old flag down (section 8.6.3.2), so the chip sleeps first."""
        self._bus.write_u16(CONFIG, self._word & ~MODE)
        return super()._set_up()


@contextmanager
def open_ina219(meter: Ina219Meter) -> Iterator[Ina219]:
    """The stream of a chip on a bus of this machine; the bus is closed with it.

    Raises:
        MeterError: there is no such bus, nothing answers, or what answers is no INA219.
    """
    probed = (CONFIG, CALIBRATION)  # it has no identity words to learn from how the adapter answers
    with closing(open_i2c(meter.path, meter.address, probed=probed)) as bus, Ina219(meter, bus) as stream:
        yield stream


def _code(conversion_s: float) -> int:
    for typical_s, code in CONVERSIONS_S.items():
        if _alike(conversion_s, typical_s):
            return code
    choices = ", ".join(f"{seconds * 1e3:g}" for seconds in CONVERSIONS_S)
    raise MeterError(
        f"INA219: a conversion of {conversion_s * 1e3:g} ms is not one of the chip's {choices} ms"
    )


def _alike(found: float, typical: float) -> bool:
    return abs(found / typical - 1) < 1e-3
