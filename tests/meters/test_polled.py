"""Sources that are read on a schedule."""

from collections.abc import Mapping
from itertools import pairwise

import pytest

from harness.errors import MeterError
from harness.meters import Flag
from harness.meters.polled import Polled
from harness.meters.virtual import VirtualClock
from harness.meters.word import PowerWord, split
from harness.profile import Origin

MS = 1_000_000


class Gauge:
    """A source that shows how often it was read, and takes 100 us for it."""

    readout = PowerWord(unit_w=1.0)

    def __init__(self, clock: VirtualClock, update_s: float | None = 0.02) -> None:
        self._clock = clock
        self.update_s = update_s
        self.reads = 0
        self.closed = 0

    def open(self) -> Mapping[str, object]:
        """Says what it is."""
        return {"chip": "gauge"}

    def read(self) -> tuple[int, int]:
        """Number of the reading."""
        self._clock.sleep(100e-6)
        self.reads += 1
        return split(self.reads)

    def close(self) -> None:
        """Noted."""
        self.closed += 1


def polled(clock: VirtualClock, gauge: Gauge, period_s: float | None = None) -> Polled:
    """In virtual time."""
    return Polled(gauge, origin=Origin.MEASURED, period_s=period_s, clock=clock, sleep=clock.sleep)


def test_the_schedule_does_not_drift() -> None:
    """Readings take their time, and still are one update interval apart."""
    clock = VirtualClock(10**9)
    with polled(clock, Gauge(clock)) as stream:
        stamps = [stream.next().ready_ns for _ in range(50)]

    assert {20 * MS} == {after - before for before, after in pairwise(stamps)}


def test_a_late_reader_leaves_out_what_is_past_and_says_so() -> None:
    """After 105 ms away the next reading is flagged, and the schedule goes on where it was."""
    clock = VirtualClock(10**9)
    with polled(clock, Gauge(clock)) as stream:
        first = stream.next()
        clock.sleep(0.105)
        second, third = stream.next(), stream.next()

    assert [0, Flag.MISSED, 0] == [first.flags, second.flags, third.flags]
    assert (third.ready_ns - first.ready_ns) % (20 * MS) == 0


def test_equal_readings_are_data() -> None:
    """A source that does not change still gives a sample each time."""
    clock = VirtualClock(10**9)
    gauge = Gauge(clock)
    gauge.read = lambda: (0, 5)
    with polled(clock, gauge) as stream:
        seen = [stream.next()[2:4] for _ in range(3)]

    assert [(0, 5)] * 3 == seen


@pytest.mark.parametrize(("period_s", "lag_s"), [(None, 0.01), (0.04, 0.0), (0.01, 0.015)])
def test_lag_and_uncertainty_follow_from_the_age_of_a_value(period_s: float | None, lag_s: float) -> None:
    """A value is between one and two update intervals old at its begin: the lag is U - P / 2, give or take U / 2."""
    clock = VirtualClock(10**9)
    with polled(clock, Gauge(clock), period_s) as stream:
        configuration = stream.configuration()

        assert 10 * MS == stream.link.clock_uncertainty_ns
    assert lag_s == pytest.approx(configuration["lag_s"])


def test_without_any_period_the_key_is_named_and_the_source_closed() -> None:
    """A source that does not say how often it is renewed needs the profile to say it."""
    clock = VirtualClock(10**9)
    gauge = Gauge(clock, update_s=None)
    with pytest.raises(MeterError, match=r"meter\.period_s"), polled(clock, gauge):
        pass

    assert 1 == gauge.closed
