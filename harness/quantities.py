"""This module holds every quantity that is published: its name, unit, better direction and printed form.

A name ends in the unit of its value; a share has no unit and no ending. Values are SI everywhere; they are
scaled for people in `print_value` and nowhere else.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from harness.errors import FileError
from harness.names import hint
from harness.suite import Limit

ABSENT = "—"
"""What stands where there is no figure; never 0."""


class Direction(StrEnum):
    """Which way a quantity is better."""

    SMALLER = "smaller"
    LARGER = "larger"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit of values and how it is scaled for people.

    Attributes:
        symbol: of the unit of the value; empty for a share of one.
        ending: of the names of quantities in this unit; empty for a share of one.
        steps: printed symbols with what one of them is in the unit, largest first.
    """

    symbol: str
    ending: str
    steps: Sequence[tuple[str, float]]


SECOND = Unit(symbol="s", ending="_s", steps=(("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)))
JOULE = Unit(
    symbol="J", ending="_j", steps=(("kJ", 1e3), ("J", 1.0), ("mJ", 1e-3), ("µJ", 1e-6), ("nJ", 1e-9))
)
WATT = Unit(symbol="W", ending="_w", steps=(("kW", 1e3), ("W", 1.0), ("mW", 1e-3), ("µW", 1e-6)))
BYTE = Unit(symbol="B", ending="_bytes", steps=(("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)))
JOULE_SECOND = Unit(
    symbol="J·s",
    ending="_js",
    steps=(("J·s", 1.0), ("mJ·s", 1e-3), ("µJ·s", 1e-6), ("nJ·s", 1e-9), ("pJ·s", 1e-12)),
)
OPERATION = Unit(
    symbol="FLOP",
    ending="_flop",
    steps=(("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("kFLOP", 1e3), ("FLOP", 1.0)),
)
SHARE = Unit(symbol="", ending="", steps=(("%", 1e-2),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One published quantity.

    Attributes:
        name: in code, files and tables; it ends in the unit.
        title: for people, without unit.
        meaning: one sentence.
        unit: of its values.
        direction: which way is better.
    """

    name: str
    title: str
    meaning: str
    unit: Unit
    direction: Direction


def _quantity(name: str, title: str, unit: Unit, direction: Direction, meaning: str) -> Quantity:
    return Quantity(name=name, title=title, meaning=meaning, unit=unit, direction=direction)


_LESS, _MORE, _NEITHER = Direction.SMALLER, Direction.LARGER, Direction.NONE

QUANTITIES: Mapping[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        _quantity("latency_p50_s", "latency p50", SECOND, _LESS, "Median latency of one inference."),
        _quantity("latency_p90_s", "latency p90", SECOND, _LESS, "Latency that 90 % of inferences keep."),
        _quantity("latency_p95_s", "latency p95", SECOND, _LESS, "Latency that 95 % of inferences keep."),
        _quantity("latency_p99_s", "latency p99", SECOND, _LESS, "Latency that 99 % of inferences keep."),
        _quantity(
            "latency_p90_early_stopping_s",
            "latency p90, early stopping",
            SECOND,
            _LESS,
            "What the latency p90 keeps at 99 %, as MLPerf's load generator computes it; no MLPerf result.",
        ),
        _quantity(
            "latency_p99_early_stopping_s",
            "latency p99, early stopping",
            SECOND,
            _LESS,
            "What the latency p99 keeps at 99 %, as MLPerf's load generator computes it; no MLPerf result.",
        ),
        _quantity("latency_mean_s", "mean latency", SECOND, _LESS, "Mean latency of one inference."),
        _quantity("latency_max_s", "longest latency", SECOND, _LESS, "Longest latency of one inference."),
        _quantity(
            "energy_per_inference_j",
            "energy per inference",
            JOULE,
            _LESS,
            "Energy of the windows over their inferences, idle power included.",
        ),
        _quantity(
            "energy_above_idle_per_inference_j",
            "energy above idle",
            JOULE,
            _LESS,
            "Energy per inference less what the idle power would have taken in the same time.",
        ),
        _quantity(
            "energy_delay_product_js",
            "energy x delay",
            JOULE_SECOND,
            _LESS,
            "Energy per inference times the mean duration of one.",
        ),
        _quantity("power_mean_w", "mean power", WATT, _LESS, "Energy of the windows over their duration."),
        _quantity(
            "power_peak_10ms_w",
            "peak power over 10 ms",
            WATT,
            _LESS,
            "Largest mean power over any 10 ms from the first counted window of a sitting to its last.",
        ),
        _quantity(
            "idle_power_w", "idle power", WATT, _LESS, "Mean power with the model loaded and nothing running."
        ),
        _quantity("accuracy", "accuracy", SHARE, _MORE, "Share of the labelled items answered rightly."),
        _quantity("error", "error", SHARE, _LESS, "Share of the labelled items answered wrongly."),
        _quantity(
            "memory_peak_bytes", "peak memory", BYTE, _LESS, "Largest resident set of the inferring process."
        ),
        _quantity("cold_start_s", "cold start", SECOND, _LESS, "Loading the model and its first inference."),
        _quantity(
            "work_flop",
            "nominal work",
            OPERATION,
            _LESS,
            "Twice the multiply-accumulates the suite states for the model; counted, not measured.",
        ),
        _quantity(
            "dead_time_s",
            "dead time",
            SECOND,
            _LESS,
            "Time of the harness itself between two inferences of one window.",
        ),
        _quantity(
            "sampler_overhead",
            "sampler overhead",
            SHARE,
            _NEITHER,
            "Relative change of the median latency with the power sampler running against paused.",
        ),
        _quantity("coverage", "coverage", SHARE, _MORE, "Share of a window the meter's conversions cover."),
        _quantity("duration_s", "duration", SECOND, _NEITHER, "Length of something, such as a window."),
    )
}
"""By name."""


SIGNED = ("energy_above_idle_per_inference_j", "sampler_overhead")
"""Differences; every other quantity is 0 or more."""


def why_impossible(name: str, value: float) -> str:
    """What a figure of a quantity must be where this one cannot be one; empty where it can.

    Args:
        name: of a published quantity.
        value: in its unit.
    """
    if name in SIGNED:
        return ""
    if QUANTITIES[name].unit is SHARE and not 0.0 <= value <= 1.0:
        meant = f"; did you mean {value / 100:g}?" if 1.0 < value <= 100.0 else ""
        return f"a share from 0 to 1{meant}"
    return "0 or more" if value < 0.0 else ""


def find_quantity(name: str) -> Quantity:
    """The published quantity of that name.

    Raises:
        FileError: there is none; the nearest names are told.
    """
    try:
        return QUANTITIES[name]
    except KeyError:
        raise FileError(f"{name}: is not a published quantity; {hint(name, QUANTITIES)}") from None


def channel_name(energy: str, channel: str) -> str:
    """Name of an energy of one channel of a meter: `energy_core_j` of `energy_j` and `core`."""
    return energy.replace("energy_", f"energy_{channel}_", 1)


def _whole_name(name: str) -> str:
    """The name of which this is that of one channel; a quantity's own stays."""
    of_channel = re.fullmatch(r"energy_[^_]+(_per_inference_j|_j)", name)
    return f"energy{of_channel[1]}" if of_channel and name not in QUANTITIES else name


def bound_name(name: str, side: Literal["lo", "hi"]) -> str:
    """Name of a quantity's lower or upper bound: the unit stays last, `latency_p99_lo_s`."""
    ending = find_quantity(name).unit.ending
    return f"{name.removesuffix(ending)}_{side}{ending}"


def print_value(name: str, value: float | None, *, digits: int = 3) -> str:
    """Print a value for people with three digits and a scaled unit: `12.3 µs`, `1.25 mJ`, `53.2 MB`, `99.4 %`.

    Shares get one decimal, and as many more as keep 99.96 % from looking like all and 0.04 % like nothing.

    Args:
        name: of the quantity, or what `channel_name` made of it.
        value: in its unit; None or a number that is not finite prints as absent.
        digits: how many; of a share those of its percents below 100.
    """
    unit = find_quantity(_whole_name(name)).unit
    if value is None or not math.isfinite(value):
        return ABSENT
    return print_share(value, digits - 2) if unit is SHARE else _print_scaled(value, unit, digits)


def print_share(value: float, decimals: int = 0, *, signed: bool = False) -> str:
    """Print a share of one, or a relative change, in percent: `86 %`, `+1.4 %`.

    Args:
        value: the share; 0.86 is 86 %.
        decimals: of the percents; as many more as keep what is not all or nothing from looking so.
        signed: with a plus where it is above 0.
    """
    percent, sign = 100.0 * value, "+" if signed else ""
    for more in range(decimals, 10):
        text = f"{percent:{sign}.{more}f}"
        if value in {0.0, 1.0} or float(text) not in {0.0, 100.0}:
            return f"{text} %"
    return f"{percent:{sign}.3g} %"


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 case`, `2 cases`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def exact(value: float) -> str:
    """The shortest decimal that is the value to 15 digits, for files: without float dust."""
    return repr(float(f"{value:.15g}"))


def _print_scaled(value: float, unit: Unit, digits: int) -> str:
    rounded = float(f"{value:.{digits}g}")  # 999.96 µs is to be read as 1.00 ms, not as 1000 µs
    if rounded == 0.0:
        return f"0 {unit.symbol}"
    symbol, size = next((step for step in unit.steps if abs(rounded) >= step[1] * (1 - 1e-9)), unit.steps[-1])
    scaled = rounded / size
    if not 1e-3 <= abs(scaled) < 1e4 * (1 - 1e-9):
        return f"{scaled:.{digits}g} {symbol}"
    if size == 1.0 and unit is BYTE:
        return f"{scaled:.0f} {symbol}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(scaled)) + 1e-9))
    return f"{scaled:.{decimals}f} {symbol}"


_LIMIT = re.compile(r"\s*([^\s<>=]+)\s*(<=|>=|<|>)\s*(\S.*?)\s*")


def parse_limit(text: str) -> Limit:
    """Read a hard limit such as `latency_p99_s < 0.150`; the bound is in the unit the name ends in.

    Raises:
        FileError: the form is another, the quantity is not published, or the bound is no figure it can have.
    """
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise FileError(
            f"{text!r}: is not a limit; write a quantity, one of < <= > >= and a number,"
            " such as latency_p99_s < 0.150"
        )
    name, comparison, bound_text = match.groups()
    quantity = find_quantity(name)
    try:
        bound = float(bound_text)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        unit = f"in {quantity.unit.symbol}" if quantity.unit.symbol else "as a share from 0 to 1"
        raise FileError(f"{text!r}: found the bound {bound_text}, expected a number {unit}")
    if wanted := why_impossible(name, bound):
        raise FileError(f"{text!r}: found the bound {bound_text}, expected {wanted}")
    return Limit(quantity=name, comparison=comparison, bound=bound)
