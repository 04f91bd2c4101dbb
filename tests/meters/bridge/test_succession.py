"""Number and time of a sample must follow those of the one before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.meters import Flag
from harness.meters.bridge_frames import BridgeFlag, SampleFrame
from harness.meters.succession import FORGOTTEN_NS, Place, Succession

PERIOD_US = 1277
"""Of the chip, 3 % slow."""


class Sender:
    """A bridge that numbers and stamps its conversions; what is sent arrives 1 ms later."""

    def __init__(self, seq: int = 0, t_us: int = 0) -> None:
        self.seq = seq
        self.t_us = t_us
        self.arrival_ns = 10**12

    def sample(self, conversions: int = 1, *, frames: int = 1, flags: int = 0) -> tuple[SampleFrame, int]:
        """The sample so many conversions and frames after the last, and its arrival."""
        self.seq += frames
        self.t_us += conversions * PERIOD_US
        self.arrival_ns += conversions * PERIOD_US * 1000
        return SampleFrame(self.seq % 65536, self.t_us % 2**32, 100, 4000, flags), self.arrival_ns


def followed(sender: Sender, samples: int = 40) -> Succession:
    """A succession that knows the chip's period."""
    succession = Succession(1240e-6)
    for _ in range(samples):
        succession.place(*sender.sample())
    return succession


def test_the_first_sample_is_only_a_witness() -> None:
    """Nothing confirms the first sample; the second and the first confirm each other."""
    succession, sender = Succession(1240e-6), Sender()

    assert None is succession.place(*sender.sample())
    assert Place(2 * PERIOD_US, 1, Flag(0)) == succession.place(*sender.sample())


def test_the_period_is_learnt() -> None:
    """After some conversions the chip's own period is known."""

    assert PERIOD_US == followed(Sender()).period_us


@given(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(1, 3000))
def test_wraps_do_not_show(seq: int, t_us: int, lost: int) -> None:
    """Number and time turn over in the middle of a gap, and the gap is counted exactly."""
    sender = Sender(seq, t_us)
    succession = followed(sender)
    before = succession.place(*sender.sample())
    place = succession.place(*sender.sample(1 + lost, frames=1 + lost))

    assert before is not None
    assert place is not None
    assert (1 + lost, Flag.MISSED) == (place.conversions, place.flags)
    assert (1 + lost) * PERIOD_US == place.at_us - before.at_us


def test_what_the_bridge_missed_itself_is_counted_by_time() -> None:
    """Frames without a hole in their numbers, but with MISSED, are as far apart as their stamps say."""
    sender = Sender()
    succession = followed(sender)
    place = succession.place(*sender.sample(5, flags=BridgeFlag.MISSED))

    assert place is not None
    assert (5, Flag.MISSED) == (place.conversions, place.flags)


@pytest.mark.parametrize(
    ("conversions", "frames"),
    [(1, 0), (1, 2), (1, 40_000), (5, 1), (2, 65_000)],
    ids=["twice", "too many numbers", "backwards", "late without a word", "number far off"],
)
def test_a_sample_that_does_not_follow_is_not_believed(conversions: int, frames: int) -> None:
    """A number and a time that disagree make no sample, and the next true one follows."""
    sender = Sender()
    succession = followed(sender)
    seq, t_us = sender.seq, sender.t_us
    refused = succession.place(*sender.sample(conversions, frames=frames))
    sender.seq, sender.t_us = seq, t_us

    assert None is refused
    assert (1, 1) == (succession.strangers, succession.refused)
    assert None is not succession.place(*sender.sample())
    assert 0 == succession.strangers


def test_a_sample_of_the_future_is_not_believed() -> None:
    """A time that this machine's clock has not reached is wrong, whatever its number says."""
    sender = Sender()
    succession = followed(sender)
    sample, arrival_ns = sender.sample(2000, frames=2000)

    assert None is succession.place(sample, arrival_ns - 10**9)


def test_a_late_reader_believes_what_waited() -> None:
    """Samples that lay in a buffer while the reader slept are as good as others."""
    sender = Sender()
    succession = followed(sender)
    waited = [sender.sample()[0] for _ in range(100)]
    placed = [succession.place(sample, sender.arrival_ns + 10**10) for sample in waited]

    assert [1] * 100 == [place.conversions for place in placed if place]


def test_a_stamp_off_the_rhythm_is_told() -> None:
    """A bridge that saw an end a third of a period late has its stamp flagged LATE."""
    sender = Sender()
    succession = followed(sender)
    sample, arrival_ns = sender.sample()
    place = succession.place(sample._replace(t_us=sample.t_us + PERIOD_US // 3), arrival_ns)

    assert place is not None
    assert Flag.LATE == place.flags


def test_after_half_an_hour_nothing_follows() -> None:
    """A time could be a turn of 71.6 minutes off after a silence; it is not believed."""
    sender = Sender()
    succession = followed(sender)
    sample, arrival_ns = sender.sample()

    assert None is succession.place(sample, arrival_ns + FORGOTTEN_NS)


def test_a_bridge_that_began_anew_is_a_stranger() -> None:
    """Samples of a bridge that was started again are refused one after the other."""
    sender = Sender(t_us=10**9)
    succession = followed(sender)
    anew = Sender()
    anew.arrival_ns = sender.arrival_ns
    for _ in range(8):
        succession.place(*anew.sample())

    assert 8 == succession.strangers
