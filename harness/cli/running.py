"""This module runs plans from the command line: the preamble, the progress, the ranked table, the report."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType

from rich.console import Console

from harness.bench import Bench
from harness.catalog import load_device, load_suite
from harness.cli.checkup import find_load
from harness.cli.planning import preamble
from harness.cli.progress import open_watcher
from harness.data import load_data
from harness.errors import FileError, HarnessError, MeasurementError
from harness.judging.objectives import refuse_objectives
from harness.lock import DeviceLock
from harness.plan import Plan, make_plan
from harness.record import RunStart
from harness.store import RunWriter, find_run, read_start

STDERR = 2


def run_plans(
    plans: Sequence[Plan],
    *,
    results: Path,
    reports: Path,
    shortlist_of: str = "",
    objectives: Sequence[str] | None = None,
) -> None:
    """Measure each plan, then rank and report all together.

    Args:
        plans: one for each device.
        results: where runs go.
        reports: where reports go.
        shortlist_of: id of the run whose best cases these are; empty for none.
        objectives: quantities of the front; None for those of the suite, or the usual ones.

    Raises:
        FileError: a quantity is no objective; nothing was touched.
        BenchError, Interrupted: as `harness.bench.Bench.run`; the report of what is there is written first.
        MeasurementError: a case could not be measured; the others were.
    """
    for stopping in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopping, _stop)
    console = Console()
    finished: list[Path] = []
    refused: dict[str, str] = {}
    if objectives is not None:
        refuse_objectives(objectives)
    with _shown(finished, reports, console, objectives):
        for plan in plans:
            for line in [*preamble(plan), *_load_warning(plan)]:
                console.print(line, highlight=False, soft_wrap=True)
            with DeviceLock(plan.device.id, who="harness run"), open_watcher(console, plan) as watcher:
                bench = Bench(plan=plan, data=load_data(plan.suite.data), watcher=watcher)
                start = replace(bench.start(), shortlist_of=shortlist_of)
                refused |= bench.prepare()
                if refused.keys() >= {case.id for case in plan.cases}:
                    continue  # with nothing to measure there is no run
                with RunWriter.create(results, start) as writer:
                    finished.append(writer.path)
                    refused |= bench.run(writer)
    _tell(refused)


def resume_run(name: str, *, results: Path, reports: Path, objectives: Sequence[str] | None = None) -> None:
    """Go on with a run that was broken off, from the files it was made of.

    Raises:
        FileError: the files have changed since, or the run is complete.
    """
    for stopping in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopping, _stop)
    console = Console()
    if objectives is not None:
        refuse_objectives(objectives)
    path = find_run(results, name)
    plan = _plan_again(read_start(path), path)  # before the run is touched
    for line in [f"resuming {path}", *preamble(plan), *_load_warning(plan)]:
        console.print(line, highlight=False, soft_wrap=True)
    refused: dict[str, str] = {}
    gone_on: list[Path] = []
    with (
        _shown(gone_on, reports, console, objectives),
        DeviceLock(plan.device.id, who="harness run"),
        RunWriter.resume(path) as writer,
        open_watcher(console, plan, writer) as watcher,
    ):
        gone_on.append(path)
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
        changed = list(_changed(start, plan))
        raise FileError(
            f"{path}: the plan made now is {plan.sha256[:12]}, the run was started with {start.plan_sha256[:12]}; "
            + (
                f"changed since: {', '.join(changed)}; "
                if changed
                else "the harness itself plans otherwise now; "
            )
            + "restore the files it was started with, or start a new run"
        )
    return plan


def _changed(start: RunStart, plan: Plan) -> Iterator[str]:
    """Files a run was started with that are others now."""
    board = start.device.get("board") or {}
    for path, before, now in (
        (plan.suite.path, start.suite.get("sha256"), plan.suite.sha256),
        (plan.device.path, start.device.get("sha256"), plan.device.sha256),
        (plan.device.board.path, board.get("sha256"), plan.device.board.sha256),
    ):
        if before != now:
            yield str(path)


@contextmanager
def _shown(
    paths: Sequence[Path], reports: Path, console: Console, objectives: Sequence[str] | None
) -> Iterator[None]:
    """Rank and report the runs when the block ends, also where it ends in an error; that error goes first."""
    try:
        yield
    except (HarnessError, KeyboardInterrupt):  # the user may stop before the next run is there
        with suppress(HarnessError):
            _show(paths, reports, console, objectives)
        raise
    _show(paths, reports, console, objectives)


def _show(paths: Sequence[Path], reports: Path, console: Console, objectives: Sequence[str] | None) -> None:
    from harness.cli.judging import show  # the desk side, pandas and all, comes in when measuring is over

    if paths:
        show(paths, reports=reports, console=console, objectives=objectives)


def _load_warning(plan: Plan) -> Iterator[str]:
    """What to know before measuring on this machine while it is busy; nothing where it is not."""
    load = find_load()
    if plan.device.connection == "local" and load.ok is not True:
        yield str(load)


def _tell(refused: dict[str, str]) -> None:
    if refused:
        raise MeasurementError("could not be measured:\n" + "\n".join(refused.values()))


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C: what is done is kept. Say so at once, for worker and meter take a while to close."""
    os.write(STDERR, b"stopping: what was measured is kept and reported\n")  # a print may be under way
    raise KeyboardInterrupt
