"""This module reads and writes the 16-bit registers of chips on an I2C bus of this machine.

An adapter is asked, in this order, to read two registers in one transfer, to read one in a transfer, and to speak
SMBus words (all the kernel's i2c-stub can do), whose bytes are swapped. What works is used, and told.
"""

import errno
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from fcntl import ioctl
from threading import Lock
from types import TracebackType
from typing import Any, Protocol, Self

from harness.errors import MeterError
from harness.meters.identity import swapped

IDENTITY_REGISTERS = (0xFE, 0xFF)
"""Read once to learn how the chip answers; they exist on the INA226 and reading them has no side effect."""

I2C_SLAVE = 0x0703
I2C_RDWR = 0x0707
"""Requests of <linux/i2c-dev.h>."""

REFUSALS = (errno.EOPNOTSUPP, errno.EINVAL)
"""What adapters say to a transfer of a form they cannot do; that of a Raspberry Pi 0 to 4 says EOPNOTSUPP to two
reads in one (drivers/i2c/busses/i2c-bcm2835.c of the Linux kernel)."""


class RegisterBus(Protocol):
    """The registers of one chip."""

    @property
    def access(self) -> Mapping[str, Any]:
        """How they are reached, for the record; plain JSON with at least `access`."""
        ...

    def read_u16(self, register: int) -> int:
        """Value of a register, 0 to 0xFFFF.

        Raises:
            OSError: the transfer failed.
        """
        ...

    def read_u16s(self, *registers: int) -> tuple[int, ...]:
        """Values of registers, read one after the other, without a pause where the bus can do that.

        Raises:
            OSError: a transfer failed.
        """
        ...

    def write_u16(self, register: int, value: int) -> None:
        """Set a register to a value from 0 to 0xFFFF.

        Raises:
            OSError: the transfer failed.
        """
        ...

    def close(self) -> None:
        """Let go of the bus; twice is harmless."""
        ...


class I2cBus:
    """One bus of this machine; the chips on it share one descriptor, and their transfers never interleave.

    Args:
        path: device node, such as `/dev/i2c-1`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.lock = Lock()
        self._smbus: Any = None

    @property
    def smbus(self) -> Any:
        """The open `smbus2.SMBus`; not safe for threads, hold `lock`."""
        return self._smbus

    def __enter__(self) -> Self:
        try:
            self._smbus = _smbus2().SMBus(self.path)
        except OSError as error:
            raise MeterError(
                f"{self.path} cannot be opened: {error.strerror}. {_bus_advice(error)}"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the device node; twice is harmless."""
        smbus, self._smbus = self._smbus, None
        if smbus is not None:
            smbus.close()

    def registers(
        self,
        address: int,
        *,
        probed: tuple[int, ...] = IDENTITY_REGISTERS,
        release: Callable[[], None] = lambda: None,
    ) -> "CombinedTransfers":
        """Registers of a chip, by the best transfers the adapter can do.

        Args:
            address: of the chip, 7 bit.
            probed: two registers of the chip that do not change by themselves, read to learn how it answers.
            release: called when they are closed.

        Raises:
            MeterError: nothing answers at the address, a kernel driver holds it, or the adapter can do no kind of
                transfer.
        """
        for kind in self._offered():
            transfers = kind(self, address, release)
            try:
                self._claim(address)
                if transfers.usable(probed):
                    return transfers
            except OSError as error:
                if error.errno not in REFUSALS:
                    raise MeterError(
                        f"{self.path}: nothing answers at {address:#04x} ({error.strerror}). {_chip_advice(error)}"
                    ) from error
        raise MeterError(
            f"{self.path}: the adapter can transfer neither I2C messages nor SMBus words "
            f"(functions {int(self._smbus.funcs):#010x}); use another bus"
        )

    def _offered(self) -> "list[type[CombinedTransfers]]":
        functions = _smbus2().I2cFunc
        kinds = (
            (BatchedTransfers, functions.I2C),
            (CombinedTransfers, functions.I2C),
            (WordTransfers, functions.SMBUS_READ_WORD_DATA | functions.SMBUS_WRITE_WORD_DATA),
        )
        return [kind for kind, needed in kinds if self._smbus.funcs & needed == needed]

    def _claim(self, address: int) -> None:
        """Fail where a kernel driver holds the chip: I2C messages alone would reach it all the same."""
        with self.lock:
            ioctl(self._smbus.fd, I2C_SLAVE, address)
            self._smbus.address = None  # what it remembers of the descriptor no longer holds


class CombinedTransfers:
    """Registers by I2C messages: the pointer written and the register read in one transfer.

    The messages are built once and used again; building them costs more than the call.

    Args:
        bus: an open bus.
        address: of the chip, 7 bit.
        release: called when the registers are closed.
    """

    name = "i2c_rdwr"

    def __init__(self, bus: I2cBus, address: int, release: Callable[[], None]) -> None:
        self._bus = bus
        self._address = address
        self._release = release
        self._prepared: dict[tuple[int, ...], tuple[Any, tuple[Any, ...]]] = {}

    @property
    def access(self) -> Mapping[str, Any]:
        """The kind of transfer."""
        return {"access": self.name}

    def usable(self, probed: tuple[int, ...]) -> bool:
        """Whether the adapter does what it says, tried on these registers."""
        self.read_u16s(*probed)
        return True

    def read_u16(self, register: int) -> int:
        """Value of a register."""
        return self._transfer((register,))[0]

    def read_u16s(self, *registers: int) -> tuple[int, ...]:
        """Values of registers, each by a transfer of its own."""
        return tuple(self._transfer((register,))[0] for register in registers)

    def write_u16(self, register: int, value: int) -> None:
        """Set a register."""
        message = _smbus2().i2c_msg.write(self._address, (register, *value.to_bytes(2, "big")))
        with self._bus.lock:
            self._bus.smbus.i2c_rdwr(message)

    def close(self) -> None:
        """Let go of the bus."""
        self._release()

    def _transfer(self, registers: tuple[int, ...]) -> tuple[int, ...]:
        request, answers = self._prepared.get(registers) or self._prepare(registers)
        with self._bus.lock:
            ioctl(self._bus.smbus.fd, I2C_RDWR, request)
            return tuple(int.from_bytes(bytes(answer), "big") for answer in answers)

    def _prepare(self, registers: tuple[int, ...]) -> tuple[Any, tuple[Any, ...]]:
        message = _smbus2().i2c_msg
        pairs = [
            (message.write(self._address, (register,)), message.read(self._address, 2))
            for register in registers
        ]
        request = _smbus2().smbus2.i2c_rdwr_ioctl_data.create(*(part for pair in pairs for part in pair))
        # The request points into the messages' buffers; both are kept.
        self._prepared[registers] = request, tuple(answer for _, answer in pairs)
        return self._prepared[registers]


class BatchedTransfers(CombinedTransfers):
    """Registers by I2C messages, several registers in one transfer."""

    name = "i2c_rdwr_batch"

    def usable(self, probed: tuple[int, ...]) -> bool:
        """Whether a batch brings what single transfers bring; not every adapter that takes one does."""
        return self.read_u16s(*probed) == super().read_u16s(*probed)

    def read_u16s(self, *registers: int) -> tuple[int, ...]:
        """Values of registers, by one transfer."""
        return self._transfer(registers)


class WordTransfers(CombinedTransfers):
    """Registers by SMBus words, whose first byte on the wire is the low one; the INA226 sends the high one."""

    name = "smbus_word"

    def write_u16(self, register: int, value: int) -> None:
        """Set a register."""
        with self._bus.lock:
            self._bus.smbus.write_word_data(self._address, register, swapped(value))

    def _transfer(self, registers: tuple[int, ...]) -> tuple[int, ...]:
        with self._bus.lock:
            return tuple(
                swapped(self._bus.smbus.read_word_data(self._address, register)) for register in registers
            )


def open_i2c(path: str, address: int, *, probed: tuple[int, ...] = IDENTITY_REGISTERS) -> CombinedTransfers:
    """Open a bus for one chip; the bus is closed with its registers.

    Args:
        path: device node, such as `/dev/i2c-1`.
        address: of the chip, 7 bit.
        probed: as of `I2cBus.registers`.

    Raises:
        MeterError: there is no such bus, it may not be opened, its adapter can do no kind of transfer, or nothing
            answers at the address.
    """
    with ExitStack() as undo:
        bus = undo.enter_context(I2cBus(path))
        registers = bus.registers(address, probed=probed, release=bus.close)
        undo.pop_all()
    return registers


def _bus_advice(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return "Enable the bus of this board, or correct meter.bus.path; `ls /dev/i2c-*` lists the buses"
        case errno.EACCES | errno.EPERM:
            return "Add the user to the group that owns it (often i2c)"
        case _:
            return "Look at the kernel's messages (`dmesg`)"


def _chip_advice(error: OSError) -> str:
    match error.errno:
        case errno.EBUSY:
            return "A kernel driver holds the chip; unbind it first, or use meter.kind hwmon or iio"
        case errno.ETIMEDOUT:
            return "A line of the bus is held low; take the supply from the chips for a moment, and check the wiring"
        case errno.EAGAIN:
            return "The bus is taken by another master; let this machine be the only one"
        case _:
            return "Check wiring, supply, and the address pins A0 and A1 (`i2cdetect -y` shows what answers)"


def _smbus2() -> Any:
    import smbus2  # noqa: PLC0415 -- machines without I2C never need it

    return smbus2
