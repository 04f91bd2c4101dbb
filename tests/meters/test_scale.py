"""Integers to watts, in floating point, as the data sheet has it."""

import json

import numpy as np
import pytest

from harness.meters.scale import Scale


def test_data_sheet_example() -> None:
    """20 mV over 2 milliohm at 11.98 V are 10 A and 119.8 W."""
    scale = Scale(shunt_ohm=0.002, vbus_tap="load")

    assert 10.0 == pytest.approx(scale.current_a(8000))
    assert 11.98 == pytest.approx(scale.voltage_v(9584))
    assert 119.8 == pytest.approx(scale.watts(8000, 9584))


def test_one_count_is_not_lost() -> None:
    """The smallest current is 2.5 uV over the shunt, not 10 uV, and not truncated to 0."""
    assert 250e-6 == pytest.approx(Scale(shunt_ohm=0.01, vbus_tap="load").current_a(1))


def test_negative_current_is_negative_power() -> None:
    """Current towards the source is negative."""
    assert -5.0 == pytest.approx(Scale(shunt_ohm=0.01, vbus_tap="load").watts(-4000, 4000))


@pytest.mark.parametrize("tap", ["load", "source"])
def test_arrays_and_integers_agree(tap: str) -> None:
    """Arrays of the raw types give the very figures single integers give, without overflow."""
    scale = Scale(shunt_ohm=0.01, vbus_tap=tap, current_gain=1.01, voltage_offset_v=0.002)
    shunt = np.array([-0x8000, -1, 0, 1, 0x7FFF], np.int16)
    bus = np.array([0, 1, 4000, 0x7FFE, 0x7FFF], np.uint16)

    watts = scale.watts(shunt, bus)
    assert watts.dtype == np.float64
    assert [scale.watts(int(s), int(b)) for s, b in zip(shunt, bus, strict=True)] == watts.tolist()


def test_source_tap_takes_the_drop_off() -> None:
    """Before the shunt the voltage holds the shunt's own drop."""
    assert (5.0 - 0.05) * 5.0 == pytest.approx(Scale(shunt_ohm=0.01, vbus_tap="source").watts(20_000, 4000))


def test_calibration_acts_on_volts_and_amperes() -> None:
    """True = gain x indicated + offset, of voltage and current each."""
    scale = Scale(
        shunt_ohm=0.01,
        vbus_tap="load",
        voltage_gain=0.99,
        voltage_offset_v=0.01,
        current_gain=1.02,
        current_offset_a=-0.001,
    )

    assert (0.99 * 5 + 0.01) * (1.02 * 1 - 0.001) == pytest.approx(scale.watts(4000, 4000))


def test_a_scale_survives_json() -> None:
    """The record of a scale is plain JSON and gives the same scale."""
    scale = Scale(shunt_ohm=0.1, vbus_tap="source", current_gain=1.5)

    assert scale == Scale.from_record(json.loads(json.dumps(scale.as_record())))
