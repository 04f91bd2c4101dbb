"""This module shows in the terminal of pytest how the measuring goes on, in lines of their own.

In a terminal one line is written over and over; in a log there is one line a sitting, and none with `-q`. What the
test itself writes is captured meanwhile, so capturing is put off for the moment of a line.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from harness.quantities import counted
from harness.record import Cycle, Incident, Phase

REFRESH_S = 0.2
"""At least so long stands a line in a terminal before it is written over."""


class Silent:
    """Nobody is told: `-q`, no terminal plugin, or a process of xdist."""

    def sitting(self, case: str, sitting: int, items: int) -> None:
        """Tell nothing."""

    def cycle(self, cycle: Cycle) -> None:
        """Tell nothing."""

    def incident(self, incident: Incident) -> None:
        """Tell nothing."""

    def waiting(self, device: str, holder: str) -> None:
        """Tell nothing."""

    def rest(self) -> None:
        """Tell nothing."""


class Lines(Silent):
    """One line for each sitting.

    Args:
        terminal: pytest's terminal reporter.
        capture: its capture manager; None where nothing is captured.
    """

    def __init__(self, terminal: Any, capture: Any) -> None:
        self._terminal = terminal
        self._capture = capture

    def sitting(self, case: str, sitting: int, items: int) -> None:
        """Say which sitting begins."""
        self._say(f"  {case}: sitting {sitting}, {counted(items, 'item')}")

    def incident(self, incident: Incident) -> None:
        """Say what went wrong."""
        self._say(f"  {incident.case}: {incident.what}", yellow=True)

    def waiting(self, device: str, holder: str) -> None:
        """Say who holds the device."""
        self._say(f"  {device}: waiting, it is held by {holder}", yellow=True)

    @contextmanager
    def _shown(self) -> Iterator[None]:
        if self._capture is None:
            yield
            return
        with self._capture.global_and_fixture_disabled():
            yield

    def _say(self, line: str, **markup: bool) -> None:
        with self._shown():
            self._terminal.ensure_newline()
            self._terminal.write_line(line, **markup)


class Live(Lines):
    """One line that is written over, in a terminal.

    Args:
        terminal, capture: as of `Lines`.
        clock: monotonic seconds.
    """

    def __init__(self, terminal: Any, capture: Any, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(terminal, capture)
        self._clock = clock
        self._at_s = float("-inf")
        self._line = ""
        self._items = self._valid = self._void = self._right = 0

    def sitting(self, case: str, sitting: int, items: int) -> None:
        """Begin a new line."""
        if not self._line:
            with self._shown():
                self._terminal.ensure_newline()
        self._line = f"  {case}: sitting {sitting}"
        self._items, self._valid, self._void, self._right = items, 0, 0, 0
        self._rewrite(f"{self._line}: loading, warming up")

    def cycle(self, cycle: Cycle) -> None:
        """Count it, and write the line over where it stood long enough."""
        if cycle.phase is not Phase.MEASURE:
            return
        self._valid += cycle.valid
        self._void += not cycle.valid
        self._right += cycle.valid and cycle.correct is True
        if self._clock() - self._at_s >= REFRESH_S:
            void = f", {self._void} void" if self._void else ""
            self._rewrite(f"{self._line}: {self._valid}/{self._items} cycles, {self._right} right{void}")

    def rest(self) -> None:
        """Take the line away, so that pytest finds the terminal as it left it."""
        if self._line:
            self._rewrite("")
            self._line = ""

    def _say(self, line: str, **markup: bool) -> None:
        self.rest()
        super()._say(line, **markup)

    def _rewrite(self, line: str) -> None:
        self._at_s = self._clock()
        with self._shown():
            self._terminal.rewrite(line, erase=True)


def watch(config: pytest.Config) -> Silent:
    """What fits the terminal and the verbosity."""
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if terminal is None or config.get_verbosity() < 0:
        return Silent()
    capture = config.pluginmanager.getplugin("capturemanager")
    return (Live if terminal.isatty else Lines)(terminal, capture)
