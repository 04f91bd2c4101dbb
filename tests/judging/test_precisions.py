"""Tests of precisions compared by their answers."""

from pathlib import Path

import pytest
from judging.runs import Behaviour, write_run

from harness.judging.cases import case_results
from harness.judging.courses import courses
from harness.judging.precisions import PrecisionPair, precision_pairs

MODEL = "bench-a/onnxruntime/digits-cnn"
OTHER = "bench-a/onnxruntime/digits-mlp"


def pairs(results: Path, behaviours: list[Behaviour], margin: float | None = None) -> list[PrecisionPair]:
    """Pairs of a run of 200 items."""
    run = write_run(results, behaviours, items=200, repeats=2)
    taken = courses(run)
    return precision_pairs(
        case_results(run, taken), {(run.start.run, case): found for case, found in taken.items()}, margin
    )


def test_equal_accuracy_can_hide_flips(tmp_path: Path) -> None:
    """Twenty items lost and twenty won leave the accuracy as it was, and are told."""
    [pair] = pairs(
        tmp_path,
        [
            Behaviour(case=f"{MODEL}/int8", wrong=range(20, 40)),
            Behaviour(case=f"{MODEL}/fp32", wrong=range(20)),
        ],
    )

    assert (f"{MODEL}/fp32", f"{MODEL}/int8") == (pair.base, pair.candidate)
    assert (20, 20, 160, 0) == (pair.table.lost, pair.table.won, pair.table.both, pair.table.neither)
    assert (0.0, 1.0) == (pair.shift.effect.value, pair.p_family)


def test_no_flips_are_no_evidence(tmp_path: Path) -> None:
    """Where nothing flipped p is 1."""
    [pair] = pairs(tmp_path, [Behaviour(case=f"{MODEL}/{precision}") for precision in ("fp32", "fp16")])

    assert (1.0, 0) == (pair.shift.p, pair.table.lost + pair.table.won)


def test_the_family_is_all_pairs(tmp_path: Path) -> None:
    """P is raised by Holm over all pairs of the ranking; models are not compared with each other."""
    found = pairs(
        tmp_path,
        [
            Behaviour(case=f"{MODEL}/fp32"),
            Behaviour(case=f"{MODEL}/int8", wrong=range(8)),
            Behaviour(case=f"{OTHER}/fp32"),
            Behaviour(case=f"{OTHER}/int4", wrong=range(3)),
        ],
    )

    assert [f"{MODEL}/int8", f"{OTHER}/int4"] == [pair.candidate for pair in found]
    assert pytest.approx(2 * 2 / 2**8) == found[0].p_family
    assert found[1].p_family == found[1].shift.p == 0.25


@pytest.mark.parametrize(
    ("wrong", "margin", "expected"), [(2, 0.05, True), (30, 0.05, False), (2, None, None)]
)
def test_not_inferior_within_a_stated_margin(
    tmp_path: Path, wrong: int, margin: float | None, expected: bool | None
) -> None:
    """The one-sided bound shows that no more was lost than the user allows; without a margin nothing is said."""
    behaviours = [Behaviour(case=f"{MODEL}/fp32"), Behaviour(case=f"{MODEL}/int8", wrong=range(wrong))]
    [pair] = pairs(tmp_path, behaviours, margin)

    assert expected is pair.not_inferior
