"""This module is the form of a device's file."""

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationInfo,
    model_validator,
)

from harness.conversions import CLOCK_TOLERANCE, Config
from harness.errors import MeterError
from harness.profile import Board, Bus, ChipErrors, Device, Identity, Ina226Meter, Waveform
from harness.schema.conversion import Average, ConversionTime
from harness.schema.fields import (
    DeviceId,
    Id,
    PositiveSeconds,
    Section,
    Text,
    Version,
    is_stem,
    reading,
)
from harness.schema.instruments import (
    HwmonSection,
    IioSection,
    Ina3221Section,
    NvmlSection,
    PluginSection,
    PmicSection,
    RaplSection,
    ReplaySection,
    ScpiSection,
)

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


class MeterSection(Section):
    """An INA226, how it is wired and how it is set."""

    kind: Literal["ina226"] = Field(description="`ina226`: the chip itself")
    bus: Annotated[I2cSection | BridgeSection | SimulatedSection, Field(discriminator="kind")] = Field(
        description="how the chip is reached"
    )
    address: int = Field(ge=0x40, le=0x4F, description="of the chip on its bus, 0x40 to 0x4F")
    shunt_ohm: Annotated[FiniteFloat, Field(gt=0, le=1000)] = Field(description="resistance of the shunt")
    vbus_tap: Literal["load", "source"] = Field(
        description="`load`: VBUS is on the load's side of the shunt; `source`: on the other, and the shunt's"
        " own drop is taken off"
    )
    shunt_conversion_s: ConversionTime = Field(
        default=1.1e-3, description="typical conversion time of the shunt voltage, one of the chip's eight"
    )
    bus_conversion_s: ConversionTime = Field(
        default=140e-6, description="typical conversion time of the bus voltage, one of the chip's eight"
    )
    average: Average = Field(default=1, description="conversions averaged in the chip; 1 for metering")
    rate_hz: Annotated[FiniteFloat, Field(gt=0, le=10_000)] | None = Field(
        default=None,
        description="results a second that any chip must reach, in place of the three keys above: the setting that"
        " sees most of the current is chosen; null to leave it to them",
    )
    boundary: Text = Field(description="what the rail feeds, in words")
    chip: Literal["genuine", "module"] = Field(
        default="module",
        description="`genuine`: bought as TI's, the data sheet's limits hold; `module`: of unknown make, 2 % are"
        " assumed of the bus voltage",
    )
    shunt_tolerance: Annotated[FiniteFloat, Field(ge=0, le=0.5)] | None = Field(
        default=None,
        description="relative limit of the shunt's resistance, 0.01 for 1 %; null: not known, 5 % are assumed",
    )
    shunt_tcr_per_k: Annotated[FiniteFloat, Field(ge=0, le=0.01)] | None = Field(
        default=None,
        description="temperature coefficient of the shunt, 75e-6 for 75 ppm/K; given with `shunt_tolerance`",
    )
    temperature_span_k: Annotated[FiniteFloat, Field(ge=0, le=150)] | None = Field(
        default=None,
        description="the meter stays within this of 25 °C, or of the temperature it was calibrated at; null: 20 K"
        " are assumed",
    )
    supply_v: Annotated[FiniteFloat, Field(ge=2.7, le=5.5)] | None = Field(
        default=None, description="supply of the chip; null: anything it permits, 2.7 V to 5.5 V"
    )

    @model_validator(mode="after")
    def _shunt_is_known_whole(self) -> Self:
        if (self.shunt_tolerance is None) != (self.shunt_tcr_per_k is None):
            raise ValueError(
                "shunt_tolerance and shunt_tcr_per_k are given together; both stand in the resistor's data sheet"
            )
        return self

    @model_validator(mode="after")
    def _rate_is_chosen(self) -> Self:
        if self.rate_hz is None:
            return self
        if given := sorted({"shunt_conversion_s", "bus_conversion_s", "average"} & self.model_fields_set):
            raise ValueError(f"rate_hz chooses {', '.join(given)}; give one or the other")
        try:
            self._conversions()
        except MeterError as error:
            raise ValueError(f"rate_hz: {error}") from error
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
        values = {name: value for name, value in self if name != "rate_hz"}
        config = self._conversions()
        chosen = {
            "shunt_conversion_s": config.shunt_conversion_us / 1e6,
            "bus_conversion_s": config.bus_conversion_us / 1e6,
            "average": config.average,
        }
        return Ina226Meter(**{**values, **chosen, "bus": self.bus.bus()})

    def _conversions(self) -> Config:
        if self.rate_hz is not None:
            return Config.for_rate(self.rate_hz)
        return Config(self.average, round(self.bus_conversion_s * 1e6), round(self.shunt_conversion_s * 1e6))


Meter = Annotated[
    MeterSection
    | HwmonSection
    | IioSection
    | Ina3221Section
    | RaplSection
    | NvmlSection
    | PmicSection
    | ScpiSection
    | ReplaySection
    | PluginSection,
    Field(discriminator="kind"),
]


class IdentitySection(Section):
    """What a device must say of itself before it is measured."""

    kind: Literal["machine", "dt-compatible", "mac", "none"] = Field(
        description="`machine`: `uname -m`; `dt-compatible`: an entry of the device tree's compatible list;"
        " `mac`: address of a network interface; `none`: no check"
    )
    value: Text | None = Field(default=None, description="what is expected; absent with `none`")

    @model_validator(mode="after")
    def _value_belongs_to_kind(self) -> Self:
        if self.kind == "none" and self.value is not None:
            raise ValueError(f"found the value {self.value!r} with kind none; remove it or name its kind")
        if self.kind != "none" and self.value is None:
            raise ValueError(f"kind {self.kind} needs a value; give what the device is to say of itself")
        return self


def _calibration(value: str, info: ValidationInfo) -> str:
    path = reading(info).path.parent / value
    if not path.is_file():
        raise ValueError(f"found {value}, expected a file, relative to this one; {path} is none")
    return value


class DeviceFile(Section):
    """One unit of a board in a lab."""

    schema_: Version = Field(alias="schema", description="version of this form of file")
    id: Annotated[DeviceId, AfterValidator(is_stem)] = Field(
        description="stable name, the file's stem and the first part of its cases' ids"
    )
    board: Id = Field(description="type of the device: the name of a file in `boards`")
    hw_revision: Text | None = Field(
        default=None, description="expected hardware revision; null where none is known"
    )
    firmware: Text | None = Field(
        default=None, description="expected firmware as a pattern (`*`, `?`); null for any"
    )
    firmware_compatibility_matrix: dict[Id, list[Text]] = Field(
        default={},
        description="engine to patterns of firmware it may run on; an engine left out is not restricted",
    )
    build_id: Text | None = Field(
        default=None, description="of the image on the device, where the lab states it"
    )
    signing_cert_fingerprint: Text | None = Field(
        default=None, description="of the certificate the image is signed with, where the lab states it"
    )
    identity: IdentitySection = Field(
        description="checked before the first cycle; a mismatch refuses the run"
    )
    connection: Literal["local"] = Field(description="`local`: this machine")
    meter: Meter | None = Field(
        default=None, description="null for a device without one; energy and power are then absent"
    )
    calibration: Annotated[Text, AfterValidator(_calibration)] | None = Field(
        default=None, description="the meter's calibration record, relative to this file; null for none"
    )
    start_temperature_c: Annotated[FiniteFloat, Field(ge=-40, le=150)] | None = Field(
        default=None, description="a sitting begins no hotter than this; null for no rule"
    )
    job_s: PositiveSeconds = Field(default=1800.0, description="limit for one sitting")
    reply_s: PositiveSeconds = Field(default=5.0, description="limit for one answer of the device")
    retries: int = Field(
        default=2,
        ge=0,
        le=10,
        description="further attempts at a sitting after a bench error, or with items that had no valid cycle",
    )

    @model_validator(mode="after")
    def _calibration_needs_a_meter(self) -> Self:
        if self.calibration is not None and self.meter is None:
            raise ValueError("calibration is given without a meter; describe the meter or remove it")
        return self

    def device(self, board: Board, path: Path, sha256: str) -> Device:
        """The frozen value."""
        matrix = {engine: tuple(patterns) for engine, patterns in self.firmware_compatibility_matrix.items()}
        return Device(
            id=self.id,
            board=board,
            hw_revision=self.hw_revision,
            firmware=self.firmware,
            firmware_compatibility_matrix=matrix,
            build_id=self.build_id,
            signing_cert_fingerprint=self.signing_cert_fingerprint,
            identity=Identity(kind=self.identity.kind, value=self.identity.value),
            connection=self.connection,
            meter=None if self.meter is None else self.meter.meter(),
            calibration=None if self.calibration is None else path.parent / self.calibration,
            start_temperature_c=self.start_temperature_c,
            job_s=self.job_s,
            reply_s=self.reply_s,
            retries=self.retries,
            path=path,
            sha256=sha256,
        )
