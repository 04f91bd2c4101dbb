"""This module computes what MLPerf Tiny publishes: medians over the windows of an imported run, and its scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.importers.tiny_results import TinyResult
from harness.store import Run

WINDOWS = 5
WINDOW_S = 10.0
ITERATIONS = 10
"""The rules ask for five windows, each of at least ten seconds and ten inferences (mlcommons/tiny, benchmark)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The figures of one mode of one task in the units of MLPerf Tiny; None for those it does not give.

    Attributes:
        windows: that count.
        energy_uj: median energy of one inference.
        energy_spread: largest less smallest energy of the windows, over the median.
        throughput_hz: median of inferences in a second.
        top1: share of right answers; of the accuracy mode alone.
        unruly: why the figures are not by the rules; empty where they are.
    """

    windows: int
    energy_uj: float | None = None
    energy_spread: float | None = None
    throughput_hz: float | None = None
    top1: float | None = None
    unruly: str = ""


def published(run: Run, mode: str) -> Published:
    """The figures of an imported run, from its cycles alone.

    Args:
        run: read back.
        mode: `energy`, `performance` or `accuracy`.
    """
    valid = run.cycles[run.cycles["void"] == ""]
    windows_s = (valid["end_ns"] - valid["begin_ns"]).to_numpy(np.float64) * 1e-9
    inferences = valid["repeats"].to_numpy(np.float64)
    if not len(valid):
        return Published(windows=0, unruly="no window could be found")
    if mode == "accuracy":
        classed = valid["predicted"].notna()
        right = (valid["predicted"] == valid["label"])[classed]
        return Published(windows=len(valid), top1=float(right.mean()) if len(right) else None)
    unruly = _unruly(windows_s, inferences)
    if mode == "performance":
        throughput_hz = float(np.median(inferences / windows_s))
        return Published(windows=len(valid), throughput_hz=throughput_hz, unruly=unruly)
    energies_uj = valid["energy_j"].to_numpy(np.float64) / inferences * 1e6
    median_uj = float(np.median(energies_uj))
    return Published(
        windows=len(valid),
        energy_uj=median_uj,
        energy_spread=float(np.ptp(energies_uj)) / median_uj if median_uj else None,
        unruly=unruly,
    )


def area_under_curve(result: TinyResult) -> float | None:
    """Mean over the classes of the area under the receiver operating curve, each class against the rest.

    The outputs of inputs of one file are averaged first. With a single output it is the score of class 1.

    Returns:
        None where a class has no input or all inputs are of one class.
    """
    outputs: dict[str, list[Sequence[float]]] = {}
    labels: dict[str, int] = {}
    for window in result.windows:
        if window.outputs:
            outputs.setdefault(window.file, []).append(window.outputs)
            labels[window.file] = window.label
    if not outputs or len({len(each) for several in outputs.values() for each in several}) != 1:
        return None
    scores = np.array([np.mean(each, axis=0) for each in outputs.values()])
    label = np.array(list(labels.values()))
    classes: Mapping[int, NDArray[np.float64]] = (
        {1: scores[:, 0]} if scores.shape[1] == 1 else dict(enumerate(scores.T))
    )
    areas = [_area(score, label == number) for number, score in classes.items()]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if known and len(known) == len(areas) else None


def _area(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    """Share of pairs that are in the right order, ties by half (Mann and Whitney)."""
    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return None
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def _unruly(windows_s: NDArray[np.float64], inferences: NDArray[np.float64]) -> str:
    if len(windows_s) != WINDOWS:
        return f"{len(windows_s)} windows where the rules ask for {WINDOWS}"
    if windows_s.min() < WINDOW_S or inferences.min() < ITERATIONS:
        return (
            f"a window of {windows_s.min():.3g} s and {inferences.min():.0f} inferences where the rules ask for "
            f"{WINDOW_S:g} s and {ITERATIONS}"
        )
    return ""
