"""This module tells whether a series of cycles was steady: warmed up, not drifting, not throttled.

Nothing is dropped here: a cycle before the cut is kept, as is each outlier, and each is told.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from harness.judging.changes import changes_in, start_cut

FEWEST = 100
"""Cycles below which no verdict is given."""

MINUTE_S = 60.0


class State(StrEnum):
    """How steady a sitting was; the worst of a case's sittings is the case's."""

    UNKNOWN = "too short to tell"
    STEADY = "steady"
    DRIFTING = "drifting"
    NOT_REACHED = "not_reached"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A lasting change within a sitting.

    Attributes:
        quantity: `latency` or `power`.
        cycle: place of the first cycle after it, from 0.
        after_s: time from the first counted cycle.
        relative: of the mean after it against the mean before it.
    """

    quantity: str
    cycle: int
    after_s: float
    relative: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Figures of a part of a sitting.

    Attributes:
        cycles: how many.
        duration_s: from the begin of the first to the end of the last.
        latency_p50_s: median over the cycles of the latency of one inference.
        power_mean_w: energy over duration of the windows; None where a cycle has no energy.
    """

    cycles: int
    duration_s: float
    latency_p50_s: float
    power_mean_w: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The valid counted cycles of one sitting in order.

    Attributes:
        begin_ns, end_ns: their windows.
        inferences: in each.
        energy_j: of each; NaN where it has none.
    """

    begin_ns: NDArray[np.int64]
    end_ns: NDArray[np.int64]
    inferences: NDArray[np.int64]
    energy_j: NDArray[np.float64]

    @property
    def window_s(self) -> NDArray[np.float64]:
        """Length of each window."""
        return (self.end_ns - self.begin_ns).astype(np.float64) * 1e-9

    @property
    def latency_s(self) -> NDArray[np.float64]:
        """Of one inference, the mean in each window."""
        return self.window_s / self.inferences

    @property
    def power_w(self) -> NDArray[np.float64] | None:
        """Mean power of each window; None where a cycle has no energy."""
        if np.isnan(self.energy_j).any():
            return None
        return self.energy_j / self.window_s

    def stretch(self, chosen: slice) -> Stretch | None:
        """Figures of some cycles in a row; None for none."""
        begin, end = self.begin_ns[chosen], self.end_ns[chosen]
        if not len(begin):
            return None
        windows_s, energy_j = float((end - begin).sum()) * 1e-9, float(self.energy_j[chosen].sum())
        return Stretch(
            cycles=len(begin),
            duration_s=float(end[-1] - begin[0]) * 1e-9,
            latency_p50_s=float(np.median(self.latency_s[chosen])),
            power_mean_w=None if math.isnan(energy_j) else energy_j / windows_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """What a sitting's course says.

    Attributes:
        sitting: its number.
        state: how steady it was.
        cut: cycles at the start that are unlike the rest, by latency or power.
        cut_s: how long they took.
        changes: lasting changes after the cut, in order of time.
        throttling: the device's own evidence that it was throttled; empty for none.
        outliers: cycles whose latency lies beyond 1.5 interquartile ranges (Tukey), and of them those beyond 3.
        first_minute: figures of the first minute; None without cycles.
        sustained: figures after the first minute, the cut and the last change; None where nothing came after.
        throttled: figures of the cycles from the first change to a slower or weaker course on; None unless throttled.
    """

    sitting: int
    state: State
    cut: int
    cut_s: float
    changes: Sequence[Change]
    throttling: str
    outliers: tuple[int, int]
    first_minute: Stretch | None
    sustained: Stretch | None
    throttled: Stretch | None

    @property
    def settled(self) -> slice:
        """The cycles that count for latency, power and energy: after the cut and before any throttling."""
        last = -self.throttled.cycles if self.throttled else None
        return slice(self.cut, last)


def judge_course(sitting: int, series: Series, throttling: str = "") -> Steadiness:
    """Judge the course of one sitting.

    Args:
        sitting: its number.
        series: its cycles, in order of time.
        throttling: the device's own evidence that it was throttled in this sitting; empty for none.
    """
    n = len(series.begin_ns)
    courses = {"latency": series.latency_s, "power": series.power_w}
    known = {name: values for name, values in courses.items() if values is not None and n >= FEWEST}
    cuts = [start_cut(values) for values in known.values()]
    cut = max((place for place, _ in cuts), default=0)
    reached = all(found for _, found in cuts)
    begin_ns = series.begin_ns

    def since_s(cycle: int) -> float:
        return float(begin_ns[cycle] - begin_ns[0]) * 1e-9 if n else 0.0

    changes = sorted(
        (
            Change(quantity=name, cycle=cut + place, after_s=since_s(cut + place), relative=relative)
            for name, values in known.items()
            for place, relative in changes_in(values[cut:])
        ),
        key=lambda change: change.cycle,
    )
    worse = [each for each in changes if (each.relative > 0) == (each.quantity == "latency")]
    throttled = series.stretch(slice(worse[0].cycle, None)) if throttling and worse else None
    minute = int(np.searchsorted(begin_ns, begin_ns[0] + MINUTE_S * 1e9)) if n else 0
    last = max([minute, cut, *(change.cycle for change in changes)])
    if not known:
        state = State.UNKNOWN
    elif throttled:
        state = State.THROTTLED
    elif not reached:
        state = State.NOT_REACHED
    else:
        state = State.DRIFTING if changes else State.STEADY
    return Steadiness(
        sitting=sitting,
        state=state,
        cut=cut,
        cut_s=since_s(cut) if cut else 0.0,
        changes=tuple(changes),
        throttling=throttling,
        outliers=outliers(series.latency_s),
        first_minute=series.stretch(slice(0, minute)),
        sustained=series.stretch(slice(last, None)) if minute < n else None,
        throttled=throttled,
    )


def outliers(x: NDArray[np.float64]) -> tuple[int, int]:
    """Values beyond 1.5 interquartile ranges from the quartiles, and of them those beyond 3 (Tukey, 1977)."""
    if not len(x):
        return 0, 0
    low, high = np.quantile(x, (0.25, 0.75))
    beyond = np.maximum(low - x, x - high)
    return int((beyond > 1.5 * (high - low)).sum()), int((beyond > 3 * (high - low)).sum())
