"""Buses of this machine: which transfers are chosen, what goes over the wire, and what is said when it cannot be."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
import smbus2

from harness.errors import MeterError
from harness.meters.i2c import CombinedTransfers, I2cBus, RegisterBus, open_i2c
from harness.meters.ina226 import Ina226
from harness.meters.virtual import VirtualClock

from .adapter import BOTH, WORDS_ONLY, Adapter, fails
from .register_contract import ALERT_LIMIT, CALIBRATION, RegisterContract
from .rigs import chip, on_i2c

SETTINGS = {
    "i2c_rdwr_batch": {"functions": int(smbus2.I2cFunc.I2C)},
    "i2c_rdwr": {"functions": BOTH, "most_reads": 1},
    "smbus_word": {"functions": WORDS_ONLY},
}
"""Adapters by the transfers they are used with."""


def opened(monkeypatch: pytest.MonkeyPatch, **settings: object) -> tuple[Adapter, CombinedTransfers]:
    """An adapter with a chip behind it, and how it was reached."""
    adapter = Adapter(chip(VirtualClock()), **settings)
    adapter.install(monkeypatch)
    return adapter, open_i2c("/dev/i2c-1", 0x40)


class TestSimulated(RegisterContract):
    """The modelled chip itself."""

    @pytest.fixture
    def registers(self) -> RegisterBus:
        """Its registers."""
        return chip(VirtualClock())


@pytest.mark.parametrize("access", SETTINGS)
class TestTransfers(RegisterContract):
    """The modelled chip through an adapter, by each kind of transfer."""

    @pytest.fixture
    def registers(self, access: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[RegisterBus]:
        """Its registers."""
        _, transfers = opened(monkeypatch, **SETTINGS[access])
        yield transfers
        transfers.close()


class TestRealChip(RegisterContract):
    """A real INA226 at HARNESS_I2C_ADDRESS (0x40) on the bus HARNESS_I2C_BUS; its registers are given back."""

    @pytest.fixture
    def registers(self) -> Iterator[RegisterBus]:
        """Its registers."""
        path = os.environ.get("HARNESS_I2C_BUS")
        if path is None:
            pytest.skip("needs an INA226 on the bus HARNESS_I2C_BUS names, such as /dev/i2c-1")
        address = int(os.environ.get("HARNESS_I2C_ADDRESS", "0x40"), 0)
        transfers = open_i2c(path, address)
        found = {register: transfers.read_u16(register) for register in (CALIBRATION, ALERT_LIMIT)}
        yield transfers
        with closing(open_i2c(path, address)) as again:  # a test may have closed the first
            for register, value in found.items():
                again.write_u16(register, value)


@pytest.mark.parametrize("access", SETTINGS)
def test_the_best_transfers_are_chosen_and_named(monkeypatch: pytest.MonkeyPatch, access: str) -> None:
    """An adapter is used with the shortest transfers it can do, and the record says which."""
    _, registers = opened(monkeypatch, **SETTINGS[access])

    assert {"access": access} == registers.access


@pytest.mark.parametrize(
    ("most_reads", "access"), [(21, "i2c_rdwr_batch"), (1, "i2c_rdwr"), (0, "smbus_word")]
)
def test_a_refused_transfer_falls_back(monkeypatch: pytest.MonkeyPatch, most_reads: int, access: str) -> None:
    """An adapter that offers messages and words may refuse two reads (EOPNOTSUPP), or all messages."""
    _, registers = opened(monkeypatch, functions=BOTH, most_reads=most_reads)

    assert {"access": access} == registers.access


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EINVAL])
def test_both_words_of_refusal_are_understood(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Adapters refuse a form of transfer with EOPNOTSUPP or EINVAL; the next form is tried."""
    adapter = Adapter(chip(VirtualClock()))
    adapter.faults = [fails(code)]
    adapter.install(monkeypatch)

    assert {"access": "i2c_rdwr"} == open_i2c("/dev/i2c-1", 0x40).access


def test_a_batch_that_mixes_registers_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that takes a batch without complaint and answers it wrong is read one register at a time."""
    _, registers = opened(monkeypatch, mixes=True)

    assert {"access": "i2c_rdwr"} == registers.access
    assert (0x5449, 0x2260) == registers.read_u16s(0xFE, 0xFF)


def test_results_are_one_transfer_where_the_adapter_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both results travel in one transfer, else in two, or as two words."""
    wires = {}
    for access, settings in SETTINGS.items():
        adapter, registers = opened(monkeypatch, **settings)
        adapter.wire.clear()
        registers.read_u16s(1, 2)
        wires[access] = adapter.wire

    assert {
        "i2c_rdwr_batch": ["read 01:0000 02:0000"],
        "i2c_rdwr": ["read 01:0000", "read 02:0000"],
        "smbus_word": ["word 01:0000", "word 02:0000"],
    } == wires


@pytest.mark.parametrize("access", SETTINGS)
def test_every_word_of_a_measurement(monkeypatch: pytest.MonkeyPatch, access: str) -> None:
    """From opening to closing: the words on the wire, in order, and no other."""
    clock = VirtualClock(10**9)
    adapter = Adapter(chip(clock, power_w=5.0), **SETTINGS[access])
    adapter.install(monkeypatch)
    registers = open_i2c("/dev/i2c-1", 0x40)
    adapter.wire.clear()
    with Ina226(on_i2c(), registers, clock=clock, sleep=clock.sleep) as driver:
        driver.next()
    verb = "word" if access == "smbus_word" else "read"
    results = (
        ["read 01:0fa0 02:0fa0"] if access == "i2c_rdwr_batch" else [f"{verb} 01:0fa0", f"{verb} 02:0fa0"]
    )
    looks = [line for line in adapter.wire if line == f"{verb} 06:0000"]

    assert [
        *(f"{verb} fe:5449", f"{verb} ff:2260", f"{verb} 00:4127", "write 00:4027", f"{verb} 00:4027"),
        *(*looks, f"{verb} 06:0008", *results, "write 00:4127"),
    ] == adapter.wire
    assert looks


def test_the_messages_are_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second read of the same registers uses the messages of the first."""
    _, registers = opened(monkeypatch)
    registers.read_u16s(1, 2)
    first = registers._prepared[1, 2]
    registers.read_u16s(1, 2)

    assert first is registers._prepared[1, 2]


def test_an_empty_address_is_told_and_the_bus_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing answers, the message names bus and address, and the bus is free again."""
    adapter = Adapter({0x41: chip(VirtualClock())})
    adapter.install(monkeypatch)

    with pytest.raises(MeterError, match=r"/dev/i2c-1: nothing answers at 0x40.*A0 and A1"):
        open_i2c("/dev/i2c-1", 0x40)
    assert adapter.closed == 1


@pytest.mark.parametrize("code", [errno.ENXIO, errno.EREMOTEIO, errno.ENODEV, errno.EIO])
def test_every_word_for_an_empty_address_is_understood(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Adapters say in several ways that nobody acknowledged; none is advised to enable its bus."""
    adapter = Adapter(chip(VirtualClock()))
    adapter.faults = [fails(code)]
    adapter.install(monkeypatch)

    with pytest.raises(MeterError, match=r"nothing answers at 0x40.*A0 and A1"):
        open_i2c("/dev/i2c-1", 0x40)


@pytest.mark.parametrize(("code", "words"), [(errno.ETIMEDOUT, "held low"), (errno.EAGAIN, "another master")])
def test_a_bus_in_trouble_is_told(monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    """A stuck line and a lost arbitration are told apart from an empty address by their advice."""
    adapter = Adapter(chip(VirtualClock()))
    adapter.faults = [fails(code)]
    adapter.install(monkeypatch)

    with pytest.raises(MeterError, match=words):
        open_i2c("/dev/i2c-1", 0x40)


def test_a_poor_adapter_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter without either kind of transfer is refused with its functions."""
    with pytest.raises(MeterError, match="0x00010000"):
        opened(monkeypatch, functions=int(smbus2.I2cFunc.SMBUS_QUICK))


@pytest.mark.parametrize("access", SETTINGS)
def test_a_chip_held_by_the_kernel_is_told(monkeypatch: pytest.MonkeyPatch, access: str) -> None:
    """EBUSY means that a kernel driver owns the chip, also for messages, which would reach it all the same."""
    with pytest.raises(MeterError, match="kernel driver"):
        opened(monkeypatch, held=frozenset({0x40}), **SETTINGS[access])


def test_a_missing_bus_is_told(tmp_path: Path) -> None:
    """A device node that does not exist is an error that says what to do."""
    with pytest.raises(MeterError, match="Enable the bus"):
        open_i2c(str(tmp_path / "i2c-9"), 0x40)


@pytest.mark.parametrize("access", SETTINGS)
def test_the_bus_is_closed_once_with_its_registers(monkeypatch: pytest.MonkeyPatch, access: str) -> None:
    """The device node is closed with the registers that opened it, once."""
    adapter, registers = opened(monkeypatch, **SETTINGS[access])
    registers.close()
    registers.close()

    assert adapter.closed == 1


@pytest.mark.parametrize("access", SETTINGS)
def test_two_chips_share_a_bus(monkeypatch: pytest.MonkeyPatch, access: str) -> None:
    """Each of two drivers on one bus gets the figures of its own chip, turn by turn; the bus is closed once."""
    clock = VirtualClock(10**9)
    adapter = Adapter({0x40: chip(clock, 5.0), 0x41: chip(clock, 10.0)}, **SETTINGS[access])
    adapter.install(monkeypatch)
    with I2cBus("/dev/i2c-1") as bus:
        first, second = (
            Ina226(on_i2c(), bus.registers(address), clock=clock, sleep=clock.sleep)
            for address in (0x40, 0x41)
        )
        with first, second:
            shunts = [(first.next().shunt, second.next().shunt) for _ in range(5)]
        first._bus.close()

        assert adapter.closed == 0
    assert {(4000, 8000)} == set(shunts)
    assert adapter.closed == 1


@pytest.mark.parametrize("access", SETTINGS)
def test_threads_never_mix_the_chips_of_a_bus(monkeypatch: pytest.MonkeyPatch, access: str) -> None:
    """Two threads that read two chips through one bus each get their own chip's words only."""
    clock = VirtualClock()
    chips = {address: chip(clock) for address in (0x40, 0x41)}
    for address, model in chips.items():
        model.write_u16(5, address)
    Adapter(chips, **SETTINGS[access]).install(monkeypatch)
    seen: dict[int, set[int]] = {}

    def read(address: int, registers: RegisterBus) -> None:
        seen[address] = {registers.read_u16(5) for _ in range(2000)}

    with I2cBus("/dev/i2c-1") as bus:
        threads = [Thread(target=read, args=(address, bus.registers(address))) for address in chips]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert {0x40: {0x40}, 0x41: {0x41}} == seen
