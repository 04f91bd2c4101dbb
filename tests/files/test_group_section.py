"""Several INA226 in a device's file: what reaches the profile, and what is refused in which words."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from harness.catalog import load_board
from harness.errors import FileError
from harness.profile import Device, Ina226Group, Ina226Meter
from harness.schema import read_device

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "two-rails.yaml"
yaml = YAML(typ="safe")


def example() -> dict[str, Any]:
    """Content of the example of the documentation."""
    content: dict[str, Any] = yaml.load(EXAMPLE.read_text(encoding="utf-8"))
    return content


def device(folder: Path, content: dict[str, Any]) -> Device:
    """The device of that content."""
    path = folder / "two-rails.yaml"
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(content, file)
    return read_device(path, load_board)


def faults(folder: Path, content: dict[str, Any]) -> str:
    """What is said of a file that is refused."""
    with pytest.raises(FileError) as refused:
        device(folder, content)
    return "\n".join(refused.value.faults)


def on_i2c(content: dict[str, Any]) -> dict[str, Any]:
    """The example with real chips."""
    content["meter"]["bus"] = {"kind": "i2c", "path": "/dev/i2c-1"}
    for channel in content["meter"]["channels"].values():
        del channel["simulated"]
    return content


def test_the_example_of_the_documentation_is_read() -> None:
    """Each channel is a chip of its own; bus and conversions are the same, and all of them make the total."""
    meter = read_device(EXAMPLE, load_board).meter

    assert isinstance(meter, Ina226Group)
    assert ("core", "io") == tuple(meter.channels) == tuple(meter.total)
    assert [0.010, 0.025] == [chip.shunt_ohm for chip in meter.channels.values()]
    assert ["load", "source"] == [chip.vbus_tap for chip in meter.channels.values()]
    assert {(1.1e-3, 140e-6, 1)} == {
        (chip.shunt_conversion_s, chip.bus_conversion_s, chip.average) for chip in meter.channels.values()
    }
    assert {15.0} == {chip.temperature_span_k for chip in meter.channels.values()}
    assert "simulated" == meter.origin


def test_real_chips_share_one_bus(tmp_path: Path) -> None:
    """With a bus of this machine each chip is an INA226 on it, and the power is measured."""
    meter = device(tmp_path, on_i2c(example())).meter

    assert isinstance(meter, Ina226Group)
    assert {"/dev/i2c-1"} == {chip.bus.path for chip in meter.channels.values()}
    assert all(isinstance(chip, Ina226Meter) and chip.kind == "ina226" for chip in meter.channels.values())
    assert "measured" == meter.origin


def test_the_total_may_leave_a_channel_out(tmp_path: Path) -> None:
    """A list names the channels that make the total; the others stay channels."""
    content = example()
    content["meter"]["total"] = ["io"]
    meter = device(tmp_path, content).meter

    assert isinstance(meter, Ina226Group)
    assert ("io",) == tuple(meter.total)
    assert {"core", "io"} == set(meter.channels)


def test_each_chip_has_its_calibration(tmp_path: Path) -> None:
    """A channel names a record beside the file; one at the device itself is refused."""
    (tmp_path / "core.json").write_text("{}", encoding="utf-8")
    content = example()
    content["meter"]["channels"]["core"]["calibration"] = "core.json"

    assert {"core": tmp_path / "core.json"} == device(tmp_path, content).calibrations
    content["calibration"] = "core.json"
    assert "move it to meter.channels.NAME.calibration" in faults(tmp_path, content)
    del content["calibration"]
    content["meter"]["channels"]["core"]["calibration"] = "nowhere.json"
    assert "meter.channels.core.calibration: found nowhere.json, expected a file" in faults(tmp_path, content)


def set_key(path: str, value: object) -> Any:
    """A change of one key of the meter."""

    def change(content: dict[str, Any]) -> None:
        *around, last = path.split("/")
        place = content["meter"]
        for key in around:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value

    change.__name__ = path
    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_key("channels/io/address", 0x40), "meter: found the address 0x40 in channels core and io"),
        (set_key("channels/io/address", 0x50), "meter.channels.io.address: found the number 80"),
        (
            set_key("channels/io/shunt_om", 0.1),
            "meter.channels.io.shunt_om: is not a known key; did you mean shunt_ohm",
        ),
        (set_key("channels/io/vbus_tap", None), "meter.channels.io.vbus_tap: is missing"),
        (set_key("channels/io", None), "meter.channels: found"),
        (set_key("channels/Two Rails", {}), "meter.channels"),
        (set_key("channels/above_idle", {}), "meter.channels"),
        (set_key("total", ["core", "usb"]), "total: found usb, expected names of core, io"),
        (set_key("total", ["core", "core"]), "found the channels of total core more than once"),
        (set_key("total", []), "total: found an empty list"),
        (set_key("bus", {"kind": "bridge", "port": "/dev/ttyACM0"}), "meter.bus: a bridge reads one chip"),
        (
            set_key("bus", {"kind": "i2c", "path": "/dev/i2c-1"}),
            "channels.core.simulated: with a bus of kind i2c, remove",
        ),
        (
            set_key("channels/io/simulated", None),
            "channels.io.simulated: with a bus of kind simulated, give its model",
        ),
        (set_key("shunt_conversion_s", 1.1e-3), "rate_hz chooses shunt_conversion_s; give one or the other"),
        (set_key("rate_hz", 1200.0), "rate_hz: INA226: 1200 results a second cannot be had"),
        (set_key("resolution_a", 0.01), "resolution_a and noise_v are given together"),
        (
            set_key("channels/io/shunt_tcr_per_k", None),
            "shunt_tolerance and shunt_tcr_per_k are given together",
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_wrong_is_told(tmp_path: Path, change: Any, said: str) -> None:
    """Each fault is told at its key in plain words."""
    content = example()
    change(content)

    assert said in faults(tmp_path, content)


def test_too_many_chips_for_the_setting_are_told(tmp_path: Path) -> None:
    """Three chips cannot be read in turn while the fastest converts in 1.1 ms; a rate that fits is found."""
    content = example()
    content["meter"]["channels"]["usb"] = example()["meter"]["channels"]["io"] | {"address": 0x42}
    del content["meter"]["rate_hz"]

    assert "reading 3 chips takes 1440 us on a bus of 400 kHz" in faults(tmp_path, content)
    content["meter"]["rate_hz"] = 300.0
    meter = device(tmp_path, content).meter
    assert isinstance(meter, Ina226Group)
    assert {2.116e-3} == {chip.shunt_conversion_s for chip in meter.channels.values()}


def test_a_resolution_is_kept_on_the_smallest_shunt(tmp_path: Path) -> None:
    """The current of every chip scatters by no more than asked for: the smallest shunt decides for all."""
    content = example()
    del content["meter"]["rate_hz"]
    content["meter"] |= {"resolution_a": 0.25e-3, "noise_v": 2.5e-6}
    meter = device(tmp_path, content).meter

    assert isinstance(meter, Ina226Group)
    for chip in meter.channels.values():
        seen = chip.average * chip.shunt_conversion_s / 1.1e-3
        scatter_v = ((2.5e-6) ** 2 / seen + (2.5e-6) ** 2 / 12) ** 0.5
        assert scatter_v / 0.010 <= 0.25e-3
    assert (
        0.25e-3 * 0.010 < ((2.5e-6) ** 2 + (2.5e-6) ** 2 / 12) ** 0.5
    )  # one conversion of 1.1 ms would not do


def test_a_resolution_of_one_chip(tmp_path: Path) -> None:
    """The one-chip meter takes the same request, and refuses one no setting keeps, or a rate beside it."""
    content = example()
    chip = content["meter"]["channels"]["core"]
    one = {key: chip[key] for key in ("address", "shunt_ohm", "vbus_tap", "boundary")}
    content["meter"] = {"kind": "ina226", "bus": {"kind": "i2c", "path": "/dev/i2c-1"}, **one}
    content["meter"] |= {"resolution_a": 0.5e-3, "noise_v": 2.5e-6}
    meter = device(tmp_path, content).meter

    assert isinstance(meter, Ina226Meter)
    assert (588e-6, 140e-6, 1) == (meter.shunt_conversion_s, meter.bus_conversion_s, meter.average)
    content["meter"]["resolution_a"] = 1e-6
    assert "resolution_a: INA226: a shunt voltage to 1e-08 V cannot be had" in faults(tmp_path, content)
    content["meter"] |= {"resolution_a": 0.5e-3, "rate_hz": 100.0}
    assert "rate_hz and resolution_a both choose the conversions" in faults(tmp_path, content)
    del content["meter"]["rate_hz"]
    content["meter"]["average"] = 4
    assert "resolution_a chooses average; give one or the other" in faults(tmp_path, content)
