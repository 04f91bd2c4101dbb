"""This module is a serial bridge on a pseudo terminal in real time: firmware and board behind a tty of the kernel.

Nothing of it is the host's code: what comes out of the tty was made by the firmware.
"""

import os
import termios
import threading
import time
import tty
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from meters.rigs import steady

from harness.meters.simulated import SimulatedIna226
from harness.profile import ChipErrors

from .board import Board

ROUND_S = 50e-6


class PtyBridge:
    """A bridge with a chip on a steady load of 5 V, plugged in on entry.

    Args:
        port: symbolic link that leads to the tty, as `/dev/serial/by-id` has them.
        power_w: of the load.
        drift: of the board's oscillator.
    """

    def __init__(self, port: Path, *, power_w: float = 5.0, drift: float = 50e-6) -> None:
        self.port = port
        self._chip = SimulatedIna226(
            steady(power_w), rail_v=5.0, shunt_ohm=0.01, errors=ChipErrors(clock=0.02)
        )
        self.board = Board(self._chip, clock=time.monotonic_ns, drift=drift, ticks=(1 << 30) - 500_000)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._master = -1

    def __enter__(self) -> Self:
        self.plug_in()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pull()

    def plug_in(self) -> None:
        """A tty appears under the port's name, and the bridge sends."""
        # The terminal is held open here too, or what is written before the host opens it would be dropped.
        self._master, slave = os.openpty()
        tty.setraw(slave, termios.TCSANOW)
        os.set_blocking(self._master, False)
        self.port.symlink_to(os.ttyname(slave))
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(self._master, slave), daemon=True)
        self._thread.start()

    def pull(self) -> None:
        """The tty is gone for whoever has it open; twice is harmless."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self.port.unlink()
            self._stop.set()
            thread.join()

    def _run(self, master: int, slave: int) -> None:
        board = self.board
        while not self._stop.is_set():
            with suppress(BlockingIOError):
                board.incoming.extend(os.read(master, 64))
            board.run()
            if board.outgoing:
                with suppress(
                    BlockingIOError
                ):  # nobody reads, and the kernel's buffer is full: lost, as on USB
                    os.write(master, board.outgoing)
                board.outgoing.clear()
            time.sleep(ROUND_S)
        os.close(slave)
        os.close(master)
