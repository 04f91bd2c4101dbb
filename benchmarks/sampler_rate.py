"""The sampler in real time, with idle and with busy cores: rate, losses, jitter.

It runs at 806 Hz, as fast as ends are witnessed and results read whole at 400 kHz, and faster than that. The chip is
the register model, 2 % slow. Without a bus it measures the process and the scheduler. On a stand-in for a bus at
400 kHz each transfer sleeps as long as its bits take on the wire, with the register read half-way; what an adapter's
driver and interrupts cost besides is a board's own and not in it.

    python benchmarks/sampler_rate.py
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np
from bench_load import meter

from harness.conversions import Config
from harness.meters import Flag
from harness.meters.stream import Sampler, conversion_period_ns
from harness.profile import Bus, ChipErrors, Ina226Meter, Waveform

SECONDS = 4.0
SPIN = "while True: pass"
FASTEST_HZ = 1248.0
"""Asks for the fastest setting whose ends can be witnessed and whose results be read whole at 400 kHz; the one after
it is shown as well."""


def on_simulated_bus(wired: Ina226Meter, clock_hz: float | None) -> Ina226Meter:
    """The meter on a chip 2 % slow, fed by this process, on a bus of some rate; None for no time on the wire."""
    waveform = Waveform(kind="cpu", idle_w=2.0, core_w=3.0, rail_v=5.0)
    bus = Bus(kind="simulated", waveform=waveform, chip=ChipErrors(clock=0.02), clock_hz=clock_hz)
    return replace(wired, bus=bus)


@contextmanager
def busy(cores: int) -> Iterator[None]:
    """That many processes that do nothing but compute."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(cores)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def row(name: str, wired: Ina226Meter, clock_hz: float | None, cores: int) -> Sequence[str]:
    """Sample for a while and tell how it went."""
    with (
        busy(cores) if cores else nullcontext(),
        Sampler(on_simulated_bus(wired, clock_hz), subject_pid=os.getpid(), reply_s=5.0) as sampler,
    ):
        time.sleep(SECONDS)
        samples = sampler.drain()
        scheduler = sampler.configuration["scheduler"]
    stamps = samples["ready_ns"]
    period_ns = conversion_period_ns(stamps)
    steps = np.rint(np.diff(stamps) / period_ns)
    lost = int((steps - 1).sum())
    gaps = steps > 1
    marked = int(((samples["flags"][1:] & Flag.MISSED) > 0)[gaps].sum())
    jitter_us = np.abs(np.diff(stamps) - steps * period_ns) / 1000
    late = int(((samples["flags"] & Flag.LATE) > 0).sum())
    return (
        name,
        "none" if clock_hz is None else f"{clock_hz / 1e3:.0f} kHz",
        str(cores),
        scheduler,
        f"{1e9 / period_ns:.1f}",
        f"{(len(stamps) - 1) / ((stamps[-1] - stamps[0]) * 1e-9):.1f}",
        f"{100 * len(stamps) / (len(stamps) + lost):.2f}",
        str(lost),
        f"{marked}/{int(gaps.sum())}",
        str(late),
        f"{np.percentile(jitter_us, 99):.0f}",
    )


def main() -> None:
    """Print the table."""
    fastest = Config.for_rate(FASTEST_HZ)
    settings = [meter(shunt_us, 140) for shunt_us in (1100, fastest.shunt_conversion_us, 332)]
    cores = os.cpu_count() or 1
    print(f"load average {os.getloadavg()[0]:.1f} on {cores} cores before the begin")
    head = (
        "us",
        "bus",
        "busy",
        "scheduler",
        "chip Hz",
        "read Hz",
        "kept %",
        "lost",
        "marked",
        "late",
        "p99 us",
    )
    print("".join(f"{word:>10}" for word in head))
    for wired in settings:
        name = f"{wired.shunt_conversion_s * 1e6:.0f}/{wired.bus_conversion_s * 1e6:.0f}"
        for clock_hz in (None, 400e3):
            for loaded in (0, cores):
                print("".join(f"{word:>10}" for word in row(name, wired, clock_hz, loaded)))


if __name__ == "__main__":
    main()
