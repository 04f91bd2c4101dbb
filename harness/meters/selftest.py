"""This module judges a meter by what it says of itself, how it is reached, and what it measures.

Some faults show by themselves: a slow bus, lost conversions, a converter that does not convert. Others only
against something known: the supply voltage, the power of the load, or that this machine takes more when it works.
What cannot be found without a reference is bounded, and said so.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.calibration import MISTAKES
from harness.findings import Finding
from harness.meters import Flag, Raw
from harness.meters.i2c import RegisterBus
from harness.meters.ina226 import Ina226, nominal_period_s
from harness.meters.intervals import trace_of
from harness.meters.scale import Scale
from harness.meters.word import EnergyWord, Readout
from harness.profile import Ina226Meter
from harness.quantities import print_share

T = TypeVar("T")

REGISTER_BITS = 48
"""On the wire for one register with its pointer: five bytes with acknowledges, start, repeated start and stop."""
REGISTERS_PER_SAMPLE = 3
"""The flag and both results."""
SLOW_BUS_HZ = 200e3
"""Below this a bus set to 400 kHz does not run at it."""
LONGEST_SHARE = 0.9
"""Of the period that reading a sample may take; the chip may be 10 % fast."""
LOST_SHARE = 1e-3
"""More lost conversions than this make a block inadmissible (limit of the MLPerf Tiny runner).

Here each makes one cycle void, which is measured again: it is to be known, and no more.
"""
UNFIT_SHARE = 0.02
"""With more than this, one in fifty, hardly a window of some ten samples is whole often enough."""
CLOCK_TOLERANCE = 0.11
"""Of the conversion time: 10 % by TI SBOS547B section 5.5, and what the measurement itself is off."""
ZERO_LIMIT_V = 10e-6
"""Offset of the shunt channel, TI SBOS547B section 5.5."""
BUS_LIMIT_V, BUS_LIMIT = 7.5e-3, 1e-3
"""Offset and gain of the bus channel, there."""
MODULE_LIMIT = 0.02
"""Bus voltage of a module nobody calibrated; up to 5.4 % have been seen."""
OTHER_RAIL = 0.1
"""A voltage that far off is of another rail, not of a bad chip."""
LOAD_FACTOR = 3.0
"""Somebody who knows the load roughly is right within this factor."""
RESPONSE_SIGMAS = 5.0
"""Busy and idle power must differ by so many standard errors."""
RESPONSE_SHARE = 0.02
"""And by this share of the idle power: a busy processor takes more than that."""
BINS_S = (50e-6, 100e-6, 150e-6, 200e-6, 300e-6, 500e-6, 1e-3, 2e-3, 5e-3)
"""Upper edges of the histogram of times."""


class TimedRegisters:
    """Registers that note how long each access took; a `RegisterBus`.

    Args:
        registers: of the chip.
        clock: nanoseconds.
    """

    def __init__(self, registers: RegisterBus, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._registers = registers
        self._clock = clock
        self.access_s: list[float] = []

    @property
    def access(self) -> Mapping[str, Any]:
        """How they are reached."""
        return self._registers.access

    def read_u16(self, register: int) -> int:
        """Value of a register."""
        return self._timed(lambda: self._registers.read_u16(register), 1)

    def read_u16s(self, *registers: int) -> tuple[int, ...]:
        """Values of registers; each is noted with its share of the time."""
        return self._timed(lambda: self._registers.read_u16s(*registers), len(registers))

    def write_u16(self, register: int, value: int) -> None:
        """Set a register; not noted."""
        self._registers.write_u16(register, value)

    def close(self) -> None:
        """Let go of the bus."""
        self._registers.close()

    def _timed(self, transfer: Callable[[], T], registers: int) -> T:
        begin_ns = self._clock()
        answer = transfer()
        self.access_s += [(self._clock() - begin_ns) * 1e-9 / registers] * registers
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a person knows of the circuit; None for what nobody knows.

    Attributes:
        voltage_v: of the rail, by a voltmeter.
        power_w: of the load, roughly.
        is_unloaded: no current flows.
    """

    voltage_v: float | None = None
    power_w: float | None = None
    is_unloaded: bool = False


def exercise(
    meter: Ina226Meter,
    registers: RegisterBus,
    *,
    duration_s: float,
    clock: Callable[[], int] = time.monotonic_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Sequence[Raw], Sequence[float]]:
    """Conversions read here and now for some time, and how long each register took.

    Raises:
        MeterError: the chip is no INA226, or fell silent.
    """
    timed = TimedRegisters(registers, clock)
    until_ns = clock() + round(duration_s * 1e9)
    raws = []
    with Ina226(meter, timed, clock=clock, sleep=sleep) as stream:
        timed.access_s.clear()
        while clock() < until_ns:
            raws.append(stream.next())
    return raws, timed.access_s


def judge_bus(meter: Ina226Meter, access_s: Sequence[float], *, turns: int = 1) -> Iterator[Finding]:
    """Whether the bus is fast enough for the meter's setting.

    Args:
        meter: the chip.
        access_s: how long each register took.
        turns: chips that are read in turn, this one among them.
    """
    register_s = float(np.median(access_s))
    sample_s = turns * REGISTERS_PER_SAMPLE * register_s
    period_s = nominal_period_s(meter)
    found = (
        f"{register_s * 1e6:.0f} us for a register (median of {len(access_s)}), {sample_s * 1e6:.0f} us of the "
        f"{period_s * 1e6:.0f} us of a conversion"
    )
    clock_hz = REGISTER_BITS / register_s if register_s > 0 else float("inf")
    too_slow = sample_s > LONGEST_SHARE * period_s
    slow = clock_hz < SLOW_BUS_HZ
    advice = ""
    if slow:
        advice = (
            f"the bus runs at no more than {clock_hz / 1e3:.0f} kHz, or the machine is slow; set it to 400 kHz "
            "(Raspberry Pi: dtparam=i2c_arm_baudrate=400000)"
        )
    if too_slow:
        advice += ("; " if advice else "") + (
            "conversions will be lost: lengthen shunt_conversion_s or raise average"
        )
    yield Finding(what="bus", ok=not (slow or too_slow), found=found, advice=advice)


def judge_samples(
    samples: NDArray[Any], readout: Readout, *, period_ns: float, nominal_ns: float | None, known: Known
) -> Iterator[Finding]:
    """What the samples of a meter at rest say.

    Args:
        samples: of the type `harness.meters.stream.SAMPLE`, without a pause between them.
        readout: what their integers are.
        period_ns: measured period.
        nominal_ns: what the setting promises; None where it promises nothing.
        known: of the circuit.
    """
    steps = np.rint(np.diff(samples["ready_ns"]) / period_ns)
    counted = isinstance(readout, EnergyWord)
    lost = 0 if counted else int(np.clip(steps - 1, 0, None).sum())
    share = lost / (len(samples) + lost)
    found = f"{1e9 / period_ns:.1f} /s, {len(samples)} read, {lost} lost ({print_share(share, 2)})"
    advice = (
        "other work disturbs the sampler, or the bus is too slow (see `bus`); cycles with a gap are measured again"
        if share > LOST_SHARE
        else ""
    )
    ok = False if share > UNFIT_SHARE else None if share > LOST_SHARE else True
    yield Finding(what="rate", ok=ok, found=found, advice=advice)
    if nominal_ns is not None:
        yield _judge_clock(period_ns / nominal_ns - 1)
    saturated = int(((samples["flags"] & Flag.SATURATED) != 0).sum())
    if saturated:
        yield Finding(
            what="range",
            ok=False,
            found=f"{saturated} of {len(samples)} samples stand at the end of the range",
            advice="the current is larger than the shunt allows: take a smaller one",
        )
    if isinstance(readout, Scale):
        yield from _judge_pairs(samples, readout, known)
    watts = trace_of(samples, readout, period_ns=period_ns, lag_ns=0.0).power_w
    yield _judge_power(float(watts.mean()), known)


def judge_response(idle_w: NDArray[np.float64], busy_w: NDArray[np.float64]) -> Finding:
    """Whether the meter sees this machine work: a meter of another rail, or of another board, does not.

    Args:
        idle_w: samples with the machine at rest.
        busy_w: and with one processor kept busy.
    """
    rise_w = float(busy_w.mean() - idle_w.mean())
    error_w = float(np.hypot(idle_w.std() / np.sqrt(len(idle_w)), busy_w.std() / np.sqrt(len(busy_w))))
    seen = rise_w > max(RESPONSE_SIGMAS * error_w, RESPONSE_SHARE * abs(float(idle_w.mean())))
    found = f"{idle_w.mean():.4g} W at rest, {busy_w.mean():.4g} W with one processor busy"
    advice = (
        ""
        if seen
        else "the meter does not see this machine work: is it on another rail, or are two addresses swapped?"
    )
    return Finding(what="response", ok=seen, found=found, advice=advice)


def histogram(times_s: Sequence[float]) -> Iterator[tuple[str, int]]:
    """Numbers of times by their length, each with its label, up to the longest that occurs."""
    places = np.searchsorted(BINS_S, times_s)
    counts = np.bincount(places, minlength=len(BINS_S) + 1)
    last = int(np.flatnonzero(counts)[-1]) if len(times_s) else -1
    for place, count in enumerate(counts[: last + 1]):
        if place < len(BINS_S):
            yield f"up to {BINS_S[place] * 1e6:4.0f} us", int(count)
        else:
            yield f"over  {BINS_S[-1] * 1e6:4.0f} us", int(count)


def _judge_clock(error: float) -> Finding:
    fits = abs(error) <= CLOCK_TOLERANCE
    advice = (
        ""
        if fits
        else "no genuine chip is that far off: does another program set it, or is it another kind of chip?"
    )
    return Finding(
        what="chip clock",
        ok=fits,
        found=f"conversions are {print_share(error, 2, signed=True)} of typical length off",
        advice=advice,
    )


def _judge_pairs(samples: NDArray[Any], scale: Scale, known: Known) -> Iterator[Finding]:
    noise = float(samples["shunt"].std())
    noise_v = noise * scale.shunt_lsb_v
    zero_v = float(samples["shunt"].mean()) * scale.shunt_lsb_v
    current = "at zero current" if known.is_unloaded else "with the load as it is"
    found = f"{noise:.2f} counts ({noise_v * 1e6:.2f} uV) {current}, mean {zero_v * 1e6:+.1f} uV"
    if known.is_unloaded:
        fits = abs(zero_v) <= ZERO_LIMIT_V
        advice = (
            "" if fits else f"more than the {ZERO_LIMIT_V * 1e6:.0f} uV of a genuine chip, or a current flows"
        )
        yield Finding(what="noise", ok=fits, found=found, advice=advice)
    else:
        advice = "for the noise at zero current disconnect the load and give --unloaded"
        yield Finding(what="noise", ok=None, found=found, advice=advice)
    if len(set(zip(samples["shunt"].tolist(), samples["bus"].tolist(), strict=True))) == 1:
        yield Finding(
            what="converter",
            ok=None,
            found="every sample is the same",
            advice="a real chip scatters by a count or so: is it converting?",
        )
    voltage_v = float(np.mean(scale.voltage_v(samples["bus"].astype(np.float64))))
    yield _judge_voltage(voltage_v, scale, known)


def _judge_voltage(voltage_v: float, scale: Scale, known: Known) -> Finding:
    calibrated = (scale.voltage_gain, scale.voltage_offset_v) != (1.0, 0.0)
    found = f"{voltage_v:.4f} V"
    if known.voltage_v is None:
        bound = (
            "calibrated"
            if calibrated
            else f"bounded to {print_share(MODULE_LIMIT)} for a module nobody calibrated"
        )
        advice = "a voltmeter's reading given with --volts tells more"
        return Finding(what="voltage", ok=None, found=f"{found}, {bound}", advice=advice)
    off_v = voltage_v - known.voltage_v
    off = off_v / known.voltage_v
    found += f", {print_share(off, 2, signed=True)} off the {known.voltage_v:g} V given"
    if abs(off) > OTHER_RAIL:
        advice = "this is another rail: is the address right, or are those of two meters swapped?"
        return Finding(what="voltage", ok=False, found=found, advice=advice)
    if abs(off_v) > BUS_LIMIT_V + BUS_LIMIT * known.voltage_v:
        advice = (
            "no genuine chip is that far off (7.5 mV and 0.1 %): it is a copy; use `harness meter calibrate`"
        )
        return Finding(what="voltage", ok=False, found=found, advice=advice)
    return Finding(what="voltage", ok=True, found=found)


def _judge_power(power_w: float, known: Known) -> Finding:
    found = f"{power_w:.4g} W"
    if power_w < 0:
        advice = "the current flows backwards: swap the two wires at the shunt"
        return Finding(what="power", ok=False, found=found, advice=advice)
    if known.power_w is None:
        advice = "give the load's power roughly with --watts to have the shunt checked"
        return Finding(what="power", ok=None, found=found, advice=advice)
    found += f", about {known.power_w:g} W were said"
    if power_w > 0 and 1 / LOAD_FACTOR <= known.power_w / power_w <= LOAD_FACTOR:
        return Finding(what="power", ok=True, found=found)
    gain = known.power_w / power_w if power_w > 0 else float("inf")
    near = [mistake for factor, mistake in MISTAKES.items() if 1 / 2 < gain / factor < 2]
    advice = f"most likely {near[0]}" if near else "is shunt_ohm what is wired, and the meter on this rail?"
    return Finding(what="power", ok=False, found=found, advice=advice)
