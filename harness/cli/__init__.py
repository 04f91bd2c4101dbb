"""This module is the command `harness`: it reads arguments, calls one worker each, and prints.

Only the standard library and Typer are imported here; each command imports its worker in its body, so that
`harness --help` is instant.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.imports import app as imports
from harness.cli.meter import app as meter
from harness.errors import FileError

app = typer.Typer(
    help="Latency, power and accuracy of the same inference cycle, judged on a Pareto front.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(meter, name="meter")
app.add_typer(imports, name="import")


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
Quick = Annotated[
    bool, typer.Option("--quick", help="The suite's quick protocol: a look at few items, one sitting.")
]
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
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="EXPR",
        help="Such as 'latency_p99_s < 0.150', or the set 'edge'; replaces the suite's; may be repeated.",
    ),
]
Objectives = Annotated[
    list[str] | None,
    typer.Option(
        "--objective",
        metavar="QUANTITY",
        help="What the front is made of, in place of the suite's or the usual three; may be repeated.",
    ),
]
ScorePolicy = Annotated[
    str | None,
    typer.Option("--score", metavar="POLICY", help="Score by a policy: equal, flops-latency-accuracy."),
]
Weights = Annotated[
    list[str] | None,
    typer.Option("--weight", metavar="QUANTITY=W", help="Weights in place of the policy's; may be repeated."),
]
Preferences = Annotated[
    list[str] | None,
    typer.Option(
        "--prefer",
        metavar="'A > B'",
        help="A case preferred to another; searches weights that agree; may be repeated.",
    ),
]
Markdown = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write Markdown for a pull request or a step's summary there."),
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
def runs(*, results: Results = RESULTS, json: AsJson = False) -> None:
    """List the runs in a results folder, newest first, and how each ended."""
    from harness.cli.listing import list_runs

    list_runs(results, as_json=json)


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
    objective: Objectives = None,
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a run that was broken off: its id or path.")
    ] = None,
    shortlist: Annotated[
        str | None,
        typer.Option(
            metavar="RUN", help="Measure the best cases of a run afresh; suite and device are that run's."
        ),
    ] = None,
) -> None:
    """Measure a suite on each device, rank the cases, write the report."""
    from harness.cli.planning import Asked
    from harness.cli.running import resume_run, run_plans

    if resume is not None:
        given = {
            "--device": device,
            "--select": select,
            "--quick": quick,
            "--full": full,
            "--shortlist": shortlist,
        }
        if excess := [name for name, value in given.items() if value]:
            raise FileError(f"--resume takes all but folders from the run; leave out {', '.join(excess)}")
        resume_run(resume, results=results, reports=reports, objectives=objective)
        return
    asked = Asked(suite=suite, devices=device, selections=select, quick=quick, full=full, seed=seed)
    if shortlist is not None:
        from harness.cli.judging import shortlisted

        asked = shortlisted(shortlist, asked, results=results, objectives=objective)
    run_plans(
        asked.plans(verify=True),
        results=results,
        reports=reports,
        shortlist_of=asked.shortlist_of,
        objectives=objective,
    )


@app.command()
def report(
    runs: Runs = None,
    *,
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    title: Annotated[str | None, typer.Option(help="Head of the page; the suite's own by default.")] = None,
    mix: Mix = None,
    limit: Limits = None,
    objective: Objectives = None,
    score: ScorePolicy = None,
    weight: Weights = None,
    prefer: Preferences = None,
    compare: Annotated[
        str | None, typer.Option(metavar="RUN", help="An earlier run; the page shows what has changed since.")
    ] = None,
    figures: Annotated[
        bool, typer.Option("--figures", help="Write the pictures as SVG and PNG files, too.")
    ] = False,
    open: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,  # noqa: A002  the option's name
) -> None:
    """Write the HTML page, the CSV and the JSON of one or more runs."""
    from harness.cli.judging import open_page, wish_of, write_report

    paths = write_report(
        runs,
        limit,
        results=results,
        reports=reports,
        title=title,
        mix=mix,
        objectives=objective,
        base=compare,
        wish=wish_of(score, weight, prefer),
        figures=figures,
    )
    if open:
        open_page(paths[0])


@app.command()
def rank(
    runs: Runs = None,
    *,
    limit: Limits = None,
    results: Results = RESULTS,
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.TABLE,  # noqa: A002  the option's name
    mix: Mix = None,
    objective: Objectives = None,
    margin: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="By how much a precision's accuracy may be lower, such as 0.01 for a point."
        ),
    ] = None,
    score: ScorePolicy = None,
    weight: Weights = None,
    prefer: Preferences = None,
) -> None:
    """Rank the cases of one or more runs under hard limits, and say which to ship."""
    from harness.cli.judging import print_ranking, wish_of

    print_ranking(
        runs,
        limit,
        results=results,
        form=format.value,
        mix=mix,
        objectives=objective,
        margin=margin,
        wish=wish_of(score, weight, prefer),
    )


@app.command()
def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="The run to compare with: RUN, or RUN:GLOB.")],
    candidate: Annotated[
        str, typer.Argument(metavar="CANDIDATE", help="The run in question: RUN, or RUN:GLOB.")
    ],
    *,
    results: Results = RESULTS,
    mix: Mix = None,
    margin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUANTITY=SHARE",
            help="What counts as the same, such as latency_p99_s=2% or accuracy=0.01; may be repeated.",
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 5 when something is worse.")] = False,
    markdown: Markdown = None,
    json: AsJson = False,
) -> None:
    """Compare two runs, or two cases, in pairs: better, worse, the same within a margin, or cannot tell."""
    from harness.cli.comparing import print_comparison

    print_comparison(
        base,
        candidate,
        results=results,
        mix=mix,
        margins=margin,
        markdown=markdown,
        as_json=json,
        check=check,
    )


@app.command()
def gate(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Id or path of a run, or 'latest'.")] = "latest",
    *,
    policy: Annotated[Path, typer.Option(metavar="FILE", help="The gates, such as gates.yaml.")],
    baseline: Annotated[
        str | None, typer.Option(metavar="RUN", help="The run that changes are counted from.")
    ] = None,
    allow_inconclusive: Annotated[
        bool, typer.Option("--allow-inconclusive", help="What is not decided does not block.")
    ] = False,
    results: Results = RESULTS,
    mix: Mix = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML there.")] = None,
    markdown: Markdown = None,
    bencher: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write Bencher Metric Format there.")
    ] = None,
    github_action_benchmark: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write customSmallerIsBetter JSON there.")
    ] = None,
) -> None:
    """Judge a run by a policy; exit with 5 unless every gate that blocks is passed."""
    from harness.cli.comparing import judge_run

    judge_run(
        run,
        policy=policy,
        baseline=baseline,
        results=results,
        mix=mix,
        allow_inconclusive=allow_inconclusive,
        outputs={
            "junit": junit,
            "markdown": markdown,
            "bencher": bencher,
            "github-action-benchmark": github_action_benchmark,
        },
    )


@app.command()
def advise(
    *,
    model: Annotated[
        str, typer.Option(metavar="M", help="Id of a model of a known suite, or path of an ONNX file.")
    ],
    device: Annotated[str, typer.Option(metavar="D", help="Name of a device, or of a board.")],
    results: Results = RESULTS,
    json: AsJson = False,
) -> None:
    """Say before measuring what can run, whether it fits, and the least it would take; touch no device."""
    from harness.cli.advising import print_advice

    print_advice(model, device, results=results, as_json=json)


@app.command()
def doctor(*, results: Results = RESULTS, json: AsJson = False) -> None:
    """Check what a good measurement needs on this machine, and say what to do where it is missing."""
    from harness.cli.checkup import print_checkup

    print_checkup(results, as_json=json)
