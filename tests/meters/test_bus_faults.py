"""A bus that fails: what is lost is said to be lost, and what is said is true.

The driver runs through an adapter to the modelled chip, whose every conversion has figures of its own.
"""

import errno
from collections.abc import Sequence
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import MeterError
from harness.meters import Flag, Raw
from harness.meters.i2c import open_i2c
from harness.meters.ina226 import Ina226
from harness.meters.monitor import SHUNT
from harness.meters.simulated import REGISTER_BITS, SimulatedIna226
from harness.meters.virtual import VirtualClock
from harness.profile import ChipErrors

from .adapter import BOTH, WORDS_ONLY, Adapter, Fault, fails
from .rigs import chip, on_i2c

PERIOD_NS, SHUNT_NS, BUS_NS = 1_240_000, 1_100_000, 140_000
SETTINGS = {
    "i2c_rdwr_batch": {},
    "i2c_rdwr": {"functions": BOTH, "most_reads": 1},
    "smbus_word": {"functions": WORDS_ONLY},
}
NOISY = ChipErrors(shunt_noise_v=1e-3, bus_noise_v=0.1)
"""So much that hardly two conversions have the same figures."""


class Rig:
    """A driver, the adapter below it and the chip behind that, on one clock."""

    def __init__(self, access: str = "i2c_rdwr_batch") -> None:
        self.clock = VirtualClock(10**9)
        self.chip: SimulatedIna226 = chip(self.clock, 20.0, errors=NOISY, wire_s=REGISTER_BITS / 400e3)
        self.adapter = Adapter(self.chip, **SETTINGS[access])
        with pytest.MonkeyPatch.context() as patch:
            self.adapter.install(patch)
            registers = open_i2c("/dev/i2c-1", 0x40)
        self.driver = Ina226(on_i2c(), registers, clock=self.clock, sleep=self.clock.sleep)

    def __enter__(self) -> Self:
        self.patch = pytest.MonkeyPatch()
        self.adapter.install(self.patch)
        self.driver.__enter__()
        for _ in range(40):
            self.driver.next()
        return self

    def __exit__(self, *_: object) -> None:
        self.adapter.faults.clear()
        self.driver.__exit__(None, None, None)
        self.patch.undo()

    def number(self, raw: Raw) -> int:
        """Which conversion since the last set-up a sample is."""
        return round((raw.ready_ns - self.chip._started_ns) / PERIOD_NS) - 1

    def truth(self, number: int) -> tuple[int, int]:
        """Figures of a conversion, worked out anew."""
        begin_ns = self.chip._started_ns + number * PERIOD_NS
        shunt = self.chip._shunt_counts(begin_ns, SHUNT_NS, number)
        return shunt, self.chip._bus_counts(begin_ns + SHUNT_NS, BUS_NS, number)

    def stuck(self, wait_s: float) -> Fault:
        """A transfer that waits in vain for a line to be released."""
        return Fault(code=errno.ETIMEDOUT, event=lambda: self.clock.sleep(wait_s))


def checked(rig: Rig, count: int) -> Sequence[Raw]:
    """Samples of a chip that was not reset, each seen to be one conversion, once, in order, and losses flagged."""
    first = rig.driver.next()
    samples = [first]
    for _ in range(count - 1):
        samples.append(rig.driver.next())
        step = rig.number(samples[-1]) - rig.number(samples[-2])

        assert step > 0
        assert step == 1 or samples[-1].flags & Flag.MISSED
    assert [rig.truth(rig.number(raw)) for raw in samples] == [(raw.shunt, raw.bus) for raw in samples]
    return samples


CODES = st.sampled_from([errno.EREMOTEIO, errno.ENXIO, errno.EAGAIN, errno.EIO, errno.EPROTO])
FAULTS = st.lists(
    st.one_of(st.none(), st.none(), st.builds(fails, CODES, after=st.integers(0, 2))), max_size=60
)


@pytest.mark.parametrize("access", SETTINGS)
@settings(max_examples=40)
@given(faults=FAULTS)
def test_whatever_fails_no_sample_is_wrong(access: str, faults: list[Fault | None]) -> None:
    """Transfers fail before, within and after their registers: samples stay true, and gaps are flagged."""
    with Rig(access) as rig:
        rig.adapter.faults = list(faults)
        checked(rig, 30)


@pytest.mark.parametrize("access", SETTINGS)
def test_an_unheard_look_loses_nothing(access: str) -> None:
    """A look that no chip acknowledged is taken again; the sample is marked RETRIED, nothing is MISSED."""
    with Rig(access) as rig:
        rig.adapter.faults = [fails(errno.EREMOTEIO)]
        before, after = checked(rig, 2)

        assert Flag.RETRIED == before.flags & (Flag.RETRIED | Flag.MISSED)
        assert not after.flags & (Flag.RETRIED | Flag.MISSED)


def test_a_look_that_cleared_the_flag_and_failed_costs_one_conversion() -> None:
    """The chip had sent the flag when the transfer broke: that conversion is lost, and the next one says so."""
    with Rig() as rig:
        last = rig.driver.next()
        rig.clock.sleep(PERIOD_NS * 1.05e-9)
        rig.adapter.faults = [fails(errno.EIO, after=1)]
        raw = rig.driver.next()

        assert 2 == rig.number(raw) - rig.number(last)
        assert raw.flags & Flag.MISSED
        assert rig.truth(rig.number(raw)) == (raw.shunt, raw.bus)


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.EREMOTEIO])
def test_lost_arbitration_is_made_good_within_the_conversion(code: int) -> None:
    """Twice another master wins the bus while results are read; the third attempt brings the same conversion."""
    with Rig() as rig:
        last = rig.driver.next()
        rig.adapter.faults = [fails(code, register=SHUNT), fails(code, register=SHUNT, after=1)]
        raw = rig.driver.next()

        assert 1 == rig.number(raw) - rig.number(last)
        assert Flag.RETRIED == raw.flags & (Flag.RETRIED | Flag.MISSED)
        assert rig.truth(rig.number(raw)) == (raw.shunt, raw.bus)


def test_attempts_are_bounded_and_the_loss_is_told() -> None:
    """After three attempts the conversion is given up; the next one is MISSED."""
    with Rig() as rig:
        last = rig.driver.next()
        rig.adapter.faults = [fails(errno.EREMOTEIO, register=SHUNT)] * 3
        raw = rig.driver.next()

        assert 2 == rig.number(raw) - rig.number(last)
        assert raw.flags & Flag.MISSED
        assert rig.truth(rig.number(raw)) == (raw.shunt, raw.bus)


def test_a_stuck_line_that_comes_free_costs_what_it_lasted() -> None:
    """A transfer that waited 20 ms in vain is followed by a true sample that is MISSED at its own end."""
    with Rig() as rig:
        last = rig.driver.next()
        rig.adapter.faults = [rig.stuck(0.02)]
        raw = rig.driver.next()

        assert 16 <= rig.number(raw) - rig.number(last) <= 19
        assert raw.flags & Flag.MISSED
        assert rig.truth(rig.number(raw)) == (raw.shunt, raw.bus)


def test_a_line_stuck_for_good_is_an_error_soon() -> None:
    """Each transfer waits a second in vain: within three the driver gives up with the bus's own words."""
    with Rig() as rig:
        begin_ns = rig.clock()
        rig.adapter.faults = [rig.stuck(1.0) for _ in range(100)]
        with pytest.raises(MeterError, match="timed out"):
            rig.driver.next()

        assert rig.clock() - begin_ns < 3e9


@pytest.mark.parametrize("access", SETTINGS)
@pytest.mark.parametrize("when", range(24))
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_reset_in_the_middle_of_anything_gives_no_false_sample(access: str, when: int, after: int) -> None:
    """The chip loses its supply at any transfer, also between SHUNT and BUS: no sample is made of zeros.

    What comes up after it is flagged RESET, and the chip has its settings again.
    """
    with Rig(access) as rig:
        rig.adapter.faults = [None] * when + [Fault(after=after, event=rig.chip.brown_out)]
        samples = [rig.driver.next() for _ in range(40)]
        word = rig.chip.read_u16(0)

    assert 0x4027 == word
    assert all(raw.shunt > 8000 and raw.bus > 3000 for raw in samples)
    assert 1 == sum(bool(raw.flags & Flag.RESET) for raw in samples)


@pytest.mark.parametrize("garbled", [0xFFFF, 0x8000, 0xA5A5])
def test_a_bus_voltage_the_chip_never_says_is_read_again(garbled: int) -> None:
    """D15 of BUS always reads 0; set, it came from an undriven line, and the pair is read once more."""
    with Rig() as rig:
        rig.adapter.faults = [Fault(after=1, garbled=garbled, register=SHUNT)]
        [raw] = checked(rig, 1)

        assert Flag.RETRIED == raw.flags & (Flag.RETRIED | Flag.MISSED)


def test_an_undriven_line_is_no_flag() -> None:
    """Ones in the void bits of MASK/ENABLE mean that nobody drove the line: that is no conversion."""
    with Rig() as rig:
        last = rig.driver.next()
        rig.adapter.faults = [Fault(garbled=0xFFFF)]
        raw = rig.driver.next()

        assert 1 == rig.number(raw) - rig.number(last)
        assert raw.flags & Flag.RETRIED


@pytest.mark.parametrize("failures", [1, 2])
def test_the_chip_is_given_back_through_a_bad_moment(failures: int) -> None:
    """On exit CONFIG is written again where the first write failed."""
    rig = Rig()
    with rig:
        pass
    rig.adapter.install(rig.patch)
    rig.driver.__enter__()
    rig.adapter.faults = [fails(errno.EREMOTEIO)] * failures
    rig.driver.__exit__(None, None, None)
    rig.patch.undo()

    assert 0x4127 == rig.chip.read_u16(0)


def test_a_dead_bus_on_exit_hides_no_other_error() -> None:
    """A chip that never answers again does not turn its own closing into an error."""
    rig = Rig()
    with rig:
        rig.adapter.faults = [fails(errno.EREMOTEIO)] * 3
        rig.driver.__exit__(None, None, None)

    assert 0x4027 == rig.chip.read_u16(0)
