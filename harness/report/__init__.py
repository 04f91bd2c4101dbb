"""This module writes what a person decides from: one page and one table per report, from run records alone."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from harness.cases import case_results
from harness.errors import MeasurementError, StoreError
from harness.front import Ranking, rank
from harness.quantities import parse_limit
from harness.report.data import as_data
from harness.report.page import render_page
from harness.report.table import render_csv
from harness.report.terminal import print_table
from harness.store import Run
from harness.suite import Limit

__all__ = ["as_data", "print_table", "rank_runs", "render_csv", "render_page", "report"]


def rank_runs(
    runs: Sequence[Run], limits: Sequence[Limit] | None = None, *, mix: Collection[str] = ()
) -> Ranking:
    """Place all cases of some runs together.

    Args:
        runs: at least one.
        limits: hard limits; None for the runs' own, which must then be the same.
        mix: fields of `harness.front.MIXABLE` that may differ between the runs.

    Raises:
        MeasurementError: the runs differ in a field that matters, or in their limits.
    """
    cases = [case for run in runs for case in case_results(run)]
    return rank(cases, _own_limits(runs) if limits is None else limits, mix=mix)


def report(
    runs: Sequence[Run], reports_dir: Path, title: str = "", *, mix: Collection[str] = ()
) -> list[Path]:
    """Write `<run>.html` and `<run>.csv`; the name of several runs is the newest one's with their number.

    Args:
        runs: at least one.
        reports_dir: made where it is missing.
        title: head of the page; empty for the suite's own.
        mix: as of `rank_runs`.

    Returns:
        The paths of both files.

    Raises:
        MeasurementError: as of `rank_runs`.
        StoreError: a file cannot be written.
    """
    ranking = rank_runs(runs, mix=mix)
    name = max(run.path.name for run in runs)  # what the run says of itself is text, never a path
    if len(runs) > 1:
        name = f"{name}-and-{len(runs) - 1}-more"
    contents = {
        reports_dir / f"{name}.html": render_page(runs, ranking, title),
        reports_dir / f"{name}.csv": render_csv(ranking),
    }
    for path, text in contents.items():
        _replace(path, text.encode("utf-8"))
    return list(contents)


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
