"""This module is the command `harness`: it reads arguments, calls one worker each, and prints.

Only the standard library and Typer are imported here; each command imports its worker in its body, so that
`harness --help` is instant.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Latency, power and accuracy of the same inference cycle, judged on a Pareto front.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How a ranking is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


SuiteName = Annotated[str, typer.Argument(metavar="[SUITE]", help="Name of a suite, or path of its file.")]
Devices = Annotated[
    list[str] | None,
    typer.Option(
        "--device", metavar="D", help="Name of a device, or path of its file; may be repeated. [host]"
    ),
]
Select = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Only cases whose id matches, such as '*/int8'; may be repeated."),
]
Quick = Annotated[bool, typer.Option("--quick", help="The suite's quick protocol: seconds, one sitting.")]
Full = Annotated[
    bool, typer.Option("--full", help="The suite's full protocol: hours, for published figures.")
]
Seed = Annotated[
    int, typer.Option(metavar="N", help="Orders items and gaps; the same seed gives the same plan.")
]
Results = Annotated[Path, typer.Option(metavar="DIR", help="Where runs are kept.")]
Reports = Annotated[Path, typer.Option(metavar="DIR", help="Where reports are written.")]
Runs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[RUN]...", help="Ids or paths of runs, or 'latest'. [latest]"),
]
Mix = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD", help="Let cases differ in this field on one front, such as origin; may be repeated."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]

RESULTS = Path("results")
REPORTS = Path("reports")


def _version(wanted: bool) -> None:
    if wanted:
        from harness import __version__

        typer.echo(f"harness {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Latency, power and accuracy of the same inference cycle, judged on a Pareto front."""


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder to make; it may exist if it is empty.")
    ],
) -> None:
    """Make a workspace: boards, devices and suites to edit, and places for results and reports."""
    from harness.cli.workspace import make_workspace

    for line in make_workspace(folder):
        typer.echo(line)


@app.command()
def devices(*, json: AsJson = False) -> None:
    """List the devices of this workspace and the shipped ones, with their boards and meters."""
    from harness.cli.listing import list_devices

    list_devices(as_json=json)


@app.command()
def suites(*, json: AsJson = False) -> None:
    """List the suites of this workspace and the shipped ones."""
    from harness.cli.listing import list_suites

    list_suites(as_json=json)


@app.command()
def plan(
    suite: SuiteName = "digits",
    *,
    device: Devices = None,
    select: Select = None,
    quick: Quick = False,
    full: Full = False,
    seed: Seed = 1,
    json: AsJson = False,
) -> None:
    """Print the cases and the order of their sittings; touch nothing."""
    from harness.cli.planning import Asked, print_plans

    asked = Asked(suite=suite, devices=device, selections=select, quick=quick, full=full, seed=seed)
    print_plans(asked.plans(), as_json=json)


@app.command()
def run(
    suite: SuiteName = "digits",
    *,
    device: Devices = None,
    select: Select = None,
    quick: Quick = False,
    full: Full = False,
    seed: Seed = 1,
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a run that was broken off: its id or path.")
    ] = None,
) -> None:
    """Measure a suite on each device, rank the cases, write the report."""
    from harness.cli.planning import Asked
    from harness.cli.running import resume_run, run_plans

    if resume is not None:
        resume_run(resume, results=results, reports=reports)
        return
    asked = Asked(suite=suite, devices=device, selections=select, quick=quick, full=full, seed=seed)
    run_plans(asked.plans(verify=True), results=results, reports=reports)


@app.command()
def report(
    runs: Runs = None,
    *,
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    title: Annotated[str | None, typer.Option(help="Head of the page; the suite's own by default.")] = None,
    mix: Mix = None,
) -> None:
    """Write the HTML page and the CSV of one or more runs."""
    from harness.cli.judging import write_report

    write_report(runs, results=results, reports=reports, title=title, mix=mix)


@app.command()
def rank(
    runs: Runs = None,
    *,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXPR", help="Such as 'latency_p99_s < 0.150'; replaces the suite's; may be repeated."
        ),
    ] = None,
    results: Results = RESULTS,
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.TABLE,  # noqa: A002  the option's name
    mix: Mix = None,
) -> None:
    """Rank the cases of one or more runs under hard limits."""
    from harness.cli.judging import print_ranking

    print_ranking(runs, limit, results=results, form=format.value, mix=mix)


@app.command()
def doctor(*, results: Results = RESULTS, json: AsJson = False) -> None:
    """Check what a good measurement needs on this machine, and say what to do where it is missing."""
    from harness.cli.checkup import print_checkup

    print_checkup(results, as_json=json)
