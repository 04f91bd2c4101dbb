"""This module writes what a person decides from: one page and one table per report, from run records alone."""

import errno
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from harness.errors import StoreError
from harness.judging.compare import Comparison
from harness.judging.front import Ranking
from harness.judging.policies import Wish
from harness.judging.ranking import rank_runs
from harness.report.data import SCHEMA_NAME, as_data, render_json, schema_text
from harness.report.figures import undrawn
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
    "undrawn",
]


def report(
    runs: Sequence[Run],
    reports_dir: Path,
    title: str = "",
    *,
    limits: Sequence[Limit] | None = None,
    mix: Collection[str] = (),
    objectives: Sequence[str] | None = None,
    wish: Wish | None = None,
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
        wish: as of `rank_runs`.
        ranking: of just these runs where it is at hand; None to make it here.
        comparison: with an earlier run, to be shown on the page; None for none.
        figures: write the pictures of the page as SVG and PNG files, too.

    Returns:
        The paths of the files, page and table first.

    Raises:
        MeasurementError: as of `rank_runs`.
        StoreError: a file cannot be written.
    """
    ranking = ranking or rank_runs(runs, limits, mix=mix, objectives=objectives, wish=wish)
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
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise StoreError(
            f"{path}: could not be written ({error.strerror}); the run itself is untouched. "
            f"{'Free some space' if full else 'Name a folder you may write with --reports'}, "
            "then make the report again."
        ) from error
