"""This module chooses by the kind of a meter what its uncertainty budget is made of.

It reads the device's file and what was read back of the meter, both as the records of a run hold them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.accuracy import Step, power_of_monitor, published, unpublished
from harness.budget import Budget, Effect, OperatingPoint, rectangular
from harness.datasheet import (
    CHIPS,
    INA219,
    INA219_NARROWEST_V,
    INA219_OFFSETS_V,
    INA3221,
    MODULE,
    PARTS,
    Chip,
    copied,
)
from harness.monitors import Board, Reference, Rounding, type_b

DRIVER = Rounding(
    current_a=1e-3,
    voltage_v=1e-3,
    source="Linux Documentation/hwmon/sysfs-interface.rst: whole mA and mV",
)
JETSON_SHUNT = (
    "NVIDIA states no tolerance of the shunts on its modules; give meter.shunt_tolerance where you know it"
)


def budget_of(
    meter: Mapping[str, Any], found: Mapping[str, Any], watts: Mapping[str, Any], point: OperatingPoint
) -> Budget:
    """The Type B budget of a meter of any kind; what is not known of it is missing there, with the reason.

    Args:
        meter: as the device's file has it.
        found: its configuration as read back.
        watts: what its integers are.
        point: what it saw of a case.

    Raises:
        KeyError, TypeError, ValueError: the record holds too little, or nothing flowed.
    """
    match meter["kind"]:
        case "ina226":
            return type_b(_board(meter, found, CHIPS.get(str(meter.get("chip")), MODULE)), point)
        case "iio" | "hwmon" as kind:
            chip = PARTS.get(str(meter.get("chip")))
            if chip is None:
                reason = f"the limits of a chip {meter.get('chip')} are not held here; its data sheet may have them"
                return unpublished(point, _step(watts), "accuracy of the meter", reason)
            board = _board(meter, found, chip if meter.get("make") == chip.name else copied(chip))
            return type_b(board, point) if kind == "iio" else _hwmon(board, meter, found, watts, point)
        case "ina219":
            offset_v = INA219_OFFSETS_V[round(float(meter["shunt_range_v"]) / INA219_NARROWEST_V)]
            chip = replace(INA219, shunt_offset_v=offset_v)
            return type_b(
                _board(meter, found, chip if meter.get("make") == chip.name else copied(chip)), point
            )
        case "ina3221":
            return _jetson(_board(meter, found, INA3221), meter, found, point)
    return published(meter, found, point, _step(watts))


def _hwmon(
    board: Board,
    meter: Mapping[str, Any],
    found: Mapping[str, Any],
    watts: Mapping[str, Any],
    point: OperatingPoint,
) -> Budget:
    """A monitor behind the kernel's driver, which tells whole mA and mV, or the power the chip computes."""
    chip, shunt_ohm = board.chip, found.get("shunt_ohm")
    if meter.get("energy") is not None:
        reason = f"no limit of error of an energy counter of the {chip.part} is known here"
        return unpublished(point, _step(watts), "accuracy of the meter", reason)
    if shunt_ohm is None:
        return power_of_monitor(board, point, [], "the kernel tells no shunt_resistor of this chip")
    if meter.get("current") is not None:
        return type_b(replace(board, shunt_ohm=float(shunt_ohm), rounding=DRIVER), point)
    step_w = chip.power_factor * chip.shunt_lsb_v / float(shunt_ohm)
    cut = rectangular(
        "power cut off to a count",
        Effect.OWN,
        step_w / abs(point.power_w),
        f"{chip.lsb_source}: one count of power is {chip.power_factor} of current, {1e3 * step_w:.3g} mW",
    )
    reason = "an attribute of power tells neither; name meter.current and meter.voltage instead"
    return power_of_monitor(board, point, [cut], reason)


def _jetson(
    board: Board, meter: Mapping[str, Any], found: Mapping[str, Any], point: OperatingPoint
) -> Budget:
    """Rails of a Jetson: of one current and voltage are kept, of several the sum of their power."""
    if board.shunt_tolerance is None:
        board = replace(board, shunt_unstated=JETSON_SHUNT)
    rails = list(meter["rails"])
    ohm = (found.get("shunt_ohm") or {}).get(rails[0])
    if len(rails) > 1:
        reason = "several rails are summed, each rounded to whole mA; a device's file of one rail keeps both"
        return power_of_monitor(board, point, [], reason)
    if ohm is None:
        return power_of_monitor(board, point, [], "the record holds no shunt of the rail")
    # The record's scale is in amperes: a shunt is not needed to read it, only to judge it.
    at = replace(point, shunt_v=None if point.shunt_v is None else point.shunt_v * float(ohm))
    return type_b(replace(board, shunt_ohm=float(ohm), rounding=DRIVER), at)


def _board(meter: Mapping[str, Any], found: Mapping[str, Any], chip: Chip) -> Board:
    return Board(
        chip=chip,
        shunt_tolerance=meter.get("shunt_tolerance"),
        shunt_tcr_per_k=meter.get("shunt_tcr_per_k"),
        temperature_span_k=meter.get("temperature_span_k"),
        supply_v=meter.get("supply_v"),
        reference=_reference(found),
    )


def _reference(configuration: Mapping[str, Any]) -> Reference | None:
    """What the calibration that was in force leaves; None for an uncalibrated board."""
    calibration = configuration.get("calibration")
    if not isinstance(calibration, Mapping):
        return None
    return Reference(
        voltage=float(calibration["voltage_u"]),
        current=float(calibration["current_u"]),
        source=f"calibration of {calibration.get('date', 'unknown date')} against {calibration.get('reference', '?')}",
    )


def _step(watts: Mapping[str, Any]) -> Step:
    match watts.get("kind"):
        case "power":
            return Step(power_w=float(watts["unit_w"]))
        case "energy":
            return Step(energy_j=float(watts["unit_j"]))
    return Step()
