"""This module is the form of the meters other than the INA226 in a device's file, told apart by `kind`."""

import math
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

from harness.instruments import (
    Accuracy,
    HwmonMeter,
    IioMeter,
    Ina219Meter,
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


Make = Annotated[
    Literal["genuine", "module"],
    Field(
        description="`genuine`: bought as TI's, the data sheet's limits hold; `module`: of unknown make, 2 % are"
        " assumed of both voltages"
    ),
]


TIMES_219_S = (532e-6, 1.06e-3, 2.13e-3, 4.26e-3, 8.51e-3, 17.02e-3, 34.05e-3, 68.10e-3)
RANGES_219_V = (0.04, 0.08, 0.16, 0.32)
"""Of an INA219 (TI SBOS448G section 8.6.2.1): one conversion of 12 bits to the mean of 128, and ranges of the shunt."""


def _one_of(value: float, choices: tuple[float, ...], unit: str) -> float:
    for choice in choices:
        if math.isclose(value, choice, rel_tol=1e-6):
            return choice
    known = ", ".join(f"{choice:g}" for choice in choices)
    raise ValueError(f"found the number {value:g}, expected one of the chip's in {unit}: {known}")


Conversion219 = Annotated[
    FiniteFloat,
    AfterValidator(lambda value: _one_of(value, TIMES_219_S, "s")),
    WithJsonSchema({"type": "number", "enum": list(TIMES_219_S)}),
]
Range219 = Annotated[
    FiniteFloat,
    AfterValidator(lambda value: _one_of(value, RANGES_219_V, "V")),
    WithJsonSchema({"type": "number", "enum": list(RANGES_219_V)}),
]


class MonitoredSection(Section):
    """What is known of a power monitor behind a driver, for its uncertainty budget."""

    shunt_tolerance: Annotated[FiniteFloat, Field(ge=0, le=0.5)] | None = Field(
        default=None,
        description="relative limit of the shunt's resistance, 0.01 for 1 %; null: not known",
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


class AccuracySection(Section):
    """What the maker of an instrument states of it."""

    reading: Annotated[FiniteFloat, Field(ge=0, le=0.5)] = Field(
        description="limit relative to the reading, 0.001 for 0.1 %"
    )
    floor_w: Annotated[FiniteFloat, Field(ge=0, le=1000)] = Field(
        description="limit at any reading, such as a share of the range that is set"
    )
    source: Text = Field(description="document and section it is copied from, with the range it holds for")


def _accuracy(section: AccuracySection | None) -> Accuracy | None:
    return None if section is None else Accuracy(**dict(section))


Stated = Annotated[
    AccuracySection | None,
    Field(description="as its maker states it; null: not known, and no Type B uncertainty"),
]


class HwmonSection(MonitoredSection):
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
    make: Make = "module"

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


class Ina3221Section(MonitoredSection):
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
        return Ina3221Meter(**{**dict(self), "rails": tuple(self.rails), "make": "genuine"})


class IioSection(MonitoredSection):
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
    make: Make = "module"

    def meter(self) -> IioMeter:
        """The frozen value."""
        return IioMeter(**dict(self))


class Ina219Section(MonitoredSection):
    """An INA219 on a bus of this machine."""

    kind: Literal["ina219"] = Field(
        description="`ina219`: the older chip of 12 bits, on a bus of this machine"
    )
    path: Annotated[str, StringConstraints(pattern=r"^/dev/[A-Za-z0-9_-]+$", max_length=64)] = Field(
        description="device node of the bus, such as `/dev/i2c-1`"
    )
    address: int = Field(ge=0x40, le=0x4F, description="of the chip on its bus, 0x40 to 0x4F")
    shunt_ohm: Annotated[FiniteFloat, Field(gt=0, le=1000)] = Field(description="resistance of the shunt")
    shunt_range_v: Range219 = Field(
        default=0.32, description="largest voltage at the shunt; a narrower range has a smaller offset"
    )
    shunt_conversion_s: Conversion219 = Field(
        default=532e-6, description="typical conversion time of the shunt voltage, one of the chip's eight"
    )
    bus_conversion_s: Conversion219 = Field(
        default=532e-6, description="typical conversion time of the bus voltage, one of the chip's eight"
    )
    boundary: Boundary
    make: Make = "module"

    def meter(self) -> Ina219Meter:
        """The frozen value."""
        return Ina219Meter(**dict(self))


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
    accuracy: Stated = None

    def meter(self) -> ScpiMeter:
        """The frozen value."""
        return ScpiMeter(**{**dict(self), "accuracy": _accuracy(self.accuracy)})


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
    channel: Text | None = Field(
        default=None,
        description="of a run or a file of several channels: the one that is played; null for the only one",
    )
    time: Text = Field(default="time_s", description="of CSV: column of the end of each interval")
    time_unit_s: Annotated[FiniteFloat, Field(gt=0, le=3600)] = Field(
        default=1.0, description="of CSV: seconds of one unit of that column; 1e-3 for milliseconds"
    )
    power: Text | None = Field(default=None, description="of CSV: column of watts")
    voltage: Text | None = Field(default=None, description="of CSV: column of volts, with current")
    current: Text | None = Field(default=None, description="of CSV: column of amperes, with voltage")
    boundary: Boundary
    accuracy: Stated = None

    @model_validator(mode="after")
    def _one_quantity(self) -> Self:
        if (self.voltage is None) != (self.current is None) or (self.power and self.voltage):
            raise ValueError("name the column power, or the columns voltage and current")
        if self.path.endswith(".csv") and not (self.power or self.voltage):
            raise ValueError("a CSV file needs the column power, or the columns voltage and current")
        return self

    def meter(self) -> ReplayMeter:
        """The frozen value."""
        return ReplayMeter(**{**dict(self), "accuracy": _accuracy(self.accuracy)})


class PluginSection(Section):
    """A meter of another distribution."""

    kind: Literal["plugin"] = Field(description="`plugin`: a meter that another installed package brings")
    name: Id = Field(description="of its entry point in the group `harness.meters`")
    options: dict[Id, str | int | float | bool] = Field(default={}, description="handed to it as they stand")
    origin: Literal["measured", "estimated", "simulated"] = Field(
        default="measured", description="of its figures"
    )
    boundary: Boundary
    accuracy: Stated = None

    def meter(self) -> PluginMeter:
        """The frozen value."""
        return PluginMeter(
            **{**dict(self), "origin": Origin(self.origin), "accuracy": _accuracy(self.accuracy)}
        )
