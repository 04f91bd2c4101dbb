"""Tests of the figures of single sittings and of answers to single items."""

import numpy as np
import pytest
from judging.runs import Behaviour, slowed, write_run

from harness.judging.cases import case_results
from harness.judging.courses import courses
from harness.judging.replicates import NAMES, answers, sitting_figures
from harness.store import Run

CASE = "bench-a/onnxruntime/digits-cnn/fp32"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One case in three sittings of 300 items, three of them answered wrongly."""
    behaviour = Behaviour(case=CASE, wrong=[1, 2, 3])
    return write_run(tmp_path_factory.mktemp("results"), [behaviour], items=300, repeats=4)


def test_sittings_agree_with_the_table(run: Run) -> None:
    """The mean over sittings of energy and power is the figure of the table, and the answers give its accuracy."""
    [case] = case_results(run)
    found = sitting_figures(run, CASE, courses(run)[CASE])

    for name in ("energy_per_inference_j", "power_mean_w"):
        assert pytest.approx(case.estimate(name).value) == np.mean(list(found[name].values()))
    assert case.estimate("accuracy").value == np.mean(list(answers(courses(run)[CASE]).values()))


def test_a_throttled_stretch_is_in_no_figure(run: Run) -> None:
    """Sittings whose last third was throttled are compared by what came before, as the table shows them."""
    throttled = slowed(run, CASE, 1)
    before, after = (sitting_figures(each, CASE, courses(each)[CASE]) for each in (run, throttled))

    for name in ("latency_p50_s", "latency_p99_s", "energy_per_inference_j", "power_mean_w"):
        for sitting, value in before[name].items():
            assert pytest.approx(value, rel=0.02) == after[name][sitting]


def test_answers_are_those_of_all_cycles(run: Run) -> None:
    """An answer counts whenever it was given."""
    throttled = slowed(run, CASE, 1)

    assert answers(courses(run)[CASE]) == answers(courses(throttled)[CASE])


def test_without_a_valid_cycle_there_is_nothing(run: Run) -> None:
    """A case without a course has its memory and its cold start, and nothing else."""
    found = sitting_figures(run, CASE, ())

    assert set(NAMES) == found.keys()
    assert {"memory_peak_bytes", "cold_start_s"} == {name for name, figures in found.items() if figures}
    assert {} == answers(())
