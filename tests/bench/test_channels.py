"""A meter with several channels: kept apart, joined by the window, and void where one of them has a gap."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.cycle import Observation, join
from harness.meters import Flag
from harness.meters.virtual import VirtualClock
from harness.powerlog import PowerLog
from harness.record import Cycle, Phase, Void
from harness.trace import Traces

from .fake_sampler import FakeGroup, FakeSampler
from .values import METER, protocol

SECOND_NS = 10**9
PERIODS_NS = {"core": 1_250_000, "io": 1_187_000}
POWERS_W = {"core": 6.0, "io": 1.5}
SHUNTS_OHM = {"core": 0.01, "io": 0.02}


class Rig:
    """A power log on two fake meters that have run for a second."""

    def __init__(self, sampler: FakeGroup, clock: VirtualClock) -> None:
        self.sampler = sampler
        self.clock = clock
        self.kept: list[NDArray[Any]] = []
        self.log = PowerLog(sampler, self.kept.append)
        clock.now_ns += SECOND_NS
        self.log.settle()

    def cycle(self, length_ns: int = 25_000_000) -> Cycle:
        """The cycle of a window that begins now."""
        begin_ns = self.clock()
        end_ns = begin_ns + length_ns
        self.clock.now_ns += length_ns + 5_000_000
        self.log.wait_for(end_ns)
        seen = Observation(
            item=0,
            label=0,
            stamps_ns=(begin_ns, end_ns),
            clock_uncertainty_ns=0,
            predicted=0,
            output_sha256="0" * 64,
            outputs_equal=True,
        )
        faults = [Void.METER_RESET] if self.log.was_reset(begin_ns, end_ns) else []
        return join(
            seen,
            self.log.trace(begin_ns),
            protocol(),
            faults,
            seq=0,
            case="a/b/c/d",
            sitting=1,
            part=1,
            phase=Phase.MEASURE,
        )


def samplers(clock: VirtualClock) -> dict[str, FakeSampler]:
    """Two meters of other shunts, powers and periods."""
    return {
        name: FakeSampler(
            meter=replace(METER, shunt_ohm=SHUNTS_OHM[name]),
            clock=clock,
            period_ns=period_ns,
            power_w=POWERS_W[name],
        )
        for name, period_ns in PERIODS_NS.items()
    }


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A settled log of two channels, both in the total."""
    clock = VirtualClock(SECOND_NS)
    with FakeGroup(samplers=samplers(clock), total=("core", "io")) as sampler:
        yield Rig(sampler, clock)


def test_each_channel_has_its_own_rhythm(rig: Rig) -> None:
    """Period and lag are measured of each channel; those of the whole are the largest."""
    channels = rig.log.channels

    assert channels is not None
    for number, (name, period_ns) in enumerate(PERIODS_NS.items()):
        assert number == channels[name]["channel"]
        assert period_ns == pytest.approx(channels[name]["period_ns"])
        assert 70e-6 * period_ns / 1.24e6 == pytest.approx(channels[name]["lag_ns"] * 1e-9, rel=1e-3)
        assert SHUNTS_OHM[name] == channels[name]["watts"]["shunt_ohm"]
        assert channels[name]["in_total"]
    assert 1_250_000 == pytest.approx(rig.log.period_ns)


def test_energies_are_told_by_name_and_add_up(rig: Rig) -> None:
    """A valid cycle holds the energy of each channel by name, and their sum as its own."""
    cycle = rig.cycle()

    assert () == tuple(cycle.void)
    assert cycle.channels is not None
    for name, power_w in POWERS_W.items():
        assert power_w * 0.025 == pytest.approx(cycle.channels[name]["energy_j"], rel=1e-3)
        assert 25e6 / PERIODS_NS[name] == pytest.approx(cycle.channels[name]["samples"], abs=1)
    assert sum(each["energy_j"] for each in cycle.channels.values()) == cycle.energy_j
    assert min(each["samples"] for each in cycle.channels.values()) == cycle.samples
    assert 7.5 == pytest.approx(rig.log.mean_w(SECOND_NS + 10**8, SECOND_NS + 2 * 10**8), rel=1e-3)


def test_a_channel_outside_the_total_is_only_told() -> None:
    """What the profile leaves out of the total is in the record by name, and in no sum."""
    clock = VirtualClock(SECOND_NS)
    with FakeGroup(samplers=samplers(clock), total=("io",)) as sampler:
        rig = Rig(sampler, clock)
        cycle = rig.cycle()

    assert cycle.channels is not None
    assert cycle.channels["io"]["energy_j"] == cycle.energy_j
    assert 6.0 * 0.025 == pytest.approx(cycle.channels["core"]["energy_j"], rel=1e-3)
    assert 1.5 == pytest.approx(rig.log.mean_w(SECOND_NS + 10**8, SECOND_NS + 2 * 10**8), rel=1e-3)
    assert not (rig.log.channels or {})["core"]["in_total"]


@pytest.mark.parametrize("name", PERIODS_NS)
@pytest.mark.parametrize("total", [("core", "io"), ("core",)])
def test_a_gap_of_any_channel_voids_the_cycle(name: str, total: tuple[str, ...]) -> None:
    """Samples lost on one channel make the cycle void, be it in the total or not; the next cycle is valid."""
    clock = VirtualClock(SECOND_NS)
    with FakeGroup(samplers=samplers(clock), total=total) as sampler:
        rig = Rig(sampler, clock)
        period_ns = PERIODS_NS[name]
        gap = range(clock() + 10 * period_ns, clock() + 14 * period_ns)
        sampler.samplers[name].flags = lambda stamp: None if stamp in gap else Flag(0)
        cycle, after = rig.cycle(), rig.cycle()

    assert Void.GAP in cycle.void
    assert Void.LOW_COVERAGE in cycle.void
    assert cycle.channels is not None
    assert {name} == {each for each, found in cycle.channels.items() if found["lost"]}
    assert 4 == cycle.lost == rig.log.lost
    assert cycle.channels[name]["coverage"] == cycle.coverage
    assert () == tuple(after.void)


def test_a_reset_of_one_chip_voids_the_cycle(rig: Rig) -> None:
    """A chip that had to be set anew voids the window its sample touches."""
    stamp_ns = (rig.clock() // PERIODS_NS["io"] + 8) * PERIODS_NS["io"]
    rig.sampler.samplers["io"].flags = lambda stamp: Flag.RESET if stamp == stamp_ns else Flag(0)

    assert [Void.METER_RESET] == list(rig.cycle().void)
    assert [] == list(rig.cycle().void)


def test_too_few_samples_of_one_channel_void_the_cycle(rig: Rig) -> None:
    """Each channel needs the protocol's samples: a window long enough for the faster one alone is void."""
    samples = protocol().samples
    cycle = rig.cycle(samples * PERIODS_NS["io"] + 100_000)

    assert cycle.channels is not None
    assert samples <= cycle.channels["io"]["samples"]
    assert samples > cycle.channels["core"]["samples"]
    assert [Void.TOO_FEW_SAMPLES] == list(cycle.void)


def test_no_sample_is_left_out(rig: Rig) -> None:
    """What is handed on for keeping holds every sample of every channel once, and a pause loses none."""
    with rig.log.paused():
        rig.clock.now_ns += 50_000_000
    for _ in range(20):
        rig.clock.now_ns += SECOND_NS // 10
        rig.log.covers(rig.clock())
        rig.log.forget_before(rig.clock() - SECOND_NS // 20)
    rig.log.save()
    kept = np.concatenate(rig.kept)

    assert rig.log.samples == len(kept)
    assert 0 == rig.log.lost
    for number, period_ns in enumerate(PERIODS_NS.values()):
        stamps = kept["ready_ns"][kept["channel"] == number]
        steps = np.diff(stamps)
        assert (stamps % period_ns == 0).all()
        assert 1 == (steps != period_ns).sum()  # the pause
    assert isinstance(rig.log.trace(rig.clock() - SECOND_NS // 20), Traces)
