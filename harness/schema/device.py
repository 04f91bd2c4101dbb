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
    WithJsonSchema,
    model_validator,
)

from harness.profile import Board, Bus, ChipErrors, Device, Identity, Ina226Meter, Waveform
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

CONVERSION_TIMES_S = (140e-6, 204e-6, 332e-6, 588e-6, 1.1e-3, 2.116e-3, 4.156e-3, 8.244e-3)
"""Typical conversion times of the chip (TI SBOS547B, table of the configuration register)."""


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


class SimulatedSection(Section):
    """A model of the chip in place of a bus; its power is marked as simulated everywhere."""

    kind: Literal["simulated"] = Field(description="`simulated`: a model of the chip; its power is simulated")
    waveform: WaveformSection = Field(description="what feeds the chip")
    chip: ChipSection = Field(default=ChipSection(), description="errors of the chip; none for an ideal one")

    def bus(self) -> Bus:
        """The frozen value."""
        return Bus(
            kind=self.kind,
            waveform=Waveform(**dict(self.waveform)),
            chip=ChipErrors(**dict(self.chip)),
        )


class MeterSection(Section):
    """An INA226, how it is wired and how it is set."""

    kind: Literal["ina226"] = Field(description="`ina226`, the one kind of meter there is")
    bus: Annotated[I2cSection | SimulatedSection, Field(discriminator="kind")] = Field(
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
    average: Literal[1, 4, 16, 64, 128, 256, 512, 1024] = Field(
        default=1, description="conversions averaged in the chip; 1 for metering"
    )
    boundary: Text = Field(description="what the rail feeds, in words")

    def meter(self) -> Ina226Meter:
        """The frozen value."""
        return Ina226Meter(**{**dict(self), "bus": self.bus.bus()})


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
    meter: MeterSection | None = Field(
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
        default=2, ge=0, le=10, description="further attempts at a sitting after a bench error"
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
