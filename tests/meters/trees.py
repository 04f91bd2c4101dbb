"""Trees of small files that stand in for the kernel's sysfs, and a clock that lets them change."""

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.meters.virtual import VirtualClock


def plant(folder: Path, files: Mapping[str, object]) -> Path:
    """Write files below a folder, by their relative paths, each with a newline; gives the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n", encoding="utf-8")
    return folder


def hwmon(root: Path, number: int, name: str, device: str, **files: object) -> Path:
    """A chip in the hwmon tree, with the link to the device behind it."""
    behind = root / "sys/bus/i2c/devices" / device
    behind.mkdir(parents=True, exist_ok=True)
    folder = plant(root / f"sys/class/hwmon/hwmon{number}", {"name": name, **files})
    (folder / "device").symlink_to(behind)
    return folder


def rapl(root: Path, zone: str, name: str, *, count: int = 0, span: int = 262_143_328_850) -> Path:
    """A zone in the powercap tree."""
    files = {"name": name, "energy_uj": count, "max_energy_range_uj": span - 1}
    return plant(root / "sys/class/powercap" / zone, files)


class LivingClock(VirtualClock):
    """Virtual time whose passing changes the world.

    Args:
        change: called with the new reading after each sleep.
    """

    def __init__(self, change: Callable[[int], None] = lambda _: None) -> None:
        super().__init__(10**9)
        self.change = change

    def sleep(self, duration_s: float) -> None:
        """Let time pass, then the world change."""
        super().sleep(duration_s)
        self.change(self.now_ns)
