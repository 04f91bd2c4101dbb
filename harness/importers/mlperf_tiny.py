"""This module makes runs of MLPerf Tiny results: one run for each task and mode of a board, of origin `imported`.

MLPerf Tiny measures energy, performance and accuracy one after the other, with another set-up each time. They
stay apart here as well: a cycle of the energy run is one window of that run, and so on. No cycle joins figures
of two modes, and each run says so.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.importers.tiny_results import TinyResult, Window
from harness.profile import Origin
from harness.provenance import clock_anchor, read_provenance, utc_now
from harness.record import (
    SCHEMA_VERSION,
    Cycle,
    Phase,
    RunStart,
    RunStop,
    SittingClosed,
    SittingOpened,
    Void,
)
from harness.store import RunWriter
from harness.store.power import SAMPLE
from harness.trace import Trace

INTERVAL_S = 1e-3
"""Each sample of the runner's energy mode is the joules of this long (benchmark/runner/README.md)."""

BETWEEN_TRACES_NS = 1_000_000_000
"""Nobody wrote down how much time lies between two traces; so much stands for it, and is seen as a gap."""

STAMP_NS = 1_000
"""The device's stamps are in microseconds."""

TITLES = {
    "ad": "anomaly detection",
    "ic": "image classification",
    "kws": "keyword spotting",
    "vww": "visual wake words",
}

HOLDS = {
    "energy": "energy, the length of the window to one sample of the meter, and the output of its input",
    "performance": "the length of the window by the device's own clock and the output of its input, no energy",
    "accuracy": "single inferences by the device's own clock and their outputs, no energy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One window on the time of its run.

    Attributes:
        begin_ns, end_ns: as of a cycle.
        uncertainty_ns: of both.
        energy_j, samples: as of a cycle.
        raw: samples of the meter as the store keeps them; empty without one.
        void: reasons.
    """

    begin_ns: int
    end_ns: int
    uncertainty_ns: int
    energy_j: float | None
    samples: int
    raw: NDArray[Any]
    void: Sequence[Void] = ()


def import_result(results: Path, result: TinyResult, *, interval_s: float = INTERVAL_S) -> Path:
    """Write one mode of one task as a complete run.

    Args:
        results: results folder.
        result: as read.
        interval_s: of one sample in energy mode.

    Returns:
        The run directory.

    Raises:
        StoreError: it cannot be written.
    """
    case = case_id(result)
    names = list(dict.fromkeys(window.file for window in result.windows))
    unit_j = energy_unit(result)
    with RunWriter.create(results, _start(result, case, len(names))) as writer:
        writer.opened(_opened(result, case, unit_j, interval_s))
        samples, now_ns = 0, 0
        for window in result.windows:
            if result.mode == "energy":
                seen = _metered(window, now_ns, unit_j, interval_s)
                now_ns = int(seen.raw["ready_ns"][-1]) + BETWEEN_TRACES_NS if len(seen.raw) else now_ns
            else:
                seen = _stamped(window)
            writer.cycle(_cycle(case, writer.next_seq, names.index(window.file), window, seen))
            writer.samples(case, 1, 1, seen.raw)
            samples += len(seen.raw)
        writer.closed(_closed(case, samples))
        writer.stop(RunStop(utc=utc_now(), status="complete", reason="; ".join(result.notes)))
        return writer.path


def case_id(result: TinyResult) -> str:
    """Board, framework, task and precision, as far as the submitter names them."""
    precision = re.search(r"(?i)\b(u?int|fp|bf)(\d+)\b", result.system.get("Quantization Method", ""))
    parts = (
        _slug(result.board.lower(), "board")[:40],
        _slug(result.system.get("Inference Framework", ""), "unknown-engine"),
        _slug(result.task, "task"),
        precision[0].lower() if precision else "unknown",
    )
    return "/".join(parts)


def energy_unit(result: TinyResult) -> float:
    """The largest power of ten in joules of which every sample is a whole number, so that integers keep it all.

    Where there is none it is what fits the largest sample into 32 bits: 1 in 2^31 of it is then lost.
    """
    joules = np.array([sample for window in result.windows for sample in window.joules], np.float64)
    largest = float(np.abs(joules).max(initial=0.0))
    if not largest:
        return 1e-9
    for exponent in range(0, -16, -1):
        unit_j = 10.0**exponent
        counts = np.rint(joules / unit_j)
        if np.abs(counts).max() < 2**31 and np.allclose(counts * unit_j, joules, rtol=1e-12, atol=0.0):
            return unit_j
    return largest / (2**31 - 1)


def _metered(window: Window, begin_ns: int, unit_j: float, interval_s: float) -> Seen:
    """The window between the last two edges of a trace that begins at begin_ns."""
    interval_ns = round(interval_s * 1e9)
    ready_ns = begin_ns + interval_ns * np.arange(1, len(window.joules) + 1, dtype=np.int64)
    raw = _raw(ready_ns, np.asarray(window.joules), unit_j)
    if len(window.edges) < 2 or window.edges[-1] == window.edges[-2]:
        return Seen(
            begin_ns=begin_ns,
            end_ns=begin_ns + max(1, len(window.joules)) * interval_ns,
            uncertainty_ns=interval_ns,
            energy_j=None,
            samples=0,
            raw=raw,
            void=(Void.NOT_JOINED,),
        )
    first_ns, last_ns = (begin_ns + edge * interval_ns for edge in window.edges[-2:])
    trace = Trace.from_stamps(ready_ns, np.asarray(window.joules) / interval_s, period_ns=interval_ns)
    power = trace.window(first_ns, last_ns)
    return Seen(
        begin_ns=first_ns,
        end_ns=last_ns,
        uncertainty_ns=interval_ns,
        energy_j=power.energy_j,
        samples=power.samples,
        raw=raw,
    )


def _raw(ready_ns: NDArray[np.int64], joules: NDArray[np.float64], unit_j: float) -> NDArray[Any]:
    """Samples as whole multiples of the unit, in the two halves that the store has room for."""
    counts = np.rint(joules / unit_j).astype(np.int64)
    raw = np.zeros(len(counts), SAMPLE)
    raw["ready_ns"] = ready_ns
    raw["shunt"] = counts >> 16
    raw["bus"] = counts & 0xFFFF
    return raw


def _stamped(window: Window) -> Seen:
    """The window by the device's own stamps, on the device's own time."""
    return Seen(
        begin_ns=(window.begin_us or 0) * STAMP_NS,
        end_ns=(window.end_us or 0) * STAMP_NS,
        uncertainty_ns=STAMP_NS,
        energy_j=None,
        samples=0,
        raw=np.empty(0, SAMPLE),
    )


def _cycle(case: str, seq: int, item: int, window: Window, seen: Seen) -> Cycle:
    length_ns = seen.end_ns - seen.begin_ns
    # The source tells the whole window. Its even parts add up to it; the sitting's record says what they are.
    stamps = [length_ns * done // window.iterations for done in range(window.iterations + 1)]
    outputs = json.dumps(list(window.outputs)).encode()
    return Cycle(
        seq=seq,
        case=case,
        sitting=1,
        part=1,
        phase=Phase.MEASURE,
        item=item,
        label=window.label,
        begin_ns=seen.begin_ns,
        end_ns=seen.end_ns,
        clock_uncertainty_ns=seen.uncertainty_ns,
        latencies_ns=[after - before for before, after in pairwise(stamps)],
        energy_j=seen.energy_j,
        samples=seen.samples,
        coverage=1.0 if seen.energy_j is not None else 0.0,
        lost=0,
        saturated=0,
        predicted=int(np.argmax(window.outputs)) if len(window.outputs) > 1 else None,
        output_sha256=hashlib.sha256(outputs).hexdigest(),
        void=tuple(seen.void),
    )


def _start(result: TinyResult, case: str, items: int) -> RunStart:
    device, engine, task, precision = case.split("/")
    inputs = json.dumps(sorted({(window.file, window.label) for window in result.windows}))
    supply = next((window.supply_v for window in result.windows if window.supply_v), None)
    title = TITLES.get(task, task)
    return RunStart(
        schema_version=SCHEMA_VERSION,
        run="",
        **clock_anchor(),
        suite={
            "id": f"mlperf-tiny-{task}",
            "title": f"MLPerf Tiny {title}: {result.mode} of {result.board}",
            "sha256": hashlib.sha256(f"{task} {inputs}".encode()).hexdigest(),
            "files": {f"{task}/{result.mode}/{result.path.name}": result.sha256},
            "system": dict(result.system),
            "notes": list(result.notes),
            "caution": caution(result),
        },
        device={
            "id": device,
            "board": {"id": device, "title": result.board},
            "meter": {
                "kind": "mlperf-tiny",
                "boundary": "what the submitter's energy monitor feeds"
                + (f", at {supply:g} V" if supply else ""),
            }
            if result.mode == "energy"
            else None,
        },
        protocol={"name": f"mlperf-tiny {result.mode}", "sittings": 1},
        cases=[case],
        order=[(case, 1)],
        items={"1": list(range(items))},
        limits=[],
        origin=str(Origin.IMPORTED),
        seed=0,
        plan_sha256=result.sha256,
        provenance=read_provenance(Path.cwd()),
        found={"engine": engine, "precision": precision},
    )


APART = "MLPerf Tiny takes energy, performance and accuracy in separate runs, and no cycle here joins two of them."
"""What a reader must not miss of all of them together."""


def caution(result: TinyResult) -> str:
    """What a reader must not miss of one run."""
    others = " and ".join(mode for mode in HOLDS if mode != result.mode)
    return (
        f"{APART} This is the {result.mode} run: its cycles hold {HOLDS[result.mode]}. Figures of {others} belong to "
        "runs of their own."
    )


def _opened(result: TinyResult, case: str, unit_j: float, interval_s: float) -> SittingOpened:
    first = result.windows[0]
    metered = result.mode == "energy"
    return SittingOpened(
        case=case,
        sitting=1,
        part=1,
        utc="",
        opened_ns=0,
        requested={"iterations": first.iterations, "warmups": first.warmups, "mode": result.mode},
        executed={"precision": None, "versions": {}},
        cold_start={},
        meter={"kind": "mlperf-tiny", "origin": str(Origin.IMPORTED), "interval_s": interval_s}
        if metered
        else None,
        period_ns=interval_s * 1e9 if metered else None,
        lag_ns=0.0 if metered else None,
        watts={"unit_w": unit_j / interval_s, "kind": "power"} if metered else None,
        idle_before_w=None,
        inference_s=_inference_s(first, interval_s),
        repeats=first.iterations,
        lead=0,
        tail=0,
        beat=None,
        preflight_correct=0,
        preflight_items=0,
        environment={},
        whole_windows=any(window.iterations > 1 for window in result.windows),
    )


def _inference_s(window: Window, interval_s: float) -> float:
    if window.begin_us is not None and window.end_us is not None:
        return (window.end_us - window.begin_us) * 1e-6 / window.iterations
    first, last = window.edges[-2:] if len(window.edges) > 1 else (0, len(window.joules))
    return (last - first) * interval_s / window.iterations


def _closed(case: str, samples: int) -> SittingClosed:
    return SittingClosed(
        case=case,
        sitting=1,
        part=1,
        utc="",
        idle_after_w=None,
        memory={},
        samples=samples,
        lost=0,
        sampler_on_s=None,
        sampler_off_s=None,
        dead_time_s=None,
        environment={},
    )


def _slug(text: str, otherwise: str) -> str:
    """A segment of an id: what is no letter, digit, dot, plus or hyphen becomes one hyphen."""
    slug = re.sub(r"[^A-Za-z0-9.+]+", "-", text).strip("-.+")[:64]
    return slug or otherwise
