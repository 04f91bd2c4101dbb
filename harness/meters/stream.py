"""This module is the bench's side of the sampler: it starts it, takes its samples and notices its end."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from harness.calibration import Calibration
from harness.child import Child
from harness.errors import MeterError
from harness.frames import Frame
from harness.instruments import Instrument
from harness.meters import Flag, Link
from harness.meters.ina226 import lag_s, nominal_period_s
from harness.meters.ring import Doing, Ring
from harness.meters.scale import Scale
from harness.meters.word import Readout, readout_from
from harness.profile import Ina226Group, Ina226Meter, Origin

SAMPLE = np.dtype(
    [
        ("ready_ns", "=i8"),
        ("delay_ns", "=i4"),
        ("shunt", "=i2"),
        ("bus", "=u2"),
        ("flags", "=u4"),
        ("channel", "=u2"),
    ]
)
"""A sample as `harness.meters.Raw` describes it, as it lies in the ring."""

PERIOD_SAMPLES = 20
"""Fewer stamps do not make a period."""
SURE_STEPS = 4
"""A gap of so many conversions is counted right even with a period that is 10 % off."""
GAP_STEPS = 16
"""Over a longer gap conversions are not counted; the chip's phase may also have been set anew."""
LOOK_S = 2e-4
"""Between two looks into the ring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One stream of samples of a meter; most meters have just one.

    Attributes:
        name: in the profile; empty where the meter has just one.
        number: `channel` of its samples.
        scale: what the two integers of a sample are, calibration included.
        lag_s: how much earlier a sample's interval lies than its stamp says, at a measured period.
        nominal_ns: conversion period by the chip's settings; None of a meter that says none.
    """

    name: str
    number: int
    scale: Readout
    lag_s: Callable[[float], float]
    nominal_ns: float | None = None

    def period_ns(self, ready_ns: NDArray[np.int64]) -> float:
        """Measured conversion period, by the stamps of its samples; raises as `conversion_period_ns`."""
        return conversion_period_ns(ready_ns, self.nominal_ns)


class Sampler:
    """A meter that runs freely in a process of its own while the bench measures.

    Args:
        meter: which, and how it is wired and set.
        subject_pid: process that is measured; it feeds a simulated chip.
        reply_s: a sampler silent for longer has failed.
        calibration: of this very meter, or of each calibrated channel of a group; None for an uncalibrated one.
    """

    def __init__(
        self,
        meter: Ina226Meter | Ina226Group | Instrument,
        *,
        subject_pid: int | None,
        reply_s: float,
        calibration: Calibration | Mapping[str, Calibration] | None = None,
    ) -> None:
        self.meter = meter
        self._calibration = calibration
        self._subject_pid = subject_pid
        self._reply_s = reply_s
        self._opened: ExitStack | None = None
        self._configuration: Mapping[str, Any] = {}
        self._channels: Sequence[Channel] = ()

    @property
    def configuration(self) -> Mapping[str, Any]:
        """Settings as read back from the chip, with `origin`, and the sampler's `scheduler` and `cpu`."""
        return self._configuration

    @property
    def channels(self) -> Sequence[Channel]:
        """The streams of samples it has, by number; known once it is open."""
        return self._channels

    @property
    def total(self) -> Sequence[str]:
        """Names of the channels whose energies add up to that of the device."""
        if isinstance(self.meter, Ina226Group):
            return self.meter.total
        return [channel.name for channel in self._channels]

    @property
    def scale(self) -> Readout:
        """What the two integers of a sample are, calibration included; of the first channel where there are several."""
        return self._channels[0].scale

    @property
    def origin(self) -> Origin:
        """Where the figures come from."""
        return Origin(self._configuration["origin"])

    @property
    def overrun(self) -> int:
        """Samples that were overwritten because nobody drained them in time."""
        return self._ring.lost

    @property
    def link(self) -> Link:
        """How well the meter's clock is known, and how the way from it has fared."""
        return self._ring.link

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self._ring = undo.enter_context(Ring.make())
            self._child = undo.enter_context(
                Child(
                    "harness.meters.sampler",
                    title="the sampler",
                    failure=MeterError,
                    descriptors=(self._ring.descriptor,),
                )
            )
            self._configuration = self._start()
            self._channels = tuple(self._find_channels())
            self._heard_s = time.monotonic()
            self._opened = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def drain(self) -> NDArray[np.void]:
        """Samples since the last call, in order, with the fields of `SAMPLE`.

        Samples lost to an overrun are counted in `overrun`, and the first one after them is flagged MISSED.

        Raises:
            MeterError: the sampler ended, or sent nothing for `reply_s` while running.
        """
        self._child.must_live()
        lost_before = self._ring.lost
        samples = np.frombuffer(bytearray(self._ring.drain()), SAMPLE)
        if len(samples):
            self._heard_s = time.monotonic()
            if self._ring.lost > lost_before:
                samples["flags"][0] |= Flag.MISSED
        elif self._ring.wanted is Doing.PAUSE:
            self._heard_s = time.monotonic()
        elif time.monotonic() - self._heard_s > self._reply_s:
            raise MeterError(
                f"the sampler sent nothing for {self._reply_s:g} s; look at the meter and its bus"
            )
        return samples

    def pause(self) -> None:
        """Let the chip run but nobody read it; returns when the sampler sleeps.

        Raises:
            MeterError: the sampler ended or does not heed.
        """
        self._ring.wanted = Doing.PAUSE
        self._await(lambda: self._ring.state is Doing.PAUSE, "did not pause")

    def resume(self) -> None:
        """Read the chip again; returns when the sampler is awake. The first sample is flagged MISSED.

        Raises:
            MeterError: the sampler ended or does not heed.
        """
        self._ring.wanted = Doing.RUN
        self._await(lambda: self._ring.state is Doing.RUN, "did not resume")
        self._heard_s = time.monotonic()

    def wait_beyond(self, stamp_ns: int) -> None:
        """Wait until a conversion that ended after this instant has arrived.

        Raises:
            MeterError: none came within `reply_s`, or the sampler ended.
        """
        self._await(lambda: self._newest_ns() > stamp_ns, "sent no newer sample")

    def _newest_ns(self) -> int:
        """Up to when all channels have been seen."""
        return min(self._ring.newest_ns(channel.number) for channel in self._channels)

    def _find_channels(self) -> Iterator[Channel]:
        meter, calibration = self.meter, self._calibration
        if isinstance(meter, Ina226Group):
            known = calibration if isinstance(calibration, Mapping) else {}
            for number, (name, chip) in enumerate(meter.channels.items()):
                scale = calibrated(Scale.of(chip), known.get(name))
                yield _channel(name, number, chip, scale)
            return
        own = None if isinstance(calibration, Mapping) else calibration
        if isinstance(meter, Ina226Meter):
            scale = calibrated(Scale.of(meter), own)
            yield _channel("", 0, meter, scale)
            return
        told_s = float(self._configuration["lag_s"])
        readout = calibrated(readout_from(self._configuration["watts"]), own)
        yield Channel(name="", number=0, scale=readout, lag_s=lambda _: told_s)

    def _await(self, condition: Callable[[], bool], failing: str) -> None:
        deadline_s = time.monotonic() + self._reply_s
        while not condition():
            self._child.must_live()
            if time.monotonic() > deadline_s:
                raise MeterError(
                    f"the sampler {failing} within {self._reply_s:g} s; look at the meter and its bus"
                )
            time.sleep(LOOK_S)

    def _start(self) -> Mapping[str, Any]:
        header = {
            "meter": asdict(self.meter),
            "subject_pid": self._subject_pid,
            "ring": self._ring.descriptor,
        }
        self._child.send(Frame(header=header), self._reply_s)
        answer = self._child.receive(self._reply_s).header
        if "error" in answer:
            raise MeterError(answer["error"])
        configuration: Mapping[str, Any] = answer["configuration"]
        return configuration


def calibrated(readout: Readout, calibration: Calibration | None) -> Readout:
    """A readout with the gains and offsets of a calibration.

    Raises:
        MeterError: the meter gives no current and voltage to apply it to.
    """
    if calibration is None:
        return readout
    if not isinstance(readout, Scale):
        raise MeterError(
            "calibration: is given for a meter of power or energy; only one of current and voltage can be calibrated"
        )
    return replace(
        readout,
        voltage_gain=calibration.voltage.gain,
        voltage_offset_v=calibration.voltage.offset,
        current_gain=calibration.current.gain,
        current_offset_a=calibration.current.offset,
    )


def _channel(name: str, number: int, chip: Ina226Meter, scale: Readout) -> Channel:
    return Channel(
        name=name,
        number=number,
        scale=scale,
        lag_s=partial(lag_s, chip),
        nominal_ns=nominal_period_s(chip) * 1e9,
    )


def conversion_period_ns(ready_ns: NDArray[np.int64], nominal_ns: float | None = None) -> float:
    """Period of the chip by regression of its stamps over the number of the conversion.

    Lost conversions are counted from the length of their gap; over long gaps, where the count could be wrong
    or the chip begun anew, the phase is left open.

    Args:
        ready_ns: increasing stamps of one chip at one setting.
        nominal_ns: the period by its settings, right to 10 %: with it the count is right however many conversions
            were lost. Without it, and where most steps are shorter than half of it so that it is not this chip's,
            most steps must be those of one conversion.

    Raises:
        MeterError: there are fewer than 20 stamps.
    """
    stamps = np.asarray(ready_ns, np.int64)
    if len(stamps) < PERIOD_SAMPLES:
        raise MeterError(
            f"{len(stamps)} samples do not make a conversion period; at least {PERIOD_SAMPLES} are needed"
        )
    steps = np.diff(stamps)
    median_ns = float(np.median(steps))
    period_ns = nominal_ns if nominal_ns and median_ns > nominal_ns / 2 else median_ns
    # The first pass counts the short gaps alone, the later ones, with a better period, the longer ones too.
    for longest in (SURE_STEPS, GAP_STEPS, GAP_STEPS):
        counts = np.rint(steps / period_ns)
        is_long = counts > longest
        if is_long.all():
            continue
        run = np.concatenate(([0], np.cumsum(is_long)))
        index = np.concatenate(([0.0], np.cumsum(np.where(is_long, 1, counts))))
        elapsed = (stamps - stamps[0]).astype(np.float64)
        index -= _run_means(index, run)
        elapsed -= _run_means(elapsed, run)
        period_ns = float(index @ elapsed / (index @ index))
    return period_ns


def _run_means(values: NDArray[np.float64], run: NDArray[np.int64]) -> NDArray[np.float64]:
    means: NDArray[np.float64] = np.bincount(run, values) / np.bincount(run)
    return means[run]
