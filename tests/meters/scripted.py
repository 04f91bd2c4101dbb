"""A bus that knows its conversation beforehand and fails on any other."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Read(NamedTuple):
    """An expected read and its answer, or the error it fails with."""

    register: int
    answer: int | OSError


class Write(NamedTuple):
    """An expected write."""

    register: int
    value: int


class ScriptedBus:
    """A `RegisterBus` with a transcript.

    Args:
        transcript: what must happen, in order, and nothing else.
    """

    def __init__(self, transcript: Sequence[Read | Write]) -> None:
        self._transcript = list(transcript)

    @property
    def access(self) -> Mapping[str, str]:
        """How its registers are reached."""
        return {"access": "scripted"}

    def read_u16s(self, *registers: int) -> tuple[int, ...]:
        """Answer the expected reads, one after the other."""
        return tuple(self.read_u16(register) for register in registers)

    def read_u16(self, register: int) -> int:
        """Answer the expected read."""
        expected = self._transcript.pop(0) if self._transcript else None
        assert isinstance(expected, Read), f"read of {register:#04x} where {expected} was expected"
        assert expected.register == register, f"read of {register:#04x} where {expected} was expected"
        if isinstance(expected.answer, OSError):
            raise expected.answer
        return expected.answer

    def write_u16(self, register: int, value: int) -> None:
        """Take the expected write."""
        expected = self._transcript.pop(0) if self._transcript else None
        assert expected == Write(register, value), (
            f"write {value:#06x} to {register:#04x}, expected {expected}"
        )

    def close(self) -> None:
        """There is nothing to let go of."""

    def finish(self) -> None:
        """Fail where something expected never happened."""
        assert not self._transcript, f"never happened: {self._transcript}"
