"""This module reads rails of the INA3221 monitors that NVIDIA's Jetson modules carry, by the rails' labels.

The kernel's driver (Documentation/hwmon/ina3221.rst) gives mV and mA; their product is whole uW. What the carrier
board takes beside the module is seen by no rail but a total such as VDD_IN of the Orin Nano.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import MeterError
from harness.instruments import Ina3221Meter
from harness.meters import Stream
from harness.meters.hwmon import UNIT_A, UNIT_V, UNIT_W, chips, pair
from harness.meters.polled import Polled
from harness.meters.scale import Scale
from harness.meters.sysfs import ROOT, Attribute, children, number, text_or_none
from harness.meters.word import PowerWord, Readout, split
from harness.names import hint

CHIP = "ina3221"
NOT_CONNECTED = "NC"
SUM_CHANNEL = 7
"""`in7` is the sum of shunt voltages, no rail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """One channel of one chip.

    Attributes:
        label: name of the rail.
        folder: of the chip.
        channel: 1 to 3.
        device: base name of the device behind the chip.
    """

    label: str
    folder: Path
    channel: int
    device: str


def rails(root: Path = ROOT) -> Iterator[Rail]:
    """Every labelled rail that is connected."""
    for chip in chips(root):
        if chip.name != CHIP:
            continue
        for path in children(chip.path, "in*_label"):
            label = text_or_none(path)
            channel = path.name.removeprefix("in").removesuffix("_label")
            if label and label != NOT_CONNECTED and channel.isdecimal() and int(channel) < SUM_CHANNEL:
                yield Rail(label=label, folder=chip.path, channel=int(channel), device=chip.device)


class Ina3221:
    """Power of the rails of a profile; a `Source`. One rail keeps its mA and mV, several the sum of their uW.

    Args:
        meter: which rails.
        root: above `sys`.
    """

    def __init__(self, meter: Ina3221Meter, root: Path = ROOT) -> None:
        self._meter = meter
        self._root = root
        self._pairs: list[tuple[Attribute, Attribute]] = []
        self.readout: Readout = PowerWord(unit_w=UNIT_W)
        self.update_s: float | None = None

    def open(self) -> Mapping[str, Any]:
        """Find the rails and open current and voltage of each."""
        found = {rail.label: rail for rail in rails(self._root)}
        missing = [label for label in self._meter.rails if label not in found]
        if missing:
            raise MeterError(
                f"meter.rails: no INA3221 has a rail {missing[0]}; {hint(missing[0], found)} "
                "(rails differ between modules: `harness meter list` shows those of this one)"
            )
        for label in self._meter.rails:
            rail = found[label]
            current = Attribute(rail.folder / f"curr{rail.channel}_input")
            voltage = Attribute(rail.folder / f"in{rail.channel}_input")
            self._pairs.append((current, voltage))
            current.open()
            voltage.open()
        used = [found[label] for label in self._meter.rails]
        updates_s = []
        for folder in {rail.folder for rail in used}:
            with suppress(MeterError):
                updates_s.append(number(folder / "update_interval") * 1e-3)
        self.update_s = max(updates_s, default=None)
        if len(used) == 1:
            self.readout = Scale(shunt_ohm=1.0, vbus_tap="load", shunt_lsb_v=UNIT_A, bus_lsb_v=UNIT_V)
        return {
            "chip": CHIP,
            "rails": {rail.label: f"{rail.device} channel {rail.channel}" for rail in used},
            "shunt_ohm": {rail.label: _shunt_ohm(rail) for rail in used},
            "samples": {rail.device: text_or_none(rail.folder / "samples") for rail in used},
        }

    def read(self) -> tuple[int, int]:
        """Current and voltage of the one rail, or halves of the sum of uW."""
        readings = [(current.read(), voltage.read()) for current, voltage in self._pairs]
        if len(readings) == 1:
            return pair(*readings[0], CHIP)
        return split(sum(current_ma * voltage_mv for current_ma, voltage_mv in readings))

    def close(self) -> None:
        """Close all attributes."""
        while self._pairs:
            for attribute in self._pairs.pop():
                attribute.close()


def _shunt_ohm(rail: Rail) -> float | None:
    """The shunt as the kernel was told; None where it does not say."""
    path = rail.folder / f"shunt{rail.channel}_resistor"
    return None if text_or_none(path) is None else number(path) * 1e-6


def open_ina3221(meter: Ina3221Meter, root: Path = ROOT) -> Stream:
    """The stream of the rails, not yet opened."""
    return Polled(Ina3221(meter, root), origin=meter.origin, period_s=meter.period_s)
