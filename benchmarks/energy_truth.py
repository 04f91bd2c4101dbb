"""Known joules in, measured joules out: bias and scatter of the energy of one inference and of a block.

The real driver, stamps and integration run on the register model of the INA226 (1100/140 us, 400 kHz wire,
chip clock off by up to 3 %) in virtual time; the truth is the waveform's exact integral. An inference stands
alone in idle, or between shoulders: the same inference runs just before and just after the window.

    python benchmarks/energy_truth.py
"""

import random
from statistics import mean, stdev

from bench_load import IDLE_W, traced

from harness.meters.waveforms import Level, PiecewiseWaveform

INFERENCE = [
    Level(duration_s=2e-3, power_w=4.0, ripple_w=0.8, ripple_hz=1300.0),
    Level(duration_s=5e-3, power_w=8.0, ripple_w=0.8, ripple_hz=1300.0),
    Level(duration_s=3e-3, power_w=5.0, ripple_w=0.8, ripple_hz=1300.0),
]
SQUARE = [Level(duration_s=10e-3, power_w=8.0)]
INFERENCE_NS = 10_000_000
ORIGIN_NS = 10**9
TRIALS = 150
BLOCKS = 5


def errors(levels: list[Level], inferences: int, shoulders: int, trials: int) -> list[float]:
    """Relative errors of windows of that many inferences, at random phases and chip clocks."""
    found = []
    for trial in range(trials):
        draw = random.Random(f"{len(levels)} {inferences} {shoulders} {trial}")  # noqa: S311 -- a seeded simulation
        load = PiecewiseWaveform(
            levels * (inferences + 2 * shoulders),
            begin_ns=ORIGIN_NS - shoulders * INFERENCE_NS,
            rest_w=IDLE_W,
        )
        end_ns = ORIGIN_NS + inferences * INFERENCE_NS
        trace = traced(
            load,
            end_ns,
            begin_ns=ORIGIN_NS - round(draw.uniform(60e6, 62e6)),
            clock_error=draw.uniform(-0.03, 0.03),
        )
        seen_j = trace.window(ORIGIN_NS, end_ns).energy_j
        true_j = load.energy_j(end_ns) - load.energy_j(ORIGIN_NS)
        assert seen_j is not None
        found.append(seen_j / true_j - 1)
    return found


def main() -> None:
    """Print the table."""
    print(f"{'load':<22}{'window':<14}{'shoulders':<11}{'bias %':>9}{'std %':>8}{'worst %':>9}{'goal %':>8}")
    rows = [
        ("4/8/5 W with ripple", INFERENCE, 1, 0, TRIALS, None),
        ("4/8/5 W with ripple", INFERENCE, 1, 1, TRIALS, 1.0),
        ("8 W square", SQUARE, 1, 0, TRIALS, None),
        ("8 W square", SQUARE, 1, 1, TRIALS, 1.0),
        ("4/8/5 W with ripple", INFERENCE, 1000, 1, BLOCKS, 0.05),
        ("8 W square", SQUARE, 1000, 1, BLOCKS, 0.05),
    ]
    for name, levels, inferences, shoulders, trials, goal in rows:
        found = [100 * error for error in errors(levels, inferences, shoulders, trials)]
        window = f"{inferences * INFERENCE_NS / 1e9:g} s"
        met = "" if goal is None else f"{goal:g} {'met' if abs(mean(found)) <= goal else 'MISSED'}"
        print(
            f"{name:<22}{window:<14}{'yes' if shoulders else 'no':<11}{mean(found):>+9.3f}{stdev(found):>8.3f}"
            f"{max(found, key=abs):>+9.3f}{met:>12}"
        )


if __name__ == "__main__":
    main()
