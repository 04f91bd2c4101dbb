"""A meter of another distribution: an energy counter, through the sampler's process to the energy of a window."""

import time
from pathlib import Path

import pytest
from processes import PATIENCE_S

from harness.errors import FileError, MeterError
from harness.instruments import PluginMeter
from harness.meters.stream import Sampler
from harness.powerlog import PowerLog
from harness.profile import Origin
from harness.registry import METERS, find_meter

from .trees import plant

MODULE = '''
"""An energy counter of a constant power that wraps at 50 J, renewed on a schedule and always looked at in time."""

import time

from harness.meters.counter import Counted


class Pace:
    """Time that passes by sleeping alone: however late the kernel wakes this process, it slept as long as it wanted."""

    def __init__(self):
        self.now_ns = time.monotonic_ns()

    def __call__(self):
        return self.now_ns

    def sleep(self, duration_s):
        time.sleep(duration_s)
        self.now_ns += round(duration_s * 1e9)


class Tally:
    span = 50_000

    def __init__(self, clock, power_w, update_s):
        self._clock, self._power_w, self._update_ns = clock, power_w, round(update_s * 1e9)

    def open(self):
        return {"chip": "tally"}

    def read(self):
        return round(self._clock() // self._update_ns * self._update_ns * 1e-9 * self._power_w * 1e3) % self.span

    def close(self):
        pass


def open_tally(meter):
    pace = Pace()
    tally = Tally(pace, **meter.options)
    return Counted(tally, unit_j=1e-3, origin=meter.origin, period_s=0.004, clock=pace, sleep=pace.sleep)
'''


@pytest.fixture
def meter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PluginMeter:
    """The meter of a distribution that the sampler's process finds installed."""
    facts = "Metadata-Version: 2.1\nName: meterpack\nVersion: 0.1"
    files = {
        "meterpack.py": MODULE,
        "meterpack-0.1.dist-info/METADATA": facts,
        "meterpack-0.1.dist-info/entry_points.txt": "[harness.meters]\ntally = meterpack:open_tally",
    }
    monkeypatch.setenv("PYTHONPATH", str(plant(tmp_path, files)))
    options = {"power_w": 7.0, "update_s": 0.012}
    return PluginMeter(kind="plugin", name="tally", options=options, origin=Origin.SIMULATED, boundary="-")


def test_a_counters_window_has_its_energy(meter: PluginMeter) -> None:
    """Power is joined like that of any meter, nothing is lost between renewals, and the clock's doubt is told."""
    with Sampler(meter, subject_pid=None, reply_s=PATIENCE_S) as sampler:
        log = PowerLog(sampler, lambda _: None)
        log.settle()
        begin_ns = time.monotonic_ns()
        log.wait_for(begin_ns + 240_000_000)
        window = log.trace(begin_ns).window(begin_ns, begin_ns + 200_000_000)

        assert Origin.SIMULATED is sampler.origin
        assert 2_000_000 == log.link.clock_uncertainty_ns
    assert 7.0 * 0.2 == pytest.approx(window.energy_j, rel=0.05)
    assert (0, 0, 1.0) == (window.lost, log.lost, pytest.approx(window.coverage))
    assert 0.012 == pytest.approx(log.period_ns * 1e-9, rel=0.05)


def test_a_plugin_that_is_not_installed_is_told(meter: PluginMeter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence of the sampler's process names the meters that are known."""
    monkeypatch.setenv("PYTHONPATH", "")
    with (
        pytest.raises(MeterError, match="meter 'tally' is not known; known are hwmon, iio"),
        Sampler(meter, subject_pid=None, reply_s=PATIENCE_S),
    ):
        pass


@pytest.mark.parametrize("name", METERS)
def test_what_is_registered_exists(name: str) -> None:
    """Each name of the table leads to something that can be called."""
    assert callable(find_meter(name))


def test_a_misspelt_meter_is_told_with_the_nearest() -> None:
    """As an engine is."""
    with pytest.raises(FileError, match="did you mean hwmon"):
        find_meter("hwmom")
