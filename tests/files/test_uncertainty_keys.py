"""What a device's file says of its meter for the uncertainty budget, and what holds when it says nothing."""

from pathlib import Path

import pytest

from harness.catalog import load_board
from harness.errors import FileError
from harness.profile import Device, Ina226Meter
from harness.schema import read_device
from harness.shipped import shipped_path

KEYS = ("chip", "shunt_tolerance", "shunt_tcr_per_k", "temperature_span_k", "supply_v")


def device_with(folder: Path, *lines: str) -> Device:
    """The shipped host with these lines in place of the keys of the budget."""
    text = (shipped_path("devices") / "host.yaml").read_text(encoding="utf-8")
    kept: list[str] = []
    for line in text.splitlines():
        if not line.startswith(tuple(f"  {key}:" for key in KEYS)):
            kept.append(line)
        if line.startswith("  boundary:"):
            kept += [f"  {each}" for each in lines]
    path = folder / "host.yaml"
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return read_device(path, load_board)


def test_nothing_said_is_a_module(tmp_path: Path) -> None:
    """A meter of which nothing is said is of unknown make, with an unknown shunt."""
    meter = device_with(tmp_path).meter

    assert isinstance(meter, Ina226Meter)
    assert "module" == meter.chip
    assert {None} == {
        meter.shunt_tolerance,
        meter.shunt_tcr_per_k,
        meter.temperature_span_k,
        meter.supply_v,
    }


def test_what_is_said_is_kept(tmp_path: Path) -> None:
    """What the file says reaches the profile as it stands."""
    lines = (
        "chip: genuine",
        "shunt_tolerance: 0.01",
        "shunt_tcr_per_k: 75.0e-6",
        "temperature_span_k: 15.0",
        "supply_v: 5.0",
    )
    meter = device_with(tmp_path, *lines).meter

    assert isinstance(meter, Ina226Meter)
    assert ("genuine", 0.01, 75e-6, 15.0, 5.0) == (
        meter.chip,
        meter.shunt_tolerance,
        meter.shunt_tcr_per_k,
        meter.temperature_span_k,
        meter.supply_v,
    )


@pytest.mark.parametrize("line", ["shunt_tolerance: 0.01", "shunt_tcr_per_k: 75.0e-6"])
def test_shunt_is_known_whole_or_not(tmp_path: Path, line: str) -> None:
    """Half of what a resistor's data sheet says would make a budget look better than it is."""
    with pytest.raises(FileError, match="given together"):
        device_with(tmp_path, line)
