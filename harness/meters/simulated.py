"""This module models an INA226 at the level of its registers, fed by a load whose energy is known.

The behaviour follows TI SBOS547B: register map of table 7-1, multiplexed conversion of section 6.4, averaging,
conversion-ready flag of section 7.1.7. The chip runs on its own clock, and is worked out only when somebody
looks at a register: the results of the last finished averaging cycle are computed, the others were never seen.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.conversions import CONFIG_ONE, Config
from harness.datasheet import BUS_LSB_V, SHUNT_LSB_V
from harness.meters import identity, ina226, monitor
from harness.meters.waveforms import Energy
from harness.profile import ChipErrors

OVF = 1 << 2
"""Arithmetic overflow, in MASK/ENABLE: CURRENT and POWER are not valid."""
MASK_WRITABLE = 0xFC03
"""SOL, SUL, BOL, BUL, POL, CNVR, APOL and LEN."""
POWER_DOWN_RECOVERY_NS = 40_000
"""TI SBOS547B section 7.1.1: from a power-down mode to the first conversion."""
DIE_REVISION = 0
REGISTER_BITS = 48
"""Bit times of one register with its pointer, on the wire."""
WIRE_400_KHZ_S = REGISTER_BITS / 400e3

_CHANNELS = {1: (True, False), 2: (False, True), 3: (True, True)}
"""Whether the low two bits of the mode convert shunt and bus."""


@dataclass(frozen=True, slots=True)
class Results:
    """The result registers and what else an averaging cycle leaves."""

    shunt: int = 0
    bus: int = 0
    current: int = 0
    power: int = 0
    overflow: bool = False


class SimulatedIna226:
    """The registers of a modelled INA226; a `RegisterBus`.

    Args:
        load: energy the load takes; its current is power divided by the rail's voltage.
        rail_v: voltage at the load, constant.
        shunt_ohm: resistance of the shunt.
        vbus_tap: `load`, or `source` where the bus input also sees the shunt's drop.
        errors: how the chip departs from the ideal one.
        clock: true time in nanoseconds.
        wire_s: time one register access takes on the wire; 0 for none.
        sleep: waits that long on the same clock.
        release: called when the registers are closed.
        access: what the record says of how the registers are reached, and of what feeds them.
    """

    def __init__(
        self,
        load: Energy,
        *,
        rail_v: float,
        shunt_ohm: float,
        vbus_tap: str = "load",
        errors: ChipErrors | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        wire_s: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
        release: Callable[[], None] = lambda: None,
        access: Mapping[str, Any] | None = None,
    ) -> None:
        self._load = load
        self._rail_v = rail_v
        self._shunt_ohm = shunt_ohm
        self._tap_ohm = shunt_ohm if vbus_tap == "source" else 0.0
        self._errors = errors or ChipErrors()
        self._clock = clock
        self._wire_s = wire_s
        self._sleep = sleep
        self._release = release
        self.access: Mapping[str, Any] = {"access": "simulated", **(access or {})}
        self._restarts = 0
        self.brown_out()

    def read_u16(self, register: int) -> int:
        """Value of a register; an unknown one reads 0."""
        return self.read_u16s(register)[0]

    def read_u16s(self, *registers: int) -> tuple[int, ...]:
        """Values of registers in one transfer; an unknown one reads 0."""
        with self._on_the_wire(len(registers)):
            return tuple(self._read(register) for register in registers)

    def write_u16(self, register: int, value: int) -> None:
        """Set a register; a read-only or unknown one stays as it is."""
        with self._on_the_wire():
            now_ns = self._advance()
            match register:
                case monitor.CONFIG if value & ina226.RESET:
                    self.brown_out()
                case monitor.CONFIG:
                    self._configure(value, now_ns)
                case ina226.CALIBRATION:
                    self._calibration = value & 0x7FFF
                case ina226.MASK_ENABLE:
                    self._mask = value & MASK_WRITABLE
                case ina226.ALERT_LIMIT:
                    self._alert_limit = value

    def close(self) -> None:
        """Let go of what feeds the chip."""
        self._release()

    def brown_out(self) -> None:
        """The supply failed for a moment, or RST was written: everything is as after power-on."""
        self._word = ina226.POWER_ON_CONFIG
        self._calibration = self._mask = self._alert_limit = 0
        self._results = Results()
        self._ready = False
        self._start(self._clock())

    @contextmanager
    def _on_the_wire(self, registers: int = 1) -> Iterator[None]:
        """Half of a transfer, what the chip does then, and the rest of it."""
        if not self._wire_s:
            yield
            return
        wire_s = self._wire_s * registers
        end_ns = self._clock() + round(wire_s * 1e9)
        self._sleep(wire_s / 2)
        yield
        rest_s = (end_ns - self._clock()) * 1e-9
        if rest_s > 0:
            self._sleep(rest_s)

    def _read(self, register: int) -> int:
        self._advance()
        value = self._value(register)
        if register == ina226.MASK_ENABLE:
            self._ready = False
        return value

    def _value(self, register: int) -> int:
        results = self._results
        values = {
            monitor.CONFIG: self._word,
            monitor.SHUNT: results.shunt,
            monitor.BUS: results.bus,
            ina226.POWER: results.power,
            ina226.CURRENT: results.current,
            ina226.CALIBRATION: self._calibration,
            ina226.MASK_ENABLE: self._mask | self._ready * ina226.CVRF | results.overflow * OVF,
            ina226.ALERT_LIMIT: self._alert_limit,
            ina226.MANUFACTURER_ID: identity.MANUFACTURER,
            ina226.DIE_ID: identity.DIE | DIE_REVISION,
        }
        return values.get(register, 0) & 0xFFFF

    def _configure(self, word: int, now_ns: int) -> None:
        waking = not self._word & 3
        self._word = CONFIG_ONE | word & 0x0FFF
        if self._word & 3:
            self._ready = False
        self._start(now_ns + POWER_DOWN_RECOVERY_NS * waking)

    def _start(self, at_ns: int) -> None:
        self._started_ns = at_ns
        self._restarts += 1
        self._cycles = 0
        self._load.energy_j(self._clock())  # a load that is only known when asked is asked at the begin

    def _advance(self) -> int:
        """Work out the last averaging cycle that has ended by now."""
        now_ns = self._clock()
        self._load.energy_j(now_ns)
        if not self._word & 3:
            return now_ns
        config = Config.decode(self._word)
        slow = 1 + self._errors.clock
        has_shunt, has_bus = _CHANNELS[self._word & 3]
        shunt_ns = config.shunt_conversion_us * 1e3 * slow * has_shunt
        bus_ns = config.bus_conversion_us * 1e3 * slow * has_bus
        cycle_ns = config.average * (shunt_ns + bus_ns)
        cycles = int((now_ns - self._started_ns) // cycle_ns)
        if not self._word & 4:
            cycles = min(cycles, 1)  # triggered: one cycle for each write of CONFIG
        if cycles > self._cycles:
            self._cycles = cycles
            self._ready = True
            begin_ns = self._started_ns + (cycles - 1) * cycle_ns
            self._results = self._converted(config.average, begin_ns, shunt_ns, bus_ns)
        return now_ns

    def _converted(self, average: int, begin_ns: float, shunt_ns: float, bus_ns: float) -> Results:
        """Results of one averaging cycle; a channel that is off keeps its stale value."""
        first = (self._cycles - 1) * average
        sums = [0.0, 0.0, 0.0]
        for pair in range(average):
            at_ns = begin_ns + pair * (shunt_ns + bus_ns)
            shunt, bus = self._shunt_counts(at_ns, shunt_ns, first + pair), self._results.bus
            if bus_ns:
                bus = self._bus_counts(at_ns + shunt_ns, bus_ns, first + pair)
            sums[0] += shunt
            sums[1] += bus
            sums[2] += abs(shunt) * self._calibration / 2048 * bus / 20_000
        shunt, bus = round(sums[0] / average), round(sums[1] / average)
        current = int(shunt * self._calibration / 2048)
        power = int(sums[2] / average)
        overflow = not -0x8000 <= current <= 0x7FFF or power > 0xFFFF
        return Results(shunt=shunt, bus=bus, current=current, power=power, overflow=overflow)

    def _shunt_counts(self, begin_ns: float, length_ns: float, conversion: int) -> int:
        if not length_ns:
            return monitor.signed(self._results.shunt & 0xFFFF)
        errors = self._errors
        true_v = self._current_a(begin_ns, length_ns) * self._shunt_ohm
        noise_v = errors.shunt_noise_v and errors.shunt_noise_v * self._normal(conversion, 1)
        seen_v = true_v * (1 + errors.shunt_gain) + errors.shunt_offset_v + noise_v
        return min(max(round(seen_v / SHUNT_LSB_V), -0x8000), 0x7FFF)

    def _bus_counts(self, begin_ns: float, length_ns: float, conversion: int) -> int:
        errors = self._errors
        true_v = self._rail_v
        if self._tap_ohm:
            true_v += self._tap_ohm * self._current_a(begin_ns, length_ns)
        noise_v = errors.bus_noise_v and errors.bus_noise_v * self._normal(conversion, 2)
        seen_v = true_v * (1 + errors.bus_gain) + errors.bus_offset_v + noise_v
        return min(max(round(seen_v / BUS_LSB_V), 0), 0x7FFF)

    def _current_a(self, begin_ns: float, length_ns: float) -> float:
        """Mean current over one conversion."""
        begin, end = round(begin_ns), round(begin_ns + length_ns)
        energy_j = self._load.energy_j(end) - self._load.energy_j(begin)
        return energy_j / ((end - begin) * 1e-9) / self._rail_v

    def _normal(self, conversion: int, channel: int) -> float:
        """Standard normal number of one conversion, the same however often and in whatever order asked."""
        key = (self._errors.seed << 96) ^ (self._restarts << 64) ^ (conversion << 2) ^ channel
        first, second = _scrambled(key), _scrambled(key ^ 3)
        radius = math.sqrt(-2 * math.log((first + 1) / 2**64))
        return radius * math.cos(2 * math.pi * second / 2**64)


def _scrambled(key: int) -> int:
    """64 evenly spread bits of a key: splitmix64 (Steele, Lea, Flood, OOPSLA 2014) over its words."""
    bits = 0
    while True:
        bits = (bits ^ key & 0xFFFF_FFFF_FFFF_FFFF) + 0x9E37_79B9_7F4A_7C15 & 0xFFFF_FFFF_FFFF_FFFF
        bits = (bits ^ bits >> 30) * 0xBF58_476D_1CE4_E5B9 & 0xFFFF_FFFF_FFFF_FFFF
        bits = (bits ^ bits >> 27) * 0x94D0_49BB_1331_11EB & 0xFFFF_FFFF_FFFF_FFFF
        bits ^= bits >> 31
        key >>= 64
        if not key:
            return bits
