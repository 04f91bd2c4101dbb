"""This module drives a TI INA226: it sets the chip up and yields each of its conversions once.

Register map and coding: TI SBOS547B, table 7-1 and section 7. Only SHUNT and BUS are read for metering.
This driver is the sole reader of MASK/ENABLE, whose conversion-ready flag a read clears.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from harness.conversions import Config
from harness.errors import MeterError
from harness.meters.i2c import RegisterBus
from harness.meters.identity import is_ina226, misfit
from harness.meters.monitor import CONFIG, Monitor
from harness.meters.part import INA226
from harness.profile import Ina226Meter, Origin

POWER = 0x03
CURRENT = 0x04
CALIBRATION = 0x05
MASK_ENABLE = 0x06
ALERT_LIMIT = 0x07
MANUFACTURER_ID = 0xFE
DIE_ID = 0xFF

CVRF = INA226.flag
"""Conversion ready, in MASK/ENABLE; cleared by reading it or by writing CONFIG."""
LARGEST_SHUNT = 0x7FFF
POWER_ON_CONFIG = 0x4127
RESET = 1 << 15


def nominal_period_s(meter: Ina226Meter) -> float:
    """Time between two results by the typical conversion times; the real chip is up to 10 % off."""
    return meter.average * (meter.shunt_conversion_s + meter.bus_conversion_s)


def lag_s(meter: Ina226Meter, period_s: float) -> float:
    """How much earlier a sample's interval lies than its stamp says.

    The chip converts the shunt, then the bus; with the stamp at t the current was seen in
    [t - Tb - Tsh, t - Tb]. Moving the interval of a whole period back by Tb / 2 centres it there.

    Args:
        meter: gives the share of the bus conversion.
        period_s: measured, so that a slow chip's conversions count as long as they are.
    """
    return 0.5 * meter.bus_conversion_s * period_s / nominal_period_s(meter)


class Ina226(Monitor):
    """One INA226 as a stream of conversions.

    Args:
        meter: how it is wired and to be set.
        bus: its registers; stays the caller's.
        clock: CLOCK_MONOTONIC in nanoseconds.
        sleep: waits that many seconds on the same clock.
    """

    def __init__(
        self,
        meter: Ina226Meter,
        bus: RegisterBus,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(
            INA226,
            bus,
            name=f"INA226 at {meter.address:#04x} on {meter.bus.path or 'the simulated bus'}",
            word=Config.of(meter).encode(),
            nominal_s=nominal_period_s(meter),
            largest_shunt=LARGEST_SHUNT,
            clock=clock,
            sleep=sleep,
        )
        self._meter = meter
        self._identity = (0, 0)

    @property
    def origin(self) -> Origin:
        """Measured, unless the chip is simulated."""
        return Origin.SIMULATED if self._meter.bus.kind == "simulated" else Origin.MEASURED

    def configuration(self) -> Mapping[str, Any]:
        """What the chip is set to, as read back from it."""
        word = self._bus.read_u16(CONFIG)
        config = Config.decode(word)
        manufacturer, die = self._identity
        return {
            "chip": "INA226",
            "address": f"{self._meter.address:#04x}",
            "bus": self._meter.bus.path or self._meter.bus.kind,
            **self._bus.access,
            "manufacturer_id": f"{manufacturer:#06x}",
            "die_id": f"{die:#06x}",
            "config": f"{word:#06x}",
            "average": config.average,
            "shunt_conversion_s": config.shunt_conversion_us * 1e-6,
            "bus_conversion_s": config.bus_conversion_us * 1e-6,
            "mode": config.mode,
        }

    def _identify(self) -> None:
        manufacturer, die = self._bus.read_u16(MANUFACTURER_ID), self._bus.read_u16(DIE_ID)
        if not is_ina226(manufacturer, die):
            config = self._bus.read_u16(CONFIG)
            raise MeterError(
                f"{self._name}: expected manufacturer 0x5449 and die 0x226x, found {manufacturer:#06x} and "
                f"{die:#06x} (CONFIG {config:#06x}): {misfit(manufacturer, die, config)}"
            )
        self._identity = (manufacturer, die)
