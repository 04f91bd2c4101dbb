"""This module opens the registers a profile names: on a bus of this machine, or of the modelled chip."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager

from harness.errors import MeterError
from harness.meters.i2c import I2cBus, RegisterBus, open_i2c
from harness.profile import Ina226Group, Ina226Meter


def open_bus(meter: Ina226Meter, subject_pid: int | None) -> RegisterBus:
    """Registers of the meter's chip; the caller closes them.

    Args:
        meter: says how the chip is reached.
        subject_pid: process whose CPU use feeds a simulated chip; a real one does not need it.

    Raises:
        MeterError: the bus cannot be opened, or the profile does not say enough.
    """
    match meter.bus.kind:
        case "i2c" if meter.bus.path is not None:
            return open_i2c(meter.bus.path, meter.address)
        case "simulated":
            return _simulated(meter, subject_pid)
    raise MeterError(
        f"meter.bus: expected kind i2c with a path, or kind simulated; found kind {meter.bus.kind} "
        f"with path {meter.bus.path}"
    )


@contextmanager
def open_buses(group: Ina226Group, subject_pid: int | None) -> Iterator[Mapping[str, RegisterBus]]:
    """Registers of each chip of a group, by channel; a bus of this machine is opened once, for all of them.

    Args:
        group: says how the chips are reached.
        subject_pid: process whose CPU use feeds simulated chips; real ones do not need it.

    Raises:
        MeterError: the bus cannot be opened, or a chip does not answer.
    """
    with ExitStack() as stack:
        if group.bus.kind != "i2c" or group.bus.path is None:
            yield {
                name: stack.enter_context(closing(open_bus(chip, subject_pid)))
                for name, chip in group.channels.items()
            }
            return
        bus = stack.enter_context(I2cBus(group.bus.path))
        yield {name: bus.registers(chip.address) for name, chip in group.channels.items()}


def _simulated(meter: Ina226Meter, subject_pid: int | None) -> RegisterBus:
    # Only a simulated bench needs the model of the chip.
    from harness.meters.cpuclock import CpuClock  # noqa: PLC0415
    from harness.meters.simulated import REGISTER_BITS, SimulatedIna226  # noqa: PLC0415
    from harness.meters.waveforms import CpuWaveform  # noqa: PLC0415

    waveform = meter.bus.waveform
    if waveform is None or waveform.kind != "cpu" or subject_pid is None:
        raise MeterError(
            "meter.bus: a simulated chip needs a waveform of kind cpu and a process to watch; "
            f"found waveform {waveform} and process {subject_pid}"
        )
    used_ns = CpuClock(subject_pid)
    used_ns.open()
    return SimulatedIna226(
        CpuWaveform(used_ns, idle_w=waveform.idle_w, core_w=waveform.core_w),
        rail_v=waveform.rail_v,
        shunt_ohm=meter.shunt_ohm,
        vbus_tap=meter.vbus_tap,
        errors=meter.bus.chip,
        wire_s=0.0 if meter.bus.clock_hz is None else REGISTER_BITS / meter.bus.clock_hz,
        release=used_ns.close,
        access={"cpu_clock": used_ns.source, "bus_clock_hz": meter.bus.clock_hz},
    )
