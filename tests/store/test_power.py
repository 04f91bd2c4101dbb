"""Raw power chunks: integers read back as they were, torn ends are told from damage."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from records import raw_samples

from harness.errors import StoreError
from harness.store.power import SAMPLE, Chunk, by_channel, encode, read_chunks, samples_of


def chunks_of(*sizes: int) -> list[Chunk]:
    """Consecutive chunks of those numbers of samples."""
    firsts = np.cumsum([0, *sizes])
    return [
        Chunk(case=0, sitting=1, part=1, first=int(first), samples=samples_of(raw_samples(size)))
        for size, first in zip(sizes, firsts, strict=False)
    ]


@given(
    samples=hnp.arrays(SAMPLE, st.integers(1, 20)),
    case=st.integers(0, 99),
    part=st.integers(1, 9),
    channel=st.integers(0, 15),
)
def test_chunk_round_trip(
    tmp_path_factory: pytest.TempPathFactory, samples: NDArray[Any], case: int, part: int, channel: int
) -> None:
    """A chunk reads back as it was, at the ends of every field's range too; it is of one channel."""
    samples["channel"] = channel
    path = tmp_path_factory.mktemp("power") / "power-000000.bin"
    path.write_bytes(encode(Chunk(case=case, sitting=2, part=part, first=7, samples=samples)))
    (found,) = read_chunks(path, torn_end=False).chunks

    assert (case, 2, part, 7) == (found.case, found.sitting, found.part, found.first)
    assert np.array_equal(samples, found.samples)


def test_a_chunk_of_an_only_channel_is_as_it_always_was() -> None:
    """The head of a chunk of channel 0 ends in 32 zero bytes, as before there were channels."""
    (chunk,) = chunks_of(3)

    assert bytes(32) == encode(chunk)[32:64]
    assert 64 + 3 * 20 + 4 == len(encode(chunk))


def test_samples_without_a_channel_are_of_the_only_one() -> None:
    """What has no field for the channel has channel 0."""
    whole = samples_of(raw_samples(4))
    without = whole[["ready_ns", "delay_ns", "shunt", "bus", "flags"]]

    assert np.array_equal(whole, samples_of(without))


def test_channels_are_told_apart_in_their_order() -> None:
    """Samples of several channels are split by channel; each keeps its order, and none is left out."""
    samples = samples_of(raw_samples(7))
    samples["channel"] = [2, 0, 2, 0, 0, 5, 2]

    assert [[1, 3, 4], [0, 2, 6], [5]] == [
        np.searchsorted(samples["ready_ns"], part["ready_ns"]).tolist() for part in by_channel(samples)
    ]


def test_every_truncation_keeps_the_chunks_before(tmp_path: Path) -> None:
    """A file cut anywhere keeps every chunk that is whole and reports one torn end."""
    path = tmp_path / "power-000000.bin"
    pieces = [encode(chunk) for chunk in chunks_of(3, 1, 2)]
    ends = np.cumsum([len(piece) for piece in pieces])
    data = b"".join(pieces)
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        content = read_chunks(path, torn_end=True)
        whole = int(np.searchsorted(ends, size, side="right"))

        assert whole == len(content.chunks)
        assert (ends[whole - 1] if whole else 0) == content.size
        assert int(size > content.size) == content.dropped


def test_damage_before_the_end_is_refused(tmp_path: Path) -> None:
    """A flipped bit anywhere in a chunk that is not the last is refused by file and byte."""
    path = tmp_path / "power-000000.bin"
    first, second = (encode(chunk) for chunk in chunks_of(2, 2))
    for bit in range(0, 8 * len(first), 3):
        damaged = bytearray(first + second)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)

        with pytest.raises(StoreError, match=r"power-000000\.bin: the chunk at byte 0 is damaged"):
            read_chunks(path, torn_end=True)


def test_a_missing_chunk_is_refused(tmp_path: Path) -> None:
    """Samples are numbered: a chunk taken out from between two others is noticed."""
    path = tmp_path / "power-000000.bin"
    first, _, third = (encode(chunk) for chunk in chunks_of(2, 3, 4))
    path.write_bytes(first + third)

    with pytest.raises(StoreError, match=f"the chunk at byte {len(first)} is damaged"):
        read_chunks(path, torn_end=True)


def test_a_torn_end_is_refused_in_a_closed_run(tmp_path: Path) -> None:
    """What a broken-off run may have, a closed one may not."""
    path = tmp_path / "power-000000.bin"
    path.write_bytes(encode(chunks_of(2)[0])[:-1])

    with pytest.raises(StoreError, match="the chunk at byte 0 is damaged"):
        read_chunks(path, torn_end=False)


def test_values_that_do_not_fit_are_refused() -> None:
    """An integer outside its field's range is refused, never wrapped."""
    raw = np.zeros(1, [(name, "<i8") for name in SAMPLE.names or ()])
    raw["shunt"] = 40_000

    with pytest.raises(ValueError, match="a value of shunt does not fit in int16"):
        samples_of(raw)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    """A power file that cannot be opened is named with the system's words."""
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        read_chunks(tmp_path / "power-000000.bin", torn_end=True)
