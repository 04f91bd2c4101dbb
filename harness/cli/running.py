"""This module runs plans from the command line: the preamble, the progress, the ranked table, the report."""

import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console

from harness.bench import Bench
from harness.catalog import load_device, load_suite
from harness.cli.judging import show
from harness.cli.planning import preamble
from harness.cli.progress import open_watcher
from harness.data import load_data
from harness.errors import FileError, MeasurementError
from harness.plan import Plan, make_plan
from harness.record import RunStart
from harness.store import RunWriter, find_run, read_start


def run_plans(plans: Sequence[Plan], *, results: Path, reports: Path) -> None:
    """Measure each plan, then rank and report all together.

    Raises:
        BenchError, Interrupted: as `harness.bench.Bench.run`; the report of what is there is written first.
        MeasurementError: a case could not be measured; the others were.
    """
    signal.signal(signal.SIGTERM, _stop)
    console = Console()
    finished: list[Path] = []
    refused: dict[str, str] = {}
    try:
        for plan in plans:
            for line in preamble(plan):
                console.print(line, highlight=False, soft_wrap=True)
            with open_watcher(console, plan) as watcher:
                bench = Bench(plan=plan, data=load_data(plan.suite.data), watcher=watcher)
                with RunWriter.create(results, bench.start()) as writer:
                    finished.append(writer.path)
                    refused |= bench.run(writer)
    finally:
        _show(finished, reports, console)
    _tell(refused)


def resume_run(name: str, *, results: Path, reports: Path) -> None:
    """Go on with a run that was broken off, from the files it was made of.

    Raises:
        FileError: the files have changed since, or the run is complete.
    """
    signal.signal(signal.SIGTERM, _stop)
    console = Console()
    path = find_run(results, name)
    start = read_start(path)
    plan = _plan_again(start, path)
    for line in [f"resuming {path}", *preamble(plan)]:
        console.print(line, highlight=False, soft_wrap=True)
    refused: dict[str, str] = {}
    try:
        with RunWriter.resume(path) as writer, open_watcher(console, plan, writer) as watcher:
            bench = Bench(plan=plan, data=load_data(plan.suite.data), watcher=watcher)
            bench.start()  # the same device must still be there
            refused |= bench.run(writer)
    finally:
        _show([path], reports, console)
    _tell(refused)


def _plan_again(start: RunStart, path: Path) -> Plan:
    suite = load_suite(str(start.suite["path"]), verify=True)
    plan = make_plan(
        suite,
        load_device(str(start.device["path"])),
        str(start.protocol["name"]),
        start.cases,
        start.seed,
        load_data(suite.data).items,
    )
    if plan.sha256 != start.plan_sha256:
        raise FileError(
            f"{path}: the plan made now from {start.suite['path']} and {start.device['path']} is {plan.sha256[:12]}, the run "
            f"was started with {start.plan_sha256[:12]}; restore the files it was started with, or start a new run"
        )
    return plan


def _show(paths: Sequence[Path], reports: Path, console: Console) -> None:
    readable = [path for path in paths if (path / "manifest.json").exists()]
    if readable:
        show(readable, reports=reports, console=console)


def _tell(refused: dict[str, str]) -> None:
    if refused:
        raise MeasurementError("could not be measured:\n" + "\n".join(refused.values()))


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C: what is done is kept."""
    raise KeyboardInterrupt

