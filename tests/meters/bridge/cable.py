"""This module is the line between a board and the host in virtual time: it delays, spoils, and can be pulled."""

import errno
import random
from collections import deque
from collections.abc import Callable

from harness.errors import MeterError
from harness.meters.virtual import VirtualClock

from .board import Board

STEP_S = 40e-6
"""The board goes round its loop this often."""
WAIT_S = 0.02


class Cable:
    """A line, and the port that opens it.

    Args:
        board: at its other end.
        clock: of everything.
        seed: of the delays.
        delay_s: least delay of a byte, and the most that is added to it.
        spoil: turns what the board sent at once into what arrives.

    Attributes:
        plugged: pulled where False; a read or an opening then fails.
        opened, closed: how often.
        sent: bytes the host wrote.
    """

    def __init__(
        self,
        board: Board,
        clock: VirtualClock,
        *,
        seed: int = 0,
        delay_s: tuple[float, float] = (100e-6, 500e-6),
        spoil: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self.board = board
        self.plugged = True
        self.opened = self.closed = 0
        self.sent = bytearray()
        self.spoil = spoil
        self.delay_s = delay_s
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311  delays, not secrets
        self._up: deque[tuple[int, bytes]] = deque()
        self._down: deque[tuple[int, int]] = deque()

    def open_port(self, _path: str, _baud: int) -> "Cable":
        """Open the line."""
        if not self.plugged:
            raise MeterError("the port cannot be opened: no such file")
        self.opened += 1
        self._up.clear()
        return self

    def read(self) -> bytes:
        """What has come in; wait up to 20 ms for it."""
        until_ns = self._clock() + round(WAIT_S * 1e9)
        while self._clock() < until_ns:
            self._must_be_plugged()
            self.let_pass(STEP_S)
            if self._up and self._up[0][0] <= self._clock():
                break
        arrived = bytearray()
        while self._up and self._up[0][0] <= self._clock():
            arrived += self._up.popleft()[1]
        return bytes(arrived)

    def write(self, data: bytes) -> None:
        """Send to the board."""
        self._must_be_plugged()
        self.sent += data
        for byte in data:
            self._down.append((self._due_ns(self._down[-1][0] if self._down else 0), byte))

    def discard(self) -> None:
        """Throw away what has come in."""
        self._up.clear()

    def close(self) -> None:
        """Let go."""
        self.closed += 1

    def sleep(self, duration_s: float) -> None:
        """The host sleeps; the board does not."""
        until_ns = self._clock() + round(duration_s * 1e9)
        while self._clock() < until_ns:
            self.let_pass(min(STEP_S, (until_ns - self._clock()) * 1e-9))

    def let_pass(self, duration_s: float) -> None:
        """Time for the board alone."""
        self._clock.sleep(duration_s)
        while self._down and self._down[0][0] <= self._clock():
            self.board.incoming.append(self._down.popleft()[1])
        self.board.run()
        if self.board.outgoing:
            data = self.spoil(bytes(self.board.outgoing))
            self.board.outgoing.clear()
            self._up.append((self._due_ns(self._up[-1][0] if self._up else 0), data))

    def _due_ns(self, not_before_ns: int) -> int:
        least_s, more_s = self.delay_s
        delay_s = least_s + more_s * self._random.random()
        return max(not_before_ns, self._clock() + round(delay_s * 1e9))

    def _must_be_plugged(self) -> None:
        if not self.plugged:
            raise OSError(errno.EIO, "Input/output error")
