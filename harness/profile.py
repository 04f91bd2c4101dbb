"""This module holds what is known of boards and devices, as frozen values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Origin(StrEnum):
    """Where a power figure comes from; origins are never mixed on one front unless the user asks."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    SIMULATED = "simulated"
    REPLAYED = "replayed"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A published figure of a board with its source; a claim, never shown as measured.

    Attributes:
        quantity: name with its unit, such as `peak_int8_tops`.
        value: the figure as published.
        source: title and, where there is one, address of the publication.
        note: what a reader must know, such as "sparse"; empty for nothing.
    """

    quantity: str
    value: float | str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A type of hardware: `devices/boards/*.yaml`.

    Attributes:
        id: stable name, also the file's stem.
        title: the name people use.
        soc: system on chip, or the processor.
        architecture: instruction set of the host processor, as `platform.machine()` says it where it runs Linux.
        precisions: precisions the board executes natively, such as `fp16`.
        engines: inference engines it is known to run, best first.
        facts: published figures; where sources disagree both stand.
        verified: what the support of this board was tried on: `hardware`, `emulated CPU`,
            `vendor API contract only`, `nothing yet`.
        path: the file it was read from.
        sha256: digest of that file.
    """

    id: str
    title: str
    soc: str
    architecture: str
    precisions: Sequence[str]
    engines: Sequence[str]
    facts: Sequence[Fact]
    verified: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveform:
    """What feeds a simulated chip.

    Attributes:
        kind: `cpu` (idle power plus the worker's CPU use times watts per core).
        idle_w: power with nothing running.
        core_w: additional power of one fully used core.
        rail_v: supply voltage, constant.
    """

    kind: str
    idle_w: float
    core_w: float
    rail_v: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipErrors:
    """How a simulated INA226 departs from the ideal one (limits: TI SBOS547B section 5.5).

    Attributes:
        seed: of the noise.
        clock: relative error of the conversion time; +0.03 is 3 % slow.
        shunt_offset_v, shunt_gain: offset and relative gain error of the shunt channel.
        bus_offset_v, bus_gain: the same of the bus channel.
        shunt_noise_v, bus_noise_v: standard deviation of one conversion.
    """

    seed: int = 226
    clock: float = 0.0
    shunt_offset_v: float = 0.0
    shunt_gain: float = 0.0
    bus_offset_v: float = 0.0
    bus_gain: float = 0.0
    shunt_noise_v: float = 0.0
    bus_noise_v: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """How a chip is reached.

    Attributes:
        kind: `i2c` for a bus of this machine, `bridge` for a serial bridge, `simulated` for the model of the chip.
        path: device node of the bus, `/dev/i2c-1`, or of the bridge's serial port; None for the simulated one.
        baud: rate of the bridge's serial port; only of a bridge.
        waveform, chip: only of the simulated one.
        clock_hz: rate of the bus; only of the simulated one, whose transfers then take their time. None for none.
    """

    kind: str
    path: str | None = None
    baud: int | None = None
    waveform: Waveform | None = None
    chip: ChipErrors | None = None
    clock_hz: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ina226Meter:
    """An INA226 and how it is wired and set.

    Attributes:
        kind: always `ina226`.
        bus: how it is reached.
        address: 0x40 to 0x4F.
        shunt_ohm: resistance of the shunt.
        vbus_tap: `load` where the VBUS pin is on the load side of the shunt (power is the load's),
            `source` where it is on the other (the shunt's own drop is then taken off).
        shunt_conversion_s, bus_conversion_s: typical conversion times, each one of the eight of the chip.
        average: conversions averaged in the chip; 1 for metering.
        boundary: what the rail feeds, in words, such as "5 V input of the board, USB included".
        chip: `genuine` (the data sheet's limits hold) or `module` (a chip of unknown make).
        shunt_tolerance: relative limit of the shunt's resistance; None where nobody knows it.
        shunt_tcr_per_k: the shunt's temperature coefficient; given with the tolerance.
        temperature_span_k: the meter stands within this of 25 °C, or of the temperature of its calibration; None
            for an assumed one.
        supply_v: of the chip; None for anything it permits.
    """

    kind: str
    bus: Bus
    address: int
    shunt_ohm: float
    vbus_tap: str
    shunt_conversion_s: float
    bus_conversion_s: float
    average: int
    boundary: str
    chip: str = "module"
    shunt_tolerance: float | None = None
    shunt_tcr_per_k: float | None = None
    temperature_span_k: float | None = None
    supply_v: float | None = None

    @property
    def origin(self) -> Origin:
        """Measured, unless the chip is simulated."""
        return Origin.SIMULATED if self.bus.kind == "simulated" else Origin.MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class Ina226Group:
    """Several INA226 on one bus, each on a rail of its own; their conversions are not in step.

    Attributes:
        kind: always `ina226-group`.
        channels: the chips by the names of their channels, all on the same bus and with the same conversions.
        total: the channels whose energies add up to that of the device; others are only told by name.
        boundary: what the total feeds, in words.
    """

    kind: str
    channels: Mapping[str, Ina226Meter]
    total: Sequence[str]
    boundary: str

    @property
    def bus(self) -> Bus:
        """How the chips are reached."""
        return next(iter(self.channels.values())).bus

    @property
    def origin(self) -> Origin:
        """Measured, unless the chips are simulated."""
        return Origin.SIMULATED if self.bus.kind == "simulated" else Origin.MEASURED


class Meter(Protocol):
    """What every meter of a profile says of itself; those beside the INA226 are in `harness.instruments`."""

    @property
    def kind(self) -> str:
        """Name of its kind."""
        ...

    @property
    def boundary(self) -> str:
        """What the rail feeds, in words."""
        ...

    @property
    def origin(self) -> Origin:
        """Where its figures come from."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a device must say of itself before it is measured.

    Attributes:
        kind: `machine` (`platform.machine()`), `dt-compatible` (an entry of the device tree's compatible list),
            `mac` (the address of a network interface), or `none`.
        value: what is expected; None with `none`.
    """

    kind: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerCycle:
    """How the power of a device is switched off and on again.

    Attributes:
        command: a program and its arguments, never for a shell; they may hold a password and are shown nowhere.
        settle_s: from the end of the command until the device can be used.
        limit_s: the command ends within this.
    """

    command: Sequence[str] = field(repr=False)
    settle_s: float
    limit_s: float

    @property
    def program(self) -> str:
        """Name of the program: what may be told of the command."""
        return Path(self.command[0]).name


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One unit of a board in a lab: `devices/*.yaml`.

    Attributes:
        id: stable name, also the first segment of its cases' ids.
        board: its type.
        hw_revision: expected hardware revision; None where none is known.
        firmware: expected firmware as a pattern (`fnmatch`); None for any.
        firmware_compatibility_matrix: engine name to patterns of firmware it may run on; empty for no statement.
        build_id, signing_cert_fingerprint: of the image on the device, where the lab states them.
        identity: checked before the first cycle; a mismatch refuses the run.
        connection: `local` for this machine; others come with their targets.
        meter: None for a device without one: energy and power are then absent.
        calibration: path of the meter's calibration record; None for an uncalibrated meter.
        calibrations: the same of each calibrated channel of a group.
        start_temperature_c: a sitting begins no hotter than this; None for no rule.
        job_s, reply_s: limits for one sitting (default 1800 s) and for one answer of the device (default 5 s).
        retries: attempts at a sitting after a bench error (default 2).
        power_cycle: run after each bench error; None where the power cannot be switched.
        path, sha256: the file and its digest.
    """

    id: str
    board: Board
    hw_revision: str | None
    firmware: str | None
    firmware_compatibility_matrix: Mapping[str, Sequence[str]]
    build_id: str | None
    signing_cert_fingerprint: str | None
    identity: Identity
    connection: str
    meter: Meter | None
    calibration: Path | None
    start_temperature_c: float | None
    job_s: float
    reply_s: float
    retries: int
    path: Path
    sha256: str
    calibrations: Mapping[str, Path] = field(default_factory=dict)
    power_cycle: PowerCycle | None = None
