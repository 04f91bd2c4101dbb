"""Budgets out of the records of runs: where the meter worked, what idle power allows, what limits then say."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judging.metered import METER, measured, written

from harness.judging.limits import Verdict, judge
from harness.judging.stats import Estimate
from harness.quantities import parse_limit
from harness.report import as_data, rank_runs, render_page
from harness.report.uncertainty import uncertainty_of


def test_budget_is_that_of_the_operating_point(tmp_path: Path) -> None:
    """5 V, 1 A through R010 of 1 % is 1.2 % at k = 2, out of the raw samples of a run."""
    case = measured(tmp_path)

    assert 1.21 == round(100 * case.budgets["energy_per_inference_j"].expanded(0.0), 2)
    assert case.budgets["energy_per_inference_j"] == case.budgets["power_mean_w"]
    energy = case.estimate("energy_per_inference_j")
    assert energy.value is not None
    assert energy.type_b == pytest.approx(case.budgets["energy_per_inference_j"].u * energy.value)


def test_shoulders_leave_no_step_at_the_edges(tmp_path: Path) -> None:
    """Where the same inference runs before and after the window, its edges see no step of power."""
    with_them = measured(tmp_path / "with")
    without = measured(tmp_path / "without", opening={"lead": 0, "tail": 0})
    edges = {
        name: next(t for t in case.budgets["power_mean_w"].terms if t.name == "edges of the window")
        for name, case in (("with", with_them), ("without", without))
    }

    assert 0.0 == edges["with"].u
    assert edges["without"].u > 0.001  # two edges of 294 us in 13 ms, at a step of half the power


def test_calibration_makes_absolute(tmp_path: Path) -> None:
    """The calibration in force, as the sitting recorded it, stands for gains and offsets."""
    calibration = {"voltage_u": 5e-4, "current_u": 1e-3, "date": "2026-01-01", "reference": "DMM 7"}
    case = measured(tmp_path, opening={"meter": {"origin": "measured", "calibration": calibration}})
    said = uncertainty_of(case)

    assert case.budgets["power_mean_w"].calibrated
    assert "Absolute: the meter was calibrated." == said.standing
    assert "calibration of 2026-01-01 against DMM 7" in {line.source for line in said.lines}


def test_uncalibrated_is_never_absolute(tmp_path: Path) -> None:
    """Without a calibration the page says so, and every line has its source."""
    said = uncertainty_of(measured(tmp_path))

    assert said.standing.startswith("Not absolute: this meter was never calibrated")
    assert all(line.source for line in said.lines)
    assert ["A"] == [line.kind for line in said.lines if line.name == "repetition"]


def test_simulated_is_never_absolute(tmp_path: Path) -> None:
    """A simulated meter is not absolute, and the budget says whose errors these are."""
    case = measured(tmp_path, start={"origin": "simulated"})
    said = uncertainty_of(case)

    assert said.standing.startswith("Not absolute: the power is simulated")
    assert "a model" in said.remark


def test_averaging_chip_is_remarked(tmp_path: Path) -> None:
    """A chip that averages before the product hides a term, which the budget says."""
    case = measured(tmp_path, meter={**METER, "average": 16})

    assert "averages 16 conversions" in case.budgets["power_mean_w"].remark


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"meter": {}}, "does not say what its meter was"),
        ({"samples": False}, "no raw samples"),
        ({"opening": {"watts": {}}}, "does not tell its operating point"),
    ],
    ids=["no meter", "no samples", "no scale"],
)
def test_what_is_not_known_is_absent(tmp_path: Path, changes: Mapping[str, Any], reason: str) -> None:
    """Without what a budget needs there is none, with the reason; figures stay as they are."""
    case = measured(tmp_path, **changes)

    assert {} == case.budgets
    assert reason in case.unbudgeted
    assert reason in uncertainty_of(case).remark
    assert case.estimate("power_mean_w").type_b is None
    assert case.estimate("power_mean_w").value is not None


def test_comparison_on_one_meter_says_what_is_left(tmp_path: Path) -> None:
    """Against another case of the same meter gains cancel; against that of another meter nothing is said."""
    case = measured(tmp_path)
    other = replace(case, case="bench-a/onnxruntime/other/fp32")
    elsewhere = replace(other, device="bench-b")

    assert any("gains cancel" in line for line in uncertainty_of(case, other).figures)
    assert not any("gains cancel" in line for line in uncertainty_of(case, elsewhere).figures)
    assert not any("gains cancel" in line for line in uncertainty_of(case, case).figures)


def test_idle_that_drifts_is_not_taken_off(tmp_path: Path) -> None:
    """Idle power that moves by more than the protocol allows leaves no energy above idle, and says how far."""
    case = measured(tmp_path, closing={"idle_after_w": 3.0})
    estimate = case.estimate("energy_above_idle_per_inference_j")

    assert estimate.value is None
    assert "from 2.5 W to 3 W over sitting 1, by 17 %" in estimate.reason
    assert case.estimate("energy_per_inference_j").value is not None


def test_protocol_sets_the_drift_allowed(tmp_path: Path) -> None:
    """`idle_drift` of the protocol says how much is too much."""
    protocol = {"name": "quick", "sittings": 3, "idle_drift": 0.2}
    case = measured(tmp_path, start={"protocol": protocol}, closing={"idle_after_w": 3.0})

    assert case.estimate("energy_above_idle_per_inference_j").value is not None


def test_idle_is_bracketed(tmp_path: Path) -> None:
    """Idle power taken on one side only is not taken off."""
    case = measured(tmp_path, closing={"idle_after_w": None})

    assert "before and after every sitting" in case.estimate("energy_above_idle_per_inference_j").reason


def test_drift_of_idle_is_in_the_net_budget(tmp_path: Path) -> None:
    """Half of what idle power moved by is a term of the energy above idle."""
    case = measured(tmp_path)
    [term] = [t for t in case.budgets["energy_above_idle_per_inference_j"].terms if t.name == "idle power"]
    power_w = case.estimate("power_mean_w").value

    assert power_w is not None
    assert term.u * 3**0.5 == pytest.approx(0.05 / (power_w - 2.55))


def test_limit_in_watts_carries_the_meter(tmp_path: Path) -> None:
    """Power 1 % below its limit passes with a meter good to 0.3 % and is undecided with an unknown module."""
    good = {**METER, "shunt_tolerance": 0.001, "shunt_tcr_per_k": 20e-6, "temperature_span_k": 10.0}
    sure = measured(tmp_path / "sure", meter=good)
    unsure = measured(tmp_path / "unsure", meter={"kind": "ina226", "average": 1, "chip": "module"})
    value = sure.estimate("power_mean_w").value
    assert value is not None
    limit = parse_limit(f"power_mean_w < {1.01 * value}")

    assert Verdict.PASS == judge(sure, limit).verdict
    assert "is in it" in judge(sure, limit).evidence
    assert Verdict.INCONCLUSIVE == judge(unsure, limit).verdict
    assert "calibration" in judge(unsure, limit).evidence


def test_bounds_join_by_squares() -> None:
    """The distance of each bound and the meter's own add as squares; what cannot be had stays absent."""
    estimate = Estimate(
        value=-10.0, lo=-13.0, hi=-7.0, lower=-12.0, upper=None, method="m", type_b=4 / 1.959964
    )
    absolute = estimate.absolute()

    assert (-15.0, -5.0) == (pytest.approx(absolute.lo), pytest.approx(absolute.hi))
    assert absolute.upper is None
    assert absolute.lower is not None
    assert absolute.lower < -12.0


def test_above_zero_bounds_join_on_the_log_scale() -> None:
    """There the relative distances add as squares, so that no meter, however bad, takes a bound below 0."""
    ends = {"lo": 10 * math.exp(-0.3), "hi": 10 * math.exp(0.3)}
    good, bad = (
        Estimate(value=10.0, **ends, method="m", type_b=width / 1.959964).absolute() for width in (4, 400)
    )

    assert (-0.5, 0.5) == (
        pytest.approx(math.log(good.lo / 10)),
        pytest.approx(math.log(good.hi / 10)),
    )
    assert 0 < bad.lo < good.lo < good.hi < bad.hi


def test_bounds_without_a_meter_stay() -> None:
    """An estimate without a Type B part is its own absolute one."""
    estimate = Estimate(value=10.0, lo=9.0, hi=11.0, lower=9.0, upper=11.0, method="m")

    assert estimate == estimate.absolute()


def test_page_and_data_hold_the_budget(tmp_path: Path) -> None:
    """The page shows each term with its source; the data for machines holds both standard uncertainties."""
    run = written(tmp_path)
    ranking = rank_runs([run], limits=())
    page = render_page([run], ranking)
    budget = ranking.placings[0].case.budgets["energy_per_inference_j"]
    [case] = as_data(ranking)["cases"]

    assert all(f'<th scope="row">{term.name}</th>' in page for term in budget.terms)
    assert "TI SBOS547B section 5.5, maximum" in page
    assert "Not absolute: this meter was never calibrated" in page
    assert case["figures"]["energy_per_inference_j"]["type_a"] > 0
    assert case["figures"]["energy_per_inference_j"]["type_b"] > 0
    assert case["figures"]["latency_p50_s"]["type_b"] is None
