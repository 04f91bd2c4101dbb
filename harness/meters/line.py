"""This module opens a serial line of this machine."""

import errno
from contextlib import suppress
from typing import Any, Protocol

from harness.errors import MeterError

WAIT_S = 0.02
"""A read waits this long for the first byte."""
WRITE_S = 1.0
"""A write that takes longer has failed: the other side does not listen."""


class Line(Protocol):
    """Bytes to and from the other side."""

    def read(self) -> bytes:
        """What has come in; empty where nothing came within 20 ms.

        Raises:
            OSError: the line is gone.
        """
        ...

    def write(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            OSError: the line is gone.
        """
        ...

    def discard(self) -> None:
        """Throw away what has come in.

        Raises:
            OSError: the line is gone.
        """
        ...

    def close(self) -> None:
        """Let go of the line; twice is harmless."""
        ...


class SerialLine:
    """A serial port of this machine, over pyserial.

    Args:
        port: an open `serial.Serial`; owned from here on.
    """

    def __init__(self, port: Any) -> None:
        self._port = port

    def read(self) -> bytes:
        """What has come in."""
        first: bytes = self._port.read(1)
        return first + self._port.read(self._port.in_waiting) if first else first

    def write(self, data: bytes) -> None:
        """Send all of it."""
        self._port.write(data)

    def discard(self) -> None:
        """Throw away what has come in."""
        self._port.reset_input_buffer()

    def close(self) -> None:
        """Let go of the line, after what was written has left."""
        with suppress(OSError):
            self._port.close()


def open_line(path: str, baud: int) -> SerialLine:
    """Open a serial port for this process alone.

    Args:
        path: device node, such as `/dev/serial/by-id/usb-...`.
        baud: bits in a second; a port that is USB on both sides has no use for it.

    Raises:
        MeterError: there is no such port, or it may not be opened.
    """
    import serial  # noqa: PLC0415 -- machines without a bridge never need it

    try:
        port = serial.Serial(path, baudrate=baud, timeout=WAIT_S, write_timeout=WRITE_S, exclusive=True)
    except (OSError, ValueError) as error:
        raise MeterError(f"{path} cannot be opened: {error}. {_advice(error)}") from error
    with suppress(OSError, ValueError, NotImplementedError):
        # Adapters of FTDI hold bytes back for 16 ms otherwise; a port that knows no such setting needs none.
        port.set_low_latency_mode(True)
    return SerialLine(port)


def _advice(error: Exception) -> str:
    match getattr(error, "errno", None):
        case errno.ENOENT | errno.ENODEV:
            return "Plug the bridge in, or correct meter.bus.port; `ls /dev/serial/by-id` lists the ports"
        case errno.EACCES | errno.EPERM:
            return "Add the user to the group that owns it (often dialout)"
        case errno.EBUSY | errno.EAGAIN:
            return "Another program holds it; close that first"
        case _:
            return "Look at the cable and at meter.bus.port"
