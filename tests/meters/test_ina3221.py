"""Rails of a Jetson by their labels."""

from pathlib import Path

import pytest

from harness.errors import MeterError
from harness.instruments import Ina3221Meter
from harness.meters.ina3221 import open_ina3221, rails
from harness.meters.word import readout_from

from .trees import hwmon


def jetson(root: Path) -> None:
    """Two monitors as of an AGX module, with a sum channel and a label that is not connected."""
    first = {"in1_label": "VDD_GPU_SOC", "in2_label": "VDD_CPU_CV", "in3_label": "NC", "in7_label": "sum"}
    readings = {"in1_input": 10_000, "curr1_input": 500, "in2_input": 5000, "curr2_input": 400}
    hwmon(root, 2, "ina3221", "1-0040", **first, **readings, update_interval=20)
    hwmon(
        root,
        3,
        "ina3221",
        "1-0041",
        in1_label="VIN_SYS_5V0",
        in1_input=5000,
        curr1_input=100,
        update_interval=40,
    )
    hwmon(root, 0, "tegra_thermal", "thermal", in1_label="VDD_GPU_SOC")


def meter(*labels: str) -> Ina3221Meter:
    """Of these rails."""
    return Ina3221Meter(kind="ina3221", rails=labels, period_s=None, boundary="-")


def test_rails_are_the_labelled_channels(tmp_path: Path) -> None:
    """The sum and what is not connected are no rails, nor are labels of other chips."""
    jetson(tmp_path)

    assert ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"] == [rail.label for rail in rails(tmp_path)]


def test_several_rails_are_summed(tmp_path: Path) -> None:
    """MV times mA are uW; 5 W, 2 W and 0.5 W are 7.5 W, at the pace of the slower chip."""
    jetson(tmp_path)
    with open_ina3221(meter("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"), tmp_path) as stream:
        raw = stream.next()
        configuration = stream.configuration()

    assert 7.5 == pytest.approx(readout_from(configuration["watts"]).watts(raw.shunt, raw.bus))
    assert 0.04 == configuration["period_s"]


def test_one_rail_keeps_its_current_and_voltage(tmp_path: Path) -> None:
    """The two integers are mA and mV as the kernel gives them."""
    jetson(tmp_path)
    with open_ina3221(meter("VDD_CPU_CV"), tmp_path) as stream:
        raw = stream.next()

    assert (400, 5000) == (raw.shunt, raw.bus)


def test_a_misspelt_rail_is_told_with_the_nearest(tmp_path: Path) -> None:
    """The message names the known rail that is near."""
    jetson(tmp_path)

    with (
        pytest.raises(MeterError, match=r"no INA3221 has a rail VDD_GPU_SC; did you mean VDD_GPU_SOC"),
        open_ina3221(meter("VDD_GPU_SC"), tmp_path),
    ):
        pass


def test_the_shunt_of_a_rail_is_kept(tmp_path: Path) -> None:
    """Without it the chip's offset in volts could not be told in amperes; a kernel that does not say it leaves None."""
    jetson(tmp_path)
    (tmp_path / "sys/class/hwmon/hwmon2/shunt2_resistor").write_text("5000\n")
    with open_ina3221(meter("VDD_GPU_SOC", "VDD_CPU_CV"), tmp_path) as stream:
        shunts = stream.configuration()["shunt_ohm"]

    assert {"VDD_GPU_SOC": None, "VDD_CPU_CV": 5e-3} == shunts
