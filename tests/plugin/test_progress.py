"""What the terminal shows while it is measured."""

import os
import pty
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from plugin import lab
from plugin.conftest import session
from records import cycle, incident

from harness.pytest_plugin.progress import Lines, Live, Silent
from harness.record import Phase, Void


class Terminal:
    """Stands for pytest's terminal reporter and its capture manager: it keeps what is written, and whether captured."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.captured = True

    @contextmanager
    def global_and_fixture_disabled(self) -> Any:
        """Put off capturing."""
        self.captured = False
        yield
        self.captured = True

    def ensure_newline(self) -> None:
        """Begin a line."""
        self.written.append("\n")

    def write_line(self, line: str, **_: bool) -> None:
        """Write a line."""
        assert not self.captured
        self.written.append(line)

    def rewrite(self, line: str, *, erase: bool) -> None:
        """Write over the line."""
        assert erase
        assert not self.captured
        self.written.append(f"\r{line}")


def test_lines_are_one_a_sitting() -> None:
    """A log gets one line a sitting and one an incident, and none a cycle."""
    terminal = Terminal()
    watcher = Lines(terminal, terminal)
    watcher.sitting("a/b/c/d", 1, 20)
    watcher.cycle(cycle(0))
    watcher.incident(incident(case="a/b/c/d", what="It fell silent."))
    watcher.waiting("a", "another")
    watcher.rest()

    assert [
        "  a/b/c/d: sitting 1, 20 items",
        "  a/b/c/d: It fell silent.",
        "  a: waiting, it is held by another",
    ] == [line for line in terminal.written if line != "\n"]


def test_live_line_counts_and_goes() -> None:
    """A terminal gets one line that counts cycles, at most five times a second, and is taken away at the end."""
    terminal = Terminal()
    times = SimpleNamespace(now_s=0.0)
    watcher = Live(terminal, terminal, clock=lambda: times.now_s)
    watcher.sitting("a/b/c/d", 2, 3)
    watcher.cycle(cycle(0, phase=Phase.WARMUP))
    for number, step_s in enumerate((0.0, 0.3, 0.1, 0.3), 1):
        times.now_s += step_s
        watcher.cycle(cycle(number, void=(Void.GAP,) if number == 4 else ()))
    watcher.rest()
    watcher.rest()

    assert [
        "\n",
        "\r  a/b/c/d: sitting 2: loading, warming up",
        "\r  a/b/c/d: sitting 2: 2/3 cycles, 2 right",
        "\r  a/b/c/d: sitting 2: 3/3 cycles, 3 right, 1 void",
        "\r",
    ] == terminal.written


def test_live_line_makes_room_for_others() -> None:
    """An incident stands on a line of its own, above the live one."""
    terminal = Terminal()
    watcher = Live(terminal, None)
    terminal.captured = False
    watcher.sitting("a/b/c/d", 1, 3)
    watcher.incident(incident(case="a/b/c/d", what="It fell silent."))

    assert ["\r", "\n", "  a/b/c/d: It fell silent."] == terminal.written[-3:]


def test_silence_is_silent() -> None:
    """Where nobody looks, nothing is told."""
    watcher = Silent()

    assert [None] * 5 == [
        watcher.sitting("a", 1, 1),
        watcher.cycle(cycle(0)),
        watcher.incident(incident()),
        watcher.waiting("a", "b"),
        watcher.rest(),
    ]


def test_terminal_ends_as_pytest_wants_it(workspace: Path) -> None:
    """In a real terminal the live line is written over, and each test's result stands on a line as always."""
    master, slave = pty.openpty()
    command = session("-p", "no:cacheprovider")
    process = subprocess.Popen(
        [*command, "-k", "fp32", "-v"], stdin=slave, stdout=slave, stderr=slave, cwd=workspace
    )
    os.close(slave)
    said = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # how a pseudo-terminal says that its last process is gone
            break
        said += piece
    os.close(master)

    assert pytest.ExitCode.OK == process.wait()
    text = said.decode()
    assert re.search(
        rf"\r  {lab.GOOD}: sitting 1: loading, warming up +\r  {lab.GOOD}: sitting 1: \d+/{lab.ITEMS} cycles",
        text,
    )
    assert re.search(rf"^suites/sides\.yaml::{lab.GOOD} .*PASSED", text, re.MULTILINE)
