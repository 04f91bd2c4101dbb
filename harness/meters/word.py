"""This module carries one 32-bit integer in the two 16-bit integers of a sample, and says what it counts.

A sample has room for two integers, which an INA226 needs for its two registers. A meter that gives power or
energy itself puts one integer there: the high half where the shunt register goes, the low half where the bus
register goes. `watts` of a sitting's record says which it is by its `kind`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from harness.errors import MeterError
from harness.meters.scale import Scale

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Figure = TypeVar("Figure", float, NDArray[np.float64])

HIGH = 1 << 16
SPAN = 1 << 32


def split(word: int) -> tuple[int, int]:
    """The halves of an integer: the high one signed, the low one unsigned.

    Args:
        word: from -2**31 to 2**31 - 1; a counter is first taken modulo 2**32 by `wrapped`.

    Raises:
        MeterError: it does not fit.
    """
    if not -SPAN // 2 <= word < SPAN // 2:
        raise MeterError(
            f"a reading of {word} does not fit in 32 bits; the meter is broken or of another unit than it says"
        )
    return word >> 16, word & HIGH - 1


def wrapped(count: int) -> int:
    """A count modulo 2**32, from -2**31 to 2**31 - 1."""
    return (count + SPAN // 2) % SPAN - SPAN // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerWord:
    """The integer is power.

    Attributes:
        unit_w: watts of one.
        kind: always `power`.
    """

    unit_w: float
    kind: str = "power"

    def as_record(self) -> dict[str, Any]:
        """All factors as plain JSON."""
        return asdict(self)

    def watts(self, shunt: Figure, bus: Figure) -> Figure:
        """Power of single samples or of arrays of them, by the halves."""
        return (shunt * float(HIGH) + bus) * self.unit_w


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyWord:
    """The integer is energy since some begin, modulo 2**32: nothing is lost between two samples, however far apart.

    Attributes:
        unit_j: joules of one.
        kind: always `energy`.
    """

    unit_j: float
    kind: str = "energy"

    def as_record(self) -> dict[str, Any]:
        """All factors as plain JSON."""
        return asdict(self)

    def joules(self, shunt: NDArray[np.int16], bus: NDArray[np.uint16]) -> NDArray[np.float64]:
        """Energy between each sample and the one before it; one fewer than there are samples."""
        counts = shunt * float(HIGH) + bus  # whole numbers of 32 bits are exact in floating point
        return ((counts[1:] - counts[:-1]) % SPAN) * self.unit_j


Readout = Scale | PowerWord | EnergyWord
"""What the two integers of a sample are."""


def readout_from(record: Mapping[str, Any]) -> Readout:
    """The readout that `as_record` described.

    Raises:
        MeterError: it is of a kind this version does not know.
    """
    match record.get("kind"):
        case None:
            return Scale.from_record(record)
        case "power":
            return PowerWord(**record)
        case "energy":
            return EnergyWord(**record)
        case unknown:
            raise MeterError(
                f"watts.kind: found {unknown!r}, expected power, energy or none at all; "
                "read it with a later version of the harness"
            )
