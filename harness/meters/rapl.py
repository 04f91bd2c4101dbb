"""This module reads the energy counters that x86 processors show in the kernel's powercap tree (RAPL).

Documentation/power/powercap/powercap.rst: `energy_uj` counts uJ and begins again after `max_energy_range_uj`.
Zones are found by name: their numbers are not those of the packages, and the memory-mapped tree repeats them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import MeterError
from harness.instruments import RaplMeter
from harness.meters import Stream
from harness.meters.counter import Counted
from harness.meters.sysfs import ROOT, Attribute, children, number, text_or_none
from harness.names import hint

UNIT_J = 1e-6
PERMISSION = (
    "since Linux 5.10 only root may read it, because the counter told secrets of other programs "
    "(CVE-2020-8694); run as root, or let a group read it: chgrp GROUP FILE; chmod g+r FILE"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A counter.

    Attributes:
        name: such as `package-0`, or `package-0/dram` of a subzone.
        path: its folder.
    """

    name: str
    path: Path


def zones(root: Path = ROOT) -> Iterator[Zone]:
    """Every counter of the tree, each package followed by its parts."""
    for path in children(root / "sys/class/powercap", "intel-rapl:*"):
        name = text_or_none(path / "name")
        if name is None:
            continue
        number_of_parents = path.name.count(":") - 1
        if number_of_parents:
            parent = text_or_none(path.parent / path.name.rpartition(":")[0] / "name")
            name = f"{parent}/{name}"
        yield Zone(name=name, path=path)


class Rapl:
    """One zone; a `Counter`.

    Args:
        meter: which.
        root: above `sys`.
    """

    def __init__(self, meter: RaplMeter, root: Path = ROOT) -> None:
        self._meter = meter
        self._root = root
        self._attribute: Attribute | None = None
        self.span: int | None = None

    def open(self) -> Mapping[str, Any]:
        """Find the zone and open its counter."""
        found = {zone.name: zone for zone in zones(self._root)}
        zone = found.get(self._meter.zone)
        if zone is None:
            shown = (
                hint(self._meter.zone, found) if found else "this machine has none (virtual ones seldom do)"
            )
            raise MeterError(f"meter.zone: there is no RAPL zone {self._meter.zone}; {shown}")
        attribute = Attribute(zone.path / "energy_uj")
        try:
            attribute.open()
        except MeterError as error:
            if isinstance(error.__cause__, PermissionError):
                raise MeterError(f"{attribute.path}: permission denied; {PERMISSION}") from error
            raise
        self._attribute = attribute
        # The counter runs from 0 to its largest value, both included.
        self.span = round(number(zone.path / "max_energy_range_uj")) + 1
        return {"chip": "RAPL", "zone": zone.name, "path": str(zone.path)}

    def read(self) -> int:
        """The count in uJ."""
        if self._attribute is None:
            raise MeterError("the RAPL counter is not open")
        return self._attribute.read()

    def close(self) -> None:
        """Close the counter."""
        if self._attribute is not None:
            self._attribute.close()


def open_rapl(meter: RaplMeter, root: Path = ROOT) -> Stream:
    """The stream of a zone, not yet opened."""
    return Counted(Rapl(meter, root), unit_j=UNIT_J, origin=meter.origin, period_s=meter.period_s)
