"""This module is the form of several INA226 on one bus in a device's file, each on a rail of its own."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, FiniteFloat, StringConstraints, model_validator

from harness.profile import Bus, ChipErrors, Ina226Group, Ina226Meter, Waveform
from harness.schema.conversion import (
    NoiseAtZero,
    Rate,
    Resolution,
    check_conversions,
    check_turns,
    conversions_of,
)
from harness.schema.fields import CalibrationFile, Section, each_once
from harness.schema.ina226 import (
    WANTED,
    Address,
    Averaged,
    Boundary,
    BusConversion,
    ChipMake,
    ChipSection,
    I2cSection,
    Shunt,
    ShuntConversion,
    ShuntTcr,
    ShuntTolerance,
    Supply,
    Tap,
    TemperatureSpan,
    WaveformSection,
    check_shunt,
    settings,
)

ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=32)]
"""It is part of the names of columns, such as `energy_core_j`."""

SHARED = frozenset({"kind", "bus", "channels", "total", "boundary", *WANTED})
"""Keys of the group that its chips do not have."""
OWN = frozenset({"simulated", "calibration"})
"""Keys of a channel that its chip does not have."""


def _no_bridge(found: Any) -> Any:
    if isinstance(found, dict) and found.get("kind") == "bridge":
        raise ValueError(
            "a bridge reads one chip and has no number for another; put the chips on a bus of this machine (kind i2c), "
            "or measure one rail with kind ina226"
        )
    return found


class ModelledSection(Section):
    """A model of the chip of one channel, and what feeds it."""

    waveform: WaveformSection = Field(description="what feeds the chip")
    chip: ChipSection = Field(default=ChipSection(), description="errors of the chip; none for an ideal one")


class ModelledBusSection(Section):
    """Models of the chips in place of a bus; their power is marked as simulated everywhere."""

    kind: Literal["simulated"] = Field(
        description="`simulated`: models of the chips; each channel then has `simulated`"
    )
    clock_hz: Annotated[FiniteFloat, Field(ge=1e4, le=400e3)] | None = Field(
        default=None,
        description="rate of the bus: each transfer then takes as long as on the wire; null for no time at all",
    )


class ChannelSection(Section):
    """One chip of the group and its rail."""

    address: Address
    shunt_ohm: Shunt
    vbus_tap: Tap
    boundary: Boundary
    chip: ChipMake = "module"
    shunt_tolerance: ShuntTolerance = None
    shunt_tcr_per_k: ShuntTcr = None
    calibration: CalibrationFile | None = Field(
        default=None, description="this chip's calibration record, relative to this file; null for none"
    )
    simulated: ModelledSection | None = Field(
        default=None, description="of a simulated bus: the model of the chip; null on any other"
    )

    @model_validator(mode="after")
    def _shunt_is_known_whole(self) -> Self:
        check_shunt(self.shunt_tolerance, self.shunt_tcr_per_k)
        return self


class GroupSection(Section):
    """Several INA226 on one bus, with the same conversions."""

    kind: Literal["ina226-group"] = Field(
        description="`ina226-group`: several chips on one bus, each on a rail of its own"
    )
    bus: Annotated[
        Annotated[I2cSection | ModelledBusSection, Field(discriminator="kind")], BeforeValidator(_no_bridge)
    ] = Field(description="how the chips are reached, all on the same one")
    channels: Annotated[dict[ChannelName, ChannelSection], Field(min_length=2, max_length=16)] = Field(
        description="the chips by names of yours, which stand in the names of columns; lower-case letters, digits and"
        " hyphens"
    )
    total: Literal["sum"] | list[ChannelName] = Field(
        default="sum",
        description="`sum`: the energy of the device is that of all channels; a list: of these alone, and the others"
        " are told by name (a rail measured before and behind a converter must not count twice)",
    )
    shunt_conversion_s: ShuntConversion = 1.1e-3
    bus_conversion_s: BusConversion = 140e-6
    average: Averaged = 1
    rate_hz: Rate = None
    resolution_a: Resolution = None
    noise_v: NoiseAtZero = None
    boundary: Boundary
    temperature_span_k: TemperatureSpan = None
    supply_v: Supply = None

    @model_validator(mode="after")
    def _addresses_differ(self) -> Self:
        by_address: dict[int, list[str]] = {}
        for name, channel in self.channels.items():
            by_address.setdefault(channel.address, []).append(name)
        for address, names in by_address.items():
            if len(names) > 1:
                raise ValueError(
                    f"found the address {address:#04x} in channels {' and '.join(names)}; each chip on a bus has "
                    "one of its own, by its pins A0 and A1"
                )
        return self

    @model_validator(mode="after")
    def _total_is_of_channels(self) -> Self:
        if self.total == "sum":
            return self
        if not self.total:
            raise ValueError("total: found an empty list; name at least one channel, or write sum")
        each_once(list(self.total), str, "channels of total")
        if unknown := [name for name in self.total if name not in self.channels]:
            raise ValueError(
                f"total: found {', '.join(unknown)}, expected names of {', '.join(self.channels)}"
            )
        return self

    @model_validator(mode="after")
    def _models_belong_to_a_simulated_bus(self) -> Self:
        is_simulated = self.bus.kind == "simulated"
        for name, channel in self.channels.items():
            if (channel.simulated is not None) != is_simulated:
                wanted = "give its model" if is_simulated else "remove it, or set bus.kind to simulated"
                raise ValueError(f"channels.{name}.simulated: with a bus of kind {self.bus.kind}, {wanted}")
        return self

    @model_validator(mode="after")
    def _conversions_are_chosen(self) -> Self:
        check_conversions(self, self._shunts_ohm())
        check_turns(conversions_of(self, self._shunts_ohm()), len(self.channels))
        return self

    def meter(self) -> Ina226Group:
        """The frozen value."""
        return Ina226Group(
            kind=self.kind,
            channels={name: self._chip(channel) for name, channel in self.channels.items()},
            total=tuple(self.channels) if self.total == "sum" else tuple(self.total),
            boundary=self.boundary,
        )

    def calibrations(self, folder: Path) -> dict[str, Path]:
        """Paths of the calibration records, by channel.

        Args:
            folder: of the device's file.
        """
        return {
            name: folder / channel.calibration
            for name, channel in self.channels.items()
            if channel.calibration is not None
        }

    def _chip(self, channel: ChannelSection) -> Ina226Meter:
        shared = {name: value for name, value in self if name not in SHARED}
        own = {name: value for name, value in channel if name not in OWN}
        config = settings(conversions_of(self, self._shunts_ohm()))
        return Ina226Meter(**{**shared, **own, **config, "kind": "ina226", "bus": self._bus(channel)})

    def _bus(self, channel: ChannelSection) -> Bus:
        if isinstance(self.bus, I2cSection):
            return self.bus.bus()
        model = channel.simulated
        return Bus(
            kind=self.bus.kind,
            waveform=None if model is None else Waveform(**dict(model.waveform)),
            chip=None if model is None else ChipErrors(**dict(model.chip)),
            clock_hz=self.bus.clock_hz,
        )

    def _shunts_ohm(self) -> list[float]:
        return [channel.shunt_ohm for channel in self.channels.values()]
