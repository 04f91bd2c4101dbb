"""This module makes whole runs for tests of judging and reports, written and read back by the real store.

The figures are synthetic and those of no device.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from records import closed, opened, run_start, run_stop

from harness.record import Cycle, Incident, Phase, Void
from harness.store import Run, RunWriter, read_run

DEVICE: Mapping[str, Any] = {
    "id": "bench-a",
    "board": {"id": "bench-board", "title": "Bench board"},
    "meter": {
        "kind": "ina226",
        "shunt_conversion_s": 1.1e-3,
        "bus_conversion_s": 140e-6,
        "average": 1,
        "vbus_tap": "load",
        "boundary": "5 V input",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a case behaves while it is measured.

    Attributes:
        case: id.
        latency_s: mean latency.
        power_w: mean power in the windows; None for no energy.
        wrong: items answered wrongly in all cycles.
        executed: precision that ran.
        spread: relative standard deviation between sittings.
        void: sitting to items void in it, whatever is tried.
        unmeasured: sittings that never began.
    """

    case: str
    latency_s: float = 1e-3
    power_w: float | None = 5.0
    wrong: Sequence[int] = ()
    executed: str = "fp32"
    spread: float = 0.01
    void: Mapping[int, Sequence[int]] | None = None
    unmeasured: Sequence[int] = ()


def write_run(  # noqa: PLR0917 (tests name them)
    results: Path,
    behaviours: Sequence[Behaviour],
    sittings: int = 3,
    items: int = 20,
    repeats: int = 10,
    incidents: Sequence[Incident] = (),
    **start: Any,
) -> Run:
    """Write a complete run and read it back."""
    cases = [behaviour.case for behaviour in behaviours]
    numbers = range(1, sittings + 1)
    values: dict[str, Any] = {
        "cases": cases,
        "order": [(case, sitting) for sitting in numbers for case in cases],
        "items": {str(sitting): list(range(items)) for sitting in numbers},
        "limits": (),
        "device": DEVICE,
        "suite": {"id": "digits", "title": "Handwritten digits", "sha256": "0" * 64},
        "provenance": {"command": ["harness", "run", "digits"], "versions": {"python": "3.11.0"}},
    }
    with RunWriter.create(results, run_start(**(values | start))) as writer:
        for sitting in numbers:
            for place, behaviour in enumerate(behaviours):
                if sitting not in behaviour.unmeasured:
                    _sitting(
                        writer, behaviour, sitting, items, repeats, np.random.default_rng([sitting, place])
                    )
        for incident in incidents:
            writer.incident(incident)
        writer.stop(run_stop())
        path = writer.path
    return read_run(path)


def slowed(run: Run, case: str, throttle_count: int) -> Run:
    """The run with the last third of each sitting of a case slower by half, and a throttle counter that rose so far."""
    frame, latencies = run.cycles.copy(), run.all_latencies_ns.copy()
    ends = np.cumsum(frame["repeats"].to_numpy())
    for sitting in frame.loc[frame["case"] == case, "sitting"].unique():
        rows = np.flatnonzero((frame["case"] == case) & (frame["sitting"] == sitting))
        for row in rows[2 * len(rows) // 3 :]:
            here = slice(ends[row] - frame["repeats"].iloc[row], ends[row])
            latencies[here] = latencies[here] * 3 // 2
            frame.loc[row, "end_ns"] = frame["begin_ns"].iloc[row] + latencies[here].sum()
    opened = [replace(each, environment={"throttle_count": {"cpu0": 7}}) for each in run.opened]
    closed = [
        replace(each, environment={"throttle_count": {"cpu0": 7 + throttle_count}}) for each in run.closed
    ]
    return replace(run, cycles=frame, all_latencies_ns=latencies, opened=opened, closed=closed)


def _sitting(  # noqa: PLR0917 (called once)
    writer: RunWriter,
    behaviour: Behaviour,
    sitting: int,
    items: int,
    repeats: int,
    rng: np.random.Generator,
) -> None:
    place: dict[str, Any] = {"case": behaviour.case, "sitting": sitting}
    meter = None if behaviour.power_w is None else {"origin": "simulated", "config": 0x4027}
    writer.opened(opened(**place, repeats=repeats, executed={"precision": behaviour.executed}, meter=meter))
    level = 1 + behaviour.spread * rng.standard_normal()
    for item in range(items):
        latencies_ns = (
            (behaviour.latency_s * level * 1e9 * rng.lognormal(0, 0.02, repeats)).astype(int).tolist()
        )
        begin_ns = 10**12 + writer.next_seq * 10**8
        energy_j = None
        if behaviour.power_w is not None:
            energy_j = behaviour.power_w * sum(latencies_ns) * 1e-9 * rng.normal(1, 0.01)
        writer.cycle(
            Cycle(
                seq=writer.next_seq,
                **place,
                part=1,
                phase=Phase.MEASURE,
                item=item,
                label=item % 10,
                begin_ns=begin_ns,
                end_ns=begin_ns + sum(latencies_ns),
                clock_uncertainty_ns=0,
                latencies_ns=latencies_ns,
                energy_j=energy_j,
                samples=10,
                coverage=1.0,
                lost=0,
                saturated=0,
                predicted=(item + (item in behaviour.wrong)) % 10,
                output_sha256="0" * 64,
                void=(Void.GAP,) if item in (behaviour.void or {}).get(sitting, ()) else (),
            )
        )
    writer.closed(closed(**place))
