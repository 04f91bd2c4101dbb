"""This module makes the table of one row per case from the records of a run.

Figures are computed here each time they are read and stored nowhere; only valid, measured cycles count.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from harness.budget import Budget
from harness.errors import StoreError
from harness.judging.courses import Course, courses, distinct_items
from harness.judging.disturbance import disturbances
from harness.judging.estimates import estimates, spreads
from harness.judging.operating import budgets_of
from harness.judging.stats import Estimate, Spread, absent, look_confidence
from harness.judging.steadiness import State, Steadiness
from harness.quantities import print_share, print_value
from harness.record import ImportedCase, Phase
from harness.store import Run

FIGURES = (
    "latency_p50_s",
    "latency_p99_s",
    "energy_per_inference_j",
    "energy_above_idle_per_inference_j",
    "energy_delay_product_js",
    "power_mean_w",
    "power_peak_10ms_w",
    "accuracy",
    "memory_peak_bytes",
    "cold_start_s",
)
"""Names of the estimates of each case that tables show, in their order."""

LOOKS = 3
"""Looks at a run at most where its suite names no other number; each bound is made surer by it."""

UNCOVERED_SHARE = 0.01
"""More than this share of the planned items without a valid cycle makes a case incomplete."""

OPERATING = (
    *("sitting", "part", "begin_ns", "end_ns", "energy_j"),
    *("clock_uncertainty_ns", "coverage", "samples"),
)
"""Columns of the cycles that a meter's budget is made from."""

METER_SETTINGS = (
    "kind",
    "shunt_conversion_s",
    "bus_conversion_s",
    "average",
    "vbus_tap",
    "total",
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
        incomplete: why the case has no rank: so much of the work is missing that no figure is to be used, or the
            case lacks an objective of the front it was to be ranked on; empty for a complete case.
        lacking: those objectives, where the work itself is whole; its other figures count.
        budgets: Type B uncertainty of each figure that the meter gives, by its name; empty where it is not known.
        unbudgeted: why there are none.
        spreads: scatter between and within sittings, by the name of the figure.
        courses: how steady each sitting was, in their order; empty where nobody could tell.
        disturbances: share of each sitting that other work took from the inferences, by its number; a sitting of
            which nobody could tell is left out.
        channels: names of the channels of a meter that has several; `estimates` has the energy of each under
            `energy_NAME_per_inference_j`.
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
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    unbudgeted: str = ""
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    courses: Sequence[Steadiness] = ()
    channels: Sequence[str] = ()
    disturbances: Mapping[int, float] = field(default_factory=dict)
    lacking: Sequence[str] = ()

    @property
    def disturbed_share(self) -> float | None:
        """What other work took of the worst sitting; None where nobody could tell."""
        return max(self.disturbances.values(), default=None)

    @property
    def state(self) -> State:
        """How steady the case was: the worst of its sittings."""
        order = list(State)
        return max((each.state for each in self.courses), key=order.index, default=State.UNKNOWN)

    def left_out(self, quantity: str) -> str:
        """What a throttled case's figure of time or power does not show; empty where it shows all."""
        if not quantity.startswith(("latency_", "energy_", "power_")) or self.state is not State.THROTTLED:
            return ""
        if quantity == "power_peak_10ms_w":  # of all counted cycles, throttled or not
            return ""
        course = next(each for each in self.courses if each.state is State.THROTTLED)
        after = (
            ""
            if course.throttled is None
            else f"; throttled, the median latency is {print_value('latency_p50_s', course.throttled.latency_p50_s)}"
        )
        return (
            f"sitting {course.sitting} was throttled ({course.throttling}) and its throttled stretch is not in "
            f"the figure{after}; cool the device, or lower its load, and measure again"
        )

    def estimate(self, quantity: str) -> Estimate:
        """The estimate of a quantity; `error` is one minus the accuracy, one never asked for is absent."""
        if quantity == "error":
            return self.estimates["accuracy"].complement()
        return self.estimates.get(quantity) or absent(f"{quantity} is not computed for a case")


def case_results(run: Run, taken: Mapping[str, Sequence[Course]] | None = None) -> list[CaseResult]:
    """One result per planned case, in the order of the plan; also for cases nothing was measured of.

    Args:
        run: the run.
        taken: its courses where they are at hand; None to take the run apart here.

    Raises:
        StoreError: a case has no id of four segments.
    """
    conditions = _conditions(run)
    if run.imported:
        return [_imported_result(run, record, conditions) for record in run.imported]
    taken = courses(run) if taken is None else taken
    measured = run.cycles["phase"] == Phase.MEASURE.value
    voids = run.cycles.loc[measured & (run.cycles["void"] != ""), ["case", "void"]]
    return [_case_result(run, case, taken.get(case, ()), voids, conditions) for case in run.start.cases]


def _case_result(
    run: Run, case: str, found: Sequence[Course], voids: pd.DataFrame, conditions: Mapping[str, str]
) -> CaseResult:
    device, engine, model, precision = _segments(run, case)
    reasons = voids.loc[voids["case"] == case, "void"]
    opened = [record for record in run.opened if record.case == case]
    closed = [record for record in run.closed if record.case == case]
    confidence = look_confidence(int(run.start.suite.get("looks") or LOOKS))
    figures = estimates(run, case, found, opened, closed, confidence)
    rows = np.concatenate([course.settled.rows for course in found]) if found else np.empty(0, np.int64)
    columns = [*OPERATING, *run.channels.values()]
    budgets, unbudgeted = budgets_of(run, run.cycles[columns].iloc[rows], opened, closed, figures)
    figures = {name: _with_type_b(each, budgets.get(name)) for name, each in figures.items()}
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
        sittings=len(found),
        parts=sum(len(np.unique(course.part)) for course in found),
        cycles=sum(len(course.rows) for course in found),
        void=len(reasons),
        void_reasons=dict(sorted(Counter(reason for text in reasons for reason in text.split(";")).items())),
        items=len(distinct_items(np.concatenate([course.item for course in found]))) if found else 0,
        estimates=figures,
        conditions=conditions,
        limits=tuple(run.start.limits),
        incomplete=_missing_work(run, case, found),
        budgets=budgets,
        unbudgeted=unbudgeted,
        spreads=spreads(found),
        courses=tuple(course.steadiness for course in found),
        channels=tuple(run.channels),
        disturbances=disturbances(opened, closed),
    )


def _with_type_b(estimate: Estimate, budget: Budget | None) -> Estimate:
    if budget is None or not budget.complete or estimate.value is None:
        return estimate
    return replace(estimate, type_b=budget.u * abs(estimate.value))


def _imported_result(run: Run, record: ImportedCase, conditions: Mapping[str, str]) -> CaseResult:
    """What another tool says of a case: figures without bounds, for no cycle is there to make one from."""
    device, engine, model, precision = _segments(run, record.case)
    reason = f"imported ({record.place} of the source), without cycles to make an interval from"
    absences = dict.fromkeys(FIGURES, absent("the source has no such figure"))
    figures = {name: Estimate(value=float(value), reason=reason) for name, value in record.figures.items()}
    estimates = {**absences, **figures}
    return CaseResult(
        case=record.case,
        run=run.start.run,
        device=device,
        board=record.board,
        engine=engine,
        model=model,
        precision=precision,
        executed_precision="",
        origin=run.start.origin,
        sittings=0,
        parts=0,
        cycles=0,
        void=0,
        void_reasons={},
        items=0,
        estimates=estimates,
        conditions=conditions,
        limits=tuple(run.start.limits),
        incomplete="",
    )


def _segments(run: Run, case: str) -> list[str]:
    segments = case.split("/")
    if len(segments) != 4:
        raise StoreError(
            f"{run.path}: holds the case {case!r:.80}, expected device/engine/model/precision; "
            "the run was not written by this harness: measure again"
        )
    return segments


def _missing_work(run: Run, case: str, found: Sequence[Course]) -> str:
    """Why no figure of a case is to be used; empty where all may be."""
    planned = sorted({sitting for name, sitting in run.start.order if name == case})
    measured = {course.sitting for course in found}
    missing = [sitting for sitting in planned if sitting not in measured]
    if missing:
        text = ", ".join(str(sitting) for sitting in missing)
        some = f"sitting {text}" if len(missing) == 1 else f"sittings {text}"
        have = "has" if len(missing) == 1 else "have"
        return f"{some} of {len(planned)} {have} no valid cycle (the run is {run.status})"
    wanted = {(sitting, item) for sitting in planned for item in run.start.items[str(sitting)]}
    covered = {(course.sitting, item) for course in found for item in distinct_items(course.item).tolist()}
    uncovered = len(wanted - covered)
    if uncovered > UNCOVERED_SHARE * len(wanted):
        most = print_share(UNCOVERED_SHARE)
        return f"{uncovered} of {len(wanted)} planned items have no valid cycle, more than {most}"
    return ""


def _conditions(run: Run) -> dict[str, str]:
    """All that must agree on one front, flat: `protocol.sittings` to `3`."""
    meter = run.start.device.get("meter") or {}
    return {
        "origin": run.start.origin or "no meter",
        "suite": str(run.start.suite.get("sha256", "")),
        **{f"protocol.{key}": str(value) for key, value in sorted(run.start.protocol.items())},
        **{f"meter.{key}": str(meter[key]) for key in METER_SETTINGS if key in meter},
        **{
            f"meter.{name}.{key}": str(chip[key])
            for name, chip in (meter.get("channels") or {}).items()
            for key in METER_SETTINGS
            if key in chip
        },
    }


def _distinct(values: Iterable[Any]) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in values if value is not None))
