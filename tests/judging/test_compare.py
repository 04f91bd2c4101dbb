"""Tests of comparisons, from runs of the real store."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judging.runs import DEVICE, Behaviour, slowed, write_run

from harness.errors import FileError, MeasurementError
from harness.judging.compare import COMPARED, Comparison, Outcome, compare, sentence
from harness.store import Run

FP32, INT8 = "bench-a/onnxruntime/digits-cnn/fp32", "bench-a/onnxruntime/digits-cnn/int8"


def run_of(results: Path, *behaviours: Behaviour, **start: Any) -> Run:
    """A run of five sittings of 200 items."""
    return write_run(results, behaviours, sittings=5, items=200, **start)


def outcomes(comparison: Comparison) -> dict[str, Outcome]:
    """Quantity to answer of the first pair."""
    return {change.quantity: change.outcome for change in comparison.pairs[0].changes}


def test_slower_and_less_accurate_is_worse(tmp_path: Path) -> None:
    """A case 20 % slower that loses 30 of 200 items is worse in latency, energy and accuracy."""
    base = run_of(tmp_path, Behaviour(case=FP32, spread=0.002))
    candidate = run_of(tmp_path, Behaviour(case=FP32, latency_s=1.2e-3, wrong=range(30), spread=0.002))
    comparison = compare(base, candidate)
    change = comparison.pairs[0].change("latency_p50_s")

    assert {"latency_p50_s", "latency_p99_s", "energy_per_inference_j", "accuracy"} == {
        name for name, outcome in outcomes(comparison).items() if outcome is Outcome.WORSE
    }
    assert pytest.approx(0.2, abs=0.02) == change.effect.value
    assert (30, 0) == (comparison.pairs[0].table.lost, comparison.pairs[0].table.won)
    assert {"accuracy", "latency_p50_s"} <= {each.quantity for _, each in comparison.worse}
    assert sentence(change).endswith(": worse.")


def test_what_stands_in_one_line_belongs_together(tmp_path: Path) -> None:
    """The change that is told is that of the two figures told before it, however the sittings scatter."""
    base = run_of(tmp_path, Behaviour(case=FP32, spread=0.3))
    candidate = run_of(tmp_path, Behaviour(case=FP32, latency_s=1.2e-3, wrong=range(7), spread=0.4))
    changes = [each for each in compare(base, candidate).pairs[0].changes if each.effect.value is not None]

    assert len(changes) > 4
    for each in changes:
        change = each.candidate - each.base
        assert each.effect.value == pytest.approx(
            change if each.quantity == "accuracy" else change / each.base, rel=1e-9
        )


def test_faster_is_better(tmp_path: Path) -> None:
    """The other way round it is better."""
    runs = [
        run_of(tmp_path, Behaviour(case=FP32, latency_s=latency_s, spread=0.002))
        for latency_s in (1.2e-3, 1e-3)
    ]

    assert outcomes(compare(*runs))["latency_p50_s"] is Outcome.BETTER


def test_nothing_found_is_not_sameness(tmp_path: Path) -> None:
    """A run against itself cannot tell, and is the same only within a margin that is stated."""
    run = run_of(tmp_path, Behaviour(case=FP32))
    plain, stated = compare(run, run), compare(run, run, margins={"latency_p50_s": 0.02, "accuracy": 0.03})

    assert {Outcome.UNSURE} == set(outcomes(plain).values())
    assert {"latency_p50_s", "accuracy"} == {
        name for name, outcome in outcomes(stated).items() if outcome is Outcome.SAME
    }


def test_a_throttled_candidate_is_never_better(tmp_path: Path) -> None:
    """What was faster until it was throttled is told so, and the answer on time and energy is withheld."""
    runs = [
        write_run(tmp_path, [Behaviour(case=FP32, latency_s=latency_s, spread=0.002)], items=300, repeats=4)
        for latency_s in (1.2e-3, 1e-3)
    ]
    change = compare(runs[0], slowed(runs[1], FP32, 1)).pairs[0].change("latency_p50_s")

    assert Outcome.UNSURE is change.outcome
    assert pytest.approx(-1 / 6, abs=0.01) == change.effect.value
    assert "was throttled (throttle count of cpu0 rose from 7 to 8)" in sentence(change)


def test_two_cases_of_one_run(tmp_path: Path) -> None:
    """One case of each side is compared with the other whatever their ids."""
    run = run_of(
        tmp_path, Behaviour(case=FP32, spread=0.002), Behaviour(case=INT8, latency_s=0.5e-3, spread=0.002)
    )
    comparison = compare(run, run, ([FP32], [INT8]))

    assert [(FP32, INT8)] == [(pair.base.case, pair.candidate.case) for pair in comparison.pairs]
    assert outcomes(comparison)["energy_per_inference_j"] is Outcome.BETTER


def test_too_few_sittings_cannot_tell(tmp_path: Path) -> None:
    """Two sittings give the change and no answer, however large it is."""
    runs = [
        write_run(tmp_path, [Behaviour(case=FP32, latency_s=latency_s)], sittings=2)
        for latency_s in (1e-3, 2e-3)
    ]
    change = compare(*runs).pairs[0].change("latency_p50_s")

    assert Outcome.UNSURE is change.outcome
    assert change.effect.value > 0.8
    assert "2 sittings cannot tell" in sentence(change)


def test_the_family_raises_p(tmp_path: Path) -> None:
    """With more cases the same p weighs less, and each family is one quantity."""
    names = [f"bench-a/onnxruntime/m{number}/fp32" for number in range(4)]
    base = run_of(tmp_path, *(Behaviour(case=name) for name in names))
    candidate = run_of(tmp_path, *(Behaviour(case=name, latency_s=1.01e-3) for name in names))
    changes = [pair.change("latency_p50_s") for pair in compare(base, candidate).pairs]
    smallest = min(changes, key=lambda change: change.p)

    assert pytest.approx(4 * smallest.p) == smallest.p_family
    assert all(change.p <= change.p_family for change in changes)


def test_another_calibration_is_refused_whatever_its_path(tmp_path: Path) -> None:
    """A calibration counts by its content as the sittings used it, so a new one under an old name is another."""
    base = write_run(tmp_path, [Behaviour(case=FP32)])
    calibrated = [
        replace(opened, meter={**(opened.meter or {}), "calibration": {"sha256": "c" * 64}})
        for opened in base.opened
    ]

    with pytest.raises(MeasurementError, match=r"calibration differs: not stated against c{64}"):
        compare(base, replace(base, opened=calibrated))


@pytest.mark.parametrize(
    ("start", "field", "shown"),
    [
        ({"origin": "measured"}, "origin", "origin differs: simulated against measured"),
        ({"device": {**DEVICE, "id": "bench-b"}}, "device", "device differs: bench-a against bench-b"),
        ({"found": {"hw_revision": "1.1"}}, "hw_revision", "hw_revision differs: not stated against 1.1"),
        (
            {"device": {**DEVICE, "meter": {**DEVICE["meter"], "average": 4}}},
            "meter",
            "meter.average differs: 1 against 4",
        ),
        (
            {"protocol": {"name": "full", "sittings": 5}},
            "protocol",
            "protocol.name differs: quick against full",
        ),
        ({"suite": {"data": {"sha256": "f" * 64}}}, "data", "data.sha256 differs"),
        ({"suite": {"metric": "top5"}}, "metric", "metric.metric differs: not stated against top5"),
    ],
    ids=lambda value: value if isinstance(value, str) and "differs" not in value else "",
)
def test_what_must_not_be_mixed_is_refused(tmp_path: Path, start: Any, field: str, shown: str) -> None:
    """Runs that differ in a field that matters are refused with its name and values, unless asked by name."""
    base = write_run(tmp_path, [Behaviour(case=FP32)])
    candidate = write_run(tmp_path, [Behaviour(case=FP32)], **start)

    with pytest.raises(MeasurementError, match="are not compared") as refused:
        compare(base, candidate)
    mixed = compare(base, candidate, mix=[field]).mixed

    assert shown in str(refused.value)
    assert field in str(refused.value).rpartition(": ")[2]
    assert any(shown in line for line in mixed)


def test_a_new_version_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """Versions and artefacts may differ and are told: they may be what is behind the change."""
    base = write_run(tmp_path, [Behaviour(case=FP32)])
    provenance = {"versions": {"python": "3.12.0"}, "git": {"commit": "abc"}}
    candidate = write_run(tmp_path, [Behaviour(case=FP32, executed="int8")], provenance=provenance)
    differs = compare(base, candidate).differs

    assert "versions.python differs: 3.11.0 against 3.12.0" in differs
    assert "git.commit differs: not stated against abc" in differs
    assert f"executed.{FP32} differs: fp32 against int8" in differs


def test_unknown_names_are_faults(tmp_path: Path) -> None:
    """A field or a quantity nobody compares is refused with the nearest name."""
    run = write_run(tmp_path, [Behaviour(case=FP32)])

    with pytest.raises(FileError, match="did you mean device"):
        compare(run, run, mix=["devise"])
    with pytest.raises(FileError, match="latency_p9"):
        compare(run, run, margins={"latency_p98_s": 0.1})


def test_runs_without_a_common_case(tmp_path: Path) -> None:
    """Several cases of which none is on both sides are no comparison; a lone one is told."""
    a, b, c, d = (f"bench-a/onnxruntime/{name}/fp32" for name in "abcd")
    first = write_run(tmp_path, [Behaviour(case=a), Behaviour(case=b)])
    second = write_run(tmp_path, [Behaviour(case=c), Behaviour(case=d)])
    third = write_run(tmp_path, [Behaviour(case=a), Behaviour(case=c)])

    with pytest.raises(FileError, match="no case in common"):
        compare(first, second)
    assert [b, c] == list(compare(first, third).alone)


def test_without_a_meter_energy_is_not_compared(tmp_path: Path) -> None:
    """An absent figure gives no change and its reason."""
    run = write_run(tmp_path, [Behaviour(case=FP32, power_w=None)], origin=None)
    change = compare(run, run).pairs[0].change("energy_per_inference_j")

    assert (None, Outcome.UNSURE) == (change.effect.value, change.outcome)
    assert list(COMPARED) == [each.quantity for each in compare(run, run).pairs[0].changes]


@pytest.mark.parametrize(("lost", "outcome"), [(5, Outcome.UNSURE), (6, Outcome.WORSE)])
def test_worse_begins_at_one_in_twenty(tmp_path: Path, lost: int, outcome: Outcome) -> None:
    """Of five items lost and none won p is 2 / 2^5 = 0.0625, of six 0.03125."""
    base, candidate = (run_of(tmp_path, Behaviour(case=FP32, wrong=range(wrong))) for wrong in (0, lost))
    change = compare(base, candidate).pairs[0].change("accuracy")

    assert pytest.approx(2 / 2**lost) == change.p
    assert outcome is change.outcome
