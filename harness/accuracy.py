"""This module is the uncertainty budget of a meter that gives power or energy itself, from what is published of it.

Where its maker publishes a limit it stands as a term with its source. Where nobody does, the term is missing with
the reason in words, and the meter has no Type B uncertainty: comparisons between machines of other people are
no limit of this one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

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
from harness.monitors import Board, known_gains

NVML_KEPLER = 0.05
"""Of the power drawn: NVML API reference, nvmlDeviceGetPowerUsage, for Fermi and Kepler and no later GPU."""
KEPLER = "Kepler"
"""As `harness.meters.nvml` names the architecture."""

IN_RATIO = 2.0
"""The energy of a window is the difference of two counts, each rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The smallest difference a meter tells, as `watts` of a sitting's record has it.

    Attributes:
        power_w: of a power; None for a counter.
        energy_j: of a counter; None for a power.
    """

    power_w: float | None = None
    energy_j: float | None = None


def published(
    meter: Mapping[str, Any], found: Mapping[str, Any], point: OperatingPoint, step: Step
) -> Budget:
    """The budget of a meter by its kind.

    Args:
        meter: as the device's file has it.
        found: as it was read back.
        point: what it saw of a case.
        step: what it rounds to.

    Raises:
        ValueError: the meter saw no power, so nothing can be relative to it.
    """
    if not point.power_w:
        raise ValueError("the meter saw no power")
    known, missing = _of_kind(meter, found, point)
    return Budget(
        terms=(*known, *_rounding(point, step), *window_terms(point)),
        calibrated=False,
        missing=tuple(missing),
    )


def power_of_monitor(board: Board, point: OperatingPoint, last: Sequence[Term], reason: str) -> Budget:
    """The budget of a monitor of which the power alone is kept, and neither current nor voltage.

    Args:
        board: chip, shunt and where they stand.
        point: what it saw of a case.
        last: what its power is rounded or cut off to; empty where that is not known.
        reason: why current and voltage are not kept, and how they could be.
    """
    gains, missing = known_gains(board)
    offsets = Missing(
        name="offsets of the chip",
        reason=f"they are volts, relative to a shunt voltage and a bus voltage that are not kept: {reason}",
    )
    return Budget(terms=(*gains, *last, *window_terms(point)), calibrated=False, missing=(*missing, offsets))


def unpublished(point: OperatingPoint, step: Step, name: str, reason: str) -> Budget:
    """The budget of a meter of whose own errors nothing is known: rounding and windows remain.

    Args:
        point: what it saw of a case.
        step: what it rounds to.
        name: of the missing term.
        reason: of its absence.

    Raises:
        ValueError: the meter saw no power, so nothing can be relative to it.
    """
    budget = published({}, {}, point, step)
    return replace(budget, missing=(Missing(name=name, reason=reason),))


def _of_kind(
    meter: Mapping[str, Any], found: Mapping[str, Any], point: OperatingPoint
) -> tuple[Sequence[Term], Sequence[Missing]]:
    match meter.get("kind"):
        case "nvml" if meter.get("read") == "power":
            return _gpu_power(found)
        case "rapl" | "nvml" | "pmic" as kind:
            return (), (_missing_scale(NOWHERE[kind]),)
        case kind:
            stated = meter.get("accuracy")
            if isinstance(stated, Mapping):
                return _stated(stated, abs(point.power_w)), ()
            return (), (_missing_scale(UNSTATED.get(str(kind), UNKNOWN)),)


def _gpu_power(found: Mapping[str, Any]) -> tuple[Sequence[Term], Sequence[Missing]]:
    if found.get("architecture") != KEPLER:
        unseen = Missing(name="time the sensor does not look", reason=NVML_UNSEEN)
        return (), (_missing_scale(NVML_POWER), unseen)
    source = "NVIDIA NVML API reference, nvmlDeviceGetPowerUsage: Fermi and Kepler"
    return (rectangular("accuracy of the reading", Effect.GAIN, NVML_KEPLER, source),), ()


NOWHERE: Mapping[str, str] = {
    "rapl": "neither Intel nor AMD publishes a limit of its error; AMD computes it from a model (Schöne et al., IEEE "
    "CLUSTER 2021), Intel measures it at the regulators since Haswell (Hackenberg et al., IPDPSW 2015), and what was "
    "compared with instruments (Desrochers et al., MEMSYS 2016) were single machines",
    "nvml": "NVIDIA publishes no accuracy of the energy counter (NVML API reference)",
    "pmic": "neither Raspberry Pi nor the chip's maker publishes the accuracy of pmic_read_adc",
}
NVML_POWER = (
    "NVIDIA states ±5 % of the power for Fermi and Kepler and nothing for later GPUs (NVML API reference, "
    "nvmlDeviceGetPowerUsage)"
)
NVML_UNSEEN = (
    "on an A100 or H100 three quarters of the time (Yang et al., arXiv 2312.02741); of other GPUs "
    "it is not published"
)
UNSTATED: Mapping[str, str] = {
    "scpi": "meter.accuracy of the device's file does not state it; copy it from the instrument's data sheet, at the "
    "range that is set",
    "replay": "a recording does not say how sure its meter was; state meter.accuracy of the device's file where you "
    "know it",
    "plugin": "meter.accuracy of the device's file does not state it; the meter's maker may publish it",
}
UNKNOWN = "what the meter's maker publishes of it is not known here"


def _missing_scale(reason: str) -> Missing:
    return Missing(name="accuracy of the meter", reason=reason)


def _stated(accuracy: Mapping[str, Any], power_w: float) -> list[Term]:
    """What the device's file copies from a data sheet: a share of the reading, and watts at any reading."""
    source = str(accuracy["source"])
    return [
        rectangular("accuracy, of the reading", Effect.GAIN, float(accuracy["reading"]), source),
        rectangular("accuracy, of the range", Effect.OFFSET, float(accuracy["floor_w"]) / power_w, source),
    ]


def _rounding(point: OperatingPoint, step: Step) -> list[Term]:
    power_w = abs(point.power_w)
    if step.energy_j is not None:
        relative = IN_RATIO**0.5 * step.energy_j / (power_w * point.window_s)
        words = f"sqrt(2) x {1e6 * step.energy_j:.6g} µJ"
        return [rounded("counts rounded", relative, words, "the sitting's record, two counts to a window")]
    if step.power_w is not None:
        words = f"{1e3 * step.power_w:.6g} mW"
        return [rounded("reading rounded", step.power_w / power_w, words, "the sitting's record")]
    return []
