"""Five ways to make joules of the same samples: bias and scatter of each, and what the two edges cost.

The real driver runs on the register model of the INA226 (chip clock off by up to 3 %, 400 kHz wire) in virtual
time; the truth is the waveform's exact integral. The load is an inference of 10 ms, 4 W, 8 W and 5 W with a
ripple of 0.8 W at 1.3 kHz, in 3 W of idle power. The harness integrates by interval overlap with the stamps of
the conversions (harness/trace.py). The others are what tools do that keep points: they take each sample as of the
instant at which it was in the host's hands.

    python benchmarks/estimators.py [--quick]
"""

import random
import sys
from collections.abc import Callable, Mapping
from statistics import mean, stdev

import numpy as np
from bench_load import IDLE_W, meter, sampled, trace_of
from energy_truth import INFERENCE, INFERENCE_NS
from numpy.typing import NDArray

from harness.meters.ina226 import nominal_period_s
from harness.meters.scale import Scale
from harness.meters.stream import PERIOD_SAMPLES
from harness.meters.waveforms import PiecewiseWaveform
from harness.profile import Ina226Meter

ORIGIN_NS = 10**10
SETTINGS = ((1100, 140, 1), (1100, 1100, 1), (588, 140, 1), (1100, 1100, 16))
"""Shunt and bus conversion in us and average; the last is what the kernel's hwmon driver sets."""
WINDOWS = ((1, 120), (100, 24))
"""Inferences in a window, and trials."""

Points = NDArray[np.float64]
Estimator = Callable[[Points, Points, float, float], float | None]


def mean_times_duration(t: Points, p: Points, begin: float, end: float) -> float | None:
    """Mean of the points inside times the window, as MLPerf's compliance checker does."""
    inside = (t >= begin) & (t <= end)
    return float(p[inside].mean()) * (end - begin) if inside.any() else None


def trapezoid(t: Points, p: Points, begin: float, end: float) -> float | None:
    """Trapezoid through the points inside, as Zeus does; what lies before the first and after the last is lost."""
    inside = (t >= begin) & (t <= end)
    return float(np.trapezoid(p[inside], t[inside])) if inside.sum() > 1 else None


def right_rectangle(t: Points, p: Points, begin: float, end: float) -> float | None:
    """Each point inside, but the first, times the time since the one before it, as devlib does."""
    inside = (t >= begin) & (t <= end)
    return float((p[inside][1:] * np.diff(t[inside])).sum()) if inside.sum() > 1 else None


def trapezoid_with_edges(t: Points, p: Points, begin: float, end: float) -> float | None:
    """Trapezoid with points put at both edges by straight lines to their neighbours outside."""
    inside = (t > begin) & (t < end)
    times = np.concatenate([[begin], t[inside], [end]])
    powers = np.concatenate([[np.interp(begin, t, p)], p[inside], [np.interp(end, t, p)]])
    return float(np.trapezoid(powers, times))


POINTWISE: Mapping[str, Estimator] = {
    "mean x duration": mean_times_duration,
    "trapezoid inside": trapezoid,
    "right rectangle": right_rectangle,
    "trapezoid + edges": trapezoid_with_edges,
}
OVERLAP = "interval overlap"


def errors(wired: Ina226Meter, inferences: int, trials: int) -> dict[str, list[float]]:
    """Relative errors of each way, at random phases and chip clocks; no energy at all counts as -100 %."""
    found: dict[str, list[float]] = {name: [] for name in (*POINTWISE, OVERLAP)}
    load = PiecewiseWaveform(INFERENCE * inferences, begin_ns=ORIGIN_NS, rest_w=IDLE_W)
    end_ns = ORIGIN_NS + inferences * INFERENCE_NS
    true_j = load.energy_j(end_ns) - load.energy_j(ORIGIN_NS)
    period_s = nominal_period_s(wired)
    for trial in range(trials):
        draw = random.Random(f"{wired.average} {period_s} {inferences} {trial}")  # noqa: S311 -- a seeded simulation
        samples = sampled(
            load,
            end_ns,
            begin_ns=ORIGIN_NS - round(1e9 * period_s * (2 * PERIOD_SAMPLES + draw.random())),
            clock_error=draw.uniform(-0.03, 0.03),
            wired=wired,
        )
        t = (samples[:, 0] + samples[:, 1]).astype(np.float64) * 1e-9
        p = Scale.of(wired).watts(samples[:, 2].astype(float), samples[:, 3].astype(float))
        for name, estimate in POINTWISE.items():
            seen_j = estimate(t, p, ORIGIN_NS * 1e-9, end_ns * 1e-9)
            found[name].append((seen_j or 0.0) / true_j - 1)
        overlap_j = trace_of(samples, wired).window(ORIGIN_NS, end_ns).energy_j
        found[OVERLAP].append((overlap_j or 0.0) / true_j - 1)
    return found


def main(*, quick: bool) -> None:
    """Print the table."""
    print("bias +- standard deviation, in %; an inference of 10 ms stands alone in idle power")
    print(f"{'shunt/bus us, average':<24}{'N':>4}" + "".join(f"{name:>20}" for name in (*POINTWISE, OVERLAP)))
    for shunt_us, bus_us, average in SETTINGS:
        for inferences, trials in WINDOWS:
            found = errors(meter(shunt_us, bus_us, average), inferences, 12 if quick else trials)
            cells = "".join(f"{100 * mean(e):>+11.2f} +-{100 * stdev(e):>6.2f}" for e in found.values())
            print(f"{f'{shunt_us}/{bus_us}, {average}':<24}{inferences:>4}{cells}", flush=True)


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
