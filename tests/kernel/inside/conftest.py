"""What the tests inside the guest share."""

from collections.abc import Iterator

import pytest

from harness.meters.i2c import RegisterBus, open_i2c

from .stub import StubChip, device_node


@pytest.fixture
def chip() -> StubChip:
    """The chip at 0x40, as after power-on."""
    chip = StubChip(0x40)
    chip.power_on()
    return chip


@pytest.fixture
def registers(chip: StubChip) -> Iterator[RegisterBus]:
    """The chip's registers by way of the kernel."""
    registers = open_i2c(device_node(), chip.address)
    yield registers
    registers.close()
