"""The trees that stand in for sysfs hold what the kernel would show."""

from pathlib import Path

from .trees import LivingClock, hwmon, plant, rapl


def test_a_planted_file_ends_in_a_newline(tmp_path: Path) -> None:
    """An attribute is its value and a newline, as the kernel writes it."""
    plant(tmp_path, {"a/b": 5})

    assert "5\n" == (tmp_path / "a/b").read_text()


def test_a_chip_knows_the_device_behind_it(tmp_path: Path) -> None:
    """The link `device` leads to a folder named as the device."""
    folder = hwmon(tmp_path, 3, "ina226", "1-0040", in1_input=5000)

    assert "1-0040" == (folder / "device").resolve().name
    assert ["device", "in1_input", "name"] == sorted(path.name for path in folder.iterdir())


def test_a_zone_states_its_largest_count(tmp_path: Path) -> None:
    """`max_energy_range_uj` is the last count before 0."""
    folder = rapl(tmp_path, "intel-rapl:0", "package-0", span=1000)

    assert "999\n" == (folder / "max_energy_range_uj").read_text()


def test_a_living_clock_tells_of_its_passing() -> None:
    """Each sleep calls the change with the new reading."""
    seen: list[int] = []
    clock = LivingClock(seen.append)
    clock.sleep(0.5)

    assert [1_500_000_000] == seen == [clock()]
