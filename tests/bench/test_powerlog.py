"""The power of a sitting is kept whole, in order, and cut to the windows that are to be joined."""

from collections.abc import Iterator

import numpy as np
import pytest

from harness.errors import MeterError
from harness.meters import Flag, Link
from harness.meters.virtual import VirtualClock
from harness.powerlog import PowerLog

from .fake_sampler import FakeSampler
from .values import METER

PERIOD_NS = 1_250_000
SECOND_NS = 10**9


class Rig:
    """A power log on a fake sampler that has run for a second."""

    def __init__(self, sampler: FakeSampler) -> None:
        self.sampler = sampler
        self.clock = sampler.clock
        self.kept: list[int] = []
        self.log = PowerLog(sampler, lambda raw: self.kept.extend(raw["ready_ns"].tolist()))
        self.clock.now_ns += SECOND_NS
        self.log.settle()


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A settled log."""
    with FakeSampler(meter=METER, clock=VirtualClock(SECOND_NS), period_ns=PERIOD_NS) as sampler:
        yield Rig(sampler)


def test_period_and_lag(rig: Rig) -> None:
    """Once settled the log knows the period, and the lag of half a bus conversion at the chip's true speed."""
    assert PERIOD_NS == pytest.approx(rig.log.period_ns)
    assert 70e-6 * 1.25 / 1.24 == pytest.approx(rig.log.lag_ns * 1e-9, rel=1e-3)


def test_settling_waits_for_samples() -> None:
    """Without samples yet settling waits for enough of them."""
    with FakeSampler(meter=METER, clock=VirtualClock(), period_ns=PERIOD_NS) as sampler:
        log = PowerLog(sampler, lambda _: None)
        log.settle()

        assert 20 <= log.samples
        assert PERIOD_NS == pytest.approx(log.period_ns)


def test_mean(rig: Rig) -> None:
    """The mean power of a covered stretch is the meter's; of one that is not covered it is absent."""
    assert 6.0 == pytest.approx(rig.log.mean_w(SECOND_NS + 10**8, SECOND_NS + 2 * 10**8), rel=1e-3)
    assert rig.log.mean_w(3 * SECOND_NS, 4 * SECOND_NS) is None
    assert rig.log.mean_w(2 * SECOND_NS - 10**8, 2 * SECOND_NS + 10**8) is None


def test_covers(rig: Rig) -> None:
    """A window can be joined only when the samples reach its end, lag included; waiting brings them."""
    end_ns = rig.clock() + 3 * PERIOD_NS
    assert not rig.log.covers(end_ns)

    rig.log.wait_for(end_ns)

    assert rig.log.covers(end_ns)
    assert rig.clock() >= end_ns


def test_pause_is_no_loss(rig: Rig) -> None:
    """Conversions that pass while the sampler was told to sleep are not lost ones; later gaps are."""
    with rig.log.paused():
        rig.clock.now_ns += 100 * PERIOD_NS
    rig.clock.now_ns += 10 * PERIOD_NS
    assert rig.log.covers(rig.clock() - 3 * PERIOD_NS)
    assert 0 == rig.log.lost

    lost = rig.clock() // PERIOD_NS * PERIOD_NS + 2 * PERIOD_NS
    rig.sampler.flags = lambda stamp: None if stamp == lost else Flag(0)
    rig.clock.now_ns += 10 * PERIOD_NS
    rig.log.covers(rig.clock())

    assert 1 == rig.log.lost


def test_not_paused_runs_on(rig: Rig) -> None:
    """A pause that is not wanted is none."""
    with rig.log.paused(paused=False):
        rig.clock.now_ns += 100 * PERIOD_NS
    rig.log.covers(rig.clock())

    assert [] == rig.sampler.paused
    assert 900 == rig.log.samples


def test_reset_touches_its_window_only(rig: Rig) -> None:
    """A chip that was set anew voids the windows that its sample touches, not those before and after."""
    stamp_ns = (rig.clock() // PERIOD_NS + 20) * PERIOD_NS
    rig.sampler.flags = lambda stamp: Flag.RESET if stamp == stamp_ns else Flag(0)
    rig.clock.now_ns += 40 * PERIOD_NS
    rig.log.covers(rig.clock())

    assert rig.log.was_reset(stamp_ns - 2 * PERIOD_NS, stamp_ns + 2 * PERIOD_NS)
    assert not rig.log.was_reset(stamp_ns - 8 * PERIOD_NS, stamp_ns - 4 * PERIOD_NS)
    assert not rig.log.was_reset(stamp_ns + 4 * PERIOD_NS, stamp_ns + 8 * PERIOD_NS)


def test_forgetting_keeps_the_raw_samples(rig: Rig) -> None:
    """What is dropped from memory was handed on for keeping, and windows not yet joined stay joinable."""
    for _ in range(50):
        rig.clock.now_ns += SECOND_NS // 10
        begin_ns = rig.clock() - SECOND_NS // 20
        rig.log.covers(rig.clock())
        rig.log.forget_before(begin_ns)
        assert rig.log.trace(begin_ns).window(begin_ns, rig.clock() - 2 * PERIOD_NS).coverage == 1.0
    rig.log.save()
    rig.log.save()

    assert rig.log.samples == len(rig.kept)
    assert {PERIOD_NS} == set(np.diff(rig.kept).tolist())


def test_silence_is_told(rig: Rig) -> None:
    """A sampler that ended is an error when it is next asked."""
    rig.sampler.__exit__(None, None, None)

    with pytest.raises(MeterError):
        rig.log.covers(rig.clock())


def test_the_worst_uncertainty_around_a_window_counts(rig: Rig) -> None:
    """Of what was said of the clock since a window began the largest holds; what was said before is over."""
    for said_ns in (900, 100, 300, 200):
        rig.sampler.link = Link(clock_uncertainty_ns=said_ns)
        begin_ns = rig.clock()
        rig.clock.now_ns += 10 * PERIOD_NS
        rig.log.wait_for(rig.clock())
        if said_ns == 900:
            rig.log.forget_before(rig.clock() + PERIOD_NS)
        if said_ns == 300:
            third_ns = begin_ns

    assert 300 == rig.log.clock_uncertainty_ns(third_ns)
    assert 200 == rig.log.clock_uncertainty_ns(begin_ns + 5 * PERIOD_NS)
    assert 0 == rig.log.clock_uncertainty_ns(begin_ns + 10**9)
