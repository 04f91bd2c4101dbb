"""This module finds from the records of a case where its meter worked, and so its uncertainty budget."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.budget import Budget, OperatingPoint, above_idle
from harness.judging.idle import idle_pairs, idle_power_w
from harness.judging.kinds import budget_of
from harness.judging.stats import Estimate
from harness.quantities import channel_name
from harness.record import SittingClosed, SittingOpened
from harness.store import Run
from harness.summed import Part, summed

REGISTERS = ("ina226", "ina219", "iio")
"""Kinds of meters whose samples are a chip's own registers: the current is seen before the voltage, and `lag_ns` is
half the time between."""


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
    if not isinstance(meter, Mapping) or not meter.get("kind"):
        return None, "the run does not say what its meter was"
    for record in opened:
        raw = _in_windows(run, record, valid)
        if len(raw) and (record.watts is not None or record.channels) and record.lag_ns is not None:
            try:
                budget = _budget(meter, record, raw, valid, idle_w)
            except (KeyError, TypeError, ValueError) as error:
                return None, f"the meter's record does not tell its operating point ({error})"
            return _with_remarks(budget, run, meter, record.meter or {}), ""
    return None, "the run holds no raw samples of the meter for this case"


def _budget(
    meter: Mapping[str, Any],
    record: SittingOpened,
    raw: NDArray[Any],
    valid: pd.DataFrame,
    idle_w: float | None,
) -> Budget:
    """The budget of one sitting's meter, of each channel and put together where it has several."""
    found = record.meter or {}
    if record.channels is None:
        return budget_of(meter, found, record.watts or {}, _point(meter, record, raw, valid, idle_w))
    parts = []
    whole_j = float(valid["energy_j"].sum())
    for name, channel in record.channels.items():
        if channel["in_total"]:
            chip = meter["channels"][name]
            calibrations = found.get("calibration") or {}
            own = replace(record, watts=channel["watts"], lag_ns=channel["lag_ns"], channels=None)
            samples = raw[raw["channel"] == channel["channel"]]
            point = _point(chip, own, samples, valid, idle_w)
            budget = budget_of(chip, {"calibration": calibrations.get(name)}, channel["watts"], point)
            share = float(valid[channel_name("energy_j", name)].sum()) / whole_j
            parts.append(Part(name=name, share=share, budget=budget))
    return summed(parts)


def _in_windows(run: Run, record: SittingOpened, valid: pd.DataFrame) -> NDArray[Any]:
    """Raw samples of one part of a sitting, from its first counted window to its last."""
    rows = valid[(valid["sitting"] == record.sitting) & (valid["part"] == record.part)]
    if not len(rows):
        return np.empty(0)
    raw = run.power(record.case, record.sitting, record.part)
    ready_ns = raw["ready_ns"]  # in order within each channel
    return raw[(ready_ns >= int(rows["begin_ns"].min())) & (ready_ns < int(rows["end_ns"].max()))]


def _point(
    meter: Mapping[str, Any],
    record: SittingOpened,
    raw: NDArray[Any],
    valid: pd.DataFrame,
    idle_w: float | None,
) -> OperatingPoint:
    windows_s = (valid["end_ns"] - valid["begin_ns"]).to_numpy(np.float64) * 1e-9
    power_w = float(valid["energy_j"].sum() / windows_s.sum())
    step = 1.0 if idle_w is None else min(1.0, abs(power_w - idle_w) / abs(power_w))
    clock_s = float(valid["clock_uncertainty_ns"].max()) * 1e-9
    bridged = _is_bridged(meter)
    watts = record.watts or {}
    is_scale = watts.get("kind") is None
    scatter = (
        np.diff(raw["shunt"].astype(np.float64)).std() / np.sqrt(2) if is_scale and len(raw) > 2 else 0.0
    )
    return OperatingPoint(
        shunt_v=float(raw["shunt"].mean()) * float(watts["shunt_lsb_v"]) if is_scale else None,
        bus_v=float(raw["bus"].mean()) * float(watts["bus_lsb_v"]) if is_scale else None,
        power_w=power_w,
        window_s=float(windows_s.mean()),
        edge_s=_blur_s(meter, record) + (0.0 if bridged else clock_s),
        step=0.0 if record.lead and record.tail else step,
        clock_s=clock_s if bridged else 0.0,
        interval_s=float(np.median(np.diff(raw["ready_ns"]))) * 1e-9 if len(raw) > 1 else 0.0,
        uncovered=max(0.0, 1.0 - float(np.average(valid["coverage"], weights=windows_s))),
        samples=int(valid["samples"].sum()),
        shunt_scatter_lsb=float(scatter),
    )


def _blur_s(meter: Mapping[str, Any], record: SittingOpened) -> float:
    """How much farther than its sample's interval a reading reaches at each side, from the middle of both."""
    if meter["kind"] in REGISTERS:
        # The interval of a sample is longer than the current was seen, by the bus conversion.
        return abs(record.lag_ns or 0.0) * 1e-9
    found = record.meter or {}
    period_s, update_s = found.get("period_s"), found.get("update_s")
    if period_s is None or update_s is None:
        return 0.0
    return max(0.0, float(update_s) - float(period_s)) / 2


def _is_bridged(meter: Mapping[str, Any]) -> bool:
    """The chip is stamped on the clock of a bridge."""
    bus = meter.get("bus")
    return isinstance(bus, Mapping) and bus.get("kind") == "bridge"


def _with_remarks(budget: Budget, run: Run, meter: Mapping[str, Any], found: Mapping[str, Any]) -> Budget:
    remarks = []
    if run.start.origin == "simulated":
        remarks.append("The meter is a model; these are the errors a real one would have.")
    average = max(
        (each.get("average", 1) for each in (meter.get("channels") or {"": meter}).values()), default=1
    )
    if average != 1:
        remarks.append(
            f"The chip averages {average} conversions before voltage and current are multiplied; "
            "what they do together within that time is not in the budget."
        )
    if meter["kind"] in {"hwmon", "ina3221"} and found.get("update_s"):
        remarks.append(
            f"Voltage and current are each a mean over up to {1e3 * float(found['update_s']):.3g} ms; "
            "what they do together within that time is not in the budget."
        )
    return replace(budget, remark=" ".join(remarks))
