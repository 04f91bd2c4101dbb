"""This module is the contract of a cycle: one input, one window, three metrics.

On the device `observe` runs the inferences of one labelled input between two stamps, and nothing else. At the
bench `join` lays the meter's samples over that same window and judges that same output. There is no second
pass for accuracy and no average from elsewhere.

    gap | lead ... | begin  inference x repeats  end | tail ...
                    `------------ window ----------'

The *gap* is random, up to one period of the meter, so that identical work never beats against the sampler. The
*lead* and the *tail* are inferences of the same input outside the window: the samples that straddle its
edges then see the power of the same work, not of an idle device.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from harness.record import Cycle, Void
from harness.suite import Protocol
from harness.trace import Trace, Traces, WindowPower

EDGE_PERIODS = 50
"""Above this many periods the edges of a window weigh too little (< 1 %) to be worth a lead and a tail."""

BEAT_ORDER = 8
"""Ratios of inference to period p/q with p and q up to this can beat; finer ones average out in a window."""

CLOCK_SHARE = 0.05
"""A window that may lie further off the meter's samples than this share of its length mixes in what was before or after
it; 5 % is the error where the power outside is half of that inside, and less with the same work on both sides."""


def observe(runs: Sequence[Callable[[], object]], now: Callable[[], int]) -> list[int]:
    """Run each call once, back to back; the measured window of a cycle.

    Returns:
        len(runs) + 1 stamps of `now`: the first begins the window, each other ends one inference and begins
        the next, so that the latencies add up to the window.
    """
    stamps = [0] * (len(runs) + 1)
    stamps[0] = now()
    for position, run in enumerate(runs, 1):
        run()
        stamps[position] = now()
    return stamps


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a sitting's cycles are built, chosen in warm-up.

    Attributes:
        repeats: inferences in the window.
        lead, tail: inferences before and after it.
        gap_limit_s: the gap is drawn between 0 and this.
        beat: the nearly exact ratio of inference to period, where there is one to warn of.
    """

    repeats: int
    lead: int
    tail: int
    gap_limit_s: float
    beat: Fraction | None


def choose_shape(
    inference_s: float, period_s: float | None, protocol: Protocol, *, clock_uncertainty_s: float = 0.0
) -> Shape:
    """Repeats, lead and tail for an inference that takes at least `inference_s`.

    Args:
        inference_s: a fast inference of the warm-up, so that windows seldom come out too short.
        period_s: measured period of the meter; None without one.
        protocol: least duration and least number of samples of a window.
        clock_uncertainty_s: of the meter's clock; windows become long enough, and the work around them too, that it
            does not matter.
    """
    if period_s is None:
        repeats = math.ceil(protocol.window_s / inference_s)
        return Shape(repeats=max(1, repeats), lead=0, tail=0, gap_limit_s=0.0, beat=None)
    window_s = max(
        protocol.window_s, (protocol.samples + 1) * period_s, 2 * clock_uncertainty_s / CLOCK_SHARE
    )
    edge_s = period_s + clock_uncertainty_s
    shoulder = math.ceil(edge_s / inference_s) if inference_s < EDGE_PERIODS * edge_s else 0
    return Shape(
        repeats=max(1, math.ceil(window_s / inference_s)),
        lead=shoulder,
        tail=shoulder,
        gap_limit_s=period_s,
        beat=find_beat(inference_s, period_s, window_s),
    )


def find_beat(inference_s: float, period_s: float, window_s: float) -> Fraction | None:
    """The ratio p/q of inference to period, where the two stay in step over a whole window.

    In step means that over the window the phase between them drifts by less than half of the 1/q in which it
    repeats; each window then sees the same few phases of the inference, and only the random gap between
    windows makes the mean right (in-step errors reach 45 % of a window, simulated).
    """
    ratio = inference_s / period_s
    if ratio < 1 / BEAT_ORDER:
        return None
    beat = Fraction(ratio).limit_denominator(BEAT_ORDER)
    if beat.numerator > BEAT_ORDER:
        return None
    inferences = max(1.0, window_s / inference_s)
    drift = abs(ratio - beat) * inferences
    return beat if drift < 0.5 / beat.denominator else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the device gives back for one cycle, before the meter is asked.

    Attributes:
        item, label: the labelled input.
        stamps_ns: of `observe`, on the bench's monotonic clock.
        clock_uncertainty_ns: of the stamps against the meter's clock.
        predicted: the class in the output of the last inference; None where there is none.
        output_sha256: digest of that output.
        outputs_equal: the repeats gave the same output, as far as they were kept apart.
    """

    item: int
    label: int
    stamps_ns: Sequence[int]
    clock_uncertainty_ns: int
    predicted: int | None
    output_sha256: str
    outputs_equal: bool


def join(
    seen: Observation,
    trace: Trace | Traces | None,
    protocol: Protocol,
    faults: Sequence[Void] = (),
    *,
    clock_uncertainty_ns: int = 0,
    **place: object,
) -> Cycle:
    """The cycle: latency, energy and verdict of one window.

    Args:
        seen: what the device gave back.
        trace: samples from before the window to after it, of each channel of a meter that has several; None on a
            device without a meter.
        protocol: what a valid window needs.
        faults: reasons known to the bench, such as a meter that was reset in the window.
        clock_uncertainty_ns: of the meter's stamps against the bench's clock.
        place: `seq`, `case`, `sitting`, `part` and `phase` of the record.
    """
    begin_ns, end_ns = seen.stamps_ns[0], seen.stamps_ns[-1]
    power = None if trace is None else trace.window(begin_ns, end_ns)
    uncertainty_ns = seen.clock_uncertainty_ns + clock_uncertainty_ns
    void = list(faults)
    if not seen.outputs_equal:
        void.append(Void.OUTPUT_DIFFERS)
    if power is not None:
        void += [
            reason
            for reason, holds in (
                (Void.TOO_FEW_SAMPLES, power.samples < protocol.samples),
                (Void.GAP, power.lost > 0),
                (Void.LOW_COVERAGE, power.coverage < protocol.coverage),
                (Void.SATURATED, power.saturated > 0),
                (Void.CLOCK_UNSURE, uncertainty_ns > CLOCK_SHARE * (end_ns - begin_ns)),
            )
            if holds
        ]
    return Cycle(
        item=seen.item,
        label=seen.label,
        begin_ns=begin_ns,
        end_ns=end_ns,
        clock_uncertainty_ns=uncertainty_ns,
        latencies_ns=[
            after - before for before, after in zip(seen.stamps_ns, seen.stamps_ns[1:], strict=False)
        ],
        energy_j=None if power is None else power.energy_j,
        samples=0 if power is None else power.samples,
        coverage=0.0 if power is None else power.coverage,
        lost=0 if power is None else power.lost,
        saturated=0 if power is None else power.saturated,
        channels=None if power is None else _by_channel(power),
        predicted=seen.predicted,
        output_sha256=seen.output_sha256,
        void=tuple(void),
        **place,  # type: ignore[arg-type]
    )


def _by_channel(power: WindowPower) -> Mapping[str, Mapping[str, Any]] | None:
    """Energy, coverage and faults of each channel by its name; None of a meter that has just one."""
    found = {name: asdict(each) for name, each in power.channels.items()}
    for each in found.values():
        del each["channels"]
    return found or None
