"""This module is a sampler for tests: conversions of a constant load, in virtual time, spoilt where asked."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from harness.errors import MeterError
from harness.meters import DIRECT, Flag, Link
from harness.meters.ina226 import lag_s
from harness.meters.scale import BUS_LSB_V, SHUNT_LSB_V, Scale
from harness.meters.stream import SAMPLE, Channel
from harness.meters.virtual import VirtualClock
from harness.profile import Ina226Meter, Origin


def nothing(_stamp_ns: int) -> Flag | None:
    """No sample is spoilt."""
    return Flag(0)


@dataclass(kw_only=True)
class FakeSampler:
    """A meter that never jitters.

    Attributes:
        meter: as the profile has it; only its shunt and conversion times count.
        clock: runs on while somebody waits for a sample.
        period_ns: of the conversions; sample n is ready at n periods.
        power_w: constant, at 12 V.
        flags: the flags of the sample ready at an instant; None where it is lost.
        paused: stretches of time in which it slept.
        link: what it says of its clock.
    """

    meter: Ina226Meter
    clock: VirtualClock
    period_ns: int = 1_250_000
    power_w: float = 6.0
    flags: Callable[[int], Flag | None] = nothing
    paused: list[range] = field(default_factory=list)
    link: Link = DIRECT
    overrun: int = 0
    _read: int = 0
    _opened: int = 0
    _asleep_since: int | None = None
    is_open: bool = False

    def __enter__(self) -> Self:
        self.is_open = True
        self._opened = self._read = self.clock() // self.period_ns
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_open = False

    def lag_s(self, period_s: float) -> float:
        """Of the meter."""
        return lag_s(self.meter, period_s)

    @property
    def channels(self) -> Sequence[Channel]:
        """Just one."""
        return (Channel(name="", number=0, scale=self.scale, lag_s=self.lag_s),)

    @property
    def total(self) -> Sequence[str]:
        """All there is."""
        return ("",)

    @property
    def scale(self) -> Scale:
        """Of the meter."""
        return Scale.of(self.meter)

    @property
    def configuration(self) -> Mapping[str, Any]:
        """Says what it is."""
        return {"origin": "simulated", "chip": "fake"}

    @property
    def origin(self) -> Origin:
        """Never measured."""
        return Origin.SIMULATED

    def drain(self) -> NDArray[np.void]:
        """Conversions that ended since the last call and were read."""
        if not self.is_open:
            raise MeterError("the sampler was closed; its samples end there")
        last = self.clock() // self.period_ns
        stamps = [number * self.period_ns for number in range(self._read + 1, last + 1)]
        self._read = last
        read = [(stamp, self.flags(stamp)) for stamp in stamps if not self._slept(stamp)]
        kept = [(stamp, flags) for stamp, flags in read if flags is not None]
        samples = np.zeros(len(kept), SAMPLE)
        samples["ready_ns"] = [stamp for stamp, _ in kept]
        samples["flags"] = [int(flags) for _, flags in kept]
        samples["bus"] = round(12.0 / BUS_LSB_V)
        samples["shunt"] = round(self.power_w / 12.0 * self.meter.shunt_ohm / SHUNT_LSB_V)
        return samples

    def pause(self) -> None:
        """Sleep from now on."""
        self._asleep_since = self.clock()

    def resume(self) -> None:
        """Wake up."""
        assert self._asleep_since is not None
        self.paused.append(range(self._asleep_since + 1, self.clock() + 1))
        self._asleep_since = None

    def wait_beyond(self, stamp_ns: int) -> None:
        """Let time pass until a sample after the instant was read."""
        number = max(stamp_ns // self.period_ns, self._opened) + 1
        while self.flags(number * self.period_ns) is None:
            number += 1
        self.clock.now_ns = max(self.clock.now_ns, number * self.period_ns)

    def _slept(self, stamp_ns: int) -> bool:
        asleep: Collection[range] = self.paused
        since = self._asleep_since
        return any(stamp_ns in stretch for stretch in asleep) or (since is not None and stamp_ns > since)


@dataclass(kw_only=True)
class FakeGroup:
    """Several meters that never jitter, as the channels of one; they share a clock and are not in step.

    Attributes:
        samplers: by the names of their channels.
        total: channels whose energies add up.
    """

    samplers: Mapping[str, FakeSampler]
    total: Sequence[str]

    origin = Origin.SIMULATED
    link = DIRECT
    overrun = 0

    def __enter__(self) -> Self:
        for sampler in self.samplers.values():
            sampler.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sampler in self.samplers.values():
            sampler.__exit__(kind, error, trace)

    @property
    def channels(self) -> Sequence[Channel]:
        """One for each meter, in order."""
        return [
            Channel(name=name, number=number, scale=sampler.scale, lag_s=sampler.lag_s)
            for number, (name, sampler) in enumerate(self.samplers.items())
        ]

    @property
    def configuration(self) -> Mapping[str, Any]:
        """Says what it is."""
        return {"origin": "simulated", "chip": "fakes"}

    def drain(self) -> NDArray[np.void]:
        """Conversions of all since the last call, as they ended."""
        found = []
        for number, sampler in enumerate(self.samplers.values()):
            samples = sampler.drain()
            samples["channel"] = number
            found.append(samples)
        merged = np.concatenate(found)
        return merged[np.argsort(merged["ready_ns"], kind="stable")]

    def pause(self) -> None:
        """All sleep from now on."""
        for sampler in self.samplers.values():
            sampler.pause()

    def resume(self) -> None:
        """All wake up."""
        for sampler in self.samplers.values():
            sampler.resume()

    def wait_beyond(self, stamp_ns: int) -> None:
        """Let time pass until each has read a sample after the instant."""
        for sampler in self.samplers.values():
            sampler.wait_beyond(stamp_ns)
