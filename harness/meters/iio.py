"""This module reads an INA226 through the kernel's industrial I/O driver `ina2xx-adc`, from its buffer.

The kernel polls the chip and stamps each conversion, on the clock this module sets to CLOCK_MONOTONIC. The
layout of a record follows Documentation/driver-api/iio/buffers.rst: elements by index, each aligned to its size.
The driver calls the shunt's register unsigned; it is two's complement (TI SBOS547B table 7-1).
"""

import os
import re
import select
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from harness.errors import MeterError
from harness.instruments import IioMeter
from harness.meters import Flag, Link, Raw
from harness.meters.monitor import signed
from harness.meters.polled import LONGEST_DELAY_NS
from harness.meters.scale import Scale
from harness.meters.sysfs import ROOT, children, number, text, text_or_none, write

MILLI = 1e-3
BUFFER_RECORDS = 256
READ_RECORDS = 64
PATIENCE_S = 1.0
GAP_PERIODS = 1.65
"""Of the typical period; a chip may be 10 % slow (TI SBOS547B section 5.5)."""
CHANNELS = ("in_voltage0", "in_voltage1", "in_timestamp")
"""Shunt, bus, stamp."""

_TYPE = re.compile(r"(le|be):([su])(\d+)/(\d+)(?:>>(\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One channel of a record.

    Attributes:
        offset, size: bytes from the begin of the record, and of the element.
        order: `little` or `big`.
        is_signed: two's complement.
        bits, shift: of the value in the element.
    """

    offset: int
    size: int
    order: Literal["little", "big"]
    is_signed: bool
    bits: int
    shift: int

    def value(self, record: bytes) -> int:
        """The channel's integer in a record."""
        part = record[self.offset : self.offset + self.size]
        word = int.from_bytes(part, self.order) >> self.shift & (1 << self.bits) - 1
        return word - (1 << self.bits) if self.is_signed and word >> self.bits - 1 else word


def layout(types: Sequence[tuple[int, str]]) -> tuple[Sequence[Element], int]:
    """Elements of a record in the order given, and its size.

    Args:
        types: index and type of each channel, such as (0, "le:u16/16>>0").

    Raises:
        MeterError: a type is not of that form.
    """
    elements: dict[int, Element] = {}
    end = largest = 0
    for index, kind in sorted(types):
        match = _TYPE.fullmatch(kind)
        if match is None:
            raise MeterError(f"scan_elements: found the type {kind!r}, expected one such as le:u16/16>>0")
        size = int(match[4]) // 8
        offset = -(-end // size) * size
        elements[index] = Element(
            offset=offset,
            size=size,
            order="little" if match[1] == "le" else "big",
            is_signed=match[2] == "s",
            bits=int(match[3]),
            shift=int(match[5] or 0),
        )
        end, largest = offset + size, max(largest, size)
    return [elements[index] for index, _ in types], -(-end // largest) * largest


def iio_devices(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Base name and chip name of every device of the tree."""
    for path in children(root / "sys/bus/iio/devices", "iio:device*"):
        name = text_or_none(path / "name")
        if name is not None:
            yield path.name, name


class Iio:
    """One chip as a stream; its settings and buffer are given back as found on exit.

    Args:
        meter: which, and how it is to be set.
        root: above `sys` and `dev`.
        clock: CLOCK_MONOTONIC in nanoseconds.
    """

    def __init__(
        self, meter: IioMeter, root: Path = ROOT, *, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.origin = meter.origin
        self._meter = meter
        self._root = root
        self._clock = clock
        self._undo = ExitStack()
        self._device = ""
        self._node = -1
        self._elements: Sequence[Element] = ()
        self._record_bytes = 1
        self._pending = b""
        self._waiting: deque[Raw] = deque()
        self._last_ns: int | None = None
        self._scale: Scale | None = None

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self._device = self._find()
            self._set_up(undo)
            self._node = self._open_node(undo)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def configuration(self) -> Mapping[str, Any]:
        """What the kernel says the chip is set to, with `watts`, `period_s` and `lag_s`."""
        folder = self._folder
        bus_s = number(folder / "in_voltage1_integration_time")
        shunt_s = number(folder / "in_voltage0_integration_time")
        average = number(folder / "in_oversampling_ratio")
        return {
            "chip": self._meter.chip,
            "device": self._device,
            "average": round(average),
            "shunt_conversion_s": shunt_s,
            "bus_conversion_s": bus_s,
            "clock": text(folder / "current_timestamp_clock"),
            "watts": self._scale.as_record() if self._scale else None,
            "period_s": average * (shunt_s + bus_s),
            "lag_s": bus_s / 2,
        }

    @property
    def link(self) -> Link:
        """How far a stamp may be from the end of its conversion.

        The driver sleeps for up to half a conversion longer before it looks again (usleep_range(d, 1.5 d)).
        """
        return Link(clock_uncertainty_ns=round(self._typical_s / 2 * 1e9))

    def next(self) -> Raw:
        """Wait for the next record of the buffer, for at most a second or 20 periods.

        Raises:
            MeterError: none came.
        """
        while not self._waiting:
            self._fill()
        return self._waiting.popleft()

    @property
    def _folder(self) -> Path:
        return self._root / "sys/bus/iio/devices" / self._device

    @property
    def _typical_s(self) -> float:
        meter = self._meter
        return meter.average * (meter.shunt_conversion_s + meter.bus_conversion_s)

    def _find(self) -> str:
        wanted = self._meter
        there = list(iio_devices(self._root))
        found = [device for device, chip in there if chip == wanted.chip and wanted.device in (None, device)]
        if len(found) == 1:
            return found[0]
        shown = ", ".join(f"{chip} as {device}" for device, chip in there) or "none at all"
        raise MeterError(
            f"meter.chip: {len(found) or 'no'} IIO devices are called {wanted.chip}; the kernel shows {shown}. "
            "The driver is ina2xx-adc, and excludes the hwmon driver of the same chip"
        )

    def _set_up(self, undo: ExitStack) -> None:
        meter, folder = self._meter, self._folder
        write(folder / "buffer/enable", "0")
        self._set(undo, "current_timestamp_clock", "monotonic")
        self._set(undo, "in_allow_async_readout", "0")
        self._set(undo, "in_oversampling_ratio", str(meter.average))
        self._set(undo, "in_voltage0_integration_time", f"{meter.shunt_conversion_s:.6f}")
        self._set(undo, "in_voltage1_integration_time", f"{meter.bus_conversion_s:.6f}")
        for channel in CHANNELS:
            self._set(undo, f"scan_elements/{channel}_en", "1")
        for unwanted in children(folder / "scan_elements", "*_en"):
            if unwanted.name.removesuffix("_en") not in CHANNELS:
                self._set(undo, f"scan_elements/{unwanted.name}", "0")
        self._set(undo, "buffer/length", str(BUFFER_RECORDS))
        self._elements, self._record_bytes = layout(
            [
                (
                    round(number(folder / f"scan_elements/{channel}_index")),
                    text(folder / f"scan_elements/{channel}_type"),
                )
                for channel in CHANNELS
            ]
        )
        self._scale = Scale(
            shunt_ohm=meter.shunt_ohm or _shunt_ohm(number(folder / "in_shunt_resistor")),
            vbus_tap=meter.vbus_tap,
            shunt_lsb_v=number(folder / "in_voltage0_scale") * MILLI,
            bus_lsb_v=number(folder / "in_voltage1_scale") * MILLI,
        )
        undo.callback(self._restore, "buffer/enable", "0")
        write(folder / "buffer/enable", "1")

    def _set(self, undo: ExitStack, name: str, value: str) -> None:
        """Set an attribute where it exists and differs; it is given back when closing."""
        found = text_or_none(self._folder / name)
        if found is not None and found != value:
            undo.callback(self._restore, name, found)
            write(self._folder / name, value)

    def _restore(self, name: str, value: str) -> None:
        with suppress(MeterError):  # a chip that is gone keeps nothing to restore
            write(self._folder / name, value)

    def _open_node(self, undo: ExitStack) -> int:
        path = self._root / "dev" / self._device
        try:
            node = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise MeterError(
                f"{path} cannot be opened: {error.strerror}; is another program reading it, or may only root?"
            ) from error
        undo.callback(os.close, node)
        return node

    def _fill(self) -> None:
        """Wait for bytes and take the whole records among them."""
        patience_s = max(PATIENCE_S, 20 * self._typical_s)
        poll = select.poll()
        poll.register(self._node, select.POLLIN)
        if not poll.poll(patience_s * 1e3):
            raise MeterError(
                f"{self._device}: no conversion within {patience_s:g} s; check wiring and supply"
            )
        try:
            found = os.read(self._node, READ_RECORDS * self._record_bytes)
        except OSError as error:
            raise MeterError(f"{self._device} cannot be read: {error.strerror}") from error
        if not found:
            raise MeterError(f"{self._device}: the buffer has ended; was the driver unloaded?")
        now_ns = self._clock()
        self._pending += found
        whole = len(self._pending) // self._record_bytes * self._record_bytes
        for start in range(0, whole, self._record_bytes):
            self._waiting.append(self._raw(self._pending[start : start + self._record_bytes], now_ns))
        self._pending = self._pending[whole:]

    def _raw(self, record: bytes, now_ns: int) -> Raw:
        shunt_word, bus, ready_ns = (element.value(record) for element in self._elements)
        shunt = signed(shunt_word & 0xFFFF)
        flags = Flag.SATURATED if abs(shunt) >= 0x7FFF or bus >= 0x7FFF else Flag(0)
        if self._last_ns is not None and ready_ns - self._last_ns > GAP_PERIODS * self._typical_s * 1e9:
            flags |= Flag.MISSED
        self._last_ns = ready_ns
        return Raw(ready_ns, min(max(0, now_ns - ready_ns), LONGEST_DELAY_NS), shunt, bus, int(flags))


def _shunt_ohm(found: float) -> float:
    """Resistance as `in_shunt_resistor` has it: ohms, or whole uohm before Linux 4.16.

    No shunt in use reaches 100 ohm, and none is below 100 uohm.
    """
    return found if found < 100 else found * 1e-6
