"""This module is the form of the meters other than the INA226 in a device's file, told apart by `kind`."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, FiniteFloat, StringConstraints, ValidationInfo, model_validator

from harness.instruments import (
    HwmonMeter,
    IioMeter,
    Ina3221Meter,
    NvmlMeter,
    PluginMeter,
    PmicMeter,
    RaplMeter,
    ReplayMeter,
    ScpiMeter,
)
from harness.profile import Origin
from harness.schema.conversion import Average, ConversionTime
from harness.schema.fields import Id, Section, Text, reading

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]*$", max_length=64)]
"""Of a chip, a device or an attribute in the kernel's trees: no path."""

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+. -]+$", max_length=64)]
Period = Annotated[FiniteFloat, Field(ge=1e-4, le=60)]
Boundary = Annotated[Text, Field(description="what the rail feeds, in words")]


class HwmonSection(Section):
    """A sensor in the kernel's hwmon tree."""

    kind: Literal["hwmon"] = Field(description="`hwmon`: a sensor in the kernel's hwmon tree")
    chip: Name = Field(description="what the chip's `name` file says; `harness meter list` shows all")
    device: Name | None = Field(
        default=None, description="the device behind the chip, such as `1-0040`; null where one has the name"
    )
    power: Name | None = Field(default=None, description="attribute in uW, such as `power1_input`")
    energy: Name | None = Field(default=None, description="attribute that counts uJ, such as `energy1_input`")
    current: Name | None = Field(default=None, description="attribute in mA, such as `curr1_input`")
    voltage: Name | None = Field(default=None, description="attribute in mV, such as `in1_input`")
    period_s: Period | None = Field(
        default=None, description="time between two readings; null for the update interval the chip states"
    )
    boundary: Boundary

    @model_validator(mode="after")
    def _one_quantity(self) -> Self:
        named = [name for name in ("power", "energy", "current") if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(
                f"found {' and '.join(named) or 'none'} of power, energy and current; name exactly one attribute, "
                "and voltage with current"
            )
        if (self.current is None) != (self.voltage is None):
            raise ValueError("current and voltage belong together; name both attributes or neither")
        return self

    def meter(self) -> HwmonMeter:
        """The frozen value."""
        return HwmonMeter(**dict(self))


class Ina3221Section(Section):
    """Rails of the monitors of a Jetson."""

    kind: Literal["ina3221"] = Field(description="`ina3221`: rails of a Jetson, by their labels")
    rails: Annotated[list[Label], Field(min_length=1, max_length=12)] = Field(
        description="labels such as `VDD_IN`; several are summed"
    )
    period_s: Period | None = Field(
        default=None, description="time between two readings; null for the update interval the chips state"
    )
    boundary: Boundary

    def meter(self) -> Ina3221Meter:
        """The frozen value."""
        return Ina3221Meter(**{**dict(self), "rails": tuple(self.rails)})


class IioSection(Section):
    """An INA226 behind the kernel's industrial I/O driver."""

    kind: Literal["iio"] = Field(description="`iio`: an INA226 behind the kernel's driver ina2xx-adc")
    chip: Name = Field(default="ina226", description="what the device's `name` file says")
    device: Name | None = Field(
        default=None, description="such as `iio:device0`; null where one device has the name"
    )
    shunt_ohm: Annotated[FiniteFloat, Field(gt=0, le=1000)] | None = Field(
        default=None, description="resistance of the shunt; null for what the kernel was told"
    )
    vbus_tap: Literal["load", "source"] = Field(
        description="`load`: VBUS is on the load's side of the shunt; `source`: on the other"
    )
    shunt_conversion_s: ConversionTime = Field(
        default=1.1e-3, description="typical conversion time of the shunt voltage, one of the chip's eight"
    )
    bus_conversion_s: ConversionTime = Field(
        default=140e-6, description="typical conversion time of the bus voltage, one of the chip's eight"
    )
    average: Average = Field(default=1, description="conversions averaged in the chip; 1 for metering")
    boundary: Boundary

    def meter(self) -> IioMeter:
        """The frozen value."""
        return IioMeter(**dict(self))


class RaplSection(Section):
    """An energy counter of an x86 processor."""

    kind: Literal["rapl"] = Field(description="`rapl`: an energy counter of an x86 processor")
    zone: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)?$", max_length=64)] = Field(
        default="package-0", description="name of the counter, such as `package-0` or `package-0/dram`"
    )
    period_s: Period = Field(default=0.005, description="time between two looks at the counter")
    origin: Literal["estimated", "measured"] = Field(
        default="estimated",
        description="`estimated` where the processor computes it from a model (AMD, Intel before Haswell);"
        " `measured` where its voltage regulators measure (Intel since Haswell)",
    )
    boundary: Boundary

    def meter(self) -> RaplMeter:
        """The frozen value."""
        return RaplMeter(**{**dict(self), "origin": Origin(self.origin)})


class NvmlSection(Section):
    """A GPU of NVIDIA."""

    kind: Literal["nvml"] = Field(description="`nvml`: a GPU of NVIDIA by its driver's library; not a Jetson")
    gpu: (
        Annotated[int, Field(ge=0, le=255)]
        | Annotated[str, StringConstraints(pattern=r"^(GPU|MIG)-[A-Za-z0-9/-]+$", max_length=128)]
    ) = Field(default=0, description="number or UUID, as `nvidia-smi -L` prints them")
    read: Literal["energy", "power"] = Field(
        default="energy", description="`energy`: the counter (Volta and later); `power`: the power reading"
    )
    period_s: Period = Field(
        default=0.02, description="time between two looks; the counter is renewed about every 0.1 s"
    )
    boundary: Boundary

    def meter(self) -> NvmlMeter:
        """The frozen value."""
        return NvmlMeter(**dict(self))


class PmicSection(Section):
    """The power management chip of a Raspberry Pi 5."""

    kind: Literal["pmic"] = Field(description="`pmic`: the power management chip of a Raspberry Pi 5")
    period_s: Period = Field(default=0.2, description="time between two readings")
    boundary: Boundary

    def meter(self) -> PmicMeter:
        """The frozen value."""
        return PmicMeter(**dict(self))


class ScpiSection(Section):
    """A bench instrument."""

    kind: Literal["scpi"] = Field(description="`scpi`: a bench instrument that answers a query with watts")
    resource: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:._/-]+$", max_length=128)] = Field(
        description="VISA name, such as `TCPIP::192.0.2.7::INSTR`"
    )
    query: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:*?,.@() ]+\?.*$", max_length=128)] = Field(
        default="MEAS:POW?", description="asked for each reading"
    )
    period_s: Period = Field(default=0.1, description="time between two queries")
    boundary: Boundary

    def meter(self) -> ScpiMeter:
        """The frozen value."""
        return ScpiMeter(**dict(self))


def _recording(value: str, info: ValidationInfo) -> str:
    path = reading(info).path.parent / value
    if not path.exists():
        raise ValueError(
            f"found {value}, expected a file or a run directory, relative to this one; {path} is none"
        )
    return str(path)


class ReplaySection(Section):
    """Power recorded earlier."""

    kind: Literal["replay"] = Field(
        description="`replay`: power recorded earlier, marked as replayed everywhere"
    )
    path: Annotated[Text, AfterValidator(_recording)] = Field(
        description="a run directory, a file of `harness meter record`, or a CSV file, relative to this file"
    )
    case: Text | None = Field(default=None, description="of a run directory: case; null for its first")
    sitting: int = Field(default=1, ge=1, le=10_000, description="of a run directory: sitting of that case")
    part: int = Field(default=1, ge=1, le=10_000, description="of a run directory: part of that sitting")
    time: Text = Field(default="time_s", description="of CSV: column of the end of each interval")
    time_unit_s: Annotated[FiniteFloat, Field(gt=0, le=3600)] = Field(
        default=1.0, description="of CSV: seconds of one unit of that column; 1e-3 for milliseconds"
    )
    power: Text | None = Field(default=None, description="of CSV: column of watts")
    voltage: Text | None = Field(default=None, description="of CSV: column of volts, with current")
    current: Text | None = Field(default=None, description="of CSV: column of amperes, with voltage")
    boundary: Boundary

    @model_validator(mode="after")
    def _one_quantity(self) -> Self:
        if (self.voltage is None) != (self.current is None) or (self.power and self.voltage):
            raise ValueError("name the column power, or the columns voltage and current")
        if self.path.endswith(".csv") and not (self.power or self.voltage):
            raise ValueError("a CSV file needs the column power, or the columns voltage and current")
        return self

    def meter(self) -> ReplayMeter:
        """The frozen value."""
        return ReplayMeter(**dict(self))


class PluginSection(Section):
    """A meter of another distribution."""

    kind: Literal["plugin"] = Field(description="`plugin`: a meter that another installed package brings")
    name: Id = Field(description="of its entry point in the group `harness.meters`")
    options: dict[Id, str | int | float | bool] = Field(default={}, description="handed to it as they stand")
    origin: Literal["measured", "estimated", "simulated"] = Field(
        default="measured", description="of its figures"
    )
    boundary: Boundary

    def meter(self) -> PluginMeter:
        """The frozen value."""
        return PluginMeter(**{**dict(self), "origin": Origin(self.origin)})
