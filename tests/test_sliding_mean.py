"""The sliding mean of a trace is the energy of the window before each sample, or nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.trace import Trace

PERIOD_NS = 1_240_000
WIDTH_NS = 10_000_000


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Traces with gaps, of any power, at any time."""
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 1, 1, 3]), min_size=1, max_size=60))
    begin_ns = draw(st.integers(0, 10**15))
    powers = draw(st.lists(st.floats(-5, 50), min_size=len(steps), max_size=len(steps)))
    stamps = begin_ns + np.cumsum(steps) * PERIOD_NS
    return Trace.from_stamps(stamps, np.array(powers), period_ns=PERIOD_NS)


@given(traces(), st.sampled_from([1, 500_000, WIDTH_NS, 30_000_000]))
def test_it_is_the_energy_of_the_window(trace: Trace, width_ns: int) -> None:
    """Where conversions cover the window it is energy over width; elsewhere it is not a number."""
    means_w = trace.sliding_mean_w(width_ns)

    assert len(trace.end_ns) == len(means_w)
    for end_ns, mean_w in zip(trace.end_ns.tolist(), means_w, strict=True):
        window = trace.window(end_ns - width_ns, end_ns)
        if window.coverage == 1:
            assert window.energy_j is not None
            assert window.energy_j / (width_ns * 1e-9) == pytest.approx(mean_w, rel=1e-6, abs=1e-4)
        else:
            assert np.isnan(mean_w)


def test_a_peak_of_one_sample_is_spread_over_the_width() -> None:
    """A sample of 62 W among samples of 2 W is 9.44 W over 10 ms, as long as it lies in the window."""
    power_w = np.full(40, 2.0)
    power_w[20] = 62.0
    trace = Trace.from_stamps(PERIOD_NS * np.arange(1, 41), power_w, period_ns=PERIOD_NS)
    means_w = trace.sliding_mean_w(WIDTH_NS)

    assert [True] * 8 + [False] * 32 == np.isnan(means_w).tolist()
    assert 2 + 60 * PERIOD_NS / WIDTH_NS == pytest.approx(np.nanmax(means_w))
    assert 8 == int((means_w > 9).sum())


def test_an_empty_trace_has_no_means() -> None:
    """Nothing in, nothing out."""
    assert 0 == len(Trace.from_stamps([], [], period_ns=PERIOD_NS).sliding_mean_w(WIDTH_NS))
