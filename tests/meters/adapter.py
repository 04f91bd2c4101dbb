"""An I2C adapter below smbus2: it stands in for the kernel's device node and hands registers to a chip."""

import errno
from ctypes import Structure, c_ulong

import pytest
import smbus2
from smbus2 import smbus2 as calls

from harness.meters.i2c import RegisterBus

DESCRIPTOR = 987_654


class Adapter:
    """What the kernel does with the ioctls of `/dev/i2c-1`.

    Args:
        chip: registers of the only chip on the bus.
        address: where it answers; elsewhere nobody does (EREMOTEIO).
        functions: what the adapter says it can do.
        refuse_combined: answer EOPNOTSUPP to combined transfers all the same.
    """

    def __init__(
        self,
        chip: RegisterBus,
        *,
        address: int = 0x40,
        functions: int = smbus2.I2cFunc.I2C | smbus2.I2cFunc.SMBUS_WORD_DATA,
        refuse_combined: bool = False,
    ) -> None:
        self.chip = chip
        self.address = address
        self.functions = functions
        self.refuse_combined = refuse_combined
        self.fail: list[int] = []
        self.closed = 0
        self.transfers = 0
        self._selected = -1

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand in for the device node."""
        monkeypatch.setattr(calls.os, "open", lambda *_: DESCRIPTOR)
        monkeypatch.setattr(calls.os, "close", self._close)
        monkeypatch.setattr(calls, "ioctl", self._ioctl)

    def _close(self, descriptor: int) -> None:
        assert descriptor == DESCRIPTOR
        self.closed += 1

    def _ioctl(self, descriptor: int, request: int, argument: object) -> int:
        assert descriptor == DESCRIPTOR
        if request == calls.I2C_FUNCS:
            assert isinstance(argument, c_ulong)
            argument.value = self.functions
            return 0
        if request == calls.I2C_SLAVE:
            assert isinstance(argument, int)
            self._selected = argument
            return 0
        assert isinstance(argument, Structure)
        self.transfers += 1
        if self.fail:
            code = self.fail.pop(0)
            raise OSError(code, "injected")
        if request == calls.I2C_RDWR:
            self._combined(argument)
        else:
            self._word(argument)
        return 0

    def _combined(self, data: Structure) -> None:
        if self.refuse_combined:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        messages = [data.msgs[index] for index in range(data.nmsgs)]
        self._present(messages[0].addr)
        sent = bytes(messages[0])
        if len(messages) == 1:
            self.chip.write_u16(sent[0], int.from_bytes(sent[1:], "big"))
            return
        assert [message.flags for message in messages] == [0, calls.I2C_M_RD]
        for index, byte in enumerate(self.chip.read_u16(sent[0]).to_bytes(2, "big")):
            messages[1].buf[index] = byte

    def _word(self, data: Structure) -> None:
        self._present(self._selected)
        assert data.size == calls.I2C_SMBUS_WORD_DATA
        if data.read_write == calls.I2C_SMBUS_READ:
            wire = self.chip.read_u16(data.command).to_bytes(2, "big")
            data.data.contents.word = int.from_bytes(wire, "little")
        else:
            wire = int(data.data.contents.word).to_bytes(2, "little")
            self.chip.write_u16(data.command, int.from_bytes(wire, "big"))

    def _present(self, address: int) -> None:
        if address != self.address:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
