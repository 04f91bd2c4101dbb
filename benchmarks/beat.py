"""Beat between identical inferences and the meter, with and without a random gap before each window.

Half of each inference takes 8 W and half 3 W; it is exactly in step with the meter's period. Without a gap
every window sees the same part of the inference; a gap of U(0, one period) before each window makes the part
random, so that the mean over the windows is right. Virtual time, real driver.

    python benchmarks/beat.py
"""

import random
from statistics import mean, stdev

from bench_load import IDLE_W, meter, traced

from harness.meters.ina226 import nominal_period_s
from harness.meters.waveforms import Level, PiecewiseWaveform

ORIGIN_NS = 10**9
REPEATS = 10
WINDOWS = 500
TRIALS = 6


def window_errors(shunt_us: int, bus_us: int, periods: int, *, dithered: bool, seed: int) -> list[float]:
    """Relative energy errors of the windows of one run."""
    wired = meter(shunt_us, bus_us)
    draw = random.Random(seed)  # noqa: S311 -- a seeded simulation
    period_s = nominal_period_s(wired)
    length_s = periods * period_s
    half = length_s / 2
    inference = [Level(duration_s=half, power_w=8.0), Level(duration_s=half, power_w=3.0)]
    levels, begins_s, at_s = [], [], 0.0
    for _ in range(WINDOWS):
        if dithered:
            gap = Level(duration_s=draw.uniform(0, period_s), power_w=IDLE_W)
            levels.append(gap)
            at_s += gap.duration_s
        levels += inference * (REPEATS + 2)  # one more before and one after the window
        begins_s.append(at_s + length_s)
        at_s += (REPEATS + 2) * length_s
    load = PiecewiseWaveform(levels, begin_ns=ORIGIN_NS, rest_w=IDLE_W)
    phase_ns = round(draw.uniform(0, period_s * 1e9))
    trace = traced(
        load,
        ORIGIN_NS + round(at_s * 1e9),
        begin_ns=ORIGIN_NS - 60_000_000 - phase_ns,
        clock_error=0.0,
        wired=wired,
    )
    errors = []
    for begin_s in begins_s:
        begin_ns = ORIGIN_NS + round(begin_s * 1e9)
        end_ns = begin_ns + round(REPEATS * length_s * 1e9)
        seen_j = trace.window(begin_ns, end_ns).energy_j
        assert seen_j is not None
        errors.append(seen_j / (load.energy_j(end_ns) - load.energy_j(begin_ns)) - 1)
    return errors


def main() -> None:
    """Print the table."""
    print(f"mean energy of {WINDOWS} windows of {REPEATS} inferences, {TRIALS} runs at random phase")
    print(
        f"{'meter':<12}{'inference':<12}{'gap':<9}{'std of a window %':>18}"
        f"{'std of the mean %':>19}{'worst mean %':>14}"
    )
    for shunt_us, bus_us, periods in ((1100, 1100, 1), (1100, 140, 1), (1100, 140, 2)):
        for dithered in (False, True):
            runs = [
                [
                    100 * error
                    for error in window_errors(shunt_us, bus_us, periods, dithered=dithered, seed=seed)
                ]
                for seed in range(TRIALS)
            ]
            means = [mean(run) for run in runs]
            inference = f"{periods * (shunt_us + bus_us) / 1000:g} ms"
            print(
                f"{f'{shunt_us}/{bus_us}':<12}{inference:<12}{'U(0, T)' if dithered else 'none':<9}"
                f"{mean(stdev(run) for run in runs):>18.2f}{stdev(means):>19.2f}{max(means, key=abs):>+14.2f}"
            )


if __name__ == "__main__":
    main()
