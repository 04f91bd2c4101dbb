"""This module finds from the records of a case where its meter worked, and so its uncertainty budget."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.budget import Board, Budget, OperatingPoint, Reference, above_idle, type_b
from harness.datasheet import CHIPS, MODULE
from harness.judging.idle import idle_pairs, idle_power_w
from harness.judging.stats import Estimate
from harness.record import SittingClosed, SittingOpened
from harness.store import Run

METERS = ("ina226",)
"""Kinds of meters whose errors are known here."""


def budgets_of(
    run: Run,
    valid: pd.DataFrame,
    opened: Sequence[SittingOpened],
    closed: Sequence[SittingClosed],
    estimates: Mapping[str, Estimate],
) -> tuple[dict[str, Budget], str]:
    """Type B budget of each figure the meter gives, by its name, or none and the reason.

    Args:
        run: the run.
        valid: the case's valid measured cycles.
        opened: its sittings.
        closed: their ends.
        estimates: its figures.
    """
    power_w = estimates["power_mean_w"].value
    if power_w is None:
        return {}, estimates["power_mean_w"].reason
    taken = [power for power in idle_power_w(opened, closed).values() if power is not None]
    idle_w = float(np.mean(taken)) if taken else None
    gross, reason = _gross(run, opened, valid, idle_w)
    if gross is None:
        return {}, reason
    found = {"energy_per_inference_j": gross, "power_mean_w": gross}
    if estimates["energy_above_idle_per_inference_j"].value is not None and idle_w is not None:
        half_w = max(abs(after - before) / 2 for before, after in idle_pairs(opened, closed).values())
        if power_w > idle_w:
            found["energy_above_idle_per_inference_j"] = above_idle(gross, power_w, idle_w, half_w)
    return found, ""


def _gross(
    run: Run, opened: Sequence[SittingOpened], valid: pd.DataFrame, idle_w: float | None
) -> tuple[Budget | None, str]:
    """The budget of a case's energy and mean power, or None with the reason.

    Args:
        run: the run.
        opened: sittings of the case.
        valid: its valid measured cycles, all with energy.
        idle_w: mean idle power; None where it was not taken.
    """
    meter = run.start.device.get("meter")
    kind = meter.get("kind") if isinstance(meter, Mapping) else None
    if not isinstance(meter, Mapping) or kind not in METERS:
        return None, f"the errors of a meter of kind {kind or 'unknown'} are not known here"
    for record in opened:
        raw = _in_windows(run, record, valid)
        if len(raw) and record.watts is not None and record.lag_ns is not None:
            try:
                point = _point(record, record.watts, raw, valid, idle_w)
                budget = type_b(_board(meter, record), point)
            except (KeyError, TypeError, ValueError) as error:
                return None, f"the meter's record does not tell its operating point ({error})"
            return _with_remarks(budget, run, meter), ""
    return None, "the run holds no raw samples of the meter for this case"


def _in_windows(run: Run, record: SittingOpened, valid: pd.DataFrame) -> NDArray[Any]:
    """Raw samples of one part of a sitting, from its first counted window to its last."""
    rows = valid[(valid["sitting"] == record.sitting) & (valid["part"] == record.part)]
    if not len(rows):
        return np.empty(0)
    raw = run.power(record.case, record.sitting, record.part)
    first, last = np.searchsorted(raw["ready_ns"], [int(rows["begin_ns"].min()), int(rows["end_ns"].max())])
    return raw[first:last]


def _point(
    record: SittingOpened,
    watts: Mapping[str, Any],
    raw: NDArray[Any],
    valid: pd.DataFrame,
    idle_w: float | None,
) -> OperatingPoint:
    windows_s = (valid["end_ns"] - valid["begin_ns"]).to_numpy(np.float64) * 1e-9
    power_w = float(valid["energy_j"].sum() / windows_s.sum())
    step = 1.0 if idle_w is None else min(1.0, abs(power_w - idle_w) / abs(power_w))
    # The interval of a sample is longer than the current was seen, by the bus conversion; `lag_ns` is half of it.
    edge_ns = float(valid["clock_uncertainty_ns"].max()) + abs(record.lag_ns or 0.0)
    scatter = np.diff(raw["shunt"].astype(np.float64)).std() / np.sqrt(2) if len(raw) > 2 else 0.0
    return OperatingPoint(
        shunt_v=float(raw["shunt"].mean()) * float(watts["shunt_lsb_v"]),
        bus_v=float(raw["bus"].mean()) * float(watts["bus_lsb_v"]),
        power_w=power_w,
        window_s=float(windows_s.mean()),
        edge_s=edge_ns * 1e-9,
        step=0.0 if record.lead and record.tail else step,
        uncovered=max(0.0, 1.0 - float(np.average(valid["coverage"], weights=windows_s))),
        samples=int(valid["samples"].sum()),
        shunt_scatter_lsb=float(scatter),
    )


def _board(meter: Mapping[str, Any], record: SittingOpened) -> Board:
    return Board(
        chip=CHIPS.get(str(meter.get("chip")), MODULE),
        shunt_tolerance=meter.get("shunt_tolerance"),
        shunt_tcr_per_k=meter.get("shunt_tcr_per_k"),
        temperature_span_k=meter.get("temperature_span_k"),
        supply_v=meter.get("supply_v"),
        reference=_reference(record.meter or {}),
    )


def _reference(configuration: Mapping[str, Any]) -> Reference | None:
    """What the calibration that was in force leaves; None for an uncalibrated board."""
    calibration = configuration.get("calibration")
    if not isinstance(calibration, Mapping):
        return None
    return Reference(
        voltage=float(calibration["voltage_u"]),
        current=float(calibration["current_u"]),
        source=f"calibration of {calibration.get('date', 'unknown date')} against {calibration.get('reference', '?')}",
    )


def _with_remarks(budget: Budget, run: Run, meter: Mapping[str, Any]) -> Budget:
    remarks = []
    if run.start.origin == "simulated":
        remarks.append("The meter is a model; these are the errors a real one would have.")
    if meter.get("average", 1) != 1:
        remarks.append(
            f"The chip averages {meter['average']} conversions before voltage and current are multiplied; "
            "what they do together within that time is not in the budget."
        )
    return Budget(terms=budget.terms, calibrated=budget.calibrated, remark=" ".join(remarks))
