"""This module is the uncertainty budget of a power monitor: a chip that takes current from a shunt, and a voltage.

    E = sum of dt x (gain x bus voltage + offset) x (gain x shunt voltage + offset) / shunt resistance

An INA226 on a bus or a bridge, and the same chips behind a driver of the kernel, which rounds once more.
"""

import math
from dataclasses import dataclass

from harness.budget import (
    Budget,
    Effect,
    Missing,
    OperatingPoint,
    Term,
    rectangular,
    rounded,
    window_terms,
)
from harness.datasheet import COMMON_MODE_V, MODULE, MODULE_SHUNT, SUPPLY_SPAN_V, SUPPLY_V, Chip

TEMPERATURE_SPAN_K = 20.0
"""Assumed between calibration (25 °C for a data sheet) and use, where the device's file does not say it."""

DITHER_LSB = 0.5
"""Readings that scatter by at least this many counts make rounding random, so that its mean error shrinks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a calibration of this very board leaves: it replaces gains and offsets, drifts go on from it.

    Attributes:
        voltage, current: relative standard uncertainty of both after the calibration, the reference
            instrument's own and the scatter of the fit in it.
        source: which record.
    """

    voltage: float
    current: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """What a driver between the chip and the harness rounds to.

    Attributes:
        current_a, voltage_v: steps of what it tells.
        source: where they are known from.
    """

    current_a: float
    voltage_v: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The meter as it is built and where it stands.

    Attributes:
        chip: its errors.
        shunt_ohm: resistance of the shunt; needed where a driver rounds.
        shunt_tolerance: relative limit of the shunt's resistance; None where nobody said it.
        shunt_tcr_per_k: its temperature coefficient; None with it.
        shunt_unstated: why no tolerance may be assumed where none is stated; empty where one may.
        temperature_span_k: largest distance from 25 °C, or from the temperature of the calibration; None where
            nobody said it.
        supply_v: of the chip; None where nobody said it.
        rounding: of a driver; None where the registers themselves are read.
        reference: None for an uncalibrated board.
    """

    chip: Chip = MODULE
    shunt_ohm: float | None = None
    shunt_tolerance: float | None = None
    shunt_tcr_per_k: float | None = None
    shunt_unstated: str = ""
    temperature_span_k: float | None = None
    supply_v: float | None = None
    rounding: Rounding | None = None
    reference: Reference | None = None


def type_b(board: Board, point: OperatingPoint) -> Budget:
    """The budget of energy and mean power at one operating point.

    Raises:
        ValueError: there is no current or no voltage, so nothing can be relative to it, or a driver rounds and the
            shunt is not known.
    """
    if not point.shunt_v or not point.bus_v:
        raise ValueError("there is no current or no voltage at the meter")
    shunt_v, bus_v = abs(point.shunt_v), abs(point.bus_v)
    shunt, missing = _shunt(board)
    terms = [
        *(_calibrated(board.reference) if board.reference else [*shunt, *_offsets(board, shunt_v, bus_v)]),
        *_drifts(board, shunt_v, bus_v),
        *_quantisation(board, point, shunt_v, bus_v),
        *window_terms(point),
    ]
    return Budget(
        terms=tuple(terms),
        calibrated=board.reference is not None,
        missing=() if board.reference else tuple(missing),
    )


def known_gains(board: Board) -> tuple[list[Term], list[Missing]]:
    """What may be told of a monitor of which only the power is known: shunt, gains and what they drift by."""
    shunt, missing = _shunt(board)
    gains = [term for term in _drifts(board, 1.0, 1.0) if term.effect is Effect.GAIN]
    return [*shunt, _bus_gain(board.chip), *gains], missing


def _calibrated(reference: Reference) -> list[Term]:
    """A calibration of the board stands in for gains, offsets and the shunt."""
    return [
        Term(name=name, effect=Effect.GAIN, u=u, evaluation="standard uncertainty", source=reference.source)
        for name, u in (
            ("voltage after calibration", reference.voltage),
            ("current after calibration", reference.current),
        )
    ]


def _offsets(board: Board, shunt_v: float, bus_v: float) -> list[Term]:
    chip = board.chip
    supply_v = SUPPLY_SPAN_V if board.supply_v is None else abs(board.supply_v - SUPPLY_V)
    offset = Effect.OFFSET
    common_mode = chip.shunt_common_mode * abs(bus_v - COMMON_MODE_V)
    rejection = (
        f"{chip.sheet.removesuffix('maximum')}CMRR minimum {-20 * math.log10(chip.shunt_common_mode):.0f} dB"
    )
    terms = [
        _bus_gain(chip),
        rectangular("shunt offset", offset, chip.shunt_offset_v / shunt_v, chip.sheet),
        rectangular("common mode at the shunt", offset, common_mode / shunt_v, rejection),
        rectangular(
            "supply at the shunt", offset, chip.shunt_supply * supply_v / shunt_v, chip.sheet_typical
        ),
    ]
    if chip.bus_offset_v:
        terms += [
            rectangular("bus offset", offset, chip.bus_offset_v / bus_v, chip.sheet),
            rectangular("supply at the bus", offset, chip.bus_supply * supply_v / bus_v, chip.sheet_typical),
        ]
    return terms


def _bus_gain(chip: Chip) -> Term:
    return rectangular("bus gain", Effect.GAIN, chip.bus_gain, chip.gain_source)


def _shunt(board: Board) -> tuple[list[Term], list[Missing]]:
    chip = board.chip
    gain = rectangular("shunt gain", Effect.GAIN, chip.shunt_gain, chip.gain_source)
    if board.shunt_tolerance is not None:
        tolerance = rectangular("shunt tolerance", Effect.GAIN, board.shunt_tolerance, "the device's file")
        return [tolerance, gain], []
    if board.shunt_unstated:
        return [gain], [Missing(name="shunt tolerance", reason=board.shunt_unstated)]
    source = "assumed: the device's file does not state shunt_tolerance"
    if chip.name == MODULE.name:
        return [rectangular("shunt and its gain", Effect.GAIN, MODULE_SHUNT, source)], []
    return [rectangular("shunt tolerance", Effect.GAIN, MODULE_SHUNT, source), gain], []


def _drifts(board: Board, shunt_v: float, bus_v: float) -> list[Term]:
    """What the temperature does; after a calibration it counts from there."""
    chip = board.chip
    span_k = TEMPERATURE_SPAN_K if board.temperature_span_k is None else board.temperature_span_k
    over = f"over {span_k:g} K"
    if board.temperature_span_k is None:
        over += " (assumed)"
    gains, offsets = (
        f"{chip.sheet}, {over}",
        f"{chip.sheet_typical if chip.drifts_typical else chip.sheet}, {over}",
    )
    terms = []
    if board.shunt_tcr_per_k is not None:
        terms.append(
            rectangular(
                "shunt drift",
                Effect.GAIN,
                board.shunt_tcr_per_k * span_k,
                f"the device's file, over {span_k:g} K",
            )
        )
    limits = (
        ("shunt gain drift", Effect.GAIN, chip.shunt_gain_per_k, 1.0, gains),
        ("bus gain drift", Effect.GAIN, chip.bus_gain_per_k, 1.0, gains),
        ("shunt offset drift", Effect.OFFSET, chip.shunt_offset_v_per_k, shunt_v, offsets),
        ("bus offset drift", Effect.OFFSET, chip.bus_offset_v_per_k, bus_v, offsets),
    )
    return terms + [
        rectangular(name, effect, per_k * span_k / of, source)
        for name, effect, per_k, of, source in limits
        if per_k
    ]


def _quantisation(board: Board, point: OperatingPoint, shunt_v: float, bus_v: float) -> list[Term]:
    """Rounding to a count; the shunt's becomes random where the readings scatter, the steady bus voltage's never.

    What scatters is what is read: behind a driver its own steps, whatever the chip's counts did.
    """
    chip, driver = board.chip, board.rounding
    credited = max(1, point.samples) if point.shunt_scatter_lsb >= DITHER_LSB else 1
    shared = f", mean of {credited} that scatter" if credited > 1 else ""
    by_chip = 1 if driver else credited
    terms = [
        _shared(
            rounded("shunt rounding", chip.shunt_lsb_v / shunt_v, _micro(chip.shunt_lsb_v), chip.lsb_source),
            by_chip,
            "" if driver else shared,
        ),
        rounded("bus rounding", chip.bus_lsb_v / bus_v, f"{1e3 * chip.bus_lsb_v:.6g} mV", chip.lsb_source),
    ]
    if driver is None:
        return terms
    if board.shunt_ohm is None:
        raise ValueError("the driver rounds the current, and the record holds no shunt to make it of")
    current_a = shunt_v / board.shunt_ohm
    milliamperes, millivolts = f"{1e3 * driver.current_a:g} mA", f"{1e3 * driver.voltage_v:g} mV"
    return [
        *terms,
        _shared(
            rounded(
                "current rounded by the driver", driver.current_a / current_a, milliamperes, driver.source
            ),
            credited,
            shared,
        ),
        rounded("voltage rounded by the driver", driver.voltage_v / bus_v, millivolts, driver.source),
    ]


def _shared(term: Term, credited: int, words: str) -> Term:
    return Term(
        name=term.name,
        effect=term.effect,
        u=term.u / math.sqrt(credited),
        evaluation=term.evaluation + words,
        source=term.source,
    )


def _micro(volts: float) -> str:
    return f"{1e6 * volts:.6g} µV"
