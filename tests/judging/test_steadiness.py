"""Tests of the course of a sitting: warm-up, drift, throttling, outliers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging.series import autoregressive

from harness.judging.changes import changes_in, mser5, partition, start_cut
from harness.judging.steadiness import (
    FEWEST,
    MINUTE_S,
    Series,
    State,
    Steadiness,
    judge_course,
    outliers,
)

N = 4000
TRACES = {
    "flat": np.zeros(N),
    "short warm-up": 30 * np.exp(-np.arange(N) / 50),
    "long warm-up": 5 * np.exp(-np.arange(N) / 400),
    "step": 8.0 * (np.arange(N) < 200),
    "throttle": 10.0 * (np.arange(N) >= 0.7 * N),
    "weak throttle": 2.0 * (np.arange(N) >= 0.7 * N),
    "ramp": 6 * np.arange(N) / N,
}
"""Added to a mean of 100 with noise of deviation 1 (phi 0.5)."""


def noisy(trace: str, seed: int, phi: float = 0.5) -> np.ndarray:
    """A trace with dependent noise of deviation 1."""
    return 100 + TRACES[trace] + autoregressive(N, phi, seed) * np.sqrt(1 - phi**2)


def series(latency_ms: np.ndarray, power_w: np.ndarray | None = None, gap_s: float = 0.0) -> Series:
    """Cycles of one inference each, one after the other."""
    length_ns = np.rint(latency_ms * 1e6).astype(np.int64)
    end_ns = np.cumsum(length_ns + int(gap_s * 1e9))
    power = np.full(len(length_ns), 5.0) if power_w is None else power_w
    return Series(
        begin_ns=end_ns - length_ns,
        end_ns=end_ns,
        inferences=np.ones(len(length_ns), np.int64),
        energy_j=power * length_ns * 1e-9,
    )


def course(trace: str, seed: int, throttling: str = "") -> Steadiness:
    """The course of a trace of latencies at steady power."""
    return judge_course(1, series(noisy(trace, seed)), throttling)


@pytest.mark.parametrize(
    ("trace", "least", "most"),
    [("flat", 0, 0), ("short warm-up", 100, 400), ("long warm-up", 300, 1500), ("step", 200, 205)],
)
def test_cut_is_where_the_start_ends(trace: str, least: int, most: int) -> None:
    """The median cut leaves the warm-up out; a flat series is not cut at all."""
    cuts = [start_cut(noisy(trace, seed))[0] for seed in range(21)]

    assert least <= np.median(cuts) <= most


@pytest.mark.parametrize("trace", ["short warm-up", "long warm-up", "step"])
def test_the_cut_takes_the_bias_away(trace: str) -> None:
    """After the cut the mean is that of the rest to a fifth of the noise; before it, it was not."""
    found = [noisy(trace, seed) for seed in range(21)]
    after = np.mean([x[start_cut(x)[0] :].mean() - 100 for x in found])
    before = np.mean([x.mean() - 100 for x in found])

    assert abs(after) < 0.2 < before


@pytest.mark.parametrize("trace", ["throttle", "weak throttle"])
def test_a_throttled_trace_is_never_steady(trace: str) -> None:
    """With evidence of the device a slower stretch is throttled, without it drifting, never steady."""
    evidence = "throttle count of cpu0 rose from 1 to 2"
    states = {(course(trace, seed, evidence).state, course(trace, seed).state) for seed in range(30)}

    assert {(State.THROTTLED, State.DRIFTING)} == states


def test_a_ramp_is_not_steady() -> None:
    """A ramp is drifting, or never reached a steady part."""
    states = {course("ramp", seed).state for seed in range(20)}

    assert states <= {State.DRIFTING, State.NOT_REACHED}


def test_throttling_has_place_and_size() -> None:
    """The change is told with its place, its time and its relative size, and its stretch has its own figures."""
    found = course("throttle", 1, "flag")
    [change] = found.changes

    assert pytest.approx(0.7 * N, abs=60) == change.cycle
    assert pytest.approx(0.1, abs=0.01) == change.relative
    assert pytest.approx(0.7 * N * 0.1, rel=0.05) == change.after_s
    assert pytest.approx(0.11, abs=0.001) == found.throttled.latency_p50_s
    assert slice(0, -found.throttled.cycles) == found.settled


def test_a_weaker_power_is_a_change() -> None:
    """Power that falls while the latency stays is found by name."""
    power_w = 5.0 - 1.0 * (np.arange(N) > N // 2) + 0.05 * autoregressive(N, 0.5, 3)
    found = judge_course(1, series(noisy("flat", 3), power_w), "flag")

    assert [("power", True)] == [(change.quantity, change.relative < 0) for change in found.changes]
    assert found.state is State.THROTTLED


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_flat_courses_are_steady(phi: float) -> None:
    """Of 100 flat series at most 15 are called anything but steady, even with long memory."""
    found = [judge_course(1, series(noisy("flat", seed, phi))).state for seed in range(100)]

    assert found.count(State.STEADY) >= 85


def test_a_start_to_the_middle_is_not_reached() -> None:
    """A series that is still settling at half its length never reached a steady part."""
    x = 100 + 30 * np.exp(-np.arange(400) / 200) + autoregressive(400, 0.2, 1)

    assert judge_course(1, series(x)).state is State.NOT_REACHED


def test_changes_below_one_percent_are_none() -> None:
    """A change that is sure and that nobody cares for is none."""
    x = 100 + 0.5 * (np.arange(N) > N // 2) + 0.01 * autoregressive(N, 0.0, 1)

    assert [] == changes_in(x)


def test_short_series_have_no_verdict() -> None:
    """Below a hundred cycles nothing is said and nothing is cut."""
    found = judge_course(1, series(np.linspace(200, 100, FEWEST - 1)))

    assert (State.UNKNOWN, 0) == (found.state, found.cut)


def test_no_cycles_have_a_course() -> None:
    """A sitting without cycles is too short to tell."""
    found = judge_course(1, series(np.empty(0)))

    assert (State.UNKNOWN, None, None) == (found.state, found.first_minute, found.sustained)


def test_first_minute_and_sustained_figures_stand_apart() -> None:
    """A device that slows down for good in the first minute has two medians."""
    latency_ms = np.where(np.arange(2000) < 200, 50.0, 60.0) + autoregressive(2000, 0.0, 1) * 0.1
    found = judge_course(1, series(latency_ms))

    assert found.first_minute.duration_s <= MINUTE_S + 0.1  # a cycle begun in it counts whole
    assert found.sustained.latency_p50_s == pytest.approx(0.06, rel=0.01)
    assert found.sustained.power_mean_w == pytest.approx(5.0, rel=1e-6)
    assert found.first_minute.cycles + found.sustained.cycles == 2000


def test_a_short_sitting_has_no_sustained_figures() -> None:
    """What did not last a minute says nothing of what comes after it."""

    assert judge_course(1, series(np.full(200, 100.0))).sustained is None


def test_absent_energy_leaves_power_out() -> None:
    """Without energy the latency alone is judged."""
    without = series(noisy("throttle", 1), np.full(N, np.nan))

    assert {"latency"} == {change.quantity for change in judge_course(1, without).changes}
    assert judge_course(1, without).first_minute.power_mean_w is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=10, max_size=200))
def test_mser_cuts_at_most_half(values: list[float]) -> None:
    """The cut is a multiple of five in the first half."""
    cut, _ = mser5(np.array(values))

    assert 0 <= cut <= len(values) // 2
    assert cut % 5 == 0


def test_partition_finds_each_step() -> None:
    """Three levels have two changes, at their places."""
    levels = np.repeat([1.0, 5.0, 2.0], 40) + 0.1 * np.random.default_rng(1).standard_normal(120)

    assert [40, 80] == partition(levels)


def test_outliers_are_counted_and_kept() -> None:
    """Mild and severe outliers by Tukey's fences, severe ones in both counts."""
    x = np.concatenate([np.arange(100.0), [190.0, 1000.0]])

    assert (2, 1) == outliers(x)
    assert (0, 0) == outliers(np.empty(0))
