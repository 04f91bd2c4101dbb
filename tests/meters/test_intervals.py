"""Raw samples become intervals of mean power."""

import numpy as np
import pytest

from harness.meters import Flag
from harness.meters.intervals import trace_of
from harness.meters.stream import SAMPLE
from harness.meters.word import EnergyWord, PowerWord, split, wrapped

MS = 1_000_000


def words(stamps_ms: list[int], values: list[int]) -> np.ndarray:
    """Samples that carry words."""
    samples = np.zeros(len(stamps_ms), SAMPLE)
    samples["ready_ns"] = np.array(stamps_ms) * MS
    for place, value in enumerate(values):
        samples["shunt"][place], samples["bus"][place] = split(wrapped(value))
    return samples


def test_a_counter_loses_nothing_with_its_samples() -> None:
    """Where samples are missing the energy between those that are there is whole."""
    trace = trace_of(
        words([0, 10, 40, 50], [0, 50, 200, 250]), EnergyWord(unit_j=1e-3), period_ns=10 * MS, lag_ns=0
    )
    window = trace.window(5 * MS, 45 * MS)

    assert [5.0, 5.0, 5.0] == pytest.approx(trace.power_w.tolist())
    assert 0.2 == pytest.approx(window.energy_j)
    assert (1.0, 0) == (window.coverage, window.lost)


def test_a_counter_may_wrap_between_samples() -> None:
    """The count goes through 2**32 without a step in the power."""
    trace = trace_of(
        words([0, 10], [2**32 - 25, 2**32 + 25]), EnergyWord(unit_j=1e-3), period_ns=10 * MS, lag_ns=0
    )

    assert [5.0] == pytest.approx(trace.power_w.tolist())


def test_power_is_the_mean_over_each_interval() -> None:
    """A stream of power has one interval for each sample, and saturation goes with it."""
    samples = words([10, 20, 30], [5_000_000] * 3)
    samples["flags"][1] = Flag.SATURATED
    trace = trace_of(samples, PowerWord(unit_w=1e-6), period_ns=10 * MS, lag_ns=2 * MS)

    assert [5.0] * 3 == trace.power_w.tolist()
    assert [8 * MS, 18 * MS, 28 * MS] == trace.end_ns.tolist()
    assert [False, True, False] == trace.saturated.tolist()
