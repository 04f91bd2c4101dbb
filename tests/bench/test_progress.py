"""A log of a run says what begins, what was found, and about how long it will still take."""

import io
from pathlib import Path

from records import cycle
from rich.console import Console

from harness.cli.progress import PlainWatcher, open_watcher

from .values import device, labelled, plan


def test_log_has_the_figures_of_every_sitting(tmp_path: Path) -> None:
    """Each sitting has a line when it begins and one with what is known at its end, the last one too."""
    wanted = plan(tmp_path, labelled(), ["good", "fine"], on=device(), sittings=2)
    out = io.StringIO()
    times = iter([0.0, 2.0, 4.0, 9.0])
    watcher = PlainWatcher(Console(file=out), wanted, clock=lambda: next(times))
    for number, (case, sitting) in enumerate(wanted.order):
        watcher.sitting(case, sitting, 8)
        watcher.cycle(cycle(number, case=case))
    watcher.rest()
    watcher.rest()
    begun = [line for line in out.getvalue().splitlines() if "sitting" in line]
    found = [line for line in out.getvalue().splitlines() if "right" in line]

    assert [f"{n}/4 {case}  sitting {sitting}" for n, (case, sitting) in enumerate(wanted.order, 1)] == [
        line.partition(",")[0] for line in begun
    ]
    assert ["8 items", "about 6.00 s left", "about 4.00 s left", "about 3.00 s left"] == [
        line.rpartition("; ")[2].rpartition(", ")[2] for line in begun
    ]
    assert 4 == len(found)
    assert out.getvalue().endswith(f"{found[-1]}\n")


def test_last_figures_are_told_at_the_end(tmp_path: Path) -> None:
    """What was found last is told when the run ends."""
    wanted = plan(tmp_path, labelled(), ["good"], on=device())
    out = io.StringIO()
    with open_watcher(Console(file=out), wanted) as watcher:
        watcher.sitting(*wanted.order[0], 8)
        watcher.cycle(cycle(0, case=wanted.order[0][0]))

    assert "so far 1." in out.getvalue().splitlines()[-1]
