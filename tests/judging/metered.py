"""This module writes runs of one case behind any kind of meter, for the tests of budgets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from records import CASES, PERIOD_NS, closed, cycle, opened, run_start, run_stop

from harness.judging.cases import CaseResult, case_results
from harness.store import SAMPLE, Run, RunWriter, read_run

CASE = CASES[0]
METER: Mapping[str, Any] = {
    "kind": "ina226",
    "shunt_ohm": 0.01,
    "average": 1,
    "chip": "genuine",
    "shunt_tolerance": 0.01,
    "shunt_tcr_per_k": 75e-6,
    "temperature_span_k": 20.0,
    "supply_v": 3.3,
}
SHUNT_COUNTS, BUS_COUNTS = 4000, 4000
"""10 mV and 5 V: 1 A through 10 mohm, 5 W."""
LEAST_REGISTER = 500
"""Smaller first integers are the high half of one number, and do not scatter."""

Counts = tuple[int, int]


def measured(folder: Path, **changes: Any) -> CaseResult:
    """The result of the one case of `written`."""
    [result] = case_results(written(folder, **changes))
    return result


def written(
    folder: Path,
    *,
    meter: Mapping[str, Any] = METER,
    start: Mapping[str, Any] | None = None,
    opening: Mapping[str, Any] | None = None,
    closing: Mapping[str, Any] | None = None,
    cycles: Mapping[str, Any] | None = None,
    samples: bool = True,
    counts: Counts = (SHUNT_COUNTS, BUS_COUNTS),
) -> Run:
    """A run of one case in three sittings of 20 cycles, 5 W at 5 V."""
    first = run_start(
        **{
            "cases": (CASE,),
            "order": tuple((CASE, sitting) for sitting in (1, 2, 3)),
            "origin": "measured",
            "device": {"id": "bench-a", "meter": dict(meter)},
            **(start or {}),
        }
    )
    with RunWriter.create(folder, first) as writer:
        for sitting in (1, 2, 3):
            writer.opened(opened(sitting=sitting, **(opening or {})))
            made = [cycle(writer.next_seq + place, sitting=sitting, **(cycles or {})) for place in range(20)]
            for each in made:
                writer.cycle(each)
            if samples:
                writer.samples(CASE, sitting, 1, raw(made[0].begin_ns, made[-1].end_ns, counts))
            writer.closed(closed(sitting=sitting, **(closing or {})))
        writer.stop(run_stop())
        path = writer.path
    return read_run(path)


def raw(begin_ns: int, end_ns: int, counts: Counts = (SHUNT_COUNTS, BUS_COUNTS)) -> np.ndarray[Any, Any]:
    """Samples over a stretch of time whose first integer scatters by a count or two where it is a register."""
    stamps = np.arange(begin_ns, end_ns, PERIOD_NS)
    rng = np.random.default_rng(begin_ns % 1000)
    made = np.zeros(len(stamps), SAMPLE)
    made["ready_ns"] = stamps
    shunt, bus = counts
    made["shunt"] = shunt + (rng.integers(-2, 3, len(stamps)) if shunt > LEAST_REGISTER else 0)
    made["bus"] = bus
    return made
