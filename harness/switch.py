"""This module switches the power of a device off and on again, by the command that its file names.

The command is run as it stands, never by a shell. Its arguments may hold a password, and what it says may repeat
one: neither is in a message, an incident or a record; the name of its program is.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from harness.errors import BenchError
from harness.profile import PowerCycle

BY_HAND = "run the command of the device's file by hand to see what it says"


def find_program(how: PowerCycle, place: Path) -> str:
    """Where the program of the command lies; one with a slash is relative to the folder of the device's file.

    Args:
        how: the command.
        place: the device's file.

    Raises:
        BenchError: there is none, or it may not be run.
    """
    name = how.command[0]
    found = shutil.which(str(place.parent / name) if "/" in name else name)
    if found is None:
        where = "beside the file" if "/" in name else "on the search path"
        raise BenchError(
            f"{place}: power_cycle.command: there is no program {name!r} {where} that may be run; "
            "install it, or correct the file"
        )
    return found


def cycle_power(how: PowerCycle, place: Path, sleep: Callable[[float], None] = time.sleep) -> str:
    """Switch the power off and on, and wait until the device has settled; what was done, in a sentence.

    Args:
        how: the command and the waiting.
        place: the device's file.
        sleep: lets seconds pass.

    Raises:
        BenchError: the command is not there, failed, or did not end in time; it is then ended.
    """
    program = find_program(how, place)
    try:
        code = _run([program, *how.command[1:]], how.limit_s)
    except OSError as error:
        raise BenchError(
            f"{place}: power_cycle.command: {how.program} cannot be run: {error.strerror}"
        ) from None
    except subprocess.TimeoutExpired:
        raise BenchError(
            f"{place}: power_cycle.command: {how.program} did not end within {how.limit_s:g} s and was ended; "
            f"{BY_HAND}, or raise power_cycle.limit_s"
        ) from None  # the text of the cause holds the arguments
    if code:
        ended = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        raise BenchError(f"{place}: power_cycle.command: {how.program} {ended}, expected 0; {BY_HAND}")
    sleep(how.settle_s)
    return f"the power was cycled by {how.program}, {how.settle_s:g} s were given to settle"


def _run(command: list[str], limit_s: float) -> int:
    """Its exit code; where it does not end in time it is killed with all that it started."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,  # Ctrl-C is the bench's to handle
    ) as process:
        try:
            return process.wait(limit_s)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
