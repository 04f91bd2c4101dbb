"""This module is how an INA226 is set, as values of keys: its conversions themselves, or what is wanted of them."""

import math
from collections.abc import Set as AbstractSet
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, Field, FiniteFloat, WithJsonSchema

from harness.conversions import CLOCK_TOLERANCE, CONVERSIONS_US, READING_S, Config
from harness.errors import MeterError

CONVERSION_TIMES_S = tuple(time_us / 1e6 for time_us in CONVERSIONS_US)


def _conversion_time(value: float) -> float:
    for time_s in CONVERSION_TIMES_S:
        if math.isclose(value, time_s, rel_tol=1e-6):
            return time_s
    known = ", ".join(f"{time_s:.6g}" for time_s in CONVERSION_TIMES_S)
    raise ValueError(f"found the number {value:g}, expected one of the chip's times in s: {known}")


ConversionTime = Annotated[
    FiniteFloat,
    AfterValidator(_conversion_time),
    WithJsonSchema({"type": "number", "enum": list(CONVERSION_TIMES_S)}),
]

Average = Literal[1, 4, 16, 64, 128, 256, 512, 1024]
"""Conversions averaged in the chip (TI SBOS547B, table of the configuration register)."""

ShuntOhm = Annotated[FiniteFloat, Field(gt=0, le=1000)]

Rate = Annotated[
    Annotated[FiniteFloat, Field(gt=0, le=10_000)] | None,
    Field(
        description="results a second that any chip must reach, in place of the conversions themselves: the setting"
        " that sees most of the current is chosen; null to leave it to them"
    ),
]
Resolution = Annotated[
    Annotated[FiniteFloat, Field(gt=0, le=1000)] | None,
    Field(
        description="greatest standard deviation of the current of one result, in A, in place of the conversions"
        " themselves: the fastest setting that keeps it is chosen; given with `noise_v`"
    ),
]
NoiseAtZero = Annotated[
    Annotated[FiniteFloat, Field(ge=0, le=0.01)] | None,
    Field(
        description="noise of the shunt voltage in a conversion of 1.1 ms, for `resolution_a`:"
        " `harness meter selftest --unloaded` measures it"
    ),
]
CONVERSION_KEYS = frozenset({"shunt_conversion_s", "bus_conversion_s", "average"})


class Conversions(Protocol):
    """The keys of a section that say how its chips are set, and `model_fields_set`: those that its file gives."""

    @property
    def shunt_conversion_s(self) -> float: ...  # noqa: D102  as the key says, and below

    @property
    def bus_conversion_s(self) -> float: ...  # noqa: D102

    @property
    def average(self) -> int: ...  # noqa: D102

    @property
    def rate_hz(self) -> float | None: ...  # noqa: D102

    @property
    def resolution_a(self) -> float | None: ...  # noqa: D102

    @property
    def noise_v(self) -> float | None: ...  # noqa: D102

    @property
    def model_fields_set(self) -> AbstractSet[str]: ...  # noqa: D102


def conversions_of(section: Conversions, shunts_ohm: list[float]) -> Config:
    """The setting that a section asks for.

    Args:
        section: says it, or what is wanted of it.
        shunts_ohm: of all chips that get this setting and are read in turn.

    Raises:
        MeterError: no setting does what is wanted.
    """
    reading_s = READING_S * len(shunts_ohm)
    if section.rate_hz is not None:
        return Config.for_rate(section.rate_hz, reading_s=reading_s)
    if section.resolution_a is not None:
        shunt_v = section.resolution_a * min(shunts_ohm)
        return Config.for_resolution(shunt_v, noise_v=section.noise_v or 0.0, reading_s=reading_s)
    return Config(
        section.average, round(section.bus_conversion_s * 1e6), round(section.shunt_conversion_s * 1e6)
    )


def check_conversions(section: Conversions, shunts_ohm: list[float]) -> None:
    """Check that a section says its setting in one way, and that this setting can be had; arguments as above.

    Raises:
        ValueError: it does not, or it cannot.
    """
    if (section.resolution_a is None) != (section.noise_v is None):
        raise ValueError("resolution_a and noise_v are given together")
    wanted = [name for name in ("rate_hz", "resolution_a") if getattr(section, name) is not None]
    if len(wanted) > 1:
        raise ValueError("rate_hz and resolution_a both choose the conversions; give one or the other")
    if not wanted:
        return
    if given := sorted(CONVERSION_KEYS & section.model_fields_set):
        raise ValueError(f"{wanted[0]} chooses {', '.join(given)}; give one or the other")
    try:
        conversions_of(section, shunts_ohm)
    except MeterError as error:
        raise ValueError(f"{wanted[0]}: {error}") from error


def check_turns(config: Config, chips: int) -> None:
    """Check that so many chips can be read in turn before the fastest of them has its next result.

    Raises:
        ValueError: they cannot.
    """
    reading_s, fastest_s = READING_S * chips, config.period_s * (1 - CLOCK_TOLERANCE)
    if fastest_s <= reading_s:
        raise ValueError(
            f"reading {chips} chips takes {reading_s * 1e6:.0f} us on a bus of 400 kHz, and the fastest of them has "
            f"its next result after {fastest_s * 1e6:.0f} us; lengthen shunt_conversion_s, or give rate_hz"
        )
