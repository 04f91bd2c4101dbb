"""This module holds the settings an INA226 can convert with, and chooses among them.

Tables and coding: TI SBOS547B, CONFIG register of section 7.1.1; tolerance of the conversion times: section 5.5.
"""

import math
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from harness.datasheet import SHUNT_LSB_V
from harness.errors import MeterError
from harness.profile import Ina226Meter

AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)
CONVERSIONS_US = (140, 204, 332, 588, 1100, 2116, 4156, 8244)
"""Typical conversion times."""
CLOCK_TOLERANCE = 0.1
"""A chip may be this much slower or faster than typical."""

CONFIG_ONE = 0x4000
"""Bit 14 of CONFIG reads 1."""
CONTINUOUS_BOTH = 7
"""Mode: shunt, then bus, again and again."""

NOISE_CONVERSION_US = 1100
"""Noise is stated of one conversion of this length, the chip's own choice at power-on."""
READING_S = 4 * 48 / 400e3
"""A look that finds no flag, one that finds it, and both results at 400 kHz, 48 bit times each: in less time the end
of a conversion is not witnessed, and in less than three of them the results may be of two conversions."""


class Config(NamedTuple):
    """The CONFIG register in its four fields.

    Attributes:
        average: conversions averaged, one of `AVERAGES`.
        bus_conversion_us, shunt_conversion_us: one of `CONVERSIONS_US`.
        mode: 0 to 7.
    """

    average: int
    bus_conversion_us: int
    shunt_conversion_us: int
    mode: int = CONTINUOUS_BOTH

    @classmethod
    def of(cls, meter: Ina226Meter) -> "Config":
        """What a profile asks for, in continuous mode."""
        return cls(
            average=meter.average,
            bus_conversion_us=round(meter.bus_conversion_s * 1e6),
            shunt_conversion_us=round(meter.shunt_conversion_s * 1e6),
        )

    @classmethod
    def for_rate(cls, rate_hz: float, *, reading_s: float = READING_S) -> "Config":
        """The setting that sees most of the current and still gives this many results a second.

        It is the longest shunt conversion with the shortest bus conversion, not averaged, that even the slowest
        chip finishes in time. Below 108 results a second there is nothing longer, and more come than were asked for.

        Args:
            rate_hz: results a second that any chip must reach.
            reading_s: time to look for the flag twice and read both results; the period of the fastest chip must
                be longer, or ends would go unwitnessed and results be mixed.

        Raises:
            MeterError: no setting is that fast, or none that can be read in that time.
        """
        fitting = [
            config
            for config in (cls(1, CONVERSIONS_US[0], shunt_us) for shunt_us in CONVERSIONS_US)
            if config.period_s * (1 - CLOCK_TOLERANCE) > reading_s
        ]
        reached = [config for config in fitting if 1 / (config.period_s * (1 + CLOCK_TOLERANCE)) >= rate_hz]
        if rate_hz <= 0 or not reached:
            fastest_hz = max(
                (1 / (config.period_s * (1 + CLOCK_TOLERANCE)) for config in fitting), default=0.0
            )
            raise MeterError(
                f"INA226: {rate_hz:g} results a second cannot be had; a chip of any speed, read in "
                f"{reading_s * 1e6:.0f} us, gives more than 0 and up to {fastest_hz:.0f}"
            )
        return max(reached, key=lambda config: config.shunt_conversion_us)

    @classmethod
    def for_resolution(cls, shunt_v: float, *, noise_v: float, reading_s: float = READING_S) -> "Config":
        """The fastest setting whose shunt voltage scatters by no more than this, averaged as little as possible.

        Noise of a converter that integrates falls with the square root of the time it sees; the step of the
        register, whose deviation is 2.5 uV / sqrt(12), does not.

        Args:
            shunt_v: greatest standard deviation of one result.
            noise_v: standard deviation of a conversion of 1.1 ms, as measured on this board at zero current; the
                data sheet states none.
            reading_s: as of `for_rate`: a setting that cannot be read in time is none.

        Raises:
            MeterError: no setting is that fine, or none of them can be read in that time.
        """
        step_v = SHUNT_LSB_V / math.sqrt(12)

        def scatter_v(config: Config) -> float:
            seen = config.average * config.shunt_conversion_us / NOISE_CONVERSION_US
            return math.hypot(noise_v / math.sqrt(seen), step_v)

        readable = [config for config in cls._all() if config.period_s * (1 - CLOCK_TOLERANCE) > reading_s]
        fine = [config for config in readable if scatter_v(config) <= shunt_v]
        if not fine:
            finest_v = min(map(scatter_v, readable), default=math.inf)
            raise MeterError(
                f"INA226: a shunt voltage to {shunt_v:g} V cannot be had with a noise of {noise_v:g} V; the finest "
                f"setting scatters by {finest_v:.3g} V, its step alone by {step_v:.3g} V. Take a larger shunt"
            )
        return min(fine, key=lambda config: (config.period_s, config.average))

    @classmethod
    def decode(cls, word: int) -> "Config":
        """Fields of a register value."""
        return cls(
            average=AVERAGES[word >> 9 & 7],
            bus_conversion_us=CONVERSIONS_US[word >> 6 & 7],
            shunt_conversion_us=CONVERSIONS_US[word >> 3 & 7],
            mode=word & 7,
        )

    @property
    def period_s(self) -> float:
        """Time between two results by the typical conversion times, in continuous mode of both channels."""
        return self.average * (self.shunt_conversion_us + self.bus_conversion_us) * 1e-6

    def encode(self) -> int:
        """Register value.

        Raises:
            MeterError: the chip has no such setting.
        """
        return (
            CONFIG_ONE
            | _code("average", self.average, AVERAGES) << 9
            | _code("bus conversion time in us", self.bus_conversion_us, CONVERSIONS_US) << 6
            | _code("shunt conversion time in us", self.shunt_conversion_us, CONVERSIONS_US) << 3
            | _code("mode", self.mode, tuple(range(8)))
        )

    @classmethod
    def _all(cls) -> Iterator["Config"]:
        return (cls(average, CONVERSIONS_US[0], us) for average, us in product(AVERAGES, CONVERSIONS_US))


def _code(what: str, found: int, choices: tuple[int, ...]) -> int:
    if found not in choices:
        raise MeterError(f"INA226: {what} is {found}; the chip can do {', '.join(map(str, choices))}")
    return choices.index(found)
