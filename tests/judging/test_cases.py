"""Tests of the table of cases."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judging.runs import Behaviour, write_run

from harness.judging.cases import FIGURES, CaseResult, case_results

CASE = "bench-a/onnxruntime/digits-cnn/fp16"


def one(results: Path, behaviour: Behaviour, **start: Any) -> CaseResult:
    """The result of a run of one case."""
    (result,) = case_results(write_run(results, [behaviour], **start))
    return result


def test_case_is_made_of_its_id_and_its_run(tmp_path: Path) -> None:
    """Nominal and executed precision stand apart, and the board is the device's."""
    result = one(tmp_path, Behaviour(case=CASE, executed="fp32"))

    assert ("bench-a", "onnxruntime", "digits-cnn", "fp16") == (
        result.device,
        result.engine,
        result.model,
        result.precision,
    )
    assert ("fp32", "bench-board", "simulated") == (result.executed_precision, result.board, result.origin)


def test_figures_are_those_of_the_cycles(tmp_path: Path) -> None:
    """Latency, energy, power and accuracy come out as they were put in."""
    result = one(tmp_path, Behaviour(case=CASE, latency_s=2e-3, power_w=4.0, wrong=[3, 4], spread=0))
    values = {name: result.estimates[name].value for name in FIGURES}

    assert pytest.approx(2e-3, rel=0.02) == values["latency_p50_s"]
    assert pytest.approx(8e-3, rel=0.02) == values["energy_per_inference_j"]
    assert pytest.approx(4.0, rel=0.02) == values["power_mean_w"]
    assert values["accuracy"] == 18 / 20
    assert values["memory_peak_bytes"] == 120 << 20
    assert pytest.approx(0.011) == values["cold_start_s"]


def test_idle_power_is_taken_off_for_the_time_of_the_window(tmp_path: Path) -> None:
    """Above idle is gross less the mean of the idle powers before and after, times the duration."""
    result = one(tmp_path, Behaviour(case=CASE, latency_s=1e-3, power_w=4.0, spread=0))
    gross, above = (
        result.estimates[name].value
        for name in ("energy_per_inference_j", "energy_above_idle_per_inference_j")
    )

    assert pytest.approx((4.0 - 2.55) / 4.0, rel=0.01) == above / gross


def test_items_count_once(tmp_path: Path) -> None:
    """Three sittings of twenty items are twenty items, not sixty."""
    result = one(tmp_path, Behaviour(case=CASE))

    assert (20, 60, 3) == (result.items, result.cycles, result.sittings)
    assert result.estimates["accuracy"].n == 20


def test_without_a_meter_there_is_no_energy(tmp_path: Path) -> None:
    """No meter gives no energy, never 0; the other figures of the case count."""
    result = one(tmp_path, Behaviour(case=CASE, power_w=None), origin=None)

    assert result.estimates["energy_per_inference_j"].value is None
    assert "no meter" == result.estimates["energy_per_inference_j"].reason
    assert "" == result.incomplete
    assert result.estimates["latency_p99_s"].value is not None


def test_void_cycles_are_counted_by_reason(tmp_path: Path) -> None:
    """A void cycle counts for nothing and is told with its reason."""
    result = one(tmp_path, Behaviour(case=CASE, void={2: [0]}), items=200)

    assert (599, 1, {"gap": 1}) == (result.cycles, result.void, result.void_reasons)
    assert result.incomplete == ""


def test_items_that_stay_uncovered_make_a_case_incomplete(tmp_path: Path) -> None:
    """More than 1 % of the planned items without a valid cycle leave a case without a rank."""
    result = one(tmp_path, Behaviour(case=CASE, void={2: [0]}), items=20)

    assert result.incomplete == "1 of 60 planned items have no valid cycle, more than 1 %"


def test_a_missing_sitting_makes_a_case_incomplete(tmp_path: Path) -> None:
    """A case whose third sitting was never measured is shown and not ranked."""
    result = one(tmp_path, Behaviour(case=CASE, unmeasured=[3]))

    assert result.incomplete == "sitting 3 of 3 has no valid cycle (the run is complete)"
    assert result.estimates["latency_p50_s"].method == "within one sitting"


def test_a_case_nothing_was_measured_of_is_listed(tmp_path: Path) -> None:
    """A planned case without any cycle has a row with all figures absent."""
    behaviours = [
        Behaviour(case=CASE),
        Behaviour(case="bench-a/onnxruntime/digits-cnn/int8", unmeasured=[1, 2, 3]),
    ]
    _, missing = case_results(write_run(tmp_path, behaviours))

    assert all(estimate.value is None for estimate in missing.estimates.values())
    assert missing.executed_precision == ""
    assert missing.incomplete.startswith("sittings 1, 2, 3 of 3 have no valid cycle")


def test_the_largest_memory_of_the_sittings_counts(tmp_path: Path) -> None:
    """Whichever sitting it was."""
    run = write_run(tmp_path, [Behaviour(case=CASE)])
    for most in range(3):
        closed = [
            replace(each, memory={"peak": 2e8 if place == most else 1e8})
            for place, each in enumerate(run.closed)
        ]
        [case] = case_results(replace(run, closed=closed))

        assert 2e8 == case.estimate("memory_peak_bytes").value
