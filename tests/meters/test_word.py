"""One 32-bit integer in the two integers of a sample."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import MeterError
from harness.meters.ring import ENTRY
from harness.meters.scale import Scale
from harness.meters.word import EnergyWord, PowerWord, readout_from, split, wrapped

WORDS = st.integers(-(2**31), 2**31 - 1)


@given(WORDS)
def test_a_word_comes_back_from_a_sample(word: int) -> None:
    """The halves fit in the ring's fields, and their power is that of the word."""
    high, low = split(word)
    _, _, shunt, bus, _, _ = ENTRY.unpack(ENTRY.pack(0, 0, high, low, 0, 0))

    assert word == PowerWord(unit_w=1.0).watts(shunt, bus)


@given(st.lists(WORDS, min_size=1, max_size=20))
def test_arrays_are_words_too(words: list[int]) -> None:
    """Integers of 16 bits do not overflow on the way to watts."""
    halves = [split(word) for word in words]
    shunt = np.array([high for high, _ in halves], np.int16)
    bus = np.array([low for _, low in halves], np.uint16)
    watts = PowerWord(unit_w=1e-6).watts(shunt, bus)

    assert np.float64 is watts.dtype.type
    assert [word * 1e-6 for word in words] == watts.tolist()


@pytest.mark.parametrize("word", [2**31, -(2**31) - 1])
def test_what_does_not_fit_is_refused(word: int) -> None:
    """A reading beyond 32 bits is an error with the reading, not another number."""
    with pytest.raises(MeterError, match=str(word)):
        split(word)


@given(st.integers(0, 2**40), st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
def test_a_counter_is_read_across_its_wraps(start: int, steps: list[int]) -> None:
    """Energy between samples is that of the count, however often 32 bits have gone round before."""
    counts = [start]
    for step in steps:
        counts.append(counts[-1] + step)
    halves = [split(wrapped(count)) for count in counts]
    shunt = np.array([high for high, _ in halves], np.int16)
    bus = np.array([low for _, low in halves], np.uint16)

    assert steps == EnergyWord(unit_j=1.0).joules(shunt, bus).tolist()


@pytest.mark.parametrize(
    "readout",
    [PowerWord(unit_w=1e-6), EnergyWord(unit_j=1e-3), Scale(shunt_ohm=0.01, vbus_tap="source")],
    ids=lambda readout: type(readout).__name__,
)
def test_a_readout_survives_its_record(readout: PowerWord | EnergyWord | Scale) -> None:
    """The record of a sitting brings back the same readout."""
    assert readout == readout_from(json.loads(json.dumps(readout.as_record())))


def test_an_unknown_kind_is_refused() -> None:
    """A record of a later version is not read as something else."""
    with pytest.raises(MeterError, match="found 'charge', expected power, energy"):
        readout_from({"kind": "charge"})
