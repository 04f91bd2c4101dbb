"""This module drives a TI INA226: it sets the chip up and yields each of its conversions once.

Register map and coding: TI SBOS547B, table 7-1 and section 7. Only SHUNT and BUS are read for metering.
This driver is the sole reader of MASK/ENABLE, whose conversion-ready flag a read clears.
"""

import errno
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from harness.conversions import Config
from harness.errors import MeterError
from harness.meters import Flag, Raw
from harness.meters.i2c import RegisterBus
from harness.meters.identity import is_ina226, misfit
from harness.meters.rhythm import Rhythm
from harness.profile import Ina226Meter, Origin

CONFIG = 0x00
SHUNT = 0x01
BUS = 0x02
POWER = 0x03
CURRENT = 0x04
CALIBRATION = 0x05
MASK_ENABLE = 0x06
ALERT_LIMIT = 0x07
MANUFACTURER_ID = 0xFE
DIE_ID = 0xFF

CVRF = 1 << 3
"""Conversion ready, in MASK/ENABLE; cleared by reading it or by writing CONFIG."""
MASK_VOID = 0x03E0
"""Bits of MASK/ENABLE that the chip reads as 0; set, they come from lines nobody drives."""
BUS_VOID = 0x8000
"""The same of BUS, whose range ends at 0x7FFF."""
POWER_ON_CONFIG = 0x4127
RESET = 1 << 15

SETTLE_NS = 100_000
"""Allowed to an overdue conversion beside its share of the period: the time of a look."""
OVERDUE_PERIODS = 0.3
"""A conversion this much late is looked into; the chip's clock explains 0.1."""
POLL_PAUSE_S = 20e-6
"""Between two looks; it leaves the processor to others where the bus itself takes no time."""
PATIENCE_NS = 1_000_000_000
"""Without any conversion for this long, or for 20 periods, the chip counts as silent."""
CHECK_CONVERSIONS = 64
"""CONFIG is read again this often: a chip that lost its supply for a moment works on with other settings."""
LONGEST_DELAY_NS = (1 << 31) - 1
"""A result read later than this is given up; the delay is kept in 32 bits."""
ATTEMPTS = 3
"""At the results of a conversion before it is given up, and at giving the chip back."""


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


def signed(word: int) -> int:
    """Two's complement of a 16-bit register; SHUNT and CURRENT have it."""
    return word - 0x10000 if word & 0x8000 else word


class Ina226:
    """One INA226 as a stream of conversions; it is set up on entry and given back as found on exit.

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
        self._meter = meter
        self._bus = bus
        self._clock = clock
        self._sleep = sleep
        self._word = Config.of(meter).encode()
        nominal_ns = nominal_period_s(meter) * 1e9
        self._rhythm = Rhythm(nominal_ns)
        self._patience_ns = max(PATIENCE_NS, round(20 * nominal_ns))
        self._identity = (0, 0)
        self._found_config: int | None = None
        self._down_ns = 0
        self._unchecked = 0
        self._troubled = False
        self._last_error: OSError | None = None

    @property
    def origin(self) -> Origin:
        """Measured, unless the chip is simulated."""
        return Origin.SIMULATED if self._meter.bus.kind == "simulated" else Origin.MEASURED

    def __enter__(self) -> Self:
        try:
            self._identify()
            self._found_config = self._bus.read_u16(CONFIG)
            if not self._set_up():
                raise MeterError(
                    f"{self._name}: CONFIG was set to {self._word:#06x} and reads {self._bus.read_u16(CONFIG):#06x}; "
                    "does another program or a kernel driver use the chip?"
                )
        except OSError as error:
            raise MeterError(
                f"{self._name}: no answer while it was set up ({error}); check wiring and supply"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        found, self._found_config = self._found_config, None
        if found is not None:
            for _ in range(ATTEMPTS):
                with suppress(OSError, MeterError):  # a chip that no longer answers keeps nothing to restore
                    self._bus.write_u16(CONFIG, found)
                    break

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

    def next(self) -> Raw:
        """Wait for the next conversion, for at most a second or 20 periods.

        Raises:
            MeterError: the chip fell silent.
        """
        flags = Flag(0)
        deadline_ns = self._clock() + self._patience_ns
        while self._clock() < deadline_ns:
            try:
                raw = self._attempt()
                if raw is None:
                    flags |= Flag.MISSED
                if raw is not None and self._unchecked < CHECK_CONVERSIONS:
                    return raw._replace(flags=raw.flags | flags)
                self._unchecked = 0
                if self._bus.read_u16(CONFIG) == self._word:
                    if raw is not None:
                        return raw._replace(flags=raw.flags | flags)
                    continue
                if self._set_up():
                    flags |= Flag.RESET | Flag.MISSED
            except OSError as error:
                self._last_error = error
                flags |= Flag.MISSED
                self._sleep(POLL_PAUSE_S)
        raise MeterError(
            f"{self._name}: no conversion within {self._patience_ns * 1e-9:g} s"
            + (f" (last bus error: {self._last_error})" if self._last_error else "")
            + "; check wiring and supply, and that nothing else reads the chip"
        )

    @property
    def _name(self) -> str:
        return f"INA226 at {self._meter.address:#04x} on {self._meter.bus.path or 'the simulated bus'}"

    def _identify(self) -> None:
        manufacturer, die = self._bus.read_u16(MANUFACTURER_ID), self._bus.read_u16(DIE_ID)
        if not is_ina226(manufacturer, die):
            config = self._bus.read_u16(CONFIG)
            raise MeterError(
                f"{self._name}: expected manufacturer 0x5449 and die 0x226x, found {manufacturer:#06x} and "
                f"{die:#06x} (CONFIG {config:#06x}): {misfit(manufacturer, die, config)}"
            )
        self._identity = (manufacturer, die)

    def _set_up(self) -> bool:
        """Write CONFIG, which begins a conversion, and see that it holds."""
        self._bus.write_u16(CONFIG, self._word)
        self._down_ns = self._clock()
        self._rhythm.restart(self._down_ns)
        self._unchecked = 0
        return self._bus.read_u16(CONFIG) == self._word

    def _attempt(self) -> Raw | None:
        """One conversion; None where its flag did not come in time or its figures may mix two conversions."""
        if self._rhythm.forgotten(self._clock()):
            self._down_ns = self._clock()
            self._bus.read_u16(MASK_ENABLE)
            self._rhythm.forget(self._down_ns)
        up_ns = self._await_flag()
        if up_ns is None:
            return None
        shunt, bus = self._results(up_ns)
        finished_ns = self._clock()
        ready_ns, flags = self._rhythm.place(self._down_ns, up_ns)
        self._down_ns = up_ns  # the look that found the flag also cleared it
        if finished_ns - ready_ns >= min(self._rhythm.period_ns, LONGEST_DELAY_NS):
            return None  # the next conversion may have ended between the reads
        if abs(shunt) >= 0x7FFF or bus >= 0x7FFF:
            flags |= Flag.SATURATED
        if self._troubled:
            flags |= Flag.RETRIED
            self._troubled = False
        if bus == 0:
            # So does a chip read that was reset a moment ago; whether it was, CONFIG tells.
            self._unchecked = CHECK_CONVERSIONS
        return Raw(ready_ns, finished_ns - ready_ns, shunt, bus, int(flags))

    def _await_flag(self) -> int | None:
        """Instant after the look that found the flag; None when it is overdue."""
        expected_ns = self._rhythm.expected_ns
        early_s = (expected_ns - self._rhythm.lead_ns - self._clock()) * 1e-9
        if early_s > 0:
            self._sleep(early_s)
        overdue_ns = max(expected_ns, self._clock()) + OVERDUE_PERIODS * self._rhythm.period_ns + SETTLE_NS
        looks = 0
        while True:
            before_ns = self._clock()
            up = self._look()
            after_ns = self._clock()
            if up:
                # A flag that is up before its time is the mark of a chip that runs on other settings.
                hasty = looks == 0 and after_ns < expected_ns
                self._unchecked += CHECK_CONVERSIONS if hasty else 1
                return after_ns
            if up is not None:
                self._down_ns = before_ns
            if after_ns > overdue_ns:
                self._unchecked = CHECK_CONVERSIONS
                return None
            looks += 1
            self._sleep(POLL_PAUSE_S)

    def _look(self) -> bool | None:
        """Whether the flag is up; None where the look failed, which may have cleared it all the same."""
        try:
            word = self._bus.read_u16(MASK_ENABLE)
            if word & MASK_VOID:
                raise _undriven("MASK/ENABLE", word)
        except OSError as error:
            self._last_error = error
            self._troubled = True
            return None
        return bool(word & CVRF)

    def _results(self, up_ns: int) -> tuple[int, int]:
        """SHUNT and BUS; tried again a few times, as long as they are those of this conversion.

        Raises:
            OSError: they could not be read.
        """
        failed = OSError(errno.EIO, "SHUNT and BUS were not read")
        for _ in range(ATTEMPTS):
            try:
                shunt, bus = self._bus.read_u16s(SHUNT, BUS)
                if bus & BUS_VOID:
                    raise _undriven("BUS", bus)
            except OSError as error:
                self._last_error = failed = error
                self._troubled = True
                if self._clock() - up_ns > self._rhythm.period_ns:
                    break
            else:
                return signed(shunt), bus
        raise failed


def _undriven(name: str, word: int) -> OSError:
    return OSError(errno.EIO, f"{name} read {word:#06x}, which the chip never says")
