"""This module closes a session: it writes the reports of its runs and shows the ranked tables."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, MeasurementError
from harness.store import Run, read_run

if TYPE_CHECKING:
    from harness.judging.front import Ranking

LEAST_WIDTH = 100
"""Columns that a ranked table needs; logs count fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is said of some runs at the end of a session.

    Attributes:
        runs: the runs that share a front.
        reports: paths of their page and their table; none where there is no report.
        fault: why there is no report; empty where there is one.
        ranking: of the runs; None where there is no report.
    """

    runs: Sequence[Run]
    reports: Sequence[Path]
    fault: str
    ranking: "Ranking | None" = None


def write_reports(
    paths: Sequence[Path], reports: Path, objectives: Sequence[str] | None = None
) -> list[Shown]:
    """One report for all runs of a suite where they may share a front, else one a run."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    shown: list[Shown] = []
    for path in paths:
        try:
            run = read_run(path)
        except HarnessError as error:
            shown.append(Shown(runs=(), reports=(), fault=str(error)))
            continue
        if not any(
            run.start.items.values()
        ):  # the test went through items of its own, which no front compares
            shown.append(Shown(runs=(run,), reports=(), fault=""))
            continue
        key = (str(run.start.suite.get("sha256")), str(run.start.protocol.get("name")), *run.start.limits)
        groups.setdefault(key, []).append(run)
    for group in groups.values():
        shown += _write(group, reports, objectives)
    return shown


def _write(group: Sequence[Run], reports: Path, objectives: Sequence[str] | None) -> list[Shown]:
    from harness.report import rank_runs, report

    try:
        ranking = rank_runs(group, objectives=objectives)
        return [Shown(runs=group, reports=report(group, reports, ranking=ranking), fault="", ranking=ranking)]
    except MeasurementError as error:
        if len(group) > 1:
            return [shown for run in group for shown in _write([run], reports, objectives)]
        return [Shown(runs=group, reports=(), fault=str(error))]
    except HarnessError as error:
        return [Shown(runs=group, reports=(), fault=str(error))]


def print_shown(shown: Sequence[Shown], terminal: Any, *, width: int, brief: bool) -> None:
    """Print the fronts with their verdicts, and where everything lies; `brief` leaves the tables away."""
    terminal.section("harness")
    for each in shown:
        if each.ranking is not None and not brief:
            terminal.write(_table(each.ranking, width))
        for run in each.runs:
            terminal.write_line(f"run: {run.path} ({run.status})")
        for path in each.reports:
            terminal.write_line(f"report: {path}")
        if each.fault:
            terminal.write_line(each.fault, yellow=True)


def _table(ranking: "Ranking", width: int) -> str:
    from rich.console import Console

    from harness.report import print_table

    text = io.StringIO()
    print_table(ranking, Console(file=text, width=max(width, LEAST_WIDTH), color_system=None))
    return text.getvalue()
