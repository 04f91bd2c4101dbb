"""Which meters a machine shows."""

from pathlib import Path

import pytest

from harness.meters.sightings import neighbours, sightings
from harness.meters.virtual import VirtualClock

from .rigs import chip
from .test_instruments import plant_iio
from .trees import hwmon, plant, rapl


def test_a_bare_machine_shows_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is invented."""
    monkeypatch.setenv("PATH", "")

    assert [] == list(sightings(tmp_path))


def test_each_kind_is_seen_with_what_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are those of a device's file; chips without power and rails without a label are left out."""
    monkeypatch.setenv("PATH", "")
    plant_iio(tmp_path, [])
    plant(tmp_path / "dev", {"i2c-1": "", "nvidia0": "", "serial/by-id/usb-bridge": ""})
    hwmon(tmp_path, 0, "cpu_thermal", "soc", temp1_input=40_000)
    hwmon(tmp_path, 1, "ina226", "1-0040", power1_input=1, curr1_input=1)
    hwmon(tmp_path, 2, "ina3221", "1-0041", in1_label="VDD_IN", curr1_input=1)
    rapl(tmp_path, "intel-rapl:0", "package-0")

    assert [
        ("ina226", f"bus: {{kind: i2c, path: {tmp_path}/dev/i2c-1}}"),
        ("ina226", f"bus: {{kind: bridge, port: {tmp_path}/dev/serial/by-id/usb-bridge}}"),
        ("ina3221", "rails: [VDD_IN]"),
        ("hwmon", "chip: ina226, device: 1-0040"),
        ("iio", "chip: ina226, device: iio:device0"),
        ("rapl", "zone: package-0"),
        ("nvml", "gpu: 0"),
    ] == [(one.kind, one.what) for one in sightings(tmp_path)]


def test_neighbours_are_told_apart() -> None:
    """Only what says it is an INA226 is called one; silence is left out."""
    clock = VirtualClock(10**9)

    class Other:
        """A chip with other words."""

        def read_u16(self, register: int) -> int:
            """INA3221 (TI SBOS576)."""
            return {0xFE: 0x5449, 0xFF: 0x3220}.get(register, 0)

        def close(self) -> None:
            """Nothing to let go of."""

    class Silent(Other):
        """Nothing."""

        def read_u16(self, register: int) -> int:
            """No answer."""
            raise OSError(121, f"Remote I/O error at {register:#04x}")

    there = {0x40: chip(clock), 0x44: Other()}
    found = dict(neighbours(lambda address: there.get(address, Silent())))

    assert [0x40, 0x44] == list(found)
    assert "an INA226" == found[0x40]
    assert "an INA3221" in found[0x44]
