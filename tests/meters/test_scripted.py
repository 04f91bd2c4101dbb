"""The scripted bus fails on wrong, leftover and missing traffic."""

import pytest

from .scripted import Read, ScriptedBus, Write


def test_the_expected_conversation_passes() -> None:
    """What is in the transcript is answered, in order."""
    bus = ScriptedBus([Write(0, 0x4027), Read(1, 7)])
    bus.write_u16(0, 0x4027)

    assert bus.read_u16(1) == 7
    bus.finish()


@pytest.mark.parametrize("register", [1, 3])
def test_other_traffic_fails(register: int) -> None:
    """A read of another register, or beyond the end, is a failure."""
    bus = ScriptedBus([Read(2, 7)] if register == 1 else [])

    with pytest.raises(AssertionError):
        bus.read_u16(register)


def test_leftover_traffic_fails() -> None:
    """What never happened is a failure."""
    bus = ScriptedBus([Write(0, 1)])

    with pytest.raises(AssertionError, match="never happened"):
        bus.finish()


def test_a_scripted_error_is_raised() -> None:
    """A read may be told to fail."""
    with pytest.raises(OSError, match="121"):
        ScriptedBus([Read(1, OSError(121, "x"))]).read_u16(1)
