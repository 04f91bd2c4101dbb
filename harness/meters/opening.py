"""This module opens the stream of the meter that a profile names, whatever its kind."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

from harness.instruments import Instrument, PluginMeter, instrument_from
from harness.meters import Stream
from harness.meters.bus import open_bus, open_buses
from harness.meters.group import GroupStream
from harness.meters.ina226 import Ina226
from harness.profile import Bus, ChipErrors, Ina226Group, Ina226Meter, Waveform

INA226 = "ina226"
GROUP = "ina226-group"


def meter_from(record: Mapping[str, Any]) -> Ina226Meter | Ina226Group | Instrument:
    """The meter that `dataclasses.asdict` took apart for the way through a pipe."""
    if record["kind"] == INA226:
        return _chip_from(record)
    if record["kind"] == GROUP:
        chips = {name: _chip_from(chip) for name, chip in record["channels"].items()}
        return Ina226Group(**{**record, "channels": chips, "total": tuple(record["total"])})
    return instrument_from(record)


def _chip_from(record: Mapping[str, Any]) -> Ina226Meter:
    bus = record["bus"]
    return Ina226Meter(
        **{
            **record,
            "bus": Bus(
                **{
                    **bus,
                    "waveform": bus["waveform"] and Waveform(**bus["waveform"]),
                    "chip": bus["chip"] and ChipErrors(**bus["chip"]),
                }
            ),
        }
    )


def open_stream(
    meter: Ina226Meter | Ina226Group | Instrument, subject_pid: int | None
) -> AbstractContextManager[Stream]:
    """The meter's stream; it is set up on entry and restored on exit.

    Args:
        meter: as the profile has it.
        subject_pid: process whose CPU use feeds a simulated chip; a real meter does not need it.

    Raises:
        FileError: nothing can open this kind of meter.
        MeterError: it cannot be opened; raised here or on entry.
    """
    if isinstance(meter, Ina226Meter):
        return _ina226(meter, subject_pid)
    if isinstance(meter, Ina226Group):
        return _group(meter, subject_pid)
    # Looking through the installed distributions takes time that an INA226 does not need.
    from harness.registry import find_meter  # noqa: PLC0415

    opener = find_meter(meter.name if isinstance(meter, PluginMeter) else meter.kind)
    stream: AbstractContextManager[Stream] = opener(meter)
    return stream


@contextmanager
def _ina226(meter: Ina226Meter, subject_pid: int | None) -> Iterator[Stream]:
    if meter.bus.kind == "bridge":
        # Only a bridge needs its clock mapped and its frames found.
        from harness.meters.bridge import Bridge  # noqa: PLC0415

        with Bridge(meter) as bridge:
            yield bridge
        return
    with closing(open_bus(meter, subject_pid)) as bus, Ina226(meter, bus) as stream:
        yield stream


@contextmanager
def _group(group: Ina226Group, subject_pid: int | None) -> Iterator[Stream]:
    with open_buses(group, subject_pid) as buses, GroupStream(group, buses) as stream:
        yield stream
