"""This module is a guest: a real kernel that boots, runs one command on the host's own files, and ends."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

KILL_S = 5.0
"""Between asking a guest to end and ending it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a boot ended.

    Attributes:
        status: exit status of the process that was the guest; None when it took too long.
        code: exit code of the command inside; None when it never came to its end.
        output: what the command wrote.
        console: what the kernel and its first process wrote.
        duration_s: from the start of the process to its end.
    """

    status: int | None
    code: int | None
    output: str
    console: str
    duration_s: float

    @property
    def last_words(self) -> str:
        """The panic, or the last line of the console, or what there is instead."""
        lines = [line.strip() for line in self.console.splitlines() if line.strip()]
        panics = [line for line in lines if "panic" in line]
        return (panics or lines or [f"status {self.status}, no word on the console"])[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A kernel that was made ready.

    Attributes:
        way: `uml` or `qemu`.
        kernel: its version.
        folder: where its files are.
    """

    way: str
    kernel: str
    folder: Path

    def watch(
        self, command: Sequence[str], environment: Mapping[str, str], scratch: Path, timeout_s: float
    ) -> Ended:
        """Run the process that is the guest until it ends or its time is over.

        Args:
            command: its arguments.
            environment: its variables.
            scratch: folder for the console; `out` beside it holds the results.
            timeout_s: after this long it is ended.
        """
        began_s = time.monotonic()
        console = scratch / "console"
        with console.open("wb") as handle:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            status = _awaited(process, timeout_s)
        out = scratch / "out"
        code = out / "code"
        return Ended(
            status=status,
            code=int(code.read_text()) if code.exists() and code.read_text().strip() else None,
            output=_text(out / "output"),
            console=_text(console),
            duration_s=time.monotonic() - began_s,
        )


def _awaited(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # Its session is its own: nothing but the guest is ended.
        for number, patience_s in ((signal.SIGTERM, KILL_S), (signal.SIGKILL, KILL_S)):
            if process.poll() is not None:
                break
            os.killpg(process.pid, number)
            try:
                process.wait(patience_s)
            except subprocess.TimeoutExpired:
                continue


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
