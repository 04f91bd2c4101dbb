"""This module is a board for the bridge's firmware: the modelled chip on its bus, ALERT, a tag pin, a line.

The firmware is the real one. Bytes out of it are what a real bridge would send, made without any code of the host.
"""

from collections import deque
from collections.abc import Callable

from harness.meters.ina226 import MASK_ENABLE, Config
from harness.meters.simulated import SimulatedIna226

from . import firmware

TICKS = 1 << 30
"""MicroPython's microseconds turn over here."""
CNVR = 0x0400


class Board:
    """One board with the firmware in it; `run` lets it go round its loop once.

    Args:
        chip: modelled; its registers are the only way the firmware sees it.
        clock: true time in nanoseconds, the chip's.
        address: where the chip answers.
        drift: how much faster the board's oscillator runs than true time.
        ticks: the board's microseconds at power-on.

    Attributes:
        incoming: bytes of the host that have arrived.
        outgoing: bytes for the host, not yet taken.
        tag: level of the tag pin.
        refuse: transfers on the chip's bus that fail from now on.
        edges_ns: true times at which ALERT fell.
    """

    def __init__(
        self,
        chip: SimulatedIna226,
        *,
        clock: Callable[[], int],
        address: int = 0x40,
        drift: float = 0.0,
        ticks: int = 0,
    ) -> None:
        self.chip = chip
        self.incoming: deque[int] = deque()
        self.outgoing = bytearray()
        self.tag = 0
        self.refuse = 0
        self.edges_ns: list[int] = []
        self._clock = clock
        self._address = address
        self._drift = drift
        self._ticks = ticks
        self._on_ns = clock()
        self._seen_ns: int | None = None
        self._asserted = False
        self._released = (0, 0)
        self.firmware = firmware.load("bridge").Bridge(
            firmware.load("chip").Chip(self, address),
            i2c_khz=400,
            tag=lambda: self.tag,
            receive=lambda: self.incoming.popleft() if self.incoming else -1,
            send=self.outgoing.extend,
            ticks_us=self.ticks_us,
            ticks_diff=lambda later, earlier: (later - earlier + TICKS // 2) % TICKS - TICKS // 2,
        )
        self.firmware.start()

    def run(self) -> None:
        """One round of the firmware's loop, with ALERT's interrupt before it where one is due."""
        self._look_at_alert()
        self.firmware.step()

    def ticks_us(self) -> int:
        """The board's microseconds; in the interrupt those at the edge."""
        return int(self._microseconds(self._seen_ns or self._clock())) % TICKS

    def readfrom_mem_into(self, address: int, register: int, word: bytearray) -> None:
        """As MicroPython's I2C reads."""
        self._transfer(address)
        word[:] = self.chip.read_u16(register).to_bytes(2, "big")
        if register == MASK_ENABLE:
            self._released = (self.chip._restarts, self.chip._cycles)
            self._asserted = False

    def writeto_mem(self, address: int, register: int, word: bytes) -> None:
        """As MicroPython's I2C writes."""
        self._transfer(address)
        self.chip.write_u16(register, int.from_bytes(word, "big"))

    def _transfer(self, address: int) -> None:
        if self.refuse or address != self._address:
            self.refuse = max(0, self.refuse - 1)
            raise OSError(5, "EIO")

    def _microseconds(self, at_ns: int) -> float:
        return self._ticks + (at_ns - self._on_ns) * (1 + self._drift) / 1000

    def _look_at_alert(self) -> None:
        """ALERT falls at the first end of a conversion after it was let go."""
        chip = self.chip
        chip._advance()
        asserted = bool(chip._mask & CNVR and chip._ready)
        if asserted and not self._asserted:
            config = Config.decode(chip._word)
            pair_us = config.shunt_conversion_us + config.bus_conversion_us
            cycle_ns = config.average * pair_us * 1e3 * (1 + chip._errors.clock)
            restarts, cycles = self._released
            first = cycles + 1 if restarts == chip._restarts else 1
            self._seen_ns = round(chip._started_ns + first * cycle_ns)
            self.edges_ns.append(self._seen_ns)
            self.firmware.on_alert(None)
            self._seen_ns = None
        self._asserted = asserted
