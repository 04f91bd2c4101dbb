"""This module reads the power management chip of a Raspberry Pi 5, by `vcgencmd pmic_read_adc`.

Its rails are paired by name, `3V3_SYS_A current(1)=0.05A` with `3V3_SYS_V volt(9)=3.3V`, and their power is summed.
What does not flow through these rails is not in the sum: USB devices, HATs, an NVMe disk, and the chip's own loss.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import MeterError
from harness.instruments import PmicMeter
from harness.meters import Stream
from harness.meters.polled import Polled
from harness.meters.word import PowerWord, Readout, split

UNIT_W = 1e-6
COMMAND = "vcgencmd"
TIMEOUT_S = 2.0

_LINE = re.compile(r"\s*(\w+)_([AV]) (?:current|volt)\(\d+\)=(-?\d+(?:\.\d+)?)[AV]\s*")


def rails_of(answer: str) -> Mapping[str, tuple[float, float]]:
    """Amperes and volts of each rail that has both.

    Raises:
        MeterError: not one rail has both.
    """
    found: dict[str, dict[str, float]] = {}
    for line in answer.splitlines():
        if match := _LINE.fullmatch(line):
            found.setdefault(match[1], {})[match[2]] = float(match[3])
    rails = {name: (pair["A"], pair["V"]) for name, pair in found.items() if len(pair) == 2}
    if not rails:
        raise MeterError(
            f"{COMMAND} pmic_read_adc: found {answer.strip()[:60]!r}, expected pairs such as "
            "3V3_SYS_A current(1)=0.05A and 3V3_SYS_V volt(9)=3.3V; only a Raspberry Pi 5 has them"
        )
    return rails


def ask_pmic() -> str:
    """What the command prints.

    Raises:
        MeterError: there is no such command, or it fails.
    """
    command = shutil.which(COMMAND)
    if command is None:
        raise MeterError(f"meter.kind: pmic needs the command {COMMAND}, which this machine does not have")
    try:
        done = subprocess.run(
            [command, "pmic_read_adc"], check=True, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MeterError(
            f"{COMMAND} pmic_read_adc failed ({error}); is this user in the group video?"
        ) from error
    return done.stdout


class Pmic:
    """The sum of the rails; a `Source`.

    Args:
        ask: gives what `vcgencmd pmic_read_adc` prints.
    """

    def __init__(self, ask: Callable[[], str] = ask_pmic) -> None:
        self._ask = ask
        self.readout: Readout = PowerWord(unit_w=UNIT_W)
        self.update_s: float | None = None

    def open(self) -> Mapping[str, Any]:
        """Ask once, and note the rails."""
        return {"chip": "PMIC of a Raspberry Pi 5", "rails": sorted(rails_of(self._ask()))}

    def read(self) -> tuple[int, int]:
        """Halves of the sum in uW."""
        watts = sum(current_a * voltage_v for current_a, voltage_v in rails_of(self._ask()).values())
        return split(round(watts / UNIT_W))

    def close(self) -> None:
        """There is nothing to let go of."""


def open_pmic(meter: PmicMeter, ask: Callable[[], str] = ask_pmic) -> Stream:
    """The stream of the rails, not yet opened."""
    return Polled(Pmic(ask), origin=meter.origin, period_s=meter.period_s)
