"""The sampler as a process: what it delivers, and that its end is noticed."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from processes import PATIENCE_S, has_ended, stop, wait_until

from harness.errors import MeterError
from harness.meters import Flag
from harness.meters.ring import Ring
from harness.meters.sampler import meter_from
from harness.meters.stream import Sampler, conversion_period_ns
from harness.profile import Bus, Ina226Meter, Origin

from .rigs import METER, OWN_PID, on_i2c


def sampler(meter: Ina226Meter = METER, pid: int = OWN_PID) -> Sampler:
    """A sampler that watches this process."""
    return Sampler(meter, subject_pid=pid, reply_s=PATIENCE_S)


def test_a_meter_survives_the_pipe() -> None:
    """The meter taken apart to JSON is put together the same, with and without a simulated chip."""
    for meter in (METER, on_i2c(), replace(METER, bus=Bus(kind="simulated"))):
        assert meter == meter_from(json.loads(json.dumps(asdict(meter))))


def test_samples_arrive_in_order_on_our_clock() -> None:
    """Samples rise in time and lie between the begin and the end of the watching."""
    begin_ns = time.monotonic_ns()
    with sampler() as meter:
        meter.wait_beyond(begin_ns + 30_000_000)
        samples = meter.drain()
        watts = meter.scale.watts(samples["shunt"], samples["bus"])

        assert Origin.SIMULATED is meter.origin
        assert meter.configuration["config"] == "0x4027"
    assert (np.diff(samples["ready_ns"]) > 0).all()
    assert begin_ns < samples["ready_ns"][0]
    assert samples["ready_ns"][-1] < time.monotonic_ns()
    assert (watts > 1.9).all()


def test_a_drained_sample_does_not_come_again() -> None:
    """Two calls share no sample."""
    with sampler() as meter:
        meter.wait_beyond(time.monotonic_ns())
        first = meter.drain()
        meter.wait_beyond(int(first["ready_ns"][-1]))
        second = meter.drain()

    assert first["ready_ns"][-1] < second["ready_ns"][0]


def test_a_paused_sampler_sends_nothing_and_resumes_with_a_gap_told() -> None:
    """While paused nothing comes; the first sample after it is flagged MISSED."""
    with sampler() as meter:
        meter.wait_beyond(time.monotonic_ns())
        meter.pause()
        meter.drain()
        paused_ns = time.monotonic_ns()
        wait_until(lambda: time.monotonic_ns() > paused_ns + 20_000_000)  # sixteen conversions nobody reads
        paused = meter.drain()
        resumed_ns = time.monotonic_ns()
        meter.resume()
        meter.wait_beyond(resumed_ns)
        after = meter.drain()

    assert len(paused) == 0
    assert after["flags"][0] & Flag.MISSED


def pid_of(meter: Sampler) -> int:
    """The sampler's process."""
    pid = meter._child.pid
    assert pid is not None
    return pid


def is_zombie(pid: int) -> bool:
    """The process has ended and waits to be reaped."""
    state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    return state == "Z"


def test_a_killed_sampler_is_noticed_at_the_next_drain() -> None:
    """After SIGKILL the next call says so by the signal's name, and no zombie is left."""
    with sampler() as meter:
        pid = pid_of(meter)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: is_zombie(pid))
        with pytest.raises(MeterError, match="SIGKILL"):
            meter.drain()
        for wait in (meter.pause, lambda: meter.wait_beyond(1 << 62)):
            with pytest.raises(MeterError, match="SIGKILL"):
                wait()

    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_a_stopped_sampler_is_silent() -> None:
    """A sampler that lives but sends nothing for the reply time is an error."""
    with sampler() as meter:
        meter._reply_s = 0.2  # it had all the time it wanted to start
        pid = pid_of(meter)
        try:
            stop(pid)
            meter.drain()
            meter._heard_s -= 1.0
            with pytest.raises(MeterError, match=r"nothing for 0\.2 s"):
                meter.drain()
            with pytest.raises(MeterError, match="no newer sample"):
                meter.wait_beyond(1 << 62)
        finally:
            os.kill(pid, signal.SIGCONT)


def test_the_end_of_the_watched_process_is_told() -> None:
    """A simulated chip whose process ends stops with the process's number in the message."""
    arguments = [sys.executable, "-c", "input()"]
    with (
        subprocess.Popen(arguments, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as subject,
        sampler(pid=subject.pid) as meter,
    ):
        subject.kill()
        subject.wait()
        wait_until(lambda: is_zombie(pid_of(meter)))
        with pytest.raises(MeterError, match=f"process {subject.pid}"):
            meter.drain()


def test_a_meter_that_cannot_open_says_why() -> None:
    """The sampler's own sentence is raised by the bench."""
    with (
        pytest.raises(MeterError, match=r"/dev/i2c-no-such cannot be opened"),
        sampler(on_i2c(path="/dev/i2c-no-such")),
    ):
        pass


def test_a_sampler_that_crashes_leaves_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the process ends without an account, its exit code and standard error are told."""
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr("harness.child.sys.executable", "/bin/false")

    with pytest.raises(MeterError, match="exit code 1"), sampler():
        pass


def test_closing_ends_the_process_and_twice_is_harmless() -> None:
    """After closing the process is gone, and a further drain says so."""
    meter = sampler()
    with meter:
        pid = pid_of(meter)
    meter.__exit__(None, None, None)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(MeterError, match="is not running"):
        meter.drain()


def test_an_overrun_is_counted_and_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bench that does not drain in time learns how many samples it lost, and where."""
    make = Ring.make
    monkeypatch.setattr(Ring, "make", lambda: make(16))
    with sampler() as meter:
        wait_until(lambda: meter._ring.written > 40)
        meter.pause()  # or this process may sleep for a whole ring in the middle of draining it
        samples = meter.drain()

        assert 0 < len(samples) <= 16
        assert meter.overrun + len(samples) == meter._ring._read
        assert samples["flags"][0] & Flag.MISSED


def test_the_death_of_the_bench_ends_the_sampler() -> None:
    """A bench killed in the act leaves no sampler behind."""
    program = (
        "import json, os, signal, sys\n"
        "from harness.meters.sampler import meter_from\n"
        "from harness.meters.stream import Sampler\n"
        "meter = meter_from(json.loads(sys.argv[1]))\n"
        "with Sampler(meter, subject_pid=os.getpid(), reply_s=60) as sampler:\n"
        "    print(sampler._child.pid, flush=True)\n"
        "    signal.pause()\n"
    )
    arguments = [sys.executable, "-c", program, json.dumps(asdict(METER))]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as bench:
        pid = int(bench.stdout.readline())
        descriptor = os.pidfd_open(pid)
        bench.kill()
    try:
        ended = has_ended(descriptor)
    finally:
        os.close(descriptor)

    assert ended


def test_the_sampler_starts_light() -> None:
    """The sampler's process never loads numpy, pydantic or a YAML reader."""
    program = (
        "import sys, harness.meters.sampler, harness.meters.simulated, harness.meters.waveforms\n"
        "heavy = {'numpy', 'pydantic', 'ruamel', 'pandas', 'typing_extensions'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize("lost", [0.0, 0.3])
@pytest.mark.parametrize("slow", [0.95, 1.0, 1.1])
def test_period_is_found_among_gaps_and_jitter(lost: float, slow: float) -> None:
    """Jitter of 50 us and a third of the samples lost leave the period right to 0.05 %."""
    random = np.random.default_rng(5)
    index = np.arange(800)
    index = index[random.random(800) >= lost]
    stamps = 10**15 + index * 1.24e6 * slow + random.uniform(0, 50e3, len(index))

    assert 1.24e6 * slow == pytest.approx(conversion_period_ns(stamps.astype(np.int64)), rel=5e-4)


def test_period_survives_a_new_start_of_the_chip() -> None:
    """Two stretches with any phase between them give the period of each."""
    stretch = np.arange(100) * 1.24e6
    stamps = np.concatenate((stretch, stretch + 10**9 + 333_333)).astype(np.int64)

    assert 1.24e6 == pytest.approx(conversion_period_ns(stamps), rel=1e-9)


@pytest.mark.parametrize("slow", [0.9, 1.0, 1.1])
def test_period_survives_the_loss_of_most_conversions(slow: float) -> None:
    """With the nominal period at hand the count is right though three of four conversions were lost."""
    numbers = np.flatnonzero(np.random.default_rng(3).random(400) < 0.25)
    stamps = (numbers * 1.24e6 * slow).astype(np.int64)

    assert 1.24e6 * slow == pytest.approx(conversion_period_ns(stamps, 1.24e6), rel=1e-5)


def test_a_chip_that_is_not_as_set_shows_its_own_period() -> None:
    """Conversions much faster than the settings say are not taken for none at all."""
    stamps = np.arange(100) * 200_000

    assert 200_000 == pytest.approx(conversion_period_ns(stamps, 1.24e6), rel=1e-9)


def test_few_stamps_are_no_period() -> None:
    """Nineteen stamps are refused."""
    with pytest.raises(MeterError, match="19 samples"):
        conversion_period_ns(np.arange(19) * 10**6)
