"""This module is the commands `harness import ...`: it reads their arguments and calls one worker each."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Import what another tool found as runs of origin imported, to rank and report them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Results = Annotated[Path, typer.Option(metavar="DIR", help="Where runs are kept.")]

RESULTS = Path("results")


@app.command()
def table(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file with one case a row.")],
    *,
    map_: Annotated[
        Path, typer.Option("--map", metavar="MAP.yaml", help="What the columns of the table mean.")
    ],
    results: Results = RESULTS,
) -> None:
    """Import a table of cases: figures with their source, without cycles."""
    from harness.cli.advising import import_table

    import_table(path, map_, results=results)


@app.command("mlperf-tiny")
def mlperf_tiny(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Of a board: it holds TASK/energy/results.json and so on."),
    ],
    *,
    results: Results = RESULTS,
    interval: Annotated[
        float,
        typer.Option(metavar="S", min=1e-6, max=10.0, help="Seconds of one sample of the energy traces."),
    ] = 1e-3,
) -> None:
    """Import MLPerf Tiny results: one run for each task and mode, for the modes are no one cycle."""
    from harness.cli.tiny import import_tiny

    import_tiny(folder, results=results, interval_s=interval)
