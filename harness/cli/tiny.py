"""This module imports MLPerf Tiny results from the command line and prints what they publish, out of the runs."""

from pathlib import Path

import typer

from harness.importers.mlperf_tiny import APART, import_result
from harness.importers.tiny_figures import Published, area_under_curve, published
from harness.importers.tiny_results import TinyResult, find_results, read_result
from harness.quantities import print_share
from harness.store import read_run


def import_tiny(folder: Path, *, results: Path, interval_s: float) -> None:
    """Import each result below a folder and print its figures and the path of its run.

    Raises:
        FileError: there is none, or one is not a result of MLPerf Tiny's runner; nothing is imported then.
        StoreError: a run cannot be written.
    """
    read = [read_result(path) for path in find_results(folder)]
    for result in read:
        path = import_result(results, result, interval_s=interval_s)
        figures = published(read_run(path), result.mode)
        typer.echo(f"{result.board} {result.task} {result.mode}: {words(result, figures)}")
        for note in (figures.unruly, *result.notes):
            if note:
                typer.echo(f"  note: {note}")
        typer.echo(f"  {path}")
    typer.echo(APART)


def words(result: TinyResult, figures: Published) -> str:
    """The figures of a run as MLPerf Tiny prints them."""
    parts = []
    if figures.energy_uj is not None:
        parts.append(f"median {figures.energy_uj:.4f} uJ per inference")
    if figures.energy_spread is not None:
        parts.append(f"windows within {print_share(figures.energy_spread, 3)}")
    if figures.throughput_hz is not None:
        parts.append(f"median {figures.throughput_hz:.3f} inferences per second")
    if figures.top1 is not None:
        parts.append(f"top-1 {print_share(figures.top1, 1)}")
    area = area_under_curve(result) if result.mode == "accuracy" else None
    if area is not None:
        parts.append(f"area under the curve {area:.3f}")
    unit = "inputs" if result.mode == "accuracy" else "windows"
    return f"{', '.join(parts) or 'no figure'} ({figures.windows} {unit})"
