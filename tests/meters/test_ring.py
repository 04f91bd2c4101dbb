"""The ring between sampler and bench: nothing is lost silently, nothing arrives twice."""

import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import MeterError
from harness.meters import DIRECT, Link, Raw
from harness.meters.ring import ENTRY, Doing, Ring
from harness.meters.stream import SAMPLE


def numbered(number: int) -> Raw:
    """A sample that carries its number."""
    return Raw(number, number + 1, -(number % 100), number % 100, number % 7)


def stamps(content: bytes) -> list[int]:
    """Numbers of the samples in some drained bytes."""
    return [entry[0] for entry in ENTRY.iter_unpack(content)]


@given(st.integers(1, 20), st.lists(st.integers(0, 50), max_size=12))
def test_every_entry_arrives_once_or_is_counted_lost(capacity: int, bursts: list[int]) -> None:
    """Whatever the bursts, drained and lost entries together are the written ones, in order, the newest last."""
    with Ring.make(capacity) as ring:
        written, seen = 0, []
        for burst in bursts:
            for _ in range(burst):
                ring.put(numbered(written))
                written += 1
            seen += stamps(ring.drain())

            assert written == len(seen) + ring.lost == ring.written
            assert not burst or seen[-1:] == [written - 1] or capacity == 1
        assert seen == sorted(set(seen))


@given(st.builds(Link, *[st.integers(0, 2**62)] * 5))
def test_what_is_said_of_the_link_arrives(link: Link) -> None:
    """A ring begins with a direct link, and hands on what was said last without touching its entries."""
    with Ring.make(4) as ring:
        ring.put(numbered(7))
        before = ring.link
        ring.link = link

        assert (DIRECT, link) == (before, ring.link)
        assert [7] == stamps(ring.drain())


def test_a_ring_not_overrun_loses_nothing() -> None:
    """Up to one less than its capacity between two calls everything arrives."""
    with Ring.make(8) as ring:
        for begin in range(0, 70, 7):
            for number in range(begin, begin + 7):
                ring.put(numbered(number))

            assert list(range(begin, begin + 7)) == stamps(ring.drain())
        assert ring.lost == 0


def test_a_writer_that_goes_on_while_reading_spoils_no_entry() -> None:
    """Entries overwritten between the count and the copy are dropped and counted, not handed out torn."""
    with Ring.make(8) as ring:
        for number in range(7):
            ring.put(numbered(number))
        copied = ring._copied

        def slowly(first: int, last: int) -> bytes:
            for number in range(7, 10):
                ring.put(numbered(number))
            return copied(first, last)

        ring._copied = slowly

        assert [3, 4, 5, 6] == stamps(ring.drain())
        assert ring.lost == 3


def test_entries_are_the_fields_of_a_sample() -> None:
    """The bytes of the ring are an array of the bench's sample type."""
    raw = Raw(2**62, 2**31 - 1, -0x8000, 0xFFFF, 2**31, 15)
    with Ring.make() as ring:
        ring.put(raw)
        assert raw.ready_ns == ring.newest_ns(raw.channel)
        sample = np.frombuffer(ring.drain(), SAMPLE)

    assert [tuple(raw)] == sample.tolist()


def test_two_processes_share_it_by_its_descriptor() -> None:
    """What is put through one mapping is drained through another, and so is the control word."""
    with Ring.make(8) as reader, Ring(os.dup(reader.descriptor)) as writer:
        writer.put(numbered(5))
        reader.wanted = Doing.PAUSE
        writer.state = Doing.PAUSE

        assert [5] == stamps(reader.drain())
        assert [Doing.PAUSE, Doing.PAUSE] == [writer.wanted, reader.state]


def test_foreign_memory_is_refused() -> None:
    """Memory that is no ring of this version is not written to."""
    descriptor = os.memfd_create("foreign")
    os.ftruncate(descriptor, 4096)

    with pytest.raises(MeterError, match="not a ring"), Ring(descriptor):
        pass
    os.close(descriptor)


def test_closing_twice_is_harmless() -> None:
    """The memory is let go once."""
    ring = Ring.make()
    with ring:
        pass
    ring.__exit__(None, None, None)

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(ring.descriptor)


def test_a_stamp_is_told_only_of_an_entry_that_is_there() -> None:
    """Whoever waits for the stamp of a channel can drain its entry: one that was not put has none."""
    with Ring.make(4) as ring:
        ring.put(numbered(7))
        with pytest.raises(struct.error):
            ring.put(Raw(8, 1 << 40, 0, 0, 0))

        assert (7, [7]) == (ring.newest_ns(), stamps(ring.drain()))
