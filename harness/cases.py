"""This module makes the table of one row per case from the records of a run.

Figures are computed here each time they are read and stored nowhere; only valid, measured cycles count.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.errors import StoreError
from harness.record import Phase, SittingClosed, SittingOpened
from harness.stats import REPLICATES, Estimate, absent, between_sittings, percentiles, ratio, wilson
from harness.store import Run

FIGURES = (
    "latency_p50_s",
    "latency_p99_s",
    "energy_per_inference_j",
    "energy_above_idle_per_inference_j",
    "power_mean_w",
    "accuracy",
    "memory_peak_bytes",
    "cold_start_s",
)
"""Names of the estimates of each case that tables show, in their order."""

LEVELS = {"latency_p50_s": 0.50, "latency_p90_s": 0.90, "latency_p95_s": 0.95, "latency_p99_s": 0.99}
"""Percentiles of the latency; those that no table shows can be limited."""

REQUIRED = ("latency_p99_s", "energy_per_inference_j", "accuracy")
"""Without these a case is incomplete: it is shown, and not ranked."""

UNCOVERED_SHARE = 0.01
"""More than this share of the planned items without a valid cycle makes a case incomplete."""

METER_SETTINGS = (
    "kind",
    "shunt_conversion_s",
    "bus_conversion_s",
    "average",
    "vbus_tap",
    "boundary",
)
"""What of a meter must agree between cases on one front; shunt and address are each device's own affair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What one run says of one case.

    Attributes:
        case: id; its four segments are device, engine, model and nominal precision.
        run: id of the run.
        device, board, engine, model, precision: what the case is made of; board is empty where the run names none.
        executed_precision: what really ran; more than one joined by "; ", empty where nobody could tell.
        origin: of the power figures; None without a meter.
        sittings, parts: sittings with a valid cycle, and the attempts they took.
        cycles: valid measured cycles.
        void: measured cycles that count for nothing.
        void_reasons: reason to number; a cycle with two reasons is counted in both.
        items: distinct items with a valid cycle.
        estimates: by the names in `FIGURES`, and of quantities that only limits or details ask for.
        conditions: field to value of all that must agree on one front.
        limits: of the run, as text.
        incomplete: why the case has no rank; empty for a complete case.
    """

    case: str
    run: str
    device: str
    board: str
    engine: str
    model: str
    precision: str
    executed_precision: str
    origin: str | None
    sittings: int
    parts: int
    cycles: int
    void: int
    void_reasons: Mapping[str, int]
    items: int
    estimates: Mapping[str, Estimate]
    conditions: Mapping[str, str]
    limits: Sequence[str]
    incomplete: str

    def estimate(self, quantity: str) -> Estimate:
        """The estimate of a quantity; `error` is one minus the accuracy, one never asked for is absent."""
        if quantity == "error":
            return self.estimates["accuracy"].complement()
        return self.estimates.get(quantity) or absent(f"{quantity} is not computed for a case")


def case_results(run: Run) -> list[CaseResult]:
    """One result per planned case, in the order of the plan; also for cases nothing was measured of.

    Raises:
        StoreError: a case has no id of four segments.
    """
    conditions = _conditions(run)
    measured = run.cycles[run.cycles["phase"] == Phase.MEASURE.value]
    by_case = dict(tuple(measured.groupby("case", sort=False)))
    return [
        _case_result(run, case, by_case.get(case, measured.iloc[:0]), conditions) for case in run.start.cases
    ]


def _case_result(run: Run, case: str, measured: pd.DataFrame, conditions: Mapping[str, str]) -> CaseResult:
    segments = case.split("/")
    if len(segments) != 4:
        raise StoreError(
            f"{run.path}: holds the case {case!r:.80}, expected device/engine/model/precision; "
            "the run was not written by this harness: measure again"
        )
    device, engine, model, precision = segments
    valid = measured[measured["void"] == ""].sort_values("seq")
    voids = measured.loc[measured["void"] != "", "void"]
    opened = [record for record in run.opened if record.case == case]
    closed = [record for record in run.closed if record.case == case]
    estimates = _estimates(run, case, valid, opened, closed)
    board = run.start.device.get("board")
    return CaseResult(
        case=case,
        run=run.start.run,
        device=device,
        board=str(board.get("id", "")) if isinstance(board, Mapping) else str(board or ""),
        engine=engine,
        model=model,
        precision=precision,
        executed_precision=_distinct(record.executed.get("precision") for record in opened),
        origin=run.start.origin,
        sittings=int(valid["sitting"].nunique()),
        parts=len(valid[["sitting", "part"]].drop_duplicates()),
        cycles=len(valid),
        void=len(voids),
        void_reasons=dict(sorted(Counter(reason for text in voids for reason in text.split(";")).items())),
        items=int(valid["item"].nunique()),
        estimates=estimates,
        conditions=conditions,
        limits=tuple(run.start.limits),
        incomplete="; ".join([*_missing_work(run, case, valid), *_missing_figures(estimates)]),
    )


def _estimates(
    run: Run,
    case: str,
    valid: pd.DataFrame,
    opened: Sequence[SittingOpened],
    closed: Sequence[SittingClosed],
) -> dict[str, Estimate]:
    latencies = [run.latencies_ns(case, sitting) for sitting in sorted(valid["sitting"].unique())]
    return {
        **_latencies(latencies),
        **_powers(run, valid, opened, closed),
        "accuracy": _accuracy(valid),
        "memory_peak_bytes": _memory(closed),
        "cold_start_s": _cold_start(opened),
        "idle_power_w": _idle_power(opened, closed),
        **_harness_costs(closed),
    }


def _latencies(pieces: Sequence[NDArray[np.int64]]) -> dict[str, Estimate]:
    if not pieces:
        return dict.fromkeys((*LEVELS, "latency_mean_s", "latency_max_s"), absent("no valid cycle"))
    return {
        **dict(zip(LEVELS, percentiles(pieces, list(LEVELS.values()), scale=1e-9), strict=True)),
        "latency_mean_s": ratio(
            [piece.astype(np.float64) * 1e-9 for piece in pieces],
            [np.ones(len(piece)) for piece in pieces],
            unit="inferences",
        ),
        "latency_max_s": Estimate(value=max(int(piece.max()) for piece in pieces) * 1e-9),
    }


def _powers(
    run: Run, valid: pd.DataFrame, opened: Sequence[SittingOpened], closed: Sequence[SittingClosed]
) -> dict[str, Estimate]:
    names = ("energy_per_inference_j", "energy_above_idle_per_inference_j", "power_mean_w")
    without = int(valid["energy_j"].isna().sum())
    if run.start.origin is None:
        return dict.fromkeys(names, absent("no meter"))
    if not len(valid):
        return dict.fromkeys(names, absent("no valid cycle"))
    if without:
        return dict.fromkeys(names, absent(f"{without} valid cycles hold no energy"))
    attempts = list(zip(valid["sitting"], valid["part"], strict=True))
    energy_j = valid["energy_j"].to_numpy(np.float64)
    window_s = (valid["end_ns"] - valid["begin_ns"]).to_numpy(np.float64) * 1e-9
    inferences = valid["repeats"].to_numpy(np.float64)
    idle_w = idle_power_w(opened, closed)
    sitting = valid["sitting"].to_numpy()

    def pieces(values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        return [values[sitting == number] for number in np.unique(sitting)]

    if any(idle_w[attempt] is None for attempt in set(attempts)):
        above_idle = absent("idle power was not taken in every sitting")
    else:
        idle_j = np.array([idle_w[attempt] for attempt in attempts], np.float64) * window_s
        above_idle = ratio(pieces(energy_j - idle_j), pieces(inferences))
    gross = ratio(pieces(energy_j), pieces(inferences))
    return dict(zip(names, (gross, above_idle, ratio(pieces(energy_j), pieces(window_s))), strict=True))


def idle_power_w(
    opened: Sequence[SittingOpened], closed: Sequence[SittingClosed]
) -> dict[tuple[int, int], float | None]:
    """Mean of the idle powers before and after each attempt at a sitting, of those that were taken."""
    after = {(record.sitting, record.part): record.idle_after_w for record in closed}
    idle: dict[tuple[int, int], float | None] = {}
    for record in opened:
        attempt = (record.sitting, record.part)
        taken = [power for power in (record.idle_before_w, after.get(attempt)) if power is not None]
        idle[attempt] = sum(taken) / len(taken) if taken else None
    return idle


def _idle_power(opened: Sequence[SittingOpened], closed: Sequence[SittingClosed]) -> Estimate:
    taken = [power for power in idle_power_w(opened, closed).values() if power is not None]
    if len(taken) >= REPLICATES:
        return between_sittings(taken)
    return Estimate(value=float(np.mean(taken))) if taken else absent("idle power was not taken")


def _accuracy(valid: pd.DataFrame) -> Estimate:
    """Top-1 over distinct items; an item counts as right when more than half of its valid cycles are.

    An output without a class, as of NaN, is not right.
    """
    if valid["predicted"].isna().all():
        return absent("no output held a class" if len(valid) else "no valid cycle")
    right = (valid["predicted"] == valid["label"]).fillna(value=False).astype(float)
    share = right.groupby(valid["item"].to_numpy()).mean()
    return wilson(int((share > 0.5).sum()), len(share))


def _memory(closed: Sequence[SittingClosed]) -> Estimate:
    peaks = [record.memory["peak"] for record in closed if record.memory.get("peak") is not None]
    return (
        Estimate(value=float(max(peaks))) if peaks else absent("no sitting was closed with its memory read")
    )


def _cold_start(opened: Sequence[SittingOpened]) -> Estimate:
    """Median over sittings of loading the model and the first inference; the first attempt of each counts."""
    stages = ("load_s", "first_inference_s")
    starts = [record.cold_start for record in opened if record.part == 1]
    whole = [
        sum(float(start[stage]) for stage in stages) for start in starts if all(s in start for s in stages)
    ]
    return Estimate(value=float(np.median(whole))) if whole else absent("no sitting kept its cold start")


def _harness_costs(closed: Sequence[SittingClosed]) -> dict[str, Estimate]:
    """What the harness itself took: the worst dead time, the median change of latency by the sampler."""
    dead = [record.dead_time_s for record in closed if record.dead_time_s is not None]
    pairs = [(record.sampler_on_s, record.sampler_off_s) for record in closed]
    changes = [on / off - 1 for on, off in pairs if on is not None and off]
    return {
        "dead_time_s": Estimate(value=max(dead)) if dead else absent("not taken"),
        "sampler_overhead": Estimate(value=float(np.median(changes))) if changes else absent("not taken"),
    }


def _missing_work(run: Run, case: str, valid: pd.DataFrame) -> list[str]:
    planned = sorted({sitting for name, sitting in run.start.order if name == case})
    measured = set(valid["sitting"])
    missing = [sitting for sitting in planned if sitting not in measured]
    if missing:
        text = ", ".join(str(sitting) for sitting in missing)
        return [f"sitting {text} of {len(planned)} has no valid cycle (the run is {run.status})"]
    wanted = {(sitting, item) for sitting in planned for item in run.start.items[str(sitting)]}
    uncovered = len(wanted - set(zip(valid["sitting"], valid["item"], strict=True)))
    if uncovered > UNCOVERED_SHARE * len(wanted):
        return [
            f"{uncovered} of {len(wanted)} planned items have no valid cycle, more than {UNCOVERED_SHARE:.0%}"
        ]
    return []


def _missing_figures(estimates: Mapping[str, Estimate]) -> list[str]:
    faults = []
    for name in REQUIRED:
        value = estimates[name].value
        if value is None:
            faults.append(f"{name} is absent: {estimates[name].reason}")
        elif not math.isfinite(value):
            faults.append(f"{name} is {value}, not a finite number")
    return faults


def _conditions(run: Run) -> dict[str, str]:
    """All that must agree on one front, flat: `protocol.sittings` to `3`."""
    meter = run.start.device.get("meter") or {}
    return {
        "origin": run.start.origin or "no meter",
        "suite": str(run.start.suite.get("sha256", "")),
        **{f"protocol.{key}": str(value) for key, value in sorted(run.start.protocol.items())},
        **{f"meter.{key}": str(meter[key]) for key in METER_SETTINGS if key in meter},
    }


def _distinct(values: Iterable[Any]) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in values if value is not None))
