"""This module computes the figures of one case from its courses and the records of its sittings.

Latency, power and energy are those of settled cycles: warmed up and not throttled. The accuracy is that of all
valid cycles, for an answer does not depend on when it was given.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.judging.courses import Course
from harness.judging.early_stopping import LEVELS as STOPPED
from harness.judging.early_stopping import early_stopping
from harness.judging.idle import idle_power_w, mean_idle_power, unsteady_idle
from harness.judging.peaks import peak_power
from harness.judging.percentiles import percentiles
from harness.judging.stats import Estimate, Spread, absent, product_of_ratios, ratio, spread, wilson
from harness.quantities import channel_name
from harness.record import SittingClosed, SittingOpened
from harness.store import Run

LEVELS = {"latency_p50_s": 0.50, "latency_p90_s": 0.90, "latency_p95_s": 0.95, "latency_p99_s": 0.99}
"""Percentiles of the latency; those that no table shows can be limited."""

LATENCIES = (*LEVELS, *STOPPED, "latency_mean_s", "latency_max_s")

POWERS = (
    "energy_per_inference_j",
    "energy_above_idle_per_inference_j",
    "power_mean_w",
    "energy_delay_product_js",
)


def estimates(  # noqa: PLR0917  a case and its records, in the order they are made
    run: Run,
    case: str,
    courses: Sequence[Course],
    opened: Sequence[SittingOpened],
    closed: Sequence[SittingClosed],
    confidence: float,
) -> dict[str, Estimate]:
    """Every figure of a case by its name; one that cannot be had is absent with its reason.

    Args:
        run: the run.
        case: id of the case.
        courses: its sittings that have a valid cycle.
        opened: its sittings' openings.
        closed: their ends.
        confidence: of each one-sided bound.
    """
    settled = [course.settled for course in courses]
    return {
        **(
            _whole_windows(settled, confidence)
            if any(record.whole_windows for record in opened)
            else _latencies([course.latencies_ns for course in settled], confidence)
        ),
        **_powers(run, settled, opened, closed, confidence),
        **_channels(run, settled, confidence),
        "power_peak_10ms_w": peak_power(run, courses, opened),
        "accuracy": _accuracy(run, courses, confidence),
        "memory_peak_bytes": _memory(closed),
        "cold_start_s": _cold_start(opened),
        "idle_power_w": mean_idle_power(opened, closed, confidence),
        "work_flop": _work(run, case),
        **_harness_costs(closed),
    }


def spreads(courses: Sequence[Course]) -> dict[str, Spread]:
    """Scatter between and within sittings of the mean latency and, where there is energy, of energy and power."""
    settled = [course.settled.series for course in courses]
    if not settled:
        return {}
    windows = [each.window_s for each in settled]
    inferences = [each.inferences.astype(np.float64) for each in settled]
    found = {"latency_mean_s": spread(windows, inferences)}
    energies = [each.energy_j for each in settled]
    if not any(np.isnan(each).any() or not each.sum() > 0 for each in energies):
        found |= {
            "energy_per_inference_j": spread(energies, inferences),
            "power_mean_w": spread(energies, windows),
        }
    return found


def right_share(courses: Sequence[Course]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Distinct items, and whether more than half of the valid cycles of each were right."""
    items = np.concatenate([course.item for course in courses])
    right = np.concatenate([course.right for course in courses])
    count = np.bincount(items)
    distinct = np.flatnonzero(count)
    return distinct, (np.bincount(items, weights=right) > 0.5 * count)[distinct]


def _latencies(pieces: Sequence[NDArray[np.int64]], confidence: float) -> dict[str, Estimate]:
    if not pieces:
        return dict.fromkeys(LATENCIES, absent("no valid cycle"))
    found = percentiles(pieces, list(LEVELS.values()), scale=1e-9, confidence=confidence)
    mean = ratio(
        [piece.astype(np.float64) * 1e-9 for piece in pieces],
        [np.ones(len(piece)) for piece in pieces],
        unit="inferences",
        confidence=confidence,
    )
    return {
        **dict(zip(LEVELS, found, strict=True)),
        **early_stopping(pieces, scale=1e-9),
        "latency_mean_s": mean,
        "latency_max_s": Estimate(value=max(int(piece.max()) for piece in pieces) * 1e-9),
    }


def _whole_windows(settled: Sequence[Course], confidence: float) -> dict[str, Estimate]:
    """Where the source tells windows of several inferences there is their mean, and no percentile."""
    if not settled:
        return dict.fromkeys(LATENCIES, absent("no valid cycle"))
    windows = [
        (course.series.end_ns - course.series.begin_ns).astype(np.float64) * 1e-9 for course in settled
    ]
    inferences = [course.series.inferences.astype(np.float64) for course in settled]
    unknown = absent("the source tells whole windows of several inferences, no single latency")
    mean = ratio(windows, inferences, unit="windows", confidence=confidence)
    return {**dict.fromkeys(LATENCIES, unknown), "latency_mean_s": mean}


def _powers(
    run: Run,
    settled: Sequence[Course],
    opened: Sequence[SittingOpened],
    closed: Sequence[SittingClosed],
    confidence: float,
) -> dict[str, Estimate]:
    without = sum(int(np.isnan(course.series.energy_j).sum()) for course in settled)
    missing = "no valid cycle" if not settled else f"{without} valid cycles hold no energy" if without else ""
    if run.start.origin is None or missing:
        return dict.fromkeys(POWERS, absent("no meter" if run.start.origin is None else missing))
    energies = [course.series.energy_j for course in settled]
    windows = [course.series.window_s for course in settled]
    inferences = [course.series.inferences.astype(np.float64) for course in settled]
    attempts = {(course.sitting, int(part)) for course in settled for part in np.unique(course.part)}
    unsteady = unsteady_idle(run.start.protocol, opened, closed, attempts)
    if unsteady:
        less_idle = absent(unsteady)
    else:
        idle_w = idle_power_w(opened, closed)
        dynamic = [
            energy - idle_of(course, idle_w) * window
            for course, energy, window in zip(settled, energies, windows, strict=True)
        ]
        less_idle = ratio(dynamic, inferences, signed=True, confidence=confidence)
    return {
        "energy_per_inference_j": ratio(energies, inferences, confidence=confidence),
        "energy_above_idle_per_inference_j": less_idle,
        "power_mean_w": ratio(energies, windows, confidence=confidence),
        "energy_delay_product_js": product_of_ratios(energies, windows, inferences, confidence=confidence),
    }


def _channels(run: Run, settled: Sequence[Course], confidence: float) -> dict[str, Estimate]:
    """Energy of one inference on each channel of a meter that has several."""
    found = {}
    inferences = [course.series.inferences.astype(np.float64) for course in settled]
    for name, column in run.channels.items():
        energies = [run.cycles[column].to_numpy()[course.rows] for course in settled]
        lacking = not energies or any(np.isnan(each).any() for each in energies)
        found[channel_name("energy_per_inference_j", name)] = (
            absent(f"not every valid cycle holds the energy of {name}")
            if lacking
            else ratio(energies, inferences, confidence=confidence)
        )
    return found


def idle_of(course: Course, idle_w: Mapping[tuple[int, int], float | None]) -> NDArray[np.float64]:
    """Idle power of the attempt each cycle belongs to."""
    found = np.zeros(len(course.part))
    for part in np.unique(course.part).tolist():
        found[course.part == part] = idle_w[course.sitting, part]
    return found


def _accuracy(run: Run, courses: Sequence[Course], confidence: float) -> Estimate:
    """Top-1 over distinct items; an item counts as right when more than half of its valid cycles are.

    An output without a class, as of NaN, is not right.
    """
    if not courses:
        return absent("no valid cycle")
    if all(run.cycles["predicted"].iloc[course.rows].isna().all() for course in courses):
        return absent("no output held a class")
    items, right = right_share(courses)
    return wilson(int(right.sum()), len(items), confidence=confidence)


def _memory(closed: Sequence[SittingClosed]) -> Estimate:
    peaks = [record.memory["peak"] for record in closed if record.memory.get("peak") is not None]
    return (
        Estimate(value=float(max(peaks))) if peaks else absent("no sitting was closed with its memory read")
    )


def first_parts(opened: Iterable[SittingOpened]) -> list[SittingOpened]:
    """Of each sitting of one case the first attempt that came as far as its opening."""
    firsts: dict[int, SittingOpened] = {}
    for record in sorted(opened, key=lambda record: record.part):
        firsts.setdefault(record.sitting, record)
    return list(firsts.values())


def _cold_start(opened: Sequence[SittingOpened]) -> Estimate:
    """Median over sittings of loading the model and the first inference; the first attempt of each counts."""
    stages = ("load_s", "first_inference_s")
    starts = [record.cold_start for record in first_parts(opened)]
    whole = [
        sum(float(start[stage]) for stage in stages) for start in starts if all(s in start for s in stages)
    ]
    return Estimate(value=float(np.median(whole))) if whole else absent("no sitting kept its cold start")


def _work(run: Run, case: str) -> Estimate:
    """Twice the multiply-accumulates the suite states for the model: the nominal work, not a measurement."""
    models: Any = run.start.suite.get("models") or ()
    model = case.split("/")[2]
    for each in models:
        if isinstance(each, Mapping) and each.get("id") == model and each.get("macs") is not None:
            return Estimate(value=2.0 * float(each["macs"]))
    return absent(f"the suite does not state the macs of {model}")


def _harness_costs(closed: Sequence[SittingClosed]) -> dict[str, Estimate]:
    """What the harness itself took: the worst dead time, the median change of latency by the sampler."""
    dead = [record.dead_time_s for record in closed if record.dead_time_s is not None]
    pairs = [(record.sampler_on_s, record.sampler_off_s) for record in closed]
    changes = [on / off - 1 for on, off in pairs if on is not None and off]
    return {
        "dead_time_s": Estimate(value=max(dead)) if dead else absent("not taken"),
        "sampler_overhead": Estimate(value=float(np.median(changes))) if changes else absent("not taken"),
    }
