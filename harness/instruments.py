"""This module holds what a profile says of meters other than the INA226, as frozen values, one class for each kind.

All fields are plain JSON, so that a value survives the way through a pipe to the sampler.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.profile import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """What the maker of an instrument states of it, copied from its data sheet.

    Attributes:
        reading: limit relative to the reading.
        floor_w: limit at any reading, such as a share of the range.
        source: document and section, with the range it holds for.
    """

    reading: float
    floor_w: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """What a profile says of a power monitor behind a driver for its uncertainty budget.

    Attributes:
        make: `genuine` (the data sheet's limits hold) or `module` (a chip of unknown make).
        shunt_tolerance, shunt_tcr_per_k, temperature_span_k, supply_v: as of `harness.profile.Ina226Meter`.
    """

    make: str = "module"
    shunt_tolerance: float | None = None
    shunt_tcr_per_k: float | None = None
    temperature_span_k: float | None = None
    supply_v: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HwmonMeter(Monitored):
    """A sensor in the kernel's hwmon tree, read on a schedule; exactly one of power, energy or current is named.

    Attributes:
        kind: always `hwmon`.
        chip: what the chip's `name` file says, such as `ina226`.
        device: base name of the device behind it, such as `1-0040`; None where only one chip has the name.
        power: attribute in uW, such as `power1_input`; None for another quantity.
        energy: attribute that counts uJ, such as `energy1_input`; None for another quantity.
        current, voltage: attributes in mA and mV, such as `curr1_input` and `in1_input`; None for another quantity.
        period_s: time between two readings; None for the update interval the chip states.
        boundary: what the rail feeds, in words.
    """

    kind: str
    chip: str
    device: str | None
    power: str | None
    energy: str | None
    current: str | None
    voltage: str | None
    period_s: float | None
    boundary: str

    @property
    def origin(self) -> Origin:
        """Measured."""
        return Origin.MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class Ina3221Meter(Monitored):
    """Rails of the INA3221 monitors of a Jetson, by their labels; the sum of them where there are several.

    Attributes:
        kind: always `ina3221`.
        rails: labels such as `VDD_IN`.
        period_s: time between two readings; None for the slowest update interval the chips state.
        boundary: what the rails feed, in words.
    """

    kind: str
    rails: Sequence[str]
    period_s: float | None
    boundary: str

    @property
    def origin(self) -> Origin:
        """Measured."""
        return Origin.MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class IioMeter(Monitored):
    """An INA226 behind the kernel's industrial I/O driver `ina2xx-adc`, read from its buffer.

    Attributes:
        kind: always `iio`.
        chip: what the device's `name` file says, such as `ina226`.
        device: base name of the device, such as `iio:device0`; None where only one has the name.
        shunt_ohm: resistance of the shunt; None for what the kernel was told.
        vbus_tap: as of `harness.profile.Ina226Meter`.
        shunt_conversion_s, bus_conversion_s, average: as of `harness.profile.Ina226Meter`.
        boundary: what the rail feeds, in words.
    """

    kind: str
    chip: str
    device: str | None
    shunt_ohm: float | None
    vbus_tap: str
    shunt_conversion_s: float
    bus_conversion_s: float
    average: int
    boundary: str

    @property
    def origin(self) -> Origin:
        """Measured."""
        return Origin.MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class Ina219Meter(Monitored):
    """An INA219 on an I2C bus of this machine and how it is wired and set.

    Attributes:
        kind: always `ina219`.
        path: device node of the bus, `/dev/i2c-1`.
        address: 0x40 to 0x4F.
        shunt_ohm: resistance of the shunt.
        shunt_range_v: largest voltage at the shunt, 0.04, 0.08, 0.16 or 0.32.
        shunt_conversion_s, bus_conversion_s: typical conversion times, each one the chip has at full resolution.
        boundary: what the rail feeds, in words.
    """

    kind: str
    path: str
    address: int
    shunt_ohm: float
    shunt_range_v: float
    shunt_conversion_s: float
    bus_conversion_s: float
    boundary: str

    @property
    def origin(self) -> Origin:
        """Measured."""
        return Origin.MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class RaplMeter:
    """An energy counter of an x86 processor in the powercap tree.

    Attributes:
        kind: always `rapl`.
        zone: its name, such as `package-0`, or of a subzone `package-0/dram`.
        period_s: time between two looks at the counter.
        origin: estimated where the counter is a model of the processor, measured where its regulator measures.
        boundary: what it counts, in words.
    """

    kind: str
    zone: str
    period_s: float
    origin: Origin
    boundary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NvmlMeter:
    """A GPU of NVIDIA, through its management library.

    Attributes:
        kind: always `nvml`.
        gpu: number, or UUID as `nvidia-smi -L` prints it.
        read: `energy` for the counter, `power` for the power reading.
        period_s: time between two looks.
        boundary: what it counts, in words.
    """

    kind: str
    gpu: int | str
    read: str
    period_s: float
    boundary: str

    @property
    def origin(self) -> Origin:
        """Measured."""
        return Origin.MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class PmicMeter:
    """The power management chip of a Raspberry Pi 5, through `vcgencmd pmic_read_adc`.

    Attributes:
        kind: always `pmic`.
        period_s: time between two readings.
        boundary: what it counts, in words.
    """

    kind: str
    period_s: float
    boundary: str

    @property
    def origin(self) -> Origin:
        """Measured."""
        return Origin.MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class ScpiMeter:
    """A bench instrument that answers a query with watts.

    Attributes:
        kind: always `scpi`.
        resource: VISA name, such as `TCPIP::192.0.2.7::INSTR`.
        query: asked for each reading, such as `MEAS:POW?`.
        period_s: time between two queries.
        boundary: what it feeds, in words.
        accuracy: as its maker states it; None where the profile does not tell.
    """

    kind: str
    resource: str
    query: str
    period_s: float
    boundary: str
    accuracy: Accuracy | None = None

    @property
    def origin(self) -> Origin:
        """Measured."""
        return Origin.MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayMeter:
    """Power recorded earlier, played again from its begin at the pace it was recorded.

    Attributes:
        kind: always `replay`.
        path: a run directory, a raw power file of `harness meter record`, or a CSV file with a head line.
        case, sitting, part: which part of a run is played; of a run directory only, None for its first case.
        time, time_unit_s: of CSV only: column of the stamps at the end of each interval, and seconds of one unit.
        power: of CSV only: column of watts; None where voltage and current are given.
        voltage, current: of CSV only: columns of volts and amperes; None where power is given.
        boundary: what was measured, in words.
        accuracy: as its maker states it; None where the profile does not tell.
        channel: of a recording of several; None where it has just one.
    """

    kind: str
    path: str
    case: str | None
    sitting: int
    part: int
    time: str
    time_unit_s: float
    power: str | None
    voltage: str | None
    current: str | None
    boundary: str
    accuracy: Accuracy | None = None
    channel: str | None = None

    @property
    def origin(self) -> Origin:
        """Replayed."""
        return Origin.REPLAYED


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginMeter:
    """A meter of another distribution, found through the entry-point group `harness.meters`.

    Attributes:
        kind: always `plugin`.
        name: of the entry point.
        options: handed to it as they stand.
        origin: of its figures.
        boundary: what it feeds, in words.
        accuracy: as its maker states it; None where the profile does not tell.
    """

    kind: str
    name: str
    options: Mapping[str, Any]
    origin: Origin
    boundary: str
    accuracy: Accuracy | None = None


Instrument = (
    HwmonMeter
    | Ina3221Meter
    | IioMeter
    | Ina219Meter
    | RaplMeter
    | NvmlMeter
    | PmicMeter
    | ScpiMeter
    | ReplayMeter
    | PluginMeter
)
"""A meter other than the INA226."""

KINDS: Mapping[str, Callable[..., Instrument]] = {
    "hwmon": HwmonMeter,
    "ina3221": Ina3221Meter,
    "iio": IioMeter,
    "ina219": Ina219Meter,
    "rapl": RaplMeter,
    "nvml": NvmlMeter,
    "pmic": PmicMeter,
    "scpi": ScpiMeter,
    "replay": ReplayMeter,
    "plugin": PluginMeter,
}
"""By the name of the kind."""


def instrument_from(record: Mapping[str, Any]) -> Instrument:
    """The value that `dataclasses.asdict` took apart for the way through a pipe."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    if fields.get("accuracy") is not None:
        fields["accuracy"] = Accuracy(**fields["accuracy"])
    if "origin" in fields:
        fields["origin"] = Origin(fields["origin"])
    return KINDS[record["kind"]](**fields)
