"""This module shows the power of a meter live: a plot of the last seconds and the figures of the latest."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from harness.cli.metering import OpenMeter, channel_of, channel_trace, open_meter
from harness.errors import Interrupted
from harness.meters import Flag
from harness.meters.stream import PERIOD_SAMPLES
from harness.quantities import print_value

COLUMN_S = 0.1
"""One column of the plot is the mean power of so long."""
HEIGHT = 12
LINE_S = 1.0
"""Between two lines where the output is no terminal."""
MARGIN = 12
"""Columns for the scale."""

_BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One step of the plot.

    Attributes:
        mean_w: of the samples in it; of several channels the sum of their means.
        least_w, most_w: of the samples in it; None of several channels, whose samples are not in step.
        samples: how many.
        flagged: of them with any flag of loss, saturation or reset.
        channels: mean of each channel of a meter that has several.
    """

    mean_w: float
    least_w: float | None
    most_w: float | None
    samples: int
    flagged: int
    channels: Mapping[str, float] = field(default_factory=dict)


def watch_meter(name: str, seconds: float | None) -> None:
    """Show the power until so long has passed, or Ctrl-C.

    Raises:
        MeterError: the meter cannot be opened or fell silent.
    """
    console = Console()
    try:
        with open_meter(name) as meter:
            if console.is_terminal:
                _live(console, meter, seconds)
            else:
                _lines(meter, seconds)
    except KeyboardInterrupt:
        raise Interrupted("stopped watching") from None


def columns_of(meter: OpenMeter, seconds: float | None, step_s: float) -> Iterator[Column]:
    """One column for each step, until so long has passed."""
    begin_s = time.monotonic()
    channels = meter.sampler.channels
    begun = meter.collect(step_s)
    held = {channel.number: channel_of(begun, channel) for channel in channels}
    while seconds is None or time.monotonic() - begin_s < seconds:
        time.sleep(step_s)
        drained = meter.sampler.drain()
        fresh = {channel.number: channel_of(drained, channel) for channel in channels}
        if not all(map(len, fresh.values())):
            for number, own in fresh.items():
                held[number] = np.concatenate([held[number], own])
            continue
        means_w: dict[str, float] = {}
        powers: list[NDArray[np.float64]] = []
        for channel in channels:
            own = fresh[channel.number]
            # The samples before give the period and the begin of the first interval.
            whole = np.concatenate([held[channel.number], own])
            trace = channel_trace(whole, channel)
            powers.append(trace.power_w[-len(own) :])
            widths = (trace.end_ns - trace.begin_ns)[-len(own) :]
            means_w[channel.name] = float(np.average(powers[-1], weights=widths))
            held[channel.number] = whole[-max(10 * PERIOD_SAMPLES, len(own)) :]
        only = powers[0] if len(channels) == 1 else None
        yield Column(
            mean_w=sum(means_w[name] for name in meter.sampler.total),
            least_w=None if only is None else float(only.min()),
            most_w=None if only is None else float(only.max()),
            samples=len(drained),
            flagged=int(((drained["flags"] & (Flag.SATURATED | Flag.MISSED | Flag.RESET)) != 0).sum()),
            channels={} if len(channels) == 1 else means_w,
        )


def plot(means_w: Sequence[float], *, width: int, height: int = HEIGHT) -> Sequence[str]:
    """Lines of a plot from zero to the largest power, the latest at the right, with the scale at the left."""
    shown = list(means_w)[-width:]
    top_w = max([*shown, 1e-9])
    lines = []
    for row in range(height - 1, -1, -1):
        cells = (min(max(round((mean_w / top_w * height - row) * 8), 0), 8) for mean_w in shown)
        label = {height - 1: print_value("power_mean_w", top_w), 0: "0 W"}.get(row, "")
        lines.append(f"{label:>{MARGIN - 2}} ┤" + "".join(_BLOCKS[cell] for cell in cells))
    return lines


def line_of(column: Column, meter: OpenMeter, step_s: float) -> str:
    """The latest figures in one line."""
    flagged = f", {column.flagged} flagged" if column.flagged else ""
    apart = ", ".join(f"{name} {print_value('power_mean_w', w)}" for name, w in column.channels.items()) or (
        f"from {print_value('power_mean_w', column.least_w)} to {print_value('power_mean_w', column.most_w)}"
    )
    return (
        f"{print_value('power_mean_w', column.mean_w)} ({apart}), {column.samples / step_s:.0f} samples/s{flagged}, "
        f"{meter.sampler.origin}"
    )


def _live(console: Console, meter: OpenMeter, seconds: float | None) -> None:
    width = max(20, console.width - MARGIN)
    means_w: deque[float] = deque(maxlen=width)
    with Live(Text("waiting for the meter"), console=console, refresh_per_second=10) as live:
        for column in columns_of(meter, seconds, COLUMN_S):
            means_w.append(column.mean_w)
            live.update(_page(meter, column, plot(means_w, width=width)))


def _page(meter: OpenMeter, column: Column, drawn: Sequence[str]) -> RenderableType:
    boundary = meter.device.meter.boundary if meter.device.meter else ""
    head = Text(f"{meter.device.id}: {boundary}", style="bold", no_wrap=True, overflow="ellipsis")
    body = Text("\n".join(drawn), style="green", no_wrap=True, overflow="crop")
    foot = Text(line_of(column, meter, COLUMN_S) + "   Ctrl-C ends it")
    return Group(head, body, foot)


def _lines(meter: OpenMeter, seconds: float | None) -> None:
    for column in columns_of(meter, seconds, LINE_S):
        typer.echo(line_of(column, meter, LINE_S))
