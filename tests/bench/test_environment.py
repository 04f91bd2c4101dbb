"""A device says what it is, as far as it can; what it cannot say is absent."""

from pathlib import Path

import pytest

from harness import environment
from harness.environment import read_environment, read_identity

PI: dict[str, bytes] = {
    "compatible": b"raspberrypi,5-model-b\0brcm,bcm2712\0",
    "model": b"Raspberry Pi 5 Model B Rev 1.0\0",
    "system/linux,revision": b"\x00\xd0\x41\x70",
    "chosen/bootloader/build-timestamp": (1_778_200_000).to_bytes(4, "big"),
}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose kernel shows neither device tree nor processors nor temperatures nor schedules."""
    for name in ("_TREE", "_CPU", "_THERMAL", "_SCHEDULE"):
        monkeypatch.setattr(environment, name, tmp_path / name)
    return tmp_path


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Make the files."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_device_tree(bare: Path) -> None:
    """A Raspberry Pi says its compatible names, revision and the day of its boot firmware in its device tree."""
    write(bare / "_TREE", PI)
    found = read_identity()

    assert ["raspberrypi,5-model-b", "brcm,bcm2712"] == found["dt-compatible"]
    assert "1.0" == found["hw_revision"]
    assert "Raspberry Pi 5 Model B Rev 1.0" == found["model"]
    assert "2026-05-08" == environment._bootloader_date()


def test_absent_is_absent(bare: Path) -> None:
    """Nothing stands in for what cannot be read."""
    assert not list(bare.iterdir())
    found = read_identity()

    assert "dt-compatible" not in found
    assert "" not in found.values()
    assert None not in found.values()
    assert {"load_1min"} == set(read_environment())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"2500000000 500000000 12\n", {"thread_ran_s": 2.5, "thread_waited_s": 0.5}),
        (b"0 0 0\n", {}),  # a kernel that keeps no account
        (b"2500000000\n", {}),
        (b"no account\n", {}),
    ],
    ids=["kept", "not kept", "short", "text"],
)
def test_time_that_other_work_took(bare: Path, text: bytes, found: dict[str, float]) -> None:
    """How long the asking thread ran, and waited for the processor, is told in seconds where the kernel counts it."""
    (bare / "_SCHEDULE").write_bytes(text)
    told = read_environment()

    assert found == {key: value for key, value in told.items() if key.startswith("thread_")}


def test_clocks_and_temperatures(bare: Path) -> None:
    """Clocks come in hertz and temperatures in degrees, by the kernel's names; noise is left out."""
    write(
        bare,
        {
            "_CPU/cpu0/cpufreq/scaling_cur_freq": b"2400000\n",
            "_CPU/cpu0/cpufreq/scaling_governor": b"performance\n",
            "_CPU/cpu1/cpufreq/scaling_cur_freq": b"<unknown>\n",
            "_CPU/cpu0/thermal_throttle/core_throttle_count": b"3\n",
            "_THERMAL/thermal_zone0/temp": b"45500\n",
            "_THERMAL/thermal_zone0/type": b"cpu-thermal\n",
            "_THERMAL/thermal_zone1/temp": b"error\n",
        },
    )
    found = read_environment()

    assert {"cpu0": 2_400_000_000} == found["clock_hz"]
    assert ["performance"] == found["governor"]
    assert {"cpu0": 3} == found["throttle_count"]
    assert {"thermal_zone0 cpu-thermal": 45.5} == found["temperature_c"]


def test_this_machine() -> None:
    """This machine knows its architecture, its memory and its processors."""
    found = read_identity()

    assert found["machine"]
    assert found["memory_bytes"] > 1 << 26
    assert found["cpus"] >= 1
