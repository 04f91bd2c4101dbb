"""Other work that took the processor from the inferences is known from the records alone."""

import csv
from collections.abc import Mapping

import pytest
from judging.tables import case_result
from records import closed, opened

from harness.judging.disturbance import disturbances
from harness.judging.front import rank
from harness.report import as_data, render_csv


def account(ran_s: float, waited_s: float) -> Mapping[str, float]:
    """What the kernel counted so far."""
    return {"thread_ran_s": ran_s, "thread_waited_s": waited_s}


def test_share_is_of_running_and_waiting() -> None:
    """What happened before the sitting was opened, as loading and warming up, does not count."""
    begins = [opened(environment=account(5.0, 3.0))]
    ends = [closed(environment=account(8.0, 4.0))]

    assert {1: 0.25} == disturbances(begins, ends)


def test_parts_of_a_sitting_are_one() -> None:
    """The times of parts are added, each of a thread of its own; a part that broke off has no end to count to."""
    begins = [opened(part=part, sitting=2, environment=account(1.0, 0.0)) for part in (1, 2, 3)]
    ends = [
        closed(part=1, sitting=2, environment=account(2.0, 0.0)),
        closed(part=3, sitting=2, environment=account(3.0, 1.0)),
    ]

    assert {2: pytest.approx(0.25)} == disturbances(begins, ends)


@pytest.mark.parametrize(
    ("before", "after"),
    [({}, account(1.0, 1.0)), (account(1.0, 1.0), {}), (account(1.0, 1.0), account(1.0, 1.0))],
    ids=["not opened", "not closed", "nothing ran"],
)
def test_without_an_account_nothing_is_said(before: Mapping[str, float], after: Mapping[str, float]) -> None:
    """Where the kernel kept no account, as in older runs, the share is absent and not zero."""

    assert {} == disturbances([opened(environment=before)], [closed(environment=after)])


@pytest.mark.parametrize(("shares", "worst"), [({1: 0.01, 2: 0.25, 3: 0.0}, 0.25), ({}, None)])
def test_files_have_the_worst_sitting(shares: Mapping[int, float], worst: float | None) -> None:
    """The share of a case is that of its worst sitting; absent, not 0, where nobody could tell."""
    ranking = rank([case_result(disturbances=shares)], [])
    [row] = csv.DictReader(render_csv(ranking).splitlines())
    [case] = as_data(ranking)["cases"]

    assert ("" if worst is None else str(worst), worst) == (row["disturbed_share"], case["disturbed_share"])
