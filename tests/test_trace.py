"""Energy of a window: power x overlap of each sample's interval, exact to the last bit of the oracle."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.trace import GAP_PERIODS, Trace, Traces

PERIOD_NS = 1_000

STEPS = st.lists(
    st.one_of(st.integers(800, 1_400), st.integers(1_600, 6_000), st.just(1_000)), min_size=1, max_size=30
)
POWERS = st.lists(st.integers(-50, 50), min_size=31, max_size=31)
WINDOW = st.tuples(st.integers(-3_000, 80_000), st.integers(1, 60_000))


def intervals(stamps: list[int], lag_ns: int = 0) -> list[tuple[int, int, int]]:
    """Begin, end and lost conversions of each sample, by the definition."""
    previous, found = None, []
    for stamp in stamps:
        end = stamp - lag_ns
        step = PERIOD_NS if previous is None else end - previous
        lost = round(Fraction(step, PERIOD_NS)) - 1 if step > GAP_PERIODS * PERIOD_NS else 0
        found.append((end - PERIOD_NS if lost else end - step, end, lost))
        previous = end
    return found


def made(
    steps: list[int], powers: list[int], lag_ns: int = 0
) -> tuple[Trace, list[tuple[int, int, int]], list[int]]:
    """A trace of those steps and the same intervals by the oracle."""
    stamps = np.cumsum(steps)
    watts = powers[: len(steps)]
    trace = Trace.from_stamps(stamps, watts, period_ns=PERIOD_NS, lag_ns=lag_ns)
    return trace, intervals(stamps.tolist(), lag_ns), watts


@given(STEPS, POWERS, WINDOW, st.integers(0, 500))
def test_energy_and_coverage_are_the_sum_of_overlaps(
    steps: list[int], powers: list[int], window: tuple[int, int], lag_ns: int
) -> None:
    """Energy and coverage of any window, gaps or not, are those of exact arithmetic."""
    trace, exact, watts = made(steps, powers, lag_ns)
    begin, end = window[0], window[0] + window[1]
    overlaps = [max(0, min(end, e) - max(begin, b)) for b, e, _ in exact]
    power = trace.window(begin, end)

    assert float(Fraction(sum(overlaps), end - begin)) == power.coverage
    assert sum(begin < e <= end for _, e, _ in exact) == power.samples
    if sum(overlaps):
        energy = Fraction(sum(w * o for w, o in zip(watts, overlaps, strict=True)), 10**9)
        assert float(energy) == pytest.approx(power.energy_j, rel=1e-12, abs=1e-18)
    else:
        assert power.energy_j is None


@given(STEPS, POWERS, WINDOW)
def test_lost_conversions_are_those_of_the_gaps_the_window_touches(
    steps: list[int], powers: list[int], window: tuple[int, int]
) -> None:
    """A gap counts for every window that overlaps it, also one that lies inside it or ends in it."""
    trace, exact, _ = made(steps, powers)
    begin, end = window[0], window[0] + window[1]
    expected = sum(
        after[2] for before, after in pairwise(exact) if after[2] and before[1] < end and after[0] > begin
    )

    assert expected == trace.window(begin, end).lost


@given(STEPS, POWERS, st.lists(st.integers(0, 60_000), min_size=1, max_size=5, unique=True))
def test_adjacent_windows_share_no_energy_and_lose_none(
    steps: list[int], powers: list[int], cuts: list[int]
) -> None:
    """The energies of adjacent windows add up to that of the whole."""
    trace, _, _ = made(steps, powers)
    edges = [-5_000, *sorted(cuts), 200_000]
    parts = [trace.window(a, b).energy_j or 0.0 for a, b in pairwise(edges)]

    assert trace.window(edges[0], edges[-1]).energy_j == pytest.approx(sum(parts), rel=1e-9, abs=1e-15)


@given(STEPS, st.integers(1, 50))
def test_constant_power_is_its_own_mean(steps: list[int], watts: int) -> None:
    """At constant power the energy is power x covered time, however the samples lie."""
    trace, exact, _ = made(steps, [watts] * 31)
    begin, end = exact[0][0], exact[-1][1]
    power = trace.window(begin, end)

    assert watts * power.coverage * (end - begin) * 1e-9 == pytest.approx(power.energy_j)


def test_a_window_the_samples_never_touch_has_no_energy() -> None:
    """Before, after and in a gap there is no figure, not 0 J."""
    trace, _, _ = made([1_000, 1_000, 5_000], [1, 1, 1])

    assert [None, None, None] == [
        trace.window(*w).energy_j for w in ((-900, 0), (7_000, 8_000), (3_000, 5_000))
    ]


def test_an_empty_trace_covers_nothing() -> None:
    """Without samples a window has no energy and no coverage."""
    power = Trace.from_stamps([], [], period_ns=PERIOD_NS).window(0, 10)

    assert (None, 0.0, 0, 0, 0) == (
        power.energy_j,
        power.coverage,
        power.samples,
        power.lost,
        power.saturated,
    )


def test_late_stamps_neither_count_time_twice_nor_lose_it() -> None:
    """A stamp up to half a period late moves a boundary; the whole stays covered once."""
    trace, _, _ = made([1_000, 1_400, 600, 1_000], [2, 2, 2, 2])

    assert 1.0 == trace.window(0, 4_000).coverage
    assert 8e-6 == pytest.approx(trace.window(0, 4_000).energy_j)


def test_saturated_samples_are_counted_where_they_touch() -> None:
    """Only samples whose interval overlaps the window count."""
    trace = Trace.from_stamps(
        [1_000, 2_000, 3_000], [1, 1, 1], period_ns=PERIOD_NS, saturated=[True, False, True]
    )

    assert [1, 0, 1, 2] == [
        trace.window(*w).saturated for w in ((0, 1_000), (1_000, 2_000), (1_500, 2_500), (0, 3_000))
    ]


@given(st.tuples(STEPS, STEPS), st.tuples(POWERS, POWERS), WINDOW, st.sampled_from([("core", "io"), ("io",)]))
def test_channels_add_up_to_exact_arithmetic(
    steps: tuple[list[int], list[int]],
    powers: tuple[list[int], list[int]],
    window: tuple[int, int],
    total: tuple[str, ...],
) -> None:
    """Energies of channels that are not in step add up exactly; coverage and samples are the least, losses add up."""
    made_of = {"core": made(steps[0], powers[0]), "io": made(steps[1], powers[1], 137)}
    begin, end = window[0], window[0] + window[1]
    found = Traces(channels={name: trace for name, (trace, _, _) in made_of.items()}, total=total).window(
        begin, end
    )
    overlaps = {
        name: [max(0, min(end, e) - max(begin, b)) for b, e, _ in exact]
        for name, (_, exact, _) in made_of.items()
    }
    apart = {name: trace.window(begin, end) for name, (trace, _, _) in made_of.items()}

    assert apart == found.channels
    assert min(float(Fraction(sum(each), end - begin)) for each in overlaps.values()) == found.coverage
    assert min(power.samples for power in apart.values()) == found.samples
    assert sum(power.lost for power in apart.values()) == found.lost
    if all(sum(overlaps[name]) for name in total):
        energy = sum(
            Fraction(sum(w * o for w, o in zip(made_of[name][2], overlaps[name], strict=True)), 10**9)
            for name in total
        )
        assert float(energy) == pytest.approx(found.energy_j, rel=1e-12, abs=1e-18)
    else:
        assert found.energy_j is None


def test_a_channel_with_a_gap_is_seen_in_the_whole() -> None:
    """A gap of one channel lowers the coverage of the whole and counts as lost, though the other saw everything."""
    whole = Trace.from_stamps(range(1_000, 21_000, 1_000), [2.0] * 20, period_ns=1_000)
    broken = Trace.from_stamps(
        [*range(1_100, 6_100, 1_000), *range(9_100, 21_100, 1_000)], [3.0] * 17, period_ns=1_000
    )
    found = Traces(channels={"core": whole, "io": broken}, total=("core", "io")).window(4_000, 14_000)

    assert 1.0 == found.channels["core"].coverage
    assert 0.7 == found.channels["io"].coverage == found.coverage
    assert 3 == found.lost == found.channels["io"].lost
    assert 2.0 * 10e-6 + 3.0 * 7e-6 == pytest.approx(found.energy_j)
