"""An I2C adapter below smbus2: it stands in for the kernel's device node and hands registers to chips.

It can fail as adapters do: before a chip saw anything, in the middle of a transfer, or after waiting in vain.
"""

import errno
import os
from collections.abc import Callable, Mapping
from ctypes import Structure, c_ulong
from dataclasses import dataclass

import pytest
import smbus2
from smbus2 import smbus2 as calls

from harness.meters import i2c
from harness.meters.i2c import RegisterBus

DESCRIPTOR = 987_654
BOTH = smbus2.I2cFunc.I2C | smbus2.I2cFunc.SMBUS_WORD_DATA
WORDS_ONLY = smbus2.I2cFunc.SMBUS_WORD_DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong in one transfer.

    Attributes:
        code: error number it ends with; None for none.
        after: registers that were transferred, and acted on by the chip, before.
        event: what happens at that point, such as a reset of the chip or a wait.
        garbled: value that comes in place of the next register's; None for its own.
        register: it befalls the next transfer that begins with this register; None for the next of any.
    """

    code: int | None = None
    after: int = 0
    event: Callable[[], None] = lambda: None
    garbled: int | None = None
    register: int | None = None


def fails(code: int, *, after: int = 0, register: int | None = None) -> Fault:
    """A transfer that ends with an error after some registers."""
    return Fault(code=code, after=after, register=register)


class Adapter:
    """What the kernel does with the ioctls of `/dev/i2c-1`.

    Args:
        chips: registers by address, or those of one chip at 0x40; elsewhere nobody answers (EREMOTEIO).
        functions: what the adapter says it can do.
        most_reads: read messages it takes in one transfer; 1 as on a Raspberry Pi 0 to 4, 0 for no messages at all.
        held: addresses a kernel driver holds; claiming one fails with EBUSY, messages reach it all the same.
        mixes: a transfer of several reads brings the first answer again and again.

    Attributes:
        faults: one for each transfer to come; None where it goes well, as all do after the last.
        wire: what went over the bus, one line for a transfer.
    """

    def __init__(
        self,
        chips: RegisterBus | Mapping[int, RegisterBus],
        *,
        functions: int = BOTH,
        most_reads: int = 21,
        held: frozenset[int] = frozenset(),
        mixes: bool = False,
    ) -> None:
        self.chips = chips if isinstance(chips, Mapping) else {0x40: chips}
        self.functions = functions
        self.most_reads = most_reads
        self.held = held
        self.mixes = mixes
        self.faults: list[Fault | None] = []
        self.wire: list[str] = []
        self.closed = 0
        self.selected = -1
        self._fault = Fault()
        self._done = 0
        self._met = False

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand in for the device node."""
        monkeypatch.setattr(calls.os, "open", lambda *_: DESCRIPTOR)
        monkeypatch.setattr(calls.os, "close", self._close)
        monkeypatch.setattr(calls, "ioctl", self._ioctl)
        monkeypatch.setattr(i2c, "ioctl", self._ioctl)

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
            if argument in self.held:
                raise _error(errno.EBUSY)
            self.selected = argument
            return 0
        assert isinstance(argument, Structure)
        if request == calls.I2C_RDWR:
            self._messages(argument)
        else:
            self._word(argument)
        self._meet(last=True)
        return 0

    def _messages(self, data: Structure) -> None:
        messages = [data.msgs[index] for index in range(data.nmsgs)]
        reads = sum(message.flags == calls.I2C_M_RD for message in messages)
        if not self.functions & smbus2.I2cFunc.I2C or self.most_reads < max(reads, 1):
            raise _error(errno.EOPNOTSUPP)
        self._begin(bytes(messages[0])[0])
        chip = self._chip(messages[0].addr)
        assert {messages[0].addr} == {message.addr for message in messages}
        if len(messages) == 1:
            register, *value = bytes(messages[0])
            self._write(chip, register, bytes(value))
            return
        pointers, answers = messages[::2], messages[1::2]
        assert [0] * reads == [message.flags for message in pointers]
        assert [(calls.I2C_M_RD, 2)] * reads == [(message.flags, message.len) for message in answers]
        words = [self._read(chip, bytes(pointer)[0]) for pointer in pointers]
        self.wire.append(
            "read " + " ".join(f"{bytes(p)[0]:02x}:{w.hex()}" for p, w in zip(pointers, words, strict=True))
        )
        for message, word in zip(answers, [words[0]] * reads if self.mixes else words, strict=True):
            for index, byte in enumerate(word):
                message.buf[index] = byte

    def _word(self, data: Structure) -> None:
        self._begin(data.command)
        chip = self._chip(self.selected)
        assert data.size == calls.I2C_SMBUS_WORD_DATA
        if data.read_write == calls.I2C_SMBUS_READ:
            word = self._read(chip, data.command)
            self.wire.append(f"word {data.command:02x}:{word.hex()}")
            data.data.contents.word = int.from_bytes(word, "little")
        else:
            self._write(chip, data.command, int(data.data.contents.word).to_bytes(2, "little"))

    def _begin(self, register: int) -> None:
        self._fault, self._done, self._met = Fault(), 0, False
        if self.faults and (self.faults[0] is None or self.faults[0].register in (None, register)):
            self._fault = self.faults.pop(0) or Fault()

    def _chip(self, address: int) -> RegisterBus:
        if address not in self.chips:
            raise _error(errno.EREMOTEIO)
        return self.chips[address]

    def _read(self, chip: RegisterBus, register: int) -> bytes:
        self._meet()
        value = chip.read_u16(register)
        if self._fault.garbled is not None and self._done == self._fault.after:
            value = self._fault.garbled
        self._done += 1
        return value.to_bytes(2, "big")

    def _write(self, chip: RegisterBus, register: int, value: bytes) -> None:
        self._meet()
        chip.write_u16(register, int.from_bytes(value, "big"))
        self.wire.append(f"write {register:02x}:{value.hex()}")
        self._done += 1

    def _meet(self, *, last: bool = False) -> None:
        fault = self._fault
        if self._met or not (last or self._done == fault.after):
            return
        self._met = True
        fault.event()
        if fault.code is not None:
            raise _error(fault.code)


def _error(code: int) -> OSError:
    return OSError(code, os.strerror(code))
