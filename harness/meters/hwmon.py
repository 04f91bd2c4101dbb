"""This module reads power, energy, or current and voltage from a sensor of the kernel's hwmon tree.

Units are those of Documentation/hwmon/sysfs-interface.rst: uW, uJ, mA, mV.

The kernel's ina2xx driver works in whole uA per count of the current register, and so has a gain error wherever
2.5 V / shunt is not whole: +5.6 % at 330 mohm. It is computed from `shunt_resistor` and undone here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import MeterError
from harness.instruments import HwmonMeter
from harness.meters import Stream
from harness.meters.counter import Counted
from harness.meters.polled import Polled
from harness.meters.scale import Scale
from harness.meters.sysfs import ROOT, Attribute, children, number, text_or_none
from harness.meters.word import PowerWord, Readout, split

UNIT_J = 1e-6
UNIT_W = 1e-6
UNIT_A = 1e-3
UNIT_V = 1e-3

CURRENT_DIVIDENDS = {
    "ina219": 10_000_000,
    "ina220": 10_000_000,
    "ina226": 2_500_000,
    "ina230": 2_500_000,
    "ina231": 2_500_000,
}
"""uA x uohm of one count: 1e9 / shunt_div of drivers/hwmon/ina2xx.c (v6.13), by the chip's name."""
POWER_FACTORS = {"ina219": 20, "ina220": 20, "ina226": 25, "ina230": 25, "ina231": 25}
"""Counts of power are this many times those of current, there."""
LARGEST_UW = (1 << 31) - 1
"""A power the driver computes above this wraps in 32 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One chip of the tree.

    Attributes:
        path: its folder.
        name: what it calls itself.
        device: base name of the device behind it; empty where there is none.
    """

    path: Path
    name: str
    device: str


def chips(root: Path = ROOT) -> Iterator[Chip]:
    """Every chip the kernel shows, in the order of their numbers, which change from boot to boot."""
    for path in children(root / "sys/class/hwmon", "hwmon*"):
        name = text_or_none(path / "name")
        if name is not None:
            behind = path / "device"
            yield Chip(path=path, name=name, device=behind.resolve().name if behind.exists() else "")


def find_chip(name: str, device: str | None, root: Path = ROOT) -> Chip:
    """The one chip of this name, on this device where one is named.

    Raises:
        MeterError: there is none, or more than one.
    """
    all_chips = list(chips(root))
    found = [chip for chip in all_chips if chip.name == name and device in (None, chip.device)]
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"{chip.name} on {chip.device or 'no device'}" for chip in all_chips) or "none at all"
    wanted = f"{name} on {device}" if device else name
    if found:
        raise MeterError(
            f"meter.chip: {len(found)} hwmon chips are called {wanted}; name one by meter.device ({there})"
        )
    raise MeterError(
        f"meter.chip: the kernel shows no hwmon chip {wanted}; it shows {there}. Is its driver loaded?"
    )


def rounding_gain(name: str, shunt_ohm: float) -> float:
    """What the driver's current and power are to be multiplied with; 1 where its count is a whole number of uA.

    Args:
        name: of the chip.
        shunt_ohm: as the driver was told.
    """
    dividend = CURRENT_DIVIDENDS.get(name)
    if dividend is None:
        return 1.0
    shunt_uohm = round(shunt_ohm * 1e6)
    return dividend / shunt_uohm / current_lsb_ua(dividend, shunt_uohm)


def current_lsb_ua(dividend: int, shunt_uohm: int) -> int:
    """One count of current as the driver uses it: DIV_ROUND_CLOSEST(dividend, shunt) in whole uA.

    Raises:
        MeterError: the shunt is so large that the driver's count is 0 uA, and all its currents are 0.
    """
    lsb_ua = (dividend + shunt_uohm // 2) // shunt_uohm
    if lsb_ua == 0:
        raise MeterError(
            f"shunt_resistor: with {shunt_uohm} uohm the kernel's driver rounds one count of current to 0 uA; "
            "read the chip over I2C instead (meter.kind ina226)"
        )
    return lsb_ua


class HwmonPower:
    """Power, or current and voltage, of one chip; a `Source`.

    Args:
        meter: which.
        root: above `sys`.
    """

    def __init__(self, meter: HwmonMeter, root: Path = ROOT) -> None:
        self._meter = meter
        self._root = root
        self._attributes: list[Attribute] = []
        self.readout: Readout = PowerWord(unit_w=UNIT_W)
        self.update_s: float | None = None

    def open(self) -> Mapping[str, Any]:
        """Find the chip and open its attributes."""
        meter = self._meter
        chip = find_chip(meter.chip, meter.device, self._root)
        update_ms = text_or_none(chip.path / "update_interval")
        self.update_s = None if update_ms is None else number(chip.path / "update_interval") * 1e-3
        shunt_ohm = self._shunt_ohm(chip)
        gain = 1.0 if shunt_ohm is None else rounding_gain(chip.name, shunt_ohm)
        if meter.power is not None:
            _refuse_overflow(chip.name, shunt_ohm)
            self.readout = PowerWord(unit_w=UNIT_W * gain)
        else:
            ohm = shunt_ohm or 1.0
            self.readout = Scale(
                shunt_ohm=ohm, vbus_tap="load", shunt_lsb_v=UNIT_A * gain * ohm, bus_lsb_v=UNIT_V
            )
        for name in filter(None, (meter.power, meter.current, meter.voltage)):
            attribute = Attribute(chip.path / name)
            attribute.open()
            self._attributes.append(attribute)
        return {
            "chip": chip.name,
            "device": chip.device,
            "attributes": [attribute.path.name for attribute in self._attributes],
            "shunt_ohm": shunt_ohm,
            "rounding_gain": gain,
        }

    def read(self) -> tuple[int, int]:
        """Halves of the power, or current and voltage."""
        if len(self._attributes) == 1:
            return split(self._attributes[0].read())
        current_ma, voltage_mv = (attribute.read() for attribute in self._attributes)
        return pair(current_ma, voltage_mv, self._meter.chip)

    def close(self) -> None:
        """Close the attributes."""
        while self._attributes:
            self._attributes.pop().close()

    def _shunt_ohm(self, chip: Chip) -> float | None:
        path = chip.path / "shunt_resistor"
        if text_or_none(path) is None:
            return None
        shunt_uohm = number(path)
        if shunt_uohm <= 0:
            raise MeterError(f"{path}: found {shunt_uohm:g}, expected the shunt in uohm")
        return shunt_uohm * 1e-6


class HwmonEnergy:
    """Energy one chip has counted; a `Counter`.

    Args:
        meter: which.
        root: above `sys`.
    """

    span: int | None = None

    def __init__(self, meter: HwmonMeter, root: Path = ROOT) -> None:
        self._meter = meter
        self._root = root
        self._attribute: Attribute | None = None

    def open(self) -> Mapping[str, Any]:
        """Find the chip and open its counter."""
        chip = find_chip(self._meter.chip, self._meter.device, self._root)
        self._attribute = Attribute(chip.path / str(self._meter.energy))
        self._attribute.open()
        return {"chip": chip.name, "device": chip.device, "attributes": [self._attribute.path.name]}

    def read(self) -> int:
        """The count in uJ."""
        if self._attribute is None:
            raise MeterError("the hwmon counter is not open")
        return self._attribute.read()

    def close(self) -> None:
        """Close the counter."""
        if self._attribute is not None:
            self._attribute.close()


def open_hwmon(meter: HwmonMeter, root: Path = ROOT) -> Stream:
    """The stream of a hwmon chip, not yet opened."""
    if meter.energy is not None:
        return Counted(
            HwmonEnergy(meter, root), unit_j=UNIT_J, origin=meter.origin, period_s=meter.period_s or 0.01
        )
    return Polled(HwmonPower(meter, root), origin=meter.origin, period_s=meter.period_s)


def pair(current_ma: int, voltage_mv: int, what: str) -> tuple[int, int]:
    """Current and voltage as the two integers of a sample.

    Raises:
        MeterError: one does not fit.
    """
    if not (-0x8000 <= current_ma <= 0x7FFF and 0 <= voltage_mv <= 0xFFFF):
        raise MeterError(
            f"{what}: found {current_ma} mA at {voltage_mv} mV, expected up to 32767 mA and 0 to 65535 mV; "
            "use a power attribute instead"
        )
    return current_ma, voltage_mv


def _refuse_overflow(name: str, shunt_ohm: float | None) -> None:
    if shunt_ohm is None or name not in CURRENT_DIVIDENDS:
        return
    lsb_ua = current_lsb_ua(CURRENT_DIVIDENDS[name], round(shunt_ohm * 1e6))
    if POWER_FACTORS[name] * lsb_ua * 0xFFFF > LARGEST_UW:
        raise MeterError(
            f"meter.power: with a shunt of {shunt_ohm * 1e3:g} mohm the kernel's driver computes a power that may "
            "overflow its 32 bits; name meter.current and meter.voltage instead"
        )
