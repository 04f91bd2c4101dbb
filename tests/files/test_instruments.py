"""The keys of meters other than the INA226 in a device's file."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from harness.catalog import load_device
from harness.errors import FileError
from harness.instruments import (
    Accuracy,
    HwmonMeter,
    IioMeter,
    Ina219Meter,
    Ina3221Meter,
    NvmlMeter,
    PluginMeter,
    RaplMeter,
    ReplayMeter,
    ScpiMeter,
    instrument_from,
)
from harness.profile import Device, Origin
from harness.shipped import shipped_path

HOST = shipped_path("devices/host.yaml").read_text(encoding="utf-8")

Read = Callable[[str], Device]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads the shipped device with another meter, given as YAML in flow style without its braces."""
    begin, end = HOST.index("meter: # null"), HOST.index("calibration: null")
    (tmp_path / "trace.csv").write_text("time_s,w\n0,1\n1,1\n2,1\n")

    def reading(keys: str) -> Device:
        path = tmp_path / "host.yaml"
        path.write_text(f"{HOST[:begin]}meter: {{{keys}, boundary: a rail}}\n\n{HOST[end:]}")
        return load_device(str(path))

    return reading


@pytest.mark.parametrize(
    ("keys", "kind", "expected"),
    [
        (
            "kind: hwmon, chip: ina226, power: power1_input",
            HwmonMeter,
            {"power": "power1_input", "period_s": None},
        ),
        (
            "kind: hwmon, chip: a, current: curr1_input, voltage: in1_input",
            HwmonMeter,
            {"voltage": "in1_input"},
        ),
        ("kind: ina3221, rails: [VDD_IN, VDD_SOC]", Ina3221Meter, {"rails": ("VDD_IN", "VDD_SOC")}),
        ("kind: iio, vbus_tap: load", IioMeter, {"chip": "ina226", "average": 1, "shunt_ohm": None}),
        ("kind: rapl", RaplMeter, {"zone": "package-0", "origin": Origin.ESTIMATED}),
        ("kind: rapl, zone: package-0/dram, origin: measured", RaplMeter, {"origin": Origin.MEASURED}),
        (
            "kind: iio, vbus_tap: load, make: genuine, shunt_tolerance: 0.01, shunt_tcr_per_k: 75e-6",
            IioMeter,
            {"make": "genuine", "shunt_tolerance": 0.01, "shunt_tcr_per_k": 75e-6, "supply_v": None},
        ),
        ("kind: hwmon, chip: ina226, power: p", HwmonMeter, {"make": "module", "shunt_tolerance": None}),
        ("kind: ina3221, rails: [VDD_IN]", Ina3221Meter, {"make": "genuine", "shunt_tolerance": None}),
        (
            "kind: scpi, resource: x, accuracy: {reading: 0.001, floor_w: 0.02, source: manual 5.2 at 20 W}",
            ScpiMeter,
            {"accuracy": Accuracy(reading=0.001, floor_w=0.02, source="manual 5.2 at 20 W")},
        ),
        ("kind: scpi, resource: x", ScpiMeter, {"accuracy": None}),
        (
            "kind: ina219, path: /dev/i2c-1, address: 0x41, shunt_ohm: 0.1, shunt_range_v: 0.16",
            Ina219Meter,
            {"address": 0x41, "shunt_range_v": 0.16, "shunt_conversion_s": 532e-6, "make": "module"},
        ),
        ("kind: nvml", NvmlMeter, {"gpu": 0, "read": "energy"}),
        ("kind: nvml, gpu: GPU-12ab", NvmlMeter, {"gpu": "GPU-12ab"}),
        ("kind: plugin, name: x, options: {volts: 5.0}", PluginMeter, {"options": {"volts": 5.0}}),
        (
            "kind: replay, path: trace.csv, power: w",
            ReplayMeter,
            {"origin": Origin.REPLAYED, "time": "time_s"},
        ),
    ],
)
def test_a_meter_is_read(read: Read, keys: str, kind: type, expected: dict[str, object]) -> None:
    """Each kind becomes its value, with the defaults of docs/files.md."""
    meter = read(keys).meter

    assert isinstance(meter, kind)
    assert expected == {name: getattr(meter, name) for name in expected}


def test_a_stated_accuracy_survives_the_pipe(read: Read) -> None:
    """What the sampler is sent as plain JSON becomes the same value there."""
    meter = read("kind: scpi, resource: x, accuracy: {reading: 0.001, floor_w: 0.02, source: manual}").meter

    assert isinstance(meter, ScpiMeter)
    assert meter == instrument_from(asdict(meter))


def test_a_replayed_file_is_found_beside_the_device(read: Read, tmp_path: Path) -> None:
    """Its path is relative to the device's file, wherever the harness is started."""
    meter = read("kind: replay, path: trace.csv, power: w").meter

    assert isinstance(meter, ReplayMeter)
    assert tmp_path / "trace.csv" == Path(meter.path)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ("kind: hwmon, chip: ina226", "found none of power, energy and current"),
        ("kind: hwmon, chip: a, power: p, energy: e", "found power and energy of power, energy and current"),
        ("kind: hwmon, chip: a, current: curr1_input", "current and voltage belong together"),
        ("kind: hwmon, chip: ../etc, power: p", "meter.chip: found the text '../etc'"),
        ("kind: hwmon, chip: a, power: ../../x", "meter.power: found the text '../../x'"),
        ("kind: hwmon, chip: a, powr: p", "meter.powr: is not a known key; did you mean power?"),
        ("kind: ina3221, rails: []", "meter.rails: found a list, expected a list of 1 or more"),
        ("kind: rapl, zone: /sys/x", "meter.zone: found the text '/sys/x'"),
        ("kind: rapl, period_s: 0", "meter.period_s: found the number 0"),
        (
            "kind: rapl, origin: imported",
            "meter.origin: found the text 'imported', expected one of estimated, measured",
        ),
        (
            "kind: ina219, path: /dev/i2c-1, address: 0x41, shunt_ohm: 0.1, shunt_range_v: 0.1",
            "meter.shunt_range_v: found the number 0.1, expected one of the chip's in V: 0.04, 0.08, 0.16, 0.32",
        ),
        (
            "kind: ina219, path: /dev/i2c-1, address: 0x41, shunt_ohm: 0.1, bus_conversion_s: 140e-6",
            "expected one of the chip's in s: 0.000532",
        ),
        ("kind: hwmon, chip: a, power: p, shunt_tolerance: 0.01", "are given together"),
        (
            "kind: scpi, resource: x, accuracy: {reading: 0.001, floor_w: 0.02}",
            "meter.accuracy.source",
        ),
        ("kind: scpi, resource: 'x;y'", "meter.resource: found the text 'x;y'"),
        ("kind: replay, path: gone.csv, power: w", "found gone.csv, expected a file or a run directory"),
        (
            "kind: replay, path: trace.csv",
            "a CSV file needs the column power, or the columns voltage and current",
        ),
        (
            "kind: replay, path: trace.csv, voltage: w",
            "name the column power, or the columns voltage and current",
        ),
        ("kind: hwmn", "meter.kind: found the text 'hwmn', expected one of"),
    ],
)
def test_a_meter_that_is_none_is_told_by_key(read: Read, keys: str, sentence: str) -> None:
    """Kernel names are no paths, quantities are named once, and misspelt keys have their nearest."""
    with pytest.raises(FileError) as caught:
        read(keys)

    assert sentence in str(caught.value)
