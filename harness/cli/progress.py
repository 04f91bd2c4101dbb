"""This module shows how a run goes on: a bar for the whole, a live line for each case.

Where the output is no terminal it prints one plain line for each sitting instead.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harness.bench import Watcher
from harness.plan import Plan
from harness.quantities import counted, print_value
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
            self._tasks[case], line=f"sitting {sitting}: loading, warming up ({counted(items, 'item')})"
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

    def waiting(self, device: str, holder: str) -> None:
        """Say who has it, above the bars."""
        self._progress.console.print(escape(waiting_words(device, holder)))


class PlainWatcher:
    """One line for each sitting that begins, and one for what it found, for logs and pipes.

    Args:
        console: where to.
        plan: what is measured.
        clock: monotonic seconds.
    """

    def __init__(self, console: Console, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._places = {place: number for number, place in enumerate(plan.order)}
        self._clock = clock
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self._begun: tuple[str, int] | None = None
        self._first: tuple[int, float] | None = None

    def sitting(self, case: str, sitting: int, items: int) -> None:
        """Say what the one before found, which begins, and how long it will about be to the end."""
        self.rest()
        number, now_s = self._places[case, sitting], self._clock()
        first, began_s = self._first = self._first or (number, now_s)
        left_s = (
            (len(self._places) - number) * (now_s - began_s) / (number - first) if number > first else None
        )
        left = "" if left_s is None else f"; about {print_value('duration_s', left_s)} left"
        self._begun = case, sitting
        self._print(
            f"{number + 1}/{len(self._places)} {case}  sitting {sitting}, {counted(items, 'item')}{left}"
        )

    def rest(self) -> None:
        """Say what is known of the case whose sitting was the latest; once."""
        if self._begun is not None and (found := self._tallies[self._begun[0]].line()):
            self._print(f"    so far {found}")
        self._begun = None

    def cycle(self, cycle: Cycle) -> None:
        """Count."""
        if cycle.phase is Phase.MEASURE:
            self._tallies[cycle.case].add(cycle)

    def incident(self, incident: Incident) -> None:
        """Say what happened."""
        self._print(f"incident: {incident.case}: {incident.what}")

    def waiting(self, device: str, holder: str) -> None:
        """Say who has it."""
        self._print(waiting_words(device, holder))

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def waiting_words(device: str, holder: str) -> str:
    """What is to be said of a device that another has."""
    return f"waiting: {device} is held by {holder}; sittings take turns, so that none disturbs another"


@contextmanager
def open_watcher(console: Console, plan: Plan, writer: RunWriter | None = None) -> Iterator[Watcher]:
    """A watcher that fits the output; with a writer what it holds already counts as done."""
    if not console.is_terminal:
        watcher = PlainWatcher(console, plan)
        try:
            yield watcher
        finally:
            watcher.rest()
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
