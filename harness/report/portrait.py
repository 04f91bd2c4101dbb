"""This module draws one case: how its latencies are distributed, how its sittings went, and the power of one window.

What is drawn as one line of many values is drawn from the least to the greatest of each part, never as a mean:
a mean hides the peaks.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from harness.judging.cases import CaseResult
from harness.quantities import print_share, print_value
from harness.record import Phase
from harness.report.drawing import COLOURS, INK, PAPER, Picture, drawing, printable
from harness.report.readings import PowerWindow, representative_window
from harness.store import Run
from harness.trace import Trace, Traces

SIZE_IN = (5.4, 3.2)

STEPS = 80
"""Steps of a distribution, the slowest `TAIL` single values beside them."""
TAIL = 20

PARTS = 80
"""Parts of the course of a sitting."""

CONVERSIONS = 400
"""Conversions of a window that are drawn one by one; of more, the least and the greatest of each part."""

EDGES = 40
"""Inferences of a window that are marked one by one; of more, only the window is."""

SLIDING = "mean of the last 10 ms"

MIDDLE = 0.8
"""Beyond this part of the width a name stands to the left of its line."""

LOG_SPAN = 5.0
"""A latency axis whose values span more than this factor is logarithmic."""


def portraits(run: Run, case: CaseResult, name: str) -> list[Picture]:
    """Pictures of one case; none of what the run does not hold.

    Args:
        run: where the case was measured.
        case: which one.
        name: of the pictures' elements, such as `case-1`.

    Raises:
        StoreError: a power file is damaged.
    """
    sittings = sorted({record.sitting for record in run.opened if record.case == case.case})
    latencies: dict[int, NDArray[np.float64]] = {
        number: run.latencies_ns(case.case, number).astype(np.float64) * 1e-9 for number in sittings
    }
    latencies = {number: values for number, values in latencies.items() if len(values)}
    pictures = [_distribution(case, name, latencies), _course(run, case, name)] if latencies else []
    window = representative_window(run, case.case)
    return pictures if window is None else [*pictures, _power(case, name, window)]


def envelope(
    values: NDArray[np.float64], parts: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """First place, least and greatest value of each of so many parts in order; of fewer values each is a part.

    Args:
        values: at least one.
        parts: at least one.
    """
    begins = np.unique(np.linspace(0, len(values), min(parts, len(values)), endpoint=False).astype(np.int64))
    return begins, np.minimum.reduceat(values, begins), np.maximum.reduceat(values, begins)


def _distribution(case: CaseResult, name: str, latencies: dict[int, NDArray[np.float64]]) -> Picture:
    with drawing(*SIZE_IN) as figure:
        axes = figure.add_subplot()
        for colour, (number, values) in zip(_colours(), latencies.items(), strict=False):
            ordered = np.sort(values)
            n = len(ordered)
            # As dense in the slowest ones as their number is small: a straight line there would hide where p99 lies.
            slowest = n - np.geomspace(1, n, STEPS)
            places = np.unique(
                np.r_[np.linspace(0, n - 1, STEPS), slowest, np.arange(max(0, n - TAIL), n)].astype(int)
            )
            axes.step(
                ordered[places],
                (places + 1) / n,
                where="post",
                color=colour,
                linewidth=1.2,
                label=f"sitting {number}",
            )
        marks = {
            quantity.removeprefix("latency_").removesuffix("_s"): case.estimate(quantity).value
            for quantity in ("latency_p50_s", "latency_p99_s")
        }
        for value in filter(None, marks.values()):
            axes.axvline(value, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        _latency_axis(axes, np.concatenate(list(latencies.values())))
        _name_marks(axes, marks)
        axes.set_xlabel("latency of one inference")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
        axes.set_ylabel("inferences no slower")
        _legend(axes, latencies)
    count = sum(map(len, latencies.values()))
    p50, p99 = (print_value(q, case.estimate(q).value) for q in ("latency_p50_s", "latency_p99_s"))
    return Picture(
        name=f"{name}-latency",
        title="Distribution of the latency",
        description=f"Empirical distribution of {count} inferences, a line for each sitting; p50 {p50}, p99 {p99}.",
        figure=figure,
    )


def _course(run: Run, case: CaseResult, name: str) -> Picture:
    rows = run.cycles
    valid = (rows["case"] == case.case) & (rows["phase"] == Phase.MEASURE.value) & (rows["void"] == "")
    chosen = rows[valid]
    spread: list[NDArray[np.float64]] = []
    with drawing(*SIZE_IN) as figure:
        axes = figure.add_subplot()
        numbers = chosen["sitting"].unique().tolist()
        for colour, number in zip(_colours(), numbers, strict=False):
            own = chosen[chosen["sitting"] == number]
            since_s = (own["begin_ns"] - own["begin_ns"].iloc[0]).to_numpy(np.float64) * 1e-9
            each_s = ((own["end_ns"] - own["begin_ns"]) / own["repeats"]).to_numpy(np.float64) * 1e-9
            begins, least, greatest = envelope(each_s, PARTS)
            axes.fill_between(
                since_s[begins],
                least,
                greatest,
                color=colour,
                alpha=0.6,
                linewidth=0.8,
                label=f"sitting {number}",
            )
            spread.append(each_s)
        for colour, course in zip(_colours(), case.courses, strict=False):
            for after_s in [course.cut_s] * bool(course.cut) + [change.after_s for change in course.changes]:
                axes.axvline(after_s, color=colour, linewidth=0.8, linestyle=(0, (2, 2)))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: print_value("latency_p50_s", value)))
        axes.set_xlabel("seconds since the first counted cycle")
        axes.set_ylabel("latency, mean of a window")
        _legend(axes, numbers)
    states = "; ".join(
        f"sitting {each.sitting} {each.state.value.replace('_', ' ')}" for each in case.courses
    )
    slow, fast = (print_value("latency_p50_s", float(f(np.concatenate(spread)))) for f in (np.max, np.min))
    return Picture(
        name=f"{name}-course",
        title="Course of the sittings",
        description=f"Latency of the counted cycles in order, from {fast} to {slow}; least and greatest of each part. "
        f"Dotted: the end of the warm-up and lasting changes. {states or 'No verdict on the course'}.",
        figure=figure,
    )


def _power(case: CaseResult, name: str, window: PowerWindow) -> Picture:
    trace = window.trace
    lines = trace.channels if isinstance(trace, Traces) else {"": trace}
    length_ms = (window.end_ns - window.begin_ns) * 1e-6
    found = trace.window(window.begin_ns, window.end_ns)
    with drawing(*SIZE_IN) as figure:
        axes = figure.add_subplot()
        axes.axvspan(0, length_ms, facecolor=COLOURS[0], alpha=0.12, linewidth=0, label="window")
        if len(window.edges_ns) < EDGES:
            axes.vlines(
                (window.edges_ns - window.begin_ns) * 1e-6,
                0,
                0.05,
                INK,
                linewidth=0.6,
                transform=axes.get_xaxis_transform(),
            )
        for colour, (channel, line) in zip(islice(_colours(), 1, None), lines.items(), strict=False):
            _conversions(axes, line, window.begin_ns, colour, channel)
        if window.sliding_w is not None:
            (only,) = lines.values()
            _sliding(axes, (only.end_ns - window.begin_ns) * 1e-6, window.sliding_w)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: print_value("power_mean_w", value)))
        axes.set_xlabel("milliseconds since the window began")
        axes.set_ylabel("power")
        axes.margins(x=0)
        figure.legend(loc="outside upper center", ncols=3, frameon=False, columnspacing=1.0, handlelength=1.4)
    over_10ms = (
        ""
        if window.sliding_w is None
        else f", over any 10 ms up to {print_value('power_mean_w', float(np.nanmax(window.sliding_w)))}"
    )
    inferences = len(window.edges_ns) + 1
    ranges = [_range(channel, line) for channel, line in lines.items()]
    return Picture(
        name=f"{name}-power",
        title=f"Power of one window ({case.origin or 'no meter'})",
        description=(
            f"Raw samples around the cycle of median energy: sitting {window.sitting}, item {window.item}, "
            f"{inferences} inferences in {print_value('duration_s', length_ms * 1e-3)}, "
            f"{found.samples} conversions, coverage {print_share(found.coverage, 1)}, "
            f"power {'; '.join(ranges)}{over_10ms}."
        ),
        figure=figure,
    )


def _conversions(axes: Axes, trace: Trace, origin_ns: int, colour: str, channel: str) -> None:
    """The samples of one channel; the name of it stands in the legend where there are several."""
    begin_ms, end_ms = ((at - origin_ns) * 1e-6 for at in (trace.begin_ns, trace.end_ns))
    if len(begin_ms) <= CONVERSIONS:
        gaps = np.r_[False, begin_ms[1:] > end_ms[:-1]]
        x, y = np.stack([begin_ms, end_ms], axis=1), np.stack([trace.power_w] * 2, axis=1)
        x, y = (np.insert(each.ravel(), np.flatnonzero(gaps) * 2, np.nan) for each in (x, y))
        axes.plot(x, y, color=colour, linewidth=1.0, label=printable(channel) or "one conversion a step")
        return
    begins, least, greatest = envelope(trace.power_w, CONVERSIONS)
    axes.fill_between(
        begin_ms[begins],
        least,
        greatest,
        step="post",
        color=colour,
        linewidth=0.5,
        label=printable(channel) or "least to greatest",
    )


def _range(channel: str, trace: Trace) -> str:
    lowest, highest = (print_value("power_mean_w", float(f(trace.power_w))) for f in (np.min, np.max))
    return f"{channel} from {lowest} to {highest}" if channel else f"from {lowest} to {highest}"


def _sliding(axes: Axes, end_ms: NDArray[np.floating[Any]], sliding_w: NDArray[np.float64]) -> None:
    """The mean over the 10 ms before each sample's end, as a second line."""
    if len(sliding_w) <= CONVERSIONS:
        axes.plot(end_ms, sliding_w, color=INK, linewidth=1.2, linestyle=(0, (4, 2)), label=SLIDING)
        return
    begins, least, greatest = envelope(sliding_w, CONVERSIONS)
    axes.fill_between(end_ms[begins], least, greatest, step="post", color=INK, linewidth=0.8, label=SLIDING)


def _name_marks(axes: Axes, marks: Mapping[str, float | None]) -> None:
    """Names beside vertical lines, each at a height of its own and on the side that has room."""
    for row, (name, value) in enumerate(marks.items()):
        if value is None:
            continue
        across = axes.transAxes.inverted().transform(axes.transData.transform((value, 0)))[0]
        axes.annotate(
            name,
            (value, 0.45 - 0.1 * row),
            xytext=(3 if across < MIDDLE else -3, 0),
            textcoords="offset points",
            ha="left" if across < MIDDLE else "right",
            bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 0.5},
        )


def _latency_axis(axes: Axes, values: NDArray[np.float64]) -> None:
    if values.min() > 0 and values.max() > LOG_SPAN * values.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0,), numticks=6))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: print_value("latency_p50_s", value)))


def _legend(axes: Axes, sittings: Sequence[int] | dict[int, NDArray[np.float64]]) -> None:
    if 1 < len(sittings) <= len(COLOURS):
        axes.figure.legend(loc="outside upper center", ncols=3, frameon=False, handlelength=1.2)


def _colours() -> Iterator[str]:
    while True:
        yield from COLOURS
