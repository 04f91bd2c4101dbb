"""This module is the form of a device's file."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, model_validator

from harness.profile import Board, Device, Identity, PowerCycle
from harness.schema.fields import (
    CalibrationFile,
    DeviceId,
    Id,
    PositiveSeconds,
    Seconds,
    Section,
    Text,
    Version,
    is_stem,
)
from harness.schema.group import GroupSection
from harness.schema.ina226 import MeterSection
from harness.schema.instruments import (
    HwmonSection,
    IioSection,
    Ina219Section,
    Ina3221Section,
    NvmlSection,
    PluginSection,
    PmicSection,
    RaplSection,
    ReplaySection,
    ScpiSection,
)

LONGEST_ARGUMENT = 1000
"""Characters of an argument of a command."""

Meter = Annotated[
    MeterSection
    | GroupSection
    | HwmonSection
    | IioSection
    | Ina219Section
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


def _is_command(value: object) -> object:
    """Check a command without repeating any of it, for it may hold a password."""
    if not isinstance(value, list):
        raise ValueError(  # noqa: TRY004  what pydantic tells of a value that is wrong
            "found no list, expected a program and its arguments, each an entry of its own, such as"
            " [uhubctl, -l, 1-1, -a, cycle]; nothing is run by a shell"
        )
    for place, each in enumerate(value):
        if not isinstance(each, str):
            raise ValueError(f"entry {place} is no text, expected one; put it in quotes")  # noqa: TRY004  same
        if not each.isprintable() or len(each) > LONGEST_ARGUMENT:
            raise ValueError(
                f"entry {place} is no line of up to {LONGEST_ARGUMENT} characters; correct that entry"
            )
    if not value or not value[0].strip():
        raise ValueError("names no program; give it as the first entry")
    if len(value[0].split()) > 1:
        raise ValueError("the first entry has blanks in it; give each argument as an entry of its own")
    return value


def _is_power_cycle(value: object) -> object:
    """Check that it is a mapping without repeating it, for it may be the command itself."""
    if value is not None and not isinstance(value, dict | PowerCycleSection):
        raise ValueError("found no mapping, expected one of command and settle_s, or null")
    return value


class PowerCycleSection(Section):
    """How the device's power is switched off and on again."""

    command: Annotated[list[str], BeforeValidator(_is_command), Field(min_length=1, max_length=64)] = Field(
        description="a program and its arguments, run without a shell; a program with a slash is relative to this"
        " file. Run after each bench error; for a device that is this machine, of what hangs on it"
    )
    settle_s: Seconds = Field(description="from the end of the command until the device can be used")
    limit_s: PositiveSeconds = Field(default=60.0, description="the command ends within this")

    def power_cycle(self) -> PowerCycle:
        """The frozen value."""
        return PowerCycle(command=tuple(self.command), settle_s=self.settle_s, limit_s=self.limit_s)


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
    calibration: CalibrationFile | None = Field(
        default=None, description="the meter's calibration record, relative to this file; null for none"
    )
    start_temperature_c: Annotated[FiniteFloat, Field(ge=-40, le=150)] | None = Field(
        default=None,
        description="a sitting begins no hotter than this by the hottest sensor, for which it waits up to"
        " `job_s`; null for no rule",
    )
    job_s: PositiveSeconds = Field(default=1800.0, description="limit for one sitting")
    reply_s: PositiveSeconds = Field(default=5.0, description="limit for one answer of the device")
    retries: int = Field(
        default=2,
        ge=0,
        le=10,
        description="further attempts at a sitting after a bench error, one also where items had no valid cycle",
    )
    power_cycle: Annotated[PowerCycleSection | None, BeforeValidator(_is_power_cycle)] = Field(
        default=None,
        description="how the device is switched off and on again after a bench error; null: it cannot be",
    )

    @model_validator(mode="after")
    def _calibration_needs_a_meter(self) -> Self:
        if self.calibration is not None and self.meter is None:
            raise ValueError("calibration is given without a meter; describe the meter or remove it")
        if self.calibration is not None and isinstance(self.meter, GroupSection):
            raise ValueError(
                "a group has a calibration for each chip; move it to meter.channels.NAME.calibration"
            )
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
            power_cycle=None if self.power_cycle is None else self.power_cycle.power_cycle(),
            path=path,
            sha256=sha256,
            calibrations=self.meter.calibrations(path.parent) if isinstance(self.meter, GroupSection) else {},
        )
