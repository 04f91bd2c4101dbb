"""This module asks a bench instrument for its power, by a query in SCPI over VISA (package pyvisa)."""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from harness.errors import MeterError
from harness.instruments import ScpiMeter
from harness.meters import Stream
from harness.meters.polled import Polled
from harness.meters.word import PowerWord, Readout, split

UNIT_W = 1e-6
TIMEOUT_MS = 2000
LARGEST_W = 2000.0
"""The integer of a sample ends at 2147 W; an instrument's mark of overload is far above."""


def load_visa() -> Any:
    """VISA's resource manager.

    Raises:
        MeterError: pyvisa or a backend for it is not installed.
    """
    try:
        import pyvisa  # noqa: PLC0415 -- only where a profile names an instrument

        return pyvisa.ResourceManager("@py")
    except (ImportError, ValueError, OSError) as error:
        raise MeterError(
            f"meter.kind: scpi needs pyvisa and pyvisa-py ({error}): pip install 'pareto-harness[scpi]'"
        ) from error


class Instrument:
    """One instrument; a `Source`.

    Args:
        meter: which, and what it is asked.
        visa: resource manager; None for the installed one.
    """

    def __init__(self, meter: ScpiMeter, visa: Any = None) -> None:
        self._meter = meter
        self._visa = visa
        self._resource: Any = None
        self.readout: Readout = PowerWord(unit_w=UNIT_W)
        self.update_s: float | None = None

    def open(self) -> Mapping[str, Any]:
        """Open the instrument and ask who it is."""
        visa = self._visa or load_visa()
        try:
            self._resource = visa.open_resource(self._meter.resource)
            self._resource.timeout = TIMEOUT_MS
            identity = str(self._resource.query("*IDN?")).strip()
        except Exception as error:  # each backend of VISA has errors of its own
            raise MeterError(
                f"meter.resource: {self._meter.resource} does not answer *IDN? ({error}); check cable and name"
            ) from error
        return {"chip": identity[:200], "resource": self._meter.resource, "query": self._meter.query}

    def read(self) -> tuple[int, int]:
        """Halves of the power in uW."""
        try:
            answer = str(self._resource.query(self._meter.query)).strip()
        except Exception as error:  # as above
            raise MeterError(
                f"{self._meter.resource} does not answer {self._meter.query} ({error})"
            ) from error
        try:
            watts = float(answer)
        except ValueError:
            watts = math.nan
        if not abs(watts) <= LARGEST_W:
            raise MeterError(
                f"{self._meter.resource}: {self._meter.query} gave {answer[:40]!r}, expected watts up to "
                f"{LARGEST_W:g}; check range and query"
            )
        return split(round(watts / UNIT_W))

    def close(self) -> None:
        """Close the instrument."""
        resource, self._resource = self._resource, None
        if resource is not None:
            with suppress(Exception):  # what is unplugged cannot be closed
                resource.close()


def open_scpi(meter: ScpiMeter, visa: Any = None) -> Stream:
    """The stream of an instrument, not yet opened."""
    return Polled(Instrument(meter, visa), origin=meter.origin, period_s=meter.period_s)
