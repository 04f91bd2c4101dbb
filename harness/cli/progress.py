"""This module shows how a run goes on: a bar for the whole, a live line for each case.

Where the output is no terminal it prints one plain line for each sitting instead.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harness.bench import Watcher
from harness.plan import Plan
from harness.quantities import print_value
from harness.record import Cycle, Incident, Phase
from harness.store import RunWriter

SHOWN_CYCLES = 50
"""The live figures of a case are those of its latest cycles; the report's are of all."""


class Tally:
    """Running figures of one case, for the eye only."""

    def __init__(self) -> None:
        self._cycles: deque[Cycle] = deque(maxlen=SHOWN_CYCLES)
        self.valid = self.void = self.right = 0

    def add(self, cycle: Cycle) -> None:
        """Count a measured cycle."""
        if not cycle.valid:
            self.void += 1
            return
        self.valid += 1
        self.right += cycle.correct is True
        self._cycles.append(cycle)

    def line(self) -> str:
        """Latency, energy and accuracy so far, in words."""
        if not self._cycles:
            return ""
        latency_s = median(chain.from_iterable(cycle.latencies_ns for cycle in self._cycles)) * 1e-9
        energies = [e for cycle in self._cycles if (e := cycle.energy_per_inference_j) is not None]
        parts = [
            print_value("latency_p50_s", latency_s),
            print_value("energy_per_inference_j", median(energies) if energies else None),
            f"{self.right}/{self.valid} right",
        ]
        return "  ".join(parts) + (f"  {self.void} void" if self.void else "")


class LiveWatcher:
    """Bars and lines in a terminal."""

    def __init__(self, progress: Progress, plan: Plan, done: dict[str, int]) -> None:
        self._progress = progress
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)
        per_case = sum(len(plan.items[sitting]) for sitting in plan.items)
        self._total = progress.add_task(
            "all cases", total=per_case * len(plan.cases), completed=sum(done.values()), line=""
        )
        self._tasks = {
            case.id: progress.add_task(
                escape(case.id), total=per_case, completed=done.get(case.id, 0), line="", start=False
            )
            for case in plan.cases
        }

    def sitting(self, case: str, sitting: int, items: int) -> None:
        """Start the clock of the case."""
        self._progress.start_task(self._tasks[case])
        self._progress.update(
            self._tasks[case], line=f"sitting {sitting}: loading, warming up ({items} items)"
        )

    def cycle(self, cycle: Cycle) -> None:
        """Move the bars."""
        if cycle.phase is not Phase.MEASURE:
            return
        tally = self._tallies[cycle.case]
        tally.add(cycle)
        advance = 1 if cycle.valid else 0
        self._progress.update(self._tasks[cycle.case], advance=advance, line=tally.line())
        self._progress.update(self._total, advance=advance)

    def incident(self, incident: Incident) -> None:
        """Say what happened above the bars."""
        self._progress.console.print(f"[yellow]incident[/] {escape(incident.case)}: {escape(incident.what)}")


class PlainWatcher:
    """One line for each sitting, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)

    def sitting(self, case: str, sitting: int, items: int) -> None:
        """Say which sitting begins."""
        so_far = self._tallies[case].line()
        self._print(f"{case}  sitting {sitting}, {items} items" + (f"; so far {so_far}" if so_far else ""))

    def cycle(self, cycle: Cycle) -> None:
        """Count."""
        if cycle.phase is Phase.MEASURE:
            self._tallies[cycle.case].add(cycle)

    def incident(self, incident: Incident) -> None:
        """Say what happened."""
        self._print(f"incident: {incident.case}: {incident.what}")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def open_watcher(console: Console, plan: Plan, writer: RunWriter | None = None) -> Iterator[Watcher]:
    """A watcher that fits the output; with a writer what it holds already counts as done."""
    if not console.is_terminal:
        yield PlainWatcher(console)
        return
    done = {
        case.id: sum(len(writer.done(case.id, sitting)) for sitting in plan.items) if writer else 0
        for case in plan.cases
    }
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[line]}", markup=False),
    )
    with Progress(*columns, console=console, refresh_per_second=2) as progress:
        yield LiveWatcher(progress, plan, done)
