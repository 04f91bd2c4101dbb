"""This module ranks and reports finished runs from the command line."""

import json
import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import typer
from rich.console import Console

from harness.cli.planning import Asked
from harness.errors import BenchError, FileError
from harness.judging.compare import compare
from harness.judging.declared import declared_bounds
from harness.judging.front import Ranking
from harness.judging.limits import parse_limits
from harness.judging.scores import Fit, Scoring, fit_weights, policy_of, score
from harness.report import (
    as_data,
    print_details,
    print_recommendation,
    print_scores,
    print_table,
    rank_runs,
    render_csv,
    report,
)
from harness.store import Run, find_run, read_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks of scores.

    Attributes:
        policy: name; None for no scores unless weights or preferences are given.
        weights: texts such as `latency_p99_s=0.5`.
        preferences: texts such as `A > B`, ids of cases.
    """

    policy: str | None = None
    weights: Sequence[str] = ()
    preferences: Sequence[str] = ()

    @property
    def any(self) -> bool:
        """A score is asked for."""
        return bool(self.policy or self.weights or self.preferences)

    def scoring(self, ranking: Ranking, runs: Sequence[Run]) -> tuple[Scoring, Fit | None]:
        """Scores of all cases that fail no limit, and the weights that agree with the preferences.

        Raises:
            FileError: a wish cannot be read, or a scale is missing in the suite.
        """
        policy = policy_of(self.policy or "equal", dict(map(_weight, self.weights)))
        cases = [placing.case for placing in ranking.placings if placing.layer is not None]
        scoring = score(cases, policy, declared_bounds(runs))
        pairs = [_preference(text) for text in self.preferences]
        return scoring, fit_weights(scoring, pairs) if pairs else None


def show(paths: Sequence[Path], *, reports: Path, console: Console) -> None:
    """Print the ranked table of some runs, write their report and print its paths."""
    runs = [read_run(path, lean=True) for path in paths]
    ranking = rank_runs(runs)
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
    figures: bool = False,
) -> Sequence[Path]:
    """Write the page, the table and the data of some runs and print their paths, the page first.

    Raises:
        FileError: several runs are to be compared with one.
    """
    runs = [read_run(find_run(results, name)) for name in names or ["latest"]]
    if base is not None and len(runs) > 1:
        raise FileError("--compare takes one run to report on; name only one, or leave out --compare")
    paths = report(
        runs,
        reports,
        title or "",
        limits=parse_limits(limits) if limits else None,
        mix=mix or (),
        objectives=objectives or None,
        comparison=compare(read_run(find_run(results, base)), runs[0], mix=mix or ()) if base else None,
        figures=figures,
    )
    _print_paths(paths)
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
    wishes: Wishes | None = None,
) -> None:
    """Print the ranking of some runs as a table, CSV or JSON, and the scores that are asked for.

    Raises:
        FileError: a limit, a weight or a preference cannot be read.
    """
    parsed = parse_limits(limits) if limits else None
    runs = [read_run(find_run(results, name), lean=True) for name in names or ["latest"]]
    ranking = rank_runs(runs, parsed, mix=mix or (), objectives=objectives or None, margin=margin)
    scored = wishes.scoring(ranking, runs) if wishes is not None and wishes.any else None
    if form == "csv":
        sys.stdout.write(render_csv(ranking))
    elif form == "json":
        data = as_data(ranking)
        if scored is not None:
            scoring, fit = scored
            data |= {"scores": asdict(scoring), "fit": asdict(fit) if fit else None}
        typer.echo(json.dumps(data, indent=2, allow_nan=False))
    else:
        console = Console()
        print_table(ranking, console)
        print_details(ranking, console)
        if scored is not None:
            print_scores(*scored, console)
        print_recommendation(ranking, console)


def shortlisted(name: str, asked: Asked, *, results: Path) -> Asked:
    """What to measure afresh of a run: the cases on its front and those possibly on it, in other orders.

    Args:
        name: of the run.
        asked: protocol and seed; the seed is changed where it is the run's own.
        results: where runs are kept.

    Raises:
        FileError: suite, devices or cases are named as well, or the run has no case worth it.
    """
    if asked.devices or asked.selections:
        raise FileError("--shortlist takes device and cases from the run; leave out --device and --select")
    run = read_run(find_run(results, name), lean=True)
    cases = [placing.case.case for placing in rank_runs([run]).shortlist]
    if run.imported or not cases:
        raise FileError(f"{run.path}: has no case that fails no limit and could be measured again")
    start = run.start
    return replace(
        asked,
        suite=str(start.suite["path"]),
        devices=[str(start.device["path"])],
        selections=cases,
        seed=start.seed + 1 if asked.seed == start.seed else asked.seed,
        shortlist_of=start.run,
    )


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
