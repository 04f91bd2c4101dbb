"""This module reads and writes the 16-bit registers of one chip on an I2C bus of this machine.

Combined transfers are preferred: pointer write and read in one call, and the chip's byte order as it is.
Adapters that only speak SMBus words (such as the kernel's i2c-stub) hand the bytes over swapped.
"""

import errno
from typing import Any, Protocol

from harness.errors import MeterError

IDENTITY_REGISTER = 0xFE
"""Read once to learn whether the chip answers; it exists on the INA226 and has no side effect."""


class RegisterBus(Protocol):
    """The registers of one chip."""

    def read_u16(self, register: int) -> int:
        """Value of a register, 0 to 0xFFFF.

        Raises:
            OSError: the transfer failed.
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


class CombinedTransfers:
    """Registers by I2C_RDWR; the messages of a register are built once and used again.

    Args:
        smbus: an open `smbus2.SMBus`; owned from here on.
        address: of the chip, 7 bit.
    """

    access = "i2c_rdwr"

    def __init__(self, smbus: Any, address: int) -> None:
        self._smbus = smbus
        self._address = address
        self._reads: dict[int, tuple[Any, Any]] = {}

    def read_u16(self, register: int) -> int:
        """Value of a register."""
        messages = self._reads.get(register) or self._prepared(register)
        self._smbus.i2c_rdwr(*messages)
        return int.from_bytes(bytes(messages[1]), "big")

    def write_u16(self, register: int, value: int) -> None:
        """Set a register."""
        message_type = _smbus2().i2c_msg
        self._smbus.i2c_rdwr(message_type.write(self._address, (register, *value.to_bytes(2, "big"))))

    def close(self) -> None:
        """Let go of the bus."""
        self._smbus.close()

    def _prepared(self, register: int) -> tuple[Any, Any]:
        message_type = _smbus2().i2c_msg
        messages = (message_type.write(self._address, (register,)), message_type.read(self._address, 2))
        self._reads[register] = messages
        return messages


class WordTransfers:
    """Registers by SMBus words, whose first byte on the wire is the low one; the INA226 sends the high one.

    Args:
        smbus: an open `smbus2.SMBus`; owned from here on.
        address: of the chip, 7 bit.
    """

    access = "smbus_word"

    def __init__(self, smbus: Any, address: int) -> None:
        self._smbus = smbus
        self._address = address

    def read_u16(self, register: int) -> int:
        """Value of a register."""
        return _swapped(self._smbus.read_word_data(self._address, register))

    def write_u16(self, register: int, value: int) -> None:
        """Set a register."""
        self._smbus.write_word_data(self._address, register, _swapped(value))

    def close(self) -> None:
        """Let go of the bus."""
        self._smbus.close()


def open_i2c(path: str, address: int) -> CombinedTransfers | WordTransfers:
    """Open the bus and find out how its adapter reads a register of the chip.

    Args:
        path: device node, such as `/dev/i2c-1`.
        address: of the chip, 7 bit.

    Raises:
        MeterError: there is no such bus, it may not be opened, its adapter can do neither kind of transfer, or
            nothing answers at the address.
    """
    smbus2 = _smbus2()
    try:
        smbus = smbus2.SMBus(path)
    except OSError as error:
        raise MeterError(f"{path} cannot be opened: {error.strerror}. {_advice(error)}") from error
    try:
        return _probed(smbus, path, address)
    except BaseException:
        smbus.close()
        raise


def _probed(smbus: Any, path: str, address: int) -> CombinedTransfers | WordTransfers:
    functions = _smbus2().I2cFunc
    kinds = [
        kind
        for kind, needed in (
            (CombinedTransfers, functions.I2C),
            (WordTransfers, functions.SMBUS_READ_WORD_DATA | functions.SMBUS_WRITE_WORD_DATA),
        )
        if smbus.funcs & needed == needed
    ]
    for kind in kinds:
        registers = kind(smbus, address)
        try:
            registers.read_u16(IDENTITY_REGISTER)
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                continue
            raise MeterError(
                f"{path}: nothing answers at {address:#04x} ({error.strerror}). {_advice(error)}"
            ) from error
        return registers
    raise MeterError(
        f"{path}: the adapter can transfer neither I2C messages nor SMBus words "
        f"(functions {int(smbus.funcs):#010x}); use another bus"
    )


def _advice(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENODEV:
            return "Enable the bus of this board, or correct meter.bus.path; `ls /dev/i2c-*` lists the buses"
        case errno.EACCES | errno.EPERM:
            return "Add the user to the group that owns it (often i2c)"
        case errno.EBUSY:
            return "A kernel driver holds the chip; unbind it first"
        case _:
            return "Check wiring, supply, and the address pins A0 and A1 (`i2cdetect -y` shows what answers)"


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8


def _smbus2() -> Any:
    import smbus2  # noqa: PLC0415 -- machines without I2C never need it

    return smbus2
