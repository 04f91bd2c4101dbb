"""This module is the uncertainty budget of an INA226: each known error of the meter, its size and its source.

It follows the Guide to the Expression of Uncertainty in Measurement (JCGM 100:2008). A figure of energy or power
has two kinds of uncertainty. Type A is seen in the spread of repeated sittings (`harness.judging.stats`). Type B is
known beforehand, from data sheets and from how the meter is wired; it is the same in every repetition, so no
number of cycles makes it smaller. All terms are relative to the figure and mostly multiply it:

    E = sum of dt x (gain x bus voltage + offset) x (gain x shunt voltage + offset) / shunt resistance

A limit `a` without more knowledge is taken as a rectangular distribution, u = a / sqrt(3) (clause 4.3.7).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.datasheet import (
    BUS_LSB_V,
    COMMON_MODE_V,
    MODULE,
    MODULE_SHUNT,
    SHEET,
    SHEET_TYPICAL,
    SHUNT_LSB_V,
    SUPPLY_SPAN_V,
    SUPPLY_V,
    Chip,
)

COVERAGE_FACTOR = 2.0
"""U = k u with k = 2, about 95 % (JCGM 100:2008 clause 6.2)."""

TEMPERATURE_SPAN_K = 20.0
"""Assumed between calibration (25 °C for a data sheet) and use, where the device's file does not say it."""

DITHER_LSB = 0.5
"""Readings that scatter by at least this many counts make rounding random, so that its mean error shrinks."""


class Effect(StrEnum):
    """How an error enters the figure, and so what a comparison on one rig keeps of it."""

    GAIN = "gain"  # multiplies every figure alike: cancels in a ratio
    OFFSET = "offset"  # the same volts for every case: cancels as far as the cases draw alike
    OWN = "own"  # of each figure alone: cancels in nothing


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
class Board:
    """The meter as it is built and where it stands.

    Attributes:
        chip: its errors.
        shunt_tolerance: relative limit of the shunt's resistance; None where nobody said it.
        shunt_tcr_per_k: its temperature coefficient; None with it.
        temperature_span_k: largest distance from 25 °C, or from the temperature of the calibration; None where
            nobody said it.
        supply_v: of the chip; None where nobody said it.
        reference: None for an uncalibrated board.
    """

    chip: Chip = MODULE
    shunt_tolerance: float | None = None
    shunt_tcr_per_k: float | None = None
    temperature_span_k: float | None = None
    supply_v: float | None = None
    reference: Reference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """What the meter saw of a case.

    Attributes:
        shunt_v, bus_v: mean voltages in the windows.
        power_w: mean power in the windows.
        window_s: mean length of a window.
        edge_s: limit of how far an edge of a window may lie from where the meter has it.
        step: power step at an edge over the mean power, 0 to 1; 0 where the same work goes on outside.
        uncovered: share of the windows that no conversion covers.
        samples: conversions in all windows.
        shunt_scatter_lsb: standard deviation of neighbouring shunt readings, in counts.
    """

    shunt_v: float
    bus_v: float
    power_w: float
    window_s: float
    edge_s: float
    step: float
    uncovered: float = 0.0
    samples: int = 1
    shunt_scatter_lsb: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One line of a budget.

    Attributes:
        name: what may be wrong.
        effect: how it enters.
        u: relative standard uncertainty of the figure by it.
        evaluation: how u came from what is known, such as `limit 1 % / sqrt(3)`.
        source: where it is known from.
    """

    name: str
    effect: Effect
    u: float
    evaluation: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """All Type B terms of one figure.

    Attributes:
        terms: in the order of the model.
        calibrated: gains and offsets come from a calibration of this board; only then is a figure absolute.
        remark: what the terms do not cover; empty for nothing.
    """

    terms: Sequence[Term]
    calibrated: bool
    remark: str = ""

    @property
    def u(self) -> float:
        """Relative standard uncertainty, Type B alone."""
        return math.hypot(*(term.u for term in self.terms))

    def combined(self, type_a: float) -> float:
        """Relative standard uncertainty with that of the repetitions, also relative."""
        return math.hypot(self.u, type_a)

    def expanded(self, type_a: float) -> float:
        """U = k u, relative."""
        return COVERAGE_FACTOR * self.combined(type_a)


def type_b(board: Board, point: OperatingPoint) -> Budget:
    """The budget of energy and mean power at one operating point.

    Raises:
        ValueError: there is no current or no voltage, so nothing can be relative to it.
    """
    if not point.shunt_v or not point.bus_v:
        raise ValueError("there is no current or no voltage at the meter")
    terms = [*_scale(board, point), *_drifts(board, point), *_quantisation(point), *_window(point)]
    return Budget(terms=tuple(terms), calibrated=board.reference is not None)


def above_idle(budget: Budget, power_w: float, idle_w: float, idle_limit_w: float) -> Budget:
    """The budget of the figure less idle power: offsets cancel, gains stay, the rest weighs more.

    Args:
        budget: of the gross figure.
        power_w: its mean power.
        idle_w: what is taken off, below power_w.
        idle_limit_w: how far the idle power during the windows may lie from idle_w, half the difference of the
            one before and the one after.

    Raises:
        ValueError: nothing is left above idle.
    """
    above_w = power_w - idle_w
    if above_w <= 0:
        raise ValueError("the mean power is not above the idle power")
    weight = power_w / above_w
    kept = [
        term if term.effect is Effect.GAIN else replace(term, u=weight * term.u)
        for term in budget.terms
        if term.effect is not Effect.OFFSET
    ]
    idle = _rectangular(
        "idle power", Effect.OWN, idle_limit_w / above_w, "half of idle after less idle before"
    )
    return replace(budget, terms=(*kept, idle))


def compared(base: Budget, candidate: Budget) -> float:
    """Relative standard uncertainty, Type B, that is left in the ratio of two figures of one rig and range.

    Gains cancel. Offsets are the same volts in both and cancel as far as both draw the same power. What is
    each figure's own stays.
    """
    left = []
    theirs = {term.name: term for term in candidate.terms}
    for term in base.terms:
        other = theirs.get(term.name)
        if term.effect is Effect.OFFSET:
            left.append(term.u - (other.u if other else 0.0))
        elif term.effect is Effect.OWN:
            left += [term.u, other.u if other else 0.0]
    return math.hypot(*left)


def _scale(board: Board, point: OperatingPoint) -> list[Term]:
    """Gains, offsets and the shunt; a calibration of the board stands in for all of them."""
    if board.reference is not None:
        source = board.reference.source
        return [
            Term(name=name, effect=Effect.GAIN, u=u, evaluation="standard uncertainty", source=source)
            for name, u in (
                ("voltage after calibration", board.reference.voltage),
                ("current after calibration", board.reference.current),
            )
        ]
    chip = board.chip
    shunt_v, bus_v = abs(point.shunt_v), abs(point.bus_v)
    supply_v = SUPPLY_SPAN_V if board.supply_v is None else abs(board.supply_v - SUPPLY_V)
    return [
        *_shunt(board),
        _rectangular("bus gain", Effect.GAIN, chip.bus_gain, chip.gain_source),
        _rectangular("shunt offset", Effect.OFFSET, chip.shunt_offset_v / shunt_v, SHEET),
        _rectangular(
            "common mode at the shunt",
            Effect.OFFSET,
            chip.shunt_common_mode * abs(bus_v - COMMON_MODE_V) / shunt_v,
            "TI SBOS547B section 5.5, CMRR minimum 126 dB",
        ),
        _rectangular(
            "supply at the shunt", Effect.OFFSET, chip.shunt_supply * supply_v / shunt_v, SHEET_TYPICAL
        ),
        _rectangular("bus offset", Effect.OFFSET, chip.bus_offset_v / bus_v, SHEET),
        _rectangular("supply at the bus", Effect.OFFSET, chip.bus_supply * supply_v / bus_v, SHEET_TYPICAL),
    ]


def _shunt(board: Board) -> list[Term]:
    chip = board.chip
    if board.shunt_tolerance is not None:
        return [
            _rectangular("shunt tolerance", Effect.GAIN, board.shunt_tolerance, "the device's file"),
            _rectangular("shunt gain", Effect.GAIN, chip.shunt_gain, chip.gain_source),
        ]
    source = "assumed: the device's file does not state shunt_tolerance"
    if chip.name == MODULE.name:
        return [_rectangular("shunt and its gain", Effect.GAIN, MODULE_SHUNT, source)]
    return [
        _rectangular("shunt tolerance", Effect.GAIN, MODULE_SHUNT, source),
        _rectangular("shunt gain", Effect.GAIN, chip.shunt_gain, chip.gain_source),
    ]


def _drifts(board: Board, point: OperatingPoint) -> list[Term]:
    """What the temperature does; after a calibration it counts from there."""
    chip = board.chip
    span_k = TEMPERATURE_SPAN_K if board.temperature_span_k is None else board.temperature_span_k
    sheet = f"{SHEET}, over {span_k:g} K"
    if board.temperature_span_k is None:
        sheet += " (assumed)"
    terms = []
    if board.shunt_tcr_per_k is not None:
        terms.append(
            _rectangular(
                "shunt drift",
                Effect.GAIN,
                board.shunt_tcr_per_k * span_k,
                f"the device's file, over {span_k:g} K",
            )
        )
    return [
        *terms,
        _rectangular("shunt gain drift", Effect.GAIN, chip.shunt_gain_per_k * span_k, sheet),
        _rectangular("bus gain drift", Effect.GAIN, chip.bus_gain_per_k * span_k, sheet),
        _rectangular(
            "shunt offset drift",
            Effect.OFFSET,
            chip.shunt_offset_v_per_k * span_k / abs(point.shunt_v),
            sheet,
        ),
        _rectangular(
            "bus offset drift", Effect.OFFSET, chip.bus_offset_v_per_k * span_k / abs(point.bus_v), sheet
        ),
    ]


def _quantisation(point: OperatingPoint) -> list[Term]:
    """Rounding to a count; the shunt's becomes random where the readings scatter, the steady bus voltage's never."""
    credited = point.samples if point.shunt_scatter_lsb >= DITHER_LSB else 1
    shunt_u = SHUNT_LSB_V / math.sqrt(12 * max(1, credited)) / abs(point.shunt_v)
    bus_u = BUS_LSB_V / math.sqrt(12) / abs(point.bus_v)
    shared = f", mean of {credited} that scatter" if credited > 1 else ""
    return [
        Term(
            name="shunt rounding",
            effect=Effect.OWN,
            u=shunt_u,
            evaluation=f"2.5 µV / sqrt(12){shared}",
            source="TI SBOS547B table 7-1",
        ),
        Term(
            name="bus rounding",
            effect=Effect.OWN,
            u=bus_u,
            evaluation="1.25 mV / sqrt(12)",
            source="TI SBOS547B table 7-1",
        ),
    ]


def _window(point: OperatingPoint) -> list[Term]:
    """Where the window lies on the meter's time, and what of it the meter did not see."""
    return [
        _rectangular(
            "edges of the window",
            Effect.OWN,
            2 * point.step * point.edge_s / point.window_s,
            f"2 edges x {1e6 * point.edge_s:.3g} µs x power step {point.step:.2g}, from the cycles",
        ),
        _rectangular(
            "uncovered time", Effect.OWN, point.uncovered, "windows less conversions, from the cycles"
        ),
    ]


def _rectangular(name: str, effect: Effect, limit: float, source: str) -> Term:
    return Term(
        name=name,
        effect=effect,
        u=limit / math.sqrt(3),
        evaluation=f"limit {100 * limit:.3g} % / sqrt(3)",
        source=source,
    )
