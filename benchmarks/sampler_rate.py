"""The sampler at 806 Hz in real time, idle and with every core busy: rate, losses, jitter.

The chip is the register model without wire time, so this measures the process and the scheduler, not a bus.

    python benchmarks/sampler_rate.py
"""

import os
import subprocess
import sys
import time

import numpy as np
from bench_load import METER

from harness.meters import Flag
from harness.meters.stream import Sampler, conversion_period_ns
from harness.profile import Bus, ChipErrors, Ina226Meter, Waveform

SECONDS = 4.0
SPIN = "while True: pass"


def simulated() -> Ina226Meter:
    """The meter on a chip 2 % slow, fed by this process."""
    waveform = Waveform(kind="cpu", idle_w=2.0, core_w=3.0, rail_v=5.0)
    bus = Bus(kind="simulated", waveform=waveform, chip=ChipErrors(clock=0.02))
    return Ina226Meter(**{name: getattr(METER, name) for name in METER.__slots__} | {"bus": bus})


def main() -> None:
    """Print the table."""
    print(
        f"{'load':<18}{'scheduler':<11}{'Hz':>8}{'kept %':>9}{'lost':>6}{'marked':>8}{'late':>6}{'p99 jitter us':>15}"
    )
    for busy in (0, os.cpu_count() or 1):
        spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(busy)]
        try:
            report(busy)
        finally:
            for process in spinning:
                process.kill()
                process.wait()


def report(busy: int) -> None:
    """Sample for a while and print one row."""
    with Sampler(simulated(), subject_pid=os.getpid(), reply_s=5.0) as sampler:
        time.sleep(SECONDS)
        samples = sampler.drain()
        scheduler = sampler.configuration["scheduler"]
    stamps = samples["ready_ns"]
    period_ns = conversion_period_ns(stamps)
    steps = np.rint(np.diff(stamps) / period_ns)
    lost = int((steps - 1).sum())
    marked = int(((samples["flags"][1:] & Flag.MISSED) > 0)[steps > 1].sum())
    jitter_us = np.abs(np.diff(stamps) - steps * period_ns) / 1000
    rate = (len(stamps) - 1) / ((stamps[-1] - stamps[0]) * 1e-9)
    print(
        f"{f'{busy} busy processes':<18}{scheduler:<11}{rate:>8.1f}"
        f"{100 * len(stamps) / (len(stamps) + lost):>9.2f}{lost:>6}"
        f"{f'{marked}/{(steps > 1).sum()}':>8}{int(((samples['flags'] & Flag.LATE) > 0).sum()):>6}"
        f"{np.percentile(jitter_us, 99):>15.0f}"
    )


if __name__ == "__main__":
    main()
