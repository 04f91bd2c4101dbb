"""Energy counters as streams: stamps of their renewals, wraps, standstill."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import MeterError
from harness.meters import Flag
from harness.meters.counter import Counted
from harness.meters.intervals import trace_of
from harness.meters.stream import SAMPLE
from harness.meters.virtual import VirtualClock
from harness.meters.word import EnergyWord
from harness.profile import Origin

MS = 1_000_000


class Tally:
    """A counter of a function of time, renewed at a period, begun anew at a span."""

    def __init__(self, clock: VirtualClock, count: Callable[[int], int], span: int | None = None) -> None:
        self._clock = clock
        self._count = count
        self.span = span
        self.closed = 0

    def open(self) -> Mapping[str, object]:
        """Nothing to say."""
        return {}

    def read(self) -> int:
        """The count now; it takes 10 us."""
        self._clock.sleep(10e-6)
        count = self._count(self._clock())
        return count if self.span is None else count % self.span

    def close(self) -> None:
        """Noted."""
        self.closed += 1


def renewed(period_ns: int, per_s: float = 5e6) -> Callable[[int], int]:
    """The count of a constant power, as it was at the last renewal."""
    return lambda now_ns: round(now_ns // period_ns * period_ns * 1e-9 * per_s)


def stream(clock: VirtualClock, tally: Tally, look_s: float = 0.01) -> Counted:
    """In virtual time; one count is a microjoule."""
    return Counted(
        tally, unit_j=1e-6, origin=Origin.MEASURED, period_s=look_s, clock=clock, sleep=clock.sleep
    )


def test_a_slow_counter_is_stamped_at_its_renewals() -> None:
    """Renewed every 100 ms and looked at every 10 ms, each stamp is within half a look of the renewal."""
    clock = VirtualClock(10**9)
    with stream(clock, Tally(clock, renewed(100 * MS))) as counted:
        stamps = [counted.next().ready_ns for _ in range(20)]
        link, update_s = counted.link, counted.configuration()["update_s"]

    errors = [(stamp + 50 * MS) % (100 * MS) - 50 * MS for stamp in stamps]
    assert max(map(abs, errors)) <= link.clock_uncertainty_ns == 5 * MS
    assert 0.1 == pytest.approx(update_s, abs=0.011)


def test_a_fast_counter_is_stamped_when_it_is_read() -> None:
    """Renewed every millisecond, each look finds it changed, and its uncertainty is a whole look."""
    clock = VirtualClock(10**9)
    with stream(clock, Tally(clock, renewed(MS))) as counted:
        stamps = [counted.next().ready_ns for _ in range(20)]

        assert 10 * MS == counted.link.clock_uncertainty_ns
    assert {10 * MS} == set(np.diff(stamps).tolist())


@settings(deadline=None, max_examples=30)
@given(st.integers(60_000, 10**7), st.integers(0, 10**7), st.floats(0.1, 100.0))
def test_energy_is_whole_across_wraps(span: int, start: int, power_w: float) -> None:
    """Whatever the span, as long as less than one is counted between two looks, the joules are right."""
    per_s = min(power_w * 1e6, span / 0.011)
    clock = VirtualClock(10**9)
    tally = Tally(clock, lambda now_ns: start + int(now_ns * 1e-9 * per_s), span)
    with stream(clock, tally) as counted:
        samples = np.array([tuple(counted.next()) for _ in range(40)], SAMPLE)

    trace = trace_of(samples, EnergyWord(unit_j=1e-6), period_ns=10 * MS, lag_ns=0)
    seconds = (samples["ready_ns"][-1] - samples["ready_ns"][0]) * 1e-9
    energy_j = float(trace.power_w @ (trace.end_ns - trace.begin_ns)) * 1e-9
    assert per_s * 1e-6 * seconds == pytest.approx(energy_j, rel=1e-3, abs=2e-5)


def test_a_counter_that_stands_still_is_told() -> None:
    """A counter that does not count is no power of 0."""
    clock = VirtualClock(10**9)
    tally = Tally(clock, lambda _: 77)
    with pytest.raises(MeterError, match="stood at 77 for 2 s"), stream(clock, tally) as counted:
        counted.next()

    assert 1 == tally.closed


def test_a_counter_that_begins_anew_without_a_span_is_flagged() -> None:
    """A driver loaded anew starts at 0; what was counted before is not known, and the sample says so."""
    clock = VirtualClock(10**9)
    anew_ns = 10**9 + 155 * MS
    tally = Tally(clock, lambda now_ns: now_ns // MS - (anew_ns // MS if now_ns >= anew_ns else 0))
    with stream(clock, tally) as counted:
        flags = [counted.next().flags for _ in range(20)]

    assert [Flag.RESET | Flag.MISSED] == [flag for flag in flags if flag]


def test_a_counter_that_cannot_be_read_is_closed() -> None:
    """Opening that fails half-way leaves nothing open."""
    clock = VirtualClock(10**9)
    tally = Tally(clock, lambda _: 0)
    tally.read = lambda: (_ for _ in ()).throw(MeterError("gone"))
    with pytest.raises(MeterError, match="gone"), stream(clock, tally):
        pass

    assert 1 == tally.closed
