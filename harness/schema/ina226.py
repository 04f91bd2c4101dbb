"""This module is the form of an INA226 in a device's file, and of the ways it is reached."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, StringConstraints, model_validator

from harness.conversions import CLOCK_TOLERANCE, Config
from harness.profile import Bus, ChipErrors, Ina226Meter, Waveform
from harness.schema.conversion import (
    Average,
    ConversionTime,
    NoiseAtZero,
    Rate,
    Resolution,
    ShuntOhm,
    check_conversions,
    conversions_of,
)
from harness.schema.fields import Section, Text

FRAME_BITS = 150
"""On the wire for one sample of a bridge: 15 bytes of 8 bits, each with a start and a stop bit."""

FASTEST_SHARE = 1 - CLOCK_TOLERANCE
"""Of the typical conversion times."""


Power = Annotated[FiniteFloat, Field(ge=0, le=10_000)]
Noise = Annotated[FiniteFloat, Field(ge=0, le=0.1)]
Offset = Annotated[FiniteFloat, Field(ge=-0.1, le=0.1)]


class WaveformSection(Section):
    """What feeds a simulated chip."""

    kind: Literal["cpu"] = Field(
        description="`cpu`: idle power plus the inferring process's use of the CPU times watts per core"
    )
    idle_w: Power = Field(description="power with nothing running")
    core_w: Power = Field(description="additional power of one fully used core")
    rail_v: Annotated[FiniteFloat, Field(gt=0, le=36)] = Field(
        description="supply voltage, constant; the chip measures up to 36 V"
    )


class ChipSection(Section):
    """How a simulated INA226 departs from the ideal one; all 0 is the ideal chip."""

    seed: int = Field(default=226, ge=0, le=2**32 - 1, description="of the noise")
    clock: Offset = Field(
        default=0.0, description="relative error of the conversion time; 0.03 is 3 % slow (limit 0.1)"
    )
    shunt_offset_v: Offset = Field(default=0.0, description="offset of the shunt channel (limit 10e-6)")
    shunt_gain: Offset = Field(
        default=0.0, description="relative gain error of the shunt channel (limit 0.001)"
    )
    bus_offset_v: Offset = Field(default=0.0, description="offset of the bus channel (limit 7.5e-3)")
    bus_gain: Offset = Field(default=0.0, description="relative gain error of the bus channel (limit 0.001)")
    shunt_noise_v: Noise = Field(default=0.0, description="standard deviation of one shunt conversion")
    bus_noise_v: Noise = Field(default=0.0, description="standard deviation of one bus conversion")


class I2cSection(Section):
    """A bus of this machine."""

    kind: Literal["i2c"] = Field(description="`i2c`: a bus of this machine")
    path: Annotated[str, StringConstraints(pattern=r"^/dev/[A-Za-z0-9_-]+$", max_length=64)] = Field(
        description="device node of the bus, such as `/dev/i2c-1`"
    )

    def bus(self) -> Bus:
        """The frozen value."""
        return Bus(kind=self.kind, path=self.path)


class BridgeSection(Section):
    """A microcontroller on a serial port that reads the chip and stamps its conversions."""

    kind: Literal["bridge"] = Field(description="`bridge`: a microcontroller on a serial port reads the chip")
    port: Annotated[
        str,
        StringConstraints(
            pattern=r"^/dev/[A-Za-z0-9_][A-Za-z0-9._:+-]*(/[A-Za-z0-9_][A-Za-z0-9._:+-]*)*$", max_length=255
        ),
    ] = Field(
        description="serial port of the bridge; `/dev/serial/by-id/...` stays the same when it is plugged in anew"
    )
    baud: Annotated[int, Field(ge=9600, le=12_000_000)] = Field(
        default=460_800, description="rate of the port; a bridge on USB itself has no use for it"
    )

    def bus(self) -> Bus:
        """The frozen value."""
        return Bus(kind=self.kind, path=self.port, baud=self.baud)


class SimulatedSection(Section):
    """A model of the chip in place of a bus; its power is marked as simulated everywhere."""

    kind: Literal["simulated"] = Field(description="`simulated`: a model of the chip; its power is simulated")
    waveform: WaveformSection = Field(description="what feeds the chip")
    chip: ChipSection = Field(default=ChipSection(), description="errors of the chip; none for an ideal one")
    clock_hz: Annotated[FiniteFloat, Field(ge=1e4, le=400e3)] | None = Field(
        default=None,
        description="rate of the bus: each transfer then takes as long as on the wire; null for no time at all",
    )

    def bus(self) -> Bus:
        """The frozen value."""
        return Bus(
            kind=self.kind,
            waveform=Waveform(**dict(self.waveform)),
            chip=ChipErrors(**dict(self.chip)),
            clock_hz=self.clock_hz,
        )


ChipMake = Annotated[
    Literal["genuine", "module"],
    Field(
        description="`genuine`: bought as TI's, the data sheet's limits hold; `module`: of unknown make, 2 % are"
        " assumed of the bus voltage"
    ),
]
Tap = Annotated[
    Literal["load", "source"],
    Field(
        description="`load`: VBUS is on the load's side of the shunt; `source`: on the other, and the shunt's"
        " own drop is taken off"
    ),
]
Address = Annotated[int, Field(ge=0x40, le=0x4F, description="of the chip on its bus, 0x40 to 0x4F")]
Shunt = Annotated[ShuntOhm, Field(description="resistance of the shunt")]
ShuntConversion = Annotated[
    ConversionTime,
    Field(description="typical conversion time of the shunt voltage, one of the chip's eight"),
]
BusConversion = Annotated[
    ConversionTime, Field(description="typical conversion time of the bus voltage, one of the chip's eight")
]
Averaged = Annotated[Average, Field(description="conversions averaged in the chip; 1 for metering")]
Boundary = Annotated[Text, Field(description="what the rail feeds, in words")]
ShuntTolerance = Annotated[
    Annotated[FiniteFloat, Field(ge=0, le=0.5)] | None,
    Field(
        description="relative limit of the shunt's resistance, 0.01 for 1 %; null: not known, 5 % are assumed"
    ),
]
ShuntTcr = Annotated[
    Annotated[FiniteFloat, Field(ge=0, le=0.01)] | None,
    Field(
        description="temperature coefficient of the shunt, 75e-6 for 75 ppm/K; given with `shunt_tolerance`"
    ),
]
TemperatureSpan = Annotated[
    Annotated[FiniteFloat, Field(ge=0, le=150)] | None,
    Field(
        description="the meter stays within this of 25 °C, or of the temperature it was calibrated at; null: 20 K"
        " are assumed"
    ),
]
Supply = Annotated[
    Annotated[FiniteFloat, Field(ge=2.7, le=5.5)] | None,
    Field(description="supply of the chip; null: anything it permits, 2.7 V to 5.5 V"),
]
WANTED = frozenset({"rate_hz", "resolution_a", "noise_v"})
"""Keys that choose conversions, and are no part of the frozen value."""


def check_shunt(tolerance: float | None, tcr_per_k: float | None) -> None:
    """Check that a shunt is described whole.

    Raises:
        ValueError: one of the two is missing.
    """
    if (tolerance is None) != (tcr_per_k is None):
        raise ValueError(
            "shunt_tolerance and shunt_tcr_per_k are given together; both stand in the resistor's data sheet"
        )


def settings(config: Config) -> dict[str, Any]:
    """Fields of `harness.profile.Ina226Meter` for a setting."""
    return {
        "shunt_conversion_s": config.shunt_conversion_us / 1e6,
        "bus_conversion_s": config.bus_conversion_us / 1e6,
        "average": config.average,
    }


class MeterSection(Section):
    """An INA226, how it is wired and how it is set."""

    kind: Literal["ina226"] = Field(description="`ina226`: the chip itself")
    bus: Annotated[I2cSection | BridgeSection | SimulatedSection, Field(discriminator="kind")] = Field(
        description="how the chip is reached"
    )
    address: Address
    shunt_ohm: Shunt
    vbus_tap: Tap
    shunt_conversion_s: ShuntConversion = 1.1e-3
    bus_conversion_s: BusConversion = 140e-6
    average: Averaged = 1
    rate_hz: Rate = None
    resolution_a: Resolution = None
    noise_v: NoiseAtZero = None
    boundary: Boundary
    chip: ChipMake = "module"
    shunt_tolerance: ShuntTolerance = None
    shunt_tcr_per_k: ShuntTcr = None
    temperature_span_k: TemperatureSpan = None
    supply_v: Supply = None

    @model_validator(mode="after")
    def _shunt_is_known_whole(self) -> Self:
        check_shunt(self.shunt_tolerance, self.shunt_tcr_per_k)
        return self

    @model_validator(mode="after")
    def _conversions_are_chosen(self) -> Self:
        check_conversions(self, [self.shunt_ohm])
        return self

    @model_validator(mode="after")
    def _port_keeps_up(self) -> Self:
        if isinstance(self.bus, BridgeSection):
            needed = math.ceil(FRAME_BITS / (FASTEST_SHARE * self._conversions().period_s))
            if self.bus.baud < needed:
                raise ValueError(
                    f"found bus.baud {self.bus.baud}, but conversions this short need {needed}; raise it here and in "
                    "the bridge, or lengthen the conversions"
                )
        return self

    def meter(self) -> Ina226Meter:
        """The frozen value."""
        values = {name: value for name, value in self if name not in WANTED}
        return Ina226Meter(**{**values, **settings(self._conversions()), "bus": self.bus.bus()})

    def _conversions(self) -> Config:
        return conversions_of(self, [self.shunt_ohm])
