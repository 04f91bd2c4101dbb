"""This module looks which meters this machine could use, and changes nothing about them."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from harness.errors import MeterError
from harness.meters.hwmon import chips
from harness.meters.i2c import RegisterBus
from harness.meters.identity import is_ina226, misfit
from harness.meters.iio import iio_devices
from harness.meters.ina226 import DIE_ID, MANUFACTURER_ID
from harness.meters.ina3221 import CHIP, rails
from harness.meters.monitor import CONFIG
from harness.meters.pmic import COMMAND
from harness.meters.rapl import PERMISSION, zones
from harness.meters.sysfs import ROOT, children

QUANTITIES = ("power*_input", "power*_average", "energy*_input", "curr*_input")
"""Attributes of hwmon that are power, or a factor of it."""
IIO_CHIPS = "ina2"
"""Names of the chips of the driver ina2xx-adc begin so."""
INA226 = "an INA226"
ADDRESSES = range(0x40, 0x50)
"""Where an INA226 and its relatives can be (TI SBOS547B table 6-2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One meter that is there.

    Attributes:
        kind: `meter.kind` that reads it.
        what: keys and values that name it in a device's file.
        note: what stands in the way, or is to be known; empty for nothing.
    """

    kind: str
    what: str
    note: str = ""


def sightings(root: Path = ROOT) -> Iterator[Sighting]:
    """Every meter this machine shows, by kind."""
    yield from _on_lines(root)
    yield from _in_sysfs(root)
    if (root / "dev/nvidia0").exists():
        yield Sighting(kind="nvml", what="gpu: 0", note="needs pip install 'pareto-harness[nvml]'")
    if shutil.which(COMMAND):
        yield Sighting(kind="pmic", what="", note="of a Raspberry Pi 5; older ones have none")


def _on_lines(root: Path) -> Iterator[Sighting]:
    for path in children(root / "dev", "i2c-*"):
        note = "" if os.access(path, os.R_OK | os.W_OK) else "no right to open it: join the group i2c"
        yield Sighting(kind="ina226", what=f"bus: {{kind: i2c, path: {path}}}", note=note)
    for path in children(root / "dev/serial/by-id", "*"):
        note = "if it is a bridge of an INA226"
        yield Sighting(kind="ina226", what=f"bus: {{kind: bridge, port: {path}}}", note=note)


def _in_sysfs(root: Path) -> Iterator[Sighting]:
    for rail in rails(root):
        yield Sighting(kind="ina3221", what=f"rails: [{rail.label}]", note=f"on {rail.device}")
    for chip in chips(root):
        found = [path.name for pattern in QUANTITIES for path in children(chip.path, pattern)]
        if found and chip.name != CHIP:
            device = f", device: {chip.device}" if chip.device else ""
            yield Sighting(kind="hwmon", what=f"chip: {chip.name}{device}", note=f"has {', '.join(found)}")
    for device, name in iio_devices(root):
        if name.startswith(IIO_CHIPS):
            yield Sighting(kind="iio", what=f"chip: {name}, device: {device}")
    for zone in zones(root):
        readable = os.access(zone.path / "energy_uj", os.R_OK)
        yield Sighting(kind="rapl", what=f"zone: {zone.name}", note="" if readable else PERMISSION)


def neighbours(registers: Callable[[int], RegisterBus]) -> Iterator[tuple[int, str]]:
    """What answers at each address an INA226 can have; silent addresses are left out.

    Args:
        registers: gives those of an address; fails with MeterError where nothing answers.
    """
    for address in ADDRESSES:
        try:
            with closing(registers(address)) as chip:
                manufacturer, die = chip.read_u16(MANUFACTURER_ID), chip.read_u16(DIE_ID)
                config = chip.read_u16(CONFIG)
        except (MeterError, OSError):
            continue
        words = (manufacturer, die)
        yield address, INA226 if is_ina226(*words) else misfit(*words, config)
