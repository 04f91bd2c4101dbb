"""A model of an INA219 at the level of its registers, written from TI SBOS448G and sharing nothing with the driver."""

from collections.abc import Callable, Mapping
from typing import Any

from harness.meters.waveforms import Energy

POWER_ON = 0b0011_1001_1001_1111
"""Table of register 00h: 32 V, a division of 8, 12 bits of both, shunt and bus continuously."""

TYPICAL_US = {
    0b0011: 532.0,
    0b1000: 532.0,
    0b1001: 1060.0,
    0b1010: 2130.0,
    0b1011: 4260.0,
    0b1100: 8510.0,
    0b1101: 17_020.0,
    0b1110: 34_050.0,
    0b1111: 68_100.0,
}
"""Section 8.6.2.1, ADC settings at 12 bits."""


class SimulatedIna219:
    """The registers of a modelled chip.

    Args:
        load: energy the load takes.
        clock: true time in nanoseconds.
        rail_v: voltage at the load.
        shunt_ohm: resistance of the shunt.
        slow: relative error of the chip's clock.
        wire_ns: time one register takes on the wire; `clock` must have `sleep` then.
    """

    def __init__(
        self,
        load: Energy,
        clock: Callable[[], int],
        *,
        rail_v: float = 5.0,
        shunt_ohm: float = 0.1,
        slow: float = 0.0,
        wire_ns: int = 0,
    ) -> None:
        self.load, self.clock = load, clock
        self.rail_v, self.shunt_ohm, self.slow, self.wire_ns = rail_v, shunt_ohm, slow, wire_ns
        self.is_closed = False
        self.reset()

    @property
    def access(self) -> Mapping[str, Any]:
        """How it is reached."""
        return {"access": "simulated"}

    def reset(self) -> None:
        """As after its supply came."""
        self.config, self.calibration = POWER_ON, 0
        self.shunt = self.bus = 0
        self.is_ready = False
        self.begun_ns, self.done = self.clock(), 0

    def read_u16(self, register: int) -> int:
        """One register."""
        self._transfer()
        self._convert()
        if register == 3:
            self.is_ready = False
        overflow = 0
        values = {
            0: self.config,
            1: self.shunt & 0xFFFF,
            2: self.bus << 3 | self.is_ready << 1 | overflow,
            3: 0,
            4: 0,
            5: self.calibration,
        }
        return values.get(register, 0)

    def read_u16s(self, *registers: int) -> tuple[int, ...]:
        """One after the other."""
        return tuple(map(self.read_u16, registers))

    def write_u16(self, register: int, value: int) -> None:
        """One register; those that hold results cannot be written."""
        self._transfer()
        self._convert()
        if register == 5:
            self.calibration = value & 0xFFFE  # bit 0 is always 0
        elif register == 0 and value >> 15:
            self.reset()
        elif register == 0:
            if value & 3 and value & 7 != self.config & 7:
                self.is_ready = False
            if value != self.config:
                self.begun_ns, self.done = self.clock(), 0
            self.config = value

    def close(self) -> None:
        """Let go of it."""
        self.is_closed = True

    def _transfer(self) -> None:
        if self.wire_ns:
            self.clock.sleep(self.wire_ns * 1e-9)  # type: ignore[attr-defined]

    def _convert(self) -> None:
        """Work out the last pair of conversions that has ended."""
        if self.config & 7 != 7:
            return
        shunt_ns = TYPICAL_US[self.config >> 3 & 15] * 1e3 * (1 + self.slow)
        bus_ns = TYPICAL_US[self.config >> 7 & 15] * 1e3 * (1 + self.slow)
        done = int((self.clock() - self.begun_ns) // (shunt_ns + bus_ns))
        if done <= self.done:
            return
        self.done, self.is_ready = done, True
        begin = self.begun_ns + (done - 1) * (shunt_ns + bus_ns)
        energy_j = self.load.energy_j(round(begin + shunt_ns)) - self.load.energy_j(round(begin))
        current_a = energy_j / (shunt_ns * 1e-9) / self.rail_v
        full_scale = 4000 << (self.config >> 11 & 3)
        self.shunt = min(max(round(current_a * self.shunt_ohm / 10e-6), -full_scale), full_scale)
        self.bus = min(max(round(self.rail_v / 4e-3), 0), 8000 if self.config >> 13 & 1 else 4000)
