"""This module runs plans from the command line: the preamble, the progress, the ranked table, the report."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType

from rich.console import Console

from harness.bench import Bench
from harness.catalog import load_device, load_suite
from harness.cli.planning import preamble
from harness.cli.progress import open_watcher
from harness.data import load_data
from harness.errors import FileError, HarnessError, MeasurementError
from harness.lock import DeviceLock
from harness.plan import Plan, make_plan
from harness.record import RunStart
from harness.store import RunWriter, find_run, read_start


def run_plans(plans: Sequence[Plan], *, results: Path, reports: Path, shortlist_of: str = "") -> None:
    """Measure each plan, then rank and report all together.

    Args:
        plans: one for each device.
        results: where runs go.
        reports: where reports go.
        shortlist_of: id of the run whose best cases these are; empty for none.

    Raises:
        BenchError, Interrupted: as `harness.bench.Bench.run`; the report of what is there is written first.
        MeasurementError: a case could not be measured; the others were.
    """
    signal.signal(signal.SIGTERM, _stop)
    console = Console()
    finished: list[Path] = []
    refused: dict[str, str] = {}
    with _shown(finished, reports, console):
        for plan in plans:
            for line in preamble(plan):
                console.print(line, highlight=False, soft_wrap=True)
            with DeviceLock(plan.device.id, who="harness run"), open_watcher(console, plan) as watcher:
                bench = Bench(plan=plan, data=load_data(plan.suite.data), watcher=watcher)
                start = replace(bench.start(), shortlist_of=shortlist_of)
                with RunWriter.create(results, start) as writer:
                    finished.append(writer.path)
                    refused |= bench.run(writer)
    _tell(refused)


def resume_run(name: str, *, results: Path, reports: Path) -> None:
    """Go on with a run that was broken off, from the files it was made of.

    Raises:
        FileError: the files have changed since, or the run is complete.
    """
    signal.signal(signal.SIGTERM, _stop)
    console = Console()
    path = find_run(results, name)
    plan = _plan_again(read_start(path), path)  # before the run is touched
    for line in [f"resuming {path}", *preamble(plan)]:
        console.print(line, highlight=False, soft_wrap=True)
    refused: dict[str, str] = {}
    with (
        _shown([path], reports, console),
        DeviceLock(plan.device.id, who="harness run"),
        RunWriter.resume(path) as writer,
        open_watcher(console, plan, writer) as watcher,
    ):
        bench = Bench(plan=plan, data=load_data(plan.suite.data), watcher=watcher)
        bench.start()  # the same device must still be there
        refused |= bench.run(writer)
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
            f"{path}: the plan made now from {start.suite['path']} and {start.device['path']} is {plan.sha256[:12]}, "
            f"the run was started with {start.plan_sha256[:12]}; restore the files it was started with, "
            "or start a new run"
        )
    return plan


@contextmanager
def _shown(paths: Sequence[Path], reports: Path, console: Console) -> Iterator[None]:
    """Rank and report the runs when the block ends, also where it ends in an error; that error goes first."""
    try:
        yield
    except HarnessError:
        with suppress(HarnessError):
            _show(paths, reports, console)
        raise
    _show(paths, reports, console)


def _show(paths: Sequence[Path], reports: Path, console: Console) -> None:
    from harness.cli.judging import show  # the desk side, pandas and all, comes in when measuring is over

    if paths:
        show(paths, reports=reports, console=console)


def _tell(refused: dict[str, str]) -> None:
    if refused:
        raise MeasurementError("could not be measured:\n" + "\n".join(refused.values()))


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C: what is done is kept."""
    raise KeyboardInterrupt
