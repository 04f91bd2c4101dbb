"""A cycle is one window: its latencies, its energy and its verdict."""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cycle import CLOCK_SHARE, EDGE_PERIODS, Observation, choose_shape, find_beat, join, observe
from harness.record import Cycle, Phase, Void
from harness.trace import Trace

from .values import protocol

PERIOD_NS = 1_000_000
BEGIN_NS = 100 * PERIOD_NS

durations = st.floats(1e-6, 10.0)
periods = st.floats(3e-4, 2e-2)


@given(st.lists(st.integers(1, 10**9), max_size=50))
def test_window_is_stamped_between_the_calls(durations_ns: Sequence[int]) -> None:
    """Each call runs once, in order, between two stamps, and the latencies add up to the window."""
    now = 7
    called: list[int] = []

    def call(number: int) -> None:
        nonlocal now
        called.append(number)
        now += durations_ns[number]

    stamps = observe([lambda n=n: call(n) for n in range(len(durations_ns))], lambda: now)

    assert list(range(len(durations_ns))) == called
    assert list(durations_ns) == [end - begin for begin, end in itertools.pairwise(stamps)]
    assert 7 == stamps[0]
    assert sum(durations_ns) == stamps[-1] - stamps[0]


@given(durations, periods, durations, st.integers(1, 100))
def test_window_is_long_enough(inference_s: float, period_s: float, window_s: float, samples: int) -> None:
    """A window of inferences as fast as in the warm-up holds the least duration and one period more than samples."""
    asked = protocol(window_s=window_s, samples=samples)
    shape = choose_shape(inference_s, period_s, asked)
    window = shape.repeats * inference_s * (1 + 1e-12)

    assert window >= window_s
    assert window >= (samples + 1) * period_s
    wanted_s = max(window_s, (samples + 1) * period_s)
    assert shape.repeats == 1 or (shape.repeats - 1) * inference_s < wanted_s * (1 + 1e-12)


@given(durations, periods)
def test_edges_see_the_same_work(inference_s: float, period_s: float) -> None:
    """Lead and tail last a period of the meter each, unless the inference is so long that edges do not count."""
    shape = choose_shape(inference_s, period_s, protocol())

    assert shape.lead == shape.tail
    if inference_s < EDGE_PERIODS * period_s:
        assert shape.lead * inference_s * (1 + 1e-12) >= period_s
    else:
        assert 0 == shape.lead
    assert period_s == shape.gap_limit_s


@given(durations, durations)
def test_shape_without_a_meter(inference_s: float, window_s: float) -> None:
    """Without a meter only the window's duration counts, and there is nothing to dither."""
    shape = choose_shape(inference_s, None, protocol(window_s=window_s))

    assert max(1, math.ceil(window_s / inference_s)) == shape.repeats
    assert (0, 0, 0.0, None) == (shape.lead, shape.tail, shape.gap_limit_s, shape.beat)


@pytest.mark.parametrize(
    ("inference_s", "period_s", "expected"),
    [
        (2.2e-3, 2.2e-3, Fraction(1)),
        (11e-3, 2.2e-3, Fraction(5)),
        (1.1e-3, 2.2e-3, Fraction(1, 2)),
        (10.3e-3, 2.2e-3, None),
        (10e-6, 1.24e-3, None),
    ],
)
def test_beat(inference_s: float, period_s: float, expected: Fraction | None) -> None:
    """Inference and period beat where their ratio is a simple fraction over a whole window, and only there."""
    assert expected == find_beat(inference_s, period_s, 24.2e-3)


@given(st.integers(1, 8), st.integers(1, 8), periods)
def test_exact_ratios_beat(numerator: int, denominator: int, period_s: float) -> None:
    """Every exact ratio of small whole numbers is told, in lowest terms."""
    ratio = Fraction(numerator, denominator)

    assert ratio == find_beat(period_s * numerator / denominator, period_s, 30 * period_s)


def seen(**changes: Any) -> Observation:
    """A window of four inferences of three periods each."""
    values: dict[str, Any] = {
        "item": 5,
        "label": 3,
        "stamps_ns": [BEGIN_NS + 3 * PERIOD_NS * n for n in range(5)],
        "clock_uncertainty_ns": 0,
        "predicted": 3,
        "output_sha256": "0" * 64,
        "outputs_equal": True,
    }
    return Observation(**(values | changes))


def trace(
    *, without: Sequence[int] = (), saturated: Sequence[int] = (), numbers: range = range(1, 200)
) -> Trace:
    """5 W in contiguous samples of one period; sample n ends after n periods."""
    kept = [number for number in numbers if number not in without]
    return Trace.from_stamps(
        np.array(kept) * PERIOD_NS,
        np.full(len(kept), 5.0),
        period_ns=PERIOD_NS,
        saturated=[number in saturated for number in kept],
    )


def joined(
    observation: Observation, power: Trace | None, *faults: Void, clock_uncertainty_ns: int = 0, **asked: Any
) -> Cycle:
    """The cycle of an observation."""
    return join(
        observation,
        power,
        protocol(**asked),
        faults,
        clock_uncertainty_ns=clock_uncertainty_ns,
        seq=0,
        case="a",
        sitting=1,
        part=1,
        phase=Phase.MEASURE,
    )


def test_valid_cycle() -> None:
    """Energy, latency and verdict of one window stand in one record."""
    cycle = joined(seen(), trace())

    assert () == cycle.void
    assert cycle.valid
    assert [3 * PERIOD_NS] * 4 == list(cycle.latencies_ns)
    assert math.isclose(5.0 * 12e-3, cycle.energy_j or 0.0)
    assert math.isclose(5.0, cycle.power_mean_w or 0.0)
    assert math.isclose(5.0 * 3e-3, cycle.energy_per_inference_j or 0.0)
    assert (12, 1.0, 0, 0) == (cycle.samples, cycle.coverage, cycle.lost, cycle.saturated)
    assert cycle.correct is True


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_clock_too_unsure_for_the_window_voids_it(device_ns: int, meter_ns: int) -> None:
    """What is unknown of the two clocks adds up; over a share of the window the cycle is void, and has it still."""
    cycle = joined(seen(clock_uncertainty_ns=device_ns), trace(), clock_uncertainty_ns=meter_ns)
    unsure = device_ns + meter_ns > CLOCK_SHARE * 12 * PERIOD_NS

    assert device_ns + meter_ns == cycle.clock_uncertainty_ns
    assert ((Void.CLOCK_UNSURE,) if unsure else ()) == cycle.void


def test_an_unsure_clock_does_not_matter_without_a_meter() -> None:
    """Where no energy is taken there is nothing to align."""

    assert joined(seen(clock_uncertainty_ns=10**9), None).valid


@given(durations, periods, st.floats(0, 0.1))
def test_window_and_shoulders_outgrow_an_unsure_clock(
    inference_s: float, period_s: float, uncertainty_s: float
) -> None:
    """A window stays valid up to twice the uncertainty, and the same work runs as far around it as it may be off."""
    shape = choose_shape(inference_s, period_s, protocol(), clock_uncertainty_s=uncertainty_s)

    assert shape.repeats * inference_s * CLOCK_SHARE * (1 + 1e-12) >= 2 * uncertainty_s
    assert (
        shape.lead * inference_s * (1 + 1e-12) >= period_s + uncertainty_s
        or inference_s >= EDGE_PERIODS * period_s
    )


def test_no_meter_no_energy() -> None:
    """Without a trace energy and power are absent, never 0, and the cycle is valid."""
    cycle = joined(seen(), None)

    assert cycle.valid
    assert (None, None, None) == (cycle.energy_j, cycle.power_mean_w, cycle.energy_per_inference_j)


def test_energy_absent_where_nothing_was_seen() -> None:
    """A window that no sample touches has no energy, and is void."""
    cycle = joined(seen(), trace(numbers=range(1, 90)))

    assert cycle.energy_j is None
    assert (Void.TOO_FEW_SAMPLES, Void.LOW_COVERAGE) == cycle.void


@pytest.mark.parametrize(
    ("power", "asked", "expected"),
    [
        (trace(), {"samples": 12}, ()),
        (trace(), {"samples": 13}, (Void.TOO_FEW_SAMPLES,)),
        (trace(without=[105]), {"coverage": 0.9}, (Void.GAP,)),
        (trace(without=[105]), {"coverage": 0.95}, (Void.GAP, Void.LOW_COVERAGE)),
        (trace(without=[105, 106, 107]), {}, (Void.TOO_FEW_SAMPLES, Void.GAP, Void.LOW_COVERAGE)),
        (trace(without=[100]), {}, ()),
        (trace(without=[99, 114]), {}, ()),
        (trace(without=[101]), {"samples": 10}, (Void.GAP,)),
        (trace(saturated=[105]), {}, (Void.SATURATED,)),
        (trace(saturated=[100, 113]), {}, ()),
    ],
)
def test_void_by_the_meter(power: Trace, asked: dict[str, Any], expected: Sequence[Void]) -> None:
    """A cycle is void for exactly the faults of the samples that touch its window."""
    assert expected == joined(seen(), power, **asked).void


def test_void_by_the_output() -> None:
    """Repeats that gave different outputs void the cycle; a wrong answer does not."""
    assert (Void.OUTPUT_DIFFERS,) == joined(seen(outputs_equal=False), trace()).void
    assert () == joined(seen(predicted=4), trace()).void
    assert joined(seen(predicted=4), trace()).correct is False


def test_no_class_no_verdict() -> None:
    """Where the output holds no class the verdict is absent."""
    assert joined(seen(predicted=None), trace()).correct is None


def test_void_by_the_bench() -> None:
    """Reasons known to the bench come first and stay."""
    cycle = joined(seen(outputs_equal=False), None, Void.METER_RESET)

    assert (Void.METER_RESET, Void.OUTPUT_DIFFERS) == cycle.void
