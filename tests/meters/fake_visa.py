"""A stand-in for VISA's resource manager: one instrument that answers two queries."""

from dataclasses import dataclass, field
from typing import Self


@dataclass(kw_only=True)
class FakeVisa:
    """Manager and instrument in one.

    Attributes:
        answers: by query; a query that is not among them is never answered.
        closed: times it was closed.
    """

    answers: dict[str, str] = field(
        default_factory=lambda: {"*IDN?": "MAKER,MODEL,1,2\n", "MEAS:POW?": "5.25\n"}
    )
    closed: int = 0
    timeout: int = 0

    def open_resource(self, resource: str) -> Self:
        """The instrument of the name `TCPIP::fake::INSTR`."""
        if resource != "TCPIP::fake::INSTR":
            raise OSError(f"{resource} is not there")
        return self

    def query(self, message: str) -> str:
        """The answer to a query."""
        if message not in self.answers:
            raise TimeoutError("VI_ERROR_TMO")
        return self.answers[message]

    def close(self) -> None:
        """Close the instrument."""
        self.closed += 1
