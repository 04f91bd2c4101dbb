"""The kernel's i2c-stub as a chip whose registers are set at will, and the drivers that can be bound to it.

The stub is memory: it keeps what is written, read-only or not. A register of an INA226 is big endian and an SMBus
word little endian, so its cells hold the bytes swapped.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from smbus2 import SMBus

from harness.meters.identity import swapped

MODULES = Path(os.environ["HARNESS_MODULES"])
POWER_ON = {0: 0x4127, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0, 0xFE: 0x5449, 0xFF: 0x2260}
"""TI SBOS547B table 7-1."""


def adapter() -> Path:
    """Folder of the stub's bus in sysfs; its number depends on what else there is."""
    [found] = (
        path for path in Path("/sys/bus/i2c/devices").glob("i2c-*") if "stub" in (path / "name").read_text()
    )
    return found


def device_node() -> str:
    """Device node of the stub's bus."""
    return f"/dev/{adapter().name}"


class StubChip:
    """One of the addresses of the stub, written past any kernel driver.

    Args:
        address: 0x40, 0x41 or 0x44.
    """

    def __init__(self, address: int) -> None:
        self.address = address

    def power_on(self) -> None:
        """All registers as after power-on."""
        self.set(POWER_ON)

    def set(self, registers: dict[int, int]) -> None:
        """Change registers; negative values as two's complement."""
        for register, value in registers.items():
            _bus().write_word_data(self.address, register, swapped(value & 0xFFFF), force=True)

    def converted(self, shunt: int, bus: int) -> None:
        """What a conversion leaves with CALIBRATION at 2048: all results, and the flag (TI SBOS547B, section 7.1)."""
        power = min(abs(shunt) * bus // 20_000, 0xFFFF)
        self.set({1: shunt, 2: bus, 3: power, 4: shunt, 6: 0x0008})

    def register(self, number: int) -> int:
        """Value of a register."""
        return swapped(_bus().read_word_data(self.address, number, force=True))


@cache
def _bus() -> SMBus:
    """The stub's bus, open as long as the guest lives."""
    return SMBus(device_node())


def load(*names: str) -> None:
    """Load modules of the kernel, in this order."""
    for name in names:
        subprocess.run([os.environ["HARNESS_BUSYBOX"], "insmod", MODULES / name], check=True)


def unload(name: str) -> None:
    """Unload a module of the kernel."""
    subprocess.run([os.environ["HARNESS_BUSYBOX"], "rmmod", name], check=True)


@contextmanager
def bound(address: int) -> Iterator[None]:
    """A kernel driver of the INA226 holds the chip at this address."""
    (adapter() / "new_device").write_text(f"ina226 {address:#x}\n")
    try:
        yield
    finally:
        (adapter() / "delete_device").write_text(f"{address:#x}\n")
