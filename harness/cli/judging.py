"""This module ranks and reports finished runs from the command line."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from harness.quantities import parse_limit
from harness.report import as_data, print_table, rank_runs, render_csv, report
from harness.store import find_run, read_run


def show(paths: Sequence[Path], *, reports: Path, console: Console) -> None:
    """Print the ranked table of some runs, write their report and print its paths."""
    runs = [read_run(path) for path in paths]
    print_table(rank_runs(runs), console)
    _print_paths([*report(runs, reports), *paths])


def write_report(
    names: Sequence[str] | None,
    *,
    results: Path,
    reports: Path,
    title: str | None,
    mix: Sequence[str] | None,
) -> None:
    """Write the page and the table of some runs and print their paths."""
    runs = [read_run(find_run(results, name)) for name in names or ["latest"]]
    _print_paths(report(runs, reports, title or "", mix=mix or ()))


def print_ranking(
    names: Sequence[str] | None,
    limits: Sequence[str] | None,
    *,
    results: Path,
    form: str,
    mix: Sequence[str] | None,
) -> None:
    """Print the ranking of some runs as a table, CSV or JSON."""
    parsed = [parse_limit(text) for text in limits] if limits else None
    runs = [read_run(find_run(results, name)) for name in names or ["latest"]]
    ranking = rank_runs(runs, parsed, mix=mix or ())
    if form == "csv":
        sys.stdout.write(render_csv(ranking))
    elif form == "json":
        typer.echo(json.dumps(as_data(ranking), indent=2, allow_nan=False))
    else:
        print_table(ranking, Console())


def _print_paths(paths: Sequence[Path]) -> None:
    for path in paths:
        typer.echo(str(path))
