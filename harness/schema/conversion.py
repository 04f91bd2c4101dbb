"""This module is the conversion times an INA226 can be set to, as values of a key."""

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, FiniteFloat, WithJsonSchema

from harness.conversions import CONVERSIONS_US

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
