"""This module writes what a person decides from: one page and one table per report, from run records alone."""

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import MeasurementError, StoreError
from harness.judging.blocks import Blocks, blocks_of
from harness.judging.cases import CaseResult, case_results
from harness.judging.compare import Comparison
from harness.judging.courses import Course, courses
from harness.judging.declared import declared_widths
from harness.judging.front import OBJECTIVES, Ranking, rank
from harness.judging.looks import look_of
from harness.judging.precisions import precision_pairs
from harness.quantities import parse_limit
from harness.report.data import SCHEMA_NAME, as_data, render_json, schema_text
from harness.report.page import pictures_of, render_page
from harness.report.table import render_csv
from harness.report.terminal import print_details, print_recommendation, print_scores, print_table
from harness.store import Run
from harness.suite import Limit

__all__ = [
    "as_data",
    "print_details",
    "print_recommendation",
    "print_scores",
    "print_table",
    "rank_runs",
    "render_csv",
    "render_page",
    "report",
]


def rank_runs(
    runs: Sequence[Run],
    limits: Sequence[Limit] | None = None,
    *,
    mix: Collection[str] = (),
    objectives: Sequence[str] | None = None,
    margin: float | None = None,
) -> Ranking:
    """Place all cases of some runs together.

    Args:
        runs: at least one.
        limits: hard limits; None for the runs' own, which must then be the same.
        mix: fields of `harness.judging.front.MIXABLE` that may differ between the runs.
        objectives: quantities of the front; None for the runs' own, which must then be the same.
        margin: by how much the accuracy of a precision may be lower than the finest one's; None for no such
            statement.

    Raises:
        MeasurementError: the runs differ in a field that matters, or in their limits.
    """
    cases: list[CaseResult] = []
    blocks: dict[tuple[str, str], Blocks] = {}
    found: dict[tuple[str, str], Sequence[Course]] = {}
    for run in runs:
        taken = {} if run.imported else courses(run)
        cases += case_results(run, taken)
        found |= {(run.start.run, case): each for case, each in taken.items()}
        blocks |= {(run.start.run, case): each for case, each in blocks_of(run, taken).items()}
    wanted = _own_objectives(runs) if objectives is None else objectives
    ranking = rank(
        cases,
        _own_limits(runs) if limits is None else limits,
        mix=mix,
        objectives=wanted,
        indifference=[each for each in declared_widths(runs, wanted) if each is not None],
        blocks=blocks,
    )
    return replace(
        ranking,
        precisions=precision_pairs(cases, found, margin),
        looks=[look_of(run) for run in runs if not run.imported],
        remeasured={run.start.run: run.start.shortlist_of for run in runs if run.start.shortlist_of},
    )


def report(
    runs: Sequence[Run],
    reports_dir: Path,
    title: str = "",
    *,
    limits: Sequence[Limit] | None = None,
    mix: Collection[str] = (),
    objectives: Sequence[str] | None = None,
    ranking: Ranking | None = None,
    comparison: Comparison | None = None,
    figures: bool = False,
) -> list[Path]:
    """Write `<run>.html`, `<run>.csv`, `<run>.json` and its `report.schema.json`.

    The name of several runs is the newest one's with their number.

    Args:
        runs: at least one.
        reports_dir: made where it is missing.
        title: head of the page; empty for the suite's own.
        limits: as of `rank_runs`.
        mix: as of `rank_runs`.
        objectives: as of `rank_runs`.
        ranking: of just these runs where it is at hand; None to make it here.
        comparison: with an earlier run, to be shown on the page; None for none.
        figures: write the pictures of the page as SVG and PNG files, too.

    Returns:
        The paths of the files, page and table first.

    Raises:
        MeasurementError: as of `rank_runs`.
        StoreError: a file cannot be written.
    """
    ranking = ranking or rank_runs(runs, limits, mix=mix, objectives=objectives)
    name = max(run.path.name for run in runs)  # what the run says of itself is text, never a path
    if len(runs) > 1:
        name = f"{name}-and-{len(runs) - 1}-more"
    contents = {
        reports_dir / f"{name}.html": render_page(runs, ranking, title, comparison).encode(),
        reports_dir / f"{name}.csv": render_csv(ranking).encode(),
        reports_dir / f"{name}.json": render_json(ranking).encode(),
        reports_dir / SCHEMA_NAME: schema_text().encode(),
    }
    for picture in pictures_of(runs, ranking) if figures else ():
        for kind in ("svg", "png"):
            contents[reports_dir / f"{name}-{picture.name}.{kind}"] = picture.file(kind)
    for path, content in contents.items():
        _replace(path, content)
    return list(contents)


def _own_objectives(runs: Sequence[Run]) -> Sequence[str]:
    own = {tuple(run.start.suite.get("objectives") or OBJECTIVES) for run in runs}
    if len(own) > 1:
        shown = " against ".join(", ".join(each) for each in sorted(own))
        raise MeasurementError(
            f"The runs are ranked by different objectives: {shown}. State those to rank by."
        )
    return own.pop() if own else OBJECTIVES


def _own_limits(runs: Sequence[Run]) -> list[Limit]:
    texts = {tuple(run.start.limits) for run in runs}
    if len(texts) > 1:
        shown = " against ".join(", ".join(each) or "none" for each in sorted(texts))
        raise MeasurementError(
            f"The runs were made under different limits: {shown}. State the limits to judge by."
        )
    return [parse_limit(text) for text in next(iter(texts), ())]


def _replace(path: Path, content: bytes) -> None:
    """Write a whole file or leave the one before it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(content)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path}: could not be written ({error.strerror}); the run itself is untouched. "
            "Free some space or choose another folder, then make the report again."
        ) from error
