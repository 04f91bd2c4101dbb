"""Tests of taking runs apart, and of what counts."""

from dataclasses import replace

import numpy as np
import pytest
from judging.runs import Behaviour, slowed, write_run

from harness.judging.cases import case_results
from harness.judging.courses import courses
from harness.judging.steadiness import State
from harness.record import Void
from harness.store import Run, read_run

CASE = "bench-a/onnxruntime/digits-cnn/fp32"
OTHER = "bench-a/onnxruntime/digits-cnn/int8"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two cases in three sittings of 300 items, one cycle void."""
    behaviours = [Behaviour(case=CASE, void={2: [5]}), Behaviour(case=OTHER)]
    return write_run(tmp_path_factory.mktemp("results"), behaviours, items=300, repeats=4)


@pytest.mark.parametrize("lean", [True, False])
def test_courses_hold_what_the_run_holds(run: Run, lean: bool) -> None:
    """Each sitting has its valid cycles in order, with all of their latencies; read in either way."""
    again = read_run(run.path, lean=lean)
    taken = courses(again)

    assert [(CASE, [1, 2, 3]), (OTHER, [1, 2, 3])] == [
        (case, [course.sitting for course in found]) for case, found in taken.items()
    ]
    assert [300, 299, 300] == [len(course.rows) for course in taken[CASE]]
    for course in taken[CASE]:
        assert np.array_equal(run.latencies_ns(CASE, course.sitting), course.latencies_ns)


def test_lean_reading_gives_the_same_results(run: Run) -> None:
    """Judging does not see how the cycles were read."""

    assert case_results(read_run(run.path)) == case_results(read_run(run.path, lean=True))


def test_throttled_stretches_are_not_averaged_in(run: Run) -> None:
    """Latency and energy rest on what came before the throttling, the accuracy on every cycle."""
    calm = case_results(run)[0]
    throttled, other = case_results(slowed(run, CASE, 1))

    assert (State.THROTTLED, State.STEADY) == (throttled.state, other.state)
    assert (
        pytest.approx(calm.estimates["latency_p50_s"].value, rel=0.01)
        == throttled.estimates["latency_p50_s"].value
    )
    assert calm.cycles == throttled.cycles
    assert calm.estimates["accuracy"] == throttled.estimates["accuracy"]
    slow = [course.throttled.latency_p50_s for course in throttled.courses]
    assert min(slow) > 1.4 * calm.estimates["latency_p50_s"].value


def test_without_evidence_it_is_a_drift_and_counts(run: Run) -> None:
    """A slower stretch that the device does not own up to is drifting, and stays in the figures."""
    drifting = case_results(slowed(run, CASE, 0))[0]

    assert State.DRIFTING is drifting.state
    assert (
        drifting.estimates["latency_p99_s"].value
        > 1.4 * case_results(run)[0].estimates["latency_p50_s"].value
    )


@pytest.mark.parametrize(
    ("before", "after", "evidence"),
    [
        (
            {"throttle_count": {"cpu0": 1}},
            {"throttle_count": {"cpu0": 3}},
            "throttle count of cpu0 rose from 1 to 3",
        ),
        ({}, {"throttled": "0x50005"}, "throttled is set"),
        (
            {"governor": ["performance"], "clock_hz": {"cpu0": 2e9}},
            {"governor": ["performance"], "clock_hz": {"cpu0": 1.5e9}},
            "clock of cpu0 fell from 2000 to 1500 MHz",
        ),
        (
            {"governor": ["ondemand"], "clock_hz": {"cpu0": 2e9}},
            {"governor": ["ondemand"], "clock_hz": {"cpu0": 6e8}},
            "",
        ),
        ({"temperature_c": {"zone0": 40.0}}, {"temperature_c": {"zone0": 85.0}}, ""),
        ({"throttle_count": {"cpu0": 3}}, {"throttle_count": {"cpu0": 3}}, ""),
    ],
)
def test_evidence_of_throttling(
    run: Run, before: dict[str, object], after: dict[str, object], evidence: str
) -> None:
    """Counter, flag, or a clock that fell under full governor; heat alone, or an idle clock, is none."""
    opened, closed = (
        [
            replace(each, environment=state) if (each.case, each.sitting) == (CASE, 1) else each
            for each in records
        ]
        for records, state in ((run.opened, before), (run.closed, after))
    )
    found = courses(replace(run, opened=opened, closed=closed))[CASE]

    assert {1: evidence, 2: "", 3: ""} == {each.sitting: each.steadiness.throttling for each in found}


def test_spread_between_and_within_stand_apart(run: Run) -> None:
    """Sittings that differ by a percent are told from cycles that scatter by two."""
    spread = case_results(run)[0].spreads["energy_per_inference_j"]

    assert 0.001 < spread.between < 0.05
    assert spread.within < spread.between


def test_energy_delay_product_is_energy_times_delay(run: Run) -> None:
    """The product of both means, in joule seconds, with an interval between sittings."""
    result = case_results(run)[0]
    product = result.estimates["energy_delay_product_js"]

    assert product.value == pytest.approx(
        result.estimates["energy_per_inference_j"].value * result.estimates["latency_mean_s"].value, rel=1e-3
    )
    assert product.lo < product.value < product.hi


def test_void_cycles_are_in_no_course(run: Run) -> None:
    """A void cycle counts for nothing, and is counted by its reason."""
    result = case_results(run)[0]

    assert (1, {Void.GAP.value: 1}) == (result.void, result.void_reasons)
    assert all(5 not in course.item for course in courses(run)[CASE] if course.sitting == 2)
