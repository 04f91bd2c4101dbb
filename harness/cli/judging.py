"""This module ranks and reports finished runs from the command line."""

import json
import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console

from harness.cli.planning import Asked
from harness.errors import BenchError, FileError
from harness.judging.compare import compare
from harness.judging.front import MIXABLE
from harness.judging.limits import parse_limits
from harness.judging.policies import Wish
from harness.names import hint
from harness.report import (
    as_data,
    print_details,
    print_recommendation,
    print_scores,
    print_table,
    rank_runs,
    render_csv,
    report,
    undrawn,
)
from harness.store import find_run, read_run


def wish_of(
    policy: str | None, weights: Sequence[str] | None, preferences: Sequence[str] | None
) -> Wish | None:
    """What the command line asks of scores; None for nothing.

    Args:
        policy: name; None for `equal` where weights or preferences are given.
        weights: texts such as `latency_p99_s=0.5`.
        preferences: texts such as `A > B`, ids of cases.

    Raises:
        FileError: a weight or a preference cannot be read.
    """
    if not (policy or weights or preferences):
        return None
    return Wish(
        policy=policy or "equal",
        weights=dict(map(_weight, weights or ())),
        preferences=[_preference(text) for text in preferences or ()],
    )


def show(
    paths: Sequence[Path], *, reports: Path, console: Console, objectives: Sequence[str] | None = None
) -> None:
    """Print the ranked table of some runs, write their report and print its paths."""
    runs = [read_run(path, lean=True) for path in paths]
    ranking = rank_runs(runs, objectives=objectives)
    print_table(ranking, console)
    print_recommendation(ranking, console)
    _print_paths([*report(runs, reports, ranking=ranking), *paths])


def write_report(
    names: Sequence[str] | None,
    limits: Sequence[str] | None,
    *,
    results: Path,
    reports: Path,
    title: str | None,
    mix: Sequence[str] | None,
    objectives: Sequence[str] | None,
    base: str | None = None,
    wish: Wish | None = None,
    figures: bool = False,
) -> Sequence[Path]:
    """Write the page, the table and the data of some runs and print their paths, the page first.

    Raises:
        FileError: several runs are to be compared with one.
    """
    _refuse_unknown(mix)
    runs = [read_run(find_run(results, name)) for name in names or ["latest"]]
    if base is not None and len(runs) > 1:
        raise FileError("--compare takes one run to report on; name only one, or leave out --compare")
    if base is not None and find_run(results, base).samefile(runs[0].path):
        raise FileError(f"--compare {base}: is the run that is reported on; name an earlier one")
    ranking = rank_runs(
        runs,
        parse_limits(limits) if limits else None,
        mix=mix or (),
        objectives=objectives or None,
        wish=wish,
    )
    paths = report(
        runs,
        reports,
        title or "",
        ranking=ranking,
        comparison=compare(read_run(find_run(results, base)), runs[0], mix=mix or ()) if base else None,
        figures=figures,
    )
    _print_paths(paths)
    if figures and (reason := undrawn(ranking)):
        typer.echo(reason, err=True)  # what is printed are paths
    return paths


def open_page(path: Path) -> None:
    """Show a page in the browser of this machine.

    Raises:
        BenchError: there is none.
    """
    if not webbrowser.open(path.resolve().as_uri()):
        raise BenchError(f"{path}: no browser could be opened here; copy the file to where there is one")


def print_ranking(
    names: Sequence[str] | None,
    limits: Sequence[str] | None,
    *,
    results: Path,
    form: str,
    mix: Sequence[str] | None,
    objectives: Sequence[str] | None,
    margin: float | None = None,
    wish: Wish | None = None,
) -> None:
    """Print the ranking of some runs as a table, CSV or JSON, and the scores that are asked for.

    Raises:
        FileError: a limit cannot be read, or a wish names what is not there.
    """
    parsed = parse_limits(limits) if limits else None
    _refuse_unknown(mix)
    runs = [read_run(find_run(results, name), lean=True) for name in names or ["latest"]]
    ranking = rank_runs(runs, parsed, mix=mix or (), objectives=objectives or None, margin=margin, wish=wish)
    if form == "csv":
        sys.stdout.write(render_csv(ranking))
    elif form == "json":
        typer.echo(json.dumps(as_data(ranking), indent=2, allow_nan=False))
    else:
        console = Console()
        print_table(ranking, console)
        print_details(ranking, console)
        if ranking.scoring is not None:
            print_scores(ranking.scoring, ranking.fit, console)
        print_recommendation(ranking, console)


def shortlisted(name: str, asked: Asked, *, results: Path, objectives: Sequence[str] | None = None) -> Asked:
    """What to measure afresh of a run: cases that fail no limit and are not surely dominated, in other orders.

    Args:
        name: of the run.
        asked: protocol and seed; the seed is changed where it is the run's own.
        results: where runs are kept.
        objectives: of that front; None for those of the suite, or the usual ones.

    Raises:
        FileError: suite, devices or cases are named as well, or the run has no case worth it.
    """
    if asked.devices or asked.selections:
        raise FileError("--shortlist takes device and cases from the run; leave out --device and --select")
    run = read_run(find_run(results, name), lean=True)
    ranking = rank_runs([run], objectives=objectives)
    cases = [placing.case.case for placing in ranking.shortlist]
    if run.imported or not cases:
        incomplete = next((each.case.incomplete for each in ranking.placings if each.case.incomplete), "")
        raise FileError(
            f"{run.path}: has no case that fails no limit and could be measured again"
            + (f"; incomplete: {incomplete}" if incomplete else "")
        )
    start = run.start
    return replace(
        asked,
        suite=str(start.suite["path"]),
        devices=[str(start.device["path"])],
        selections=cases,
        seed=start.seed + 1 if asked.seed == start.seed else asked.seed,
        shortlist_of=start.run,
    )


def _refuse_unknown(mix: Sequence[str] | None) -> None:
    faults = [
        f"--mix {name}: is no field to be mixed; {hint(name, MIXABLE)}"
        for name in mix or ()
        if name not in MIXABLE
    ]
    if faults:
        raise FileError(*faults)


def _print_paths(paths: Sequence[Path]) -> None:
    for path in paths:
        typer.echo(str(path))


def _weight(text: str) -> tuple[str, float]:
    name, sign, number = text.partition("=")
    try:
        return name.strip(), float(number if sign else "nothing")
    except ValueError:
        raise FileError(f"--weight {text}: is no weight; write such as latency_p99_s=0.5") from None


def _preference(text: str) -> tuple[str, str]:
    better, sign, worse = (part.strip() for part in text.partition(">"))
    if not (better and sign and worse):
        raise FileError(f"--prefer {text!r}: is no preference; write 'BETTER > WORSE', two ids of cases")
    return better, worse
