"""This module holds power over time and the energy of a window in it.

A meter's sample is a mean power over its own conversion interval. The energy of a window is the sum of
power x overlap of those intervals with the window; it is never a trapezoid of the points inside, which loses
both edges (-11 % on one 10 ms inference at 806 Hz, simulated).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

GAP_PERIODS = 1.5
"""Two end stamps further apart than this many periods have lost samples between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPower:
    """What the samples say of one window.

    Attributes:
        energy_j: sum of power x overlap; None when no interval touches the window.
        coverage: share of the window that conversion intervals cover, 0 to 1.
        samples: intervals that end inside the window.
        lost: conversions missing from gaps that touch the window.
        saturated: samples at the end of the meter's range that touch the window.
        channels: the same of each channel of a meter that has several; empty of a meter that has one.
    """

    energy_j: float | None
    coverage: float
    samples: int
    lost: int
    saturated: int
    channels: Mapping[str, "WindowPower"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Contiguous mean-power intervals of one meter, in order of time.

    Attributes:
        begin_ns, end_ns: interval of each sample on the bench's monotonic clock, int64, shape (n,).
        power_w: mean power over the interval, float64, shape (n,).
        saturated: the sample is at the end of the meter's range, bool, shape (n,).
        lost: conversions missing just before each sample, int64, shape (n,).
    """

    begin_ns: NDArray[np.int64]
    end_ns: NDArray[np.int64]
    power_w: NDArray[np.float64]
    saturated: NDArray[np.bool_]
    lost: NDArray[np.int64]

    @classmethod
    def from_stamps(
        cls,
        ready_ns: NDArray[np.int64] | Sequence[int],
        power_w: NDArray[np.float64] | Sequence[float],
        *,
        period_ns: float,
        lag_ns: float = 0.0,
        saturated: NDArray[np.bool_] | Sequence[bool] | None = None,
    ) -> "Trace":
        """Intervals from the stamps at which each conversion was seen ready.

        An interval begins where the one before it ended, so late stamps neither count time twice nor lose it;
        after a gap it begins one period before its own end.

        Args:
            ready_ns: increasing stamps, shape (n,).
            power_w: mean power of each sample, shape (n,).
            period_ns: measured conversion period, never the nominal one.
            lag_ns: how much earlier the observed quantity lies than the stamp says (half the bus conversion
                of an INA226, whose current is observed before its voltage).
            saturated: samples at the end of the range; None for none.
        """
        end = np.asarray(ready_ns, np.int64) - round(lag_ns)
        step = np.diff(end, prepend=end[:1] - round(period_ns))
        lost = np.where(step > GAP_PERIODS * period_ns, np.rint(step / period_ns).astype(np.int64) - 1, 0)
        begin = np.where(lost > 0, end - round(period_ns), end - step)
        flags = np.zeros(end.shape, np.bool_) if saturated is None else np.asarray(saturated, np.bool_)
        return cls(
            begin_ns=begin, end_ns=end, power_w=np.asarray(power_w, np.float64), saturated=flags, lost=lost
        )

    def window(self, begin_ns: int, end_ns: int) -> WindowPower:
        """Energy, coverage and faults of the window from begin_ns to end_ns (begin_ns < end_ns)."""
        first = int(np.searchsorted(self.end_ns, begin_ns, side="right"))
        last = int(np.searchsorted(self.begin_ns, end_ns, side="left"))
        overlap_ns = np.minimum(self.end_ns[first:last], end_ns) - np.maximum(
            self.begin_ns[first:last], begin_ns
        )
        covered_ns = int(overlap_ns.sum())
        inside = int(np.searchsorted(self.end_ns, end_ns, side="right")) - first
        return WindowPower(
            energy_j=float(self.power_w[first:last] @ overlap_ns) * 1e-9 if covered_ns else None,
            coverage=covered_ns / (end_ns - begin_ns),
            samples=max(0, inside),
            lost=self._lost(first, last, begin_ns, end_ns),
            saturated=int(self.saturated[first:last].sum()),
        )

    def sliding_mean_w(self, width_ns: int, ends_ns: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Mean power over the time of this width before each instant; NaN where the trace does not cover it.

        This is what a supply or a battery feels of short peaks; a meter's own sample may be shorter, or averaged. Its
        cost grows with the number of samples and of instants, not with the width.

        Args:
            width_ns: greater than 0, such as 10 ms.
            ends_ns: the instants; None for the end of each sample.
        """
        instants_ns = self.end_ns if ends_ns is None else ends_ns
        if not len(self.end_ns):
            return np.full(len(instants_ns), np.nan)
        durations_ns = (self.end_ns - self.begin_ns).astype(np.float64)
        # Edges of all intervals in order: energy and covered time rise along each, and stand still in a gap.
        edges_ns = np.column_stack((self.begin_ns, self.end_ns)).ravel() - self.begin_ns[0]
        covered_ns = np.column_stack(
            (np.cumsum(durations_ns) - durations_ns, np.cumsum(durations_ns))
        ).ravel()
        work = self.power_w * durations_ns
        energy = np.column_stack((np.cumsum(work) - work, np.cumsum(work))).ravel()
        until_ns = instants_ns - self.begin_ns[0]
        begins_ns = until_ns - width_ns
        whole = np.interp(until_ns, edges_ns, covered_ns) - np.interp(begins_ns, edges_ns, covered_ns)
        spent = np.interp(until_ns, edges_ns, energy) - np.interp(begins_ns, edges_ns, energy)
        return np.where(np.rint(whole) >= width_ns, spent / width_ns, np.nan)

    def _lost(self, first: int, last: int, begin_ns: int, end_ns: int) -> int:
        """Conversions lost in gaps that touch the window; a gap is known by the sample after it."""
        after = slice(max(first, 1), last + 1)
        before = slice(max(first, 1) - 1, last)
        gap_begin, gap_end = self.end_ns[before], self.begin_ns[after]
        gap_begin = gap_begin[: len(gap_end)]
        touches = (gap_begin < end_ns) & (gap_end > begin_ns)
        return int(self.lost[after][touches].sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """The traces of a meter with several channels, whose samples are not in step.

    Energies of a window add up, whatever each channel's samples; power is never added sample by sample, which would
    need them resampled.

    Attributes:
        channels: the trace of each channel by its name; at least one.
        total: the channels whose energies add up to that of the device; at least one.
    """

    channels: Mapping[str, Trace]
    total: Sequence[str]

    def window(self, begin_ns: int, end_ns: int) -> WindowPower:
        """The window by all channels: the energy of the total, and the worst of each fault.

        The energy is absent where a channel of the total saw nothing. Coverage and the number of samples are the least
        of any channel, of the total or not; lost and saturated samples are those of all of them.
        """
        found = {name: trace.window(begin_ns, end_ns) for name, trace in self.channels.items()}
        energies = [found[name].energy_j for name in self.total]
        known = [energy for energy in energies if energy is not None]
        return WindowPower(
            energy_j=math.fsum(known) if len(known) == len(energies) else None,
            coverage=min(power.coverage for power in found.values()),
            samples=min(power.samples for power in found.values()),
            lost=sum(power.lost for power in found.values()),
            saturated=sum(power.saturated for power in found.values()),
            channels=found,
        )
