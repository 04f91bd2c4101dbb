"""This module is a journal for tests that keeps the records of a sitting in memory."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.record import Cycle, Phase, SittingClosed, SittingOpened


@dataclass(slots=True)
class Notebook:
    """What a sitting wrote down.

    Attributes:
        openings, closings, cycles, chunks: in the order they came.
    """

    openings: list[SittingOpened] = field(default_factory=list)
    closings: list[SittingClosed] = field(default_factory=list)
    cycles: list[Cycle] = field(default_factory=list)
    chunks: list[NDArray[Any]] = field(default_factory=list)

    @property
    def next_seq(self) -> int:
        """Number the next cycle must have."""
        return len(self.cycles)

    def opened(self, record: SittingOpened) -> None:
        """Keep it."""
        self.openings.append(record)

    def closed(self, record: SittingClosed) -> None:
        """Keep it."""
        self.closings.append(record)

    def cycle(self, cycle: Cycle) -> None:
        """Keep it; refuse a number out of order, as the store does."""
        if cycle.seq != self.next_seq:
            raise ValueError(f"cycle {cycle.seq} was given where cycle {self.next_seq} is next")
        self.cycles.append(cycle)

    def samples(self, case: str, sitting: int, part: int, raw: NDArray[Any]) -> None:
        """Keep them, whosever they are."""
        assert case
        assert sitting
        assert part
        self.chunks.append(raw)

    @property
    def measured(self) -> list[Cycle]:
        """Cycles that were run to count."""
        return [cycle for cycle in self.cycles if cycle.phase is Phase.MEASURE]

    @property
    def stamps_ns(self) -> NDArray[np.int64]:
        """Of all samples kept."""
        return np.concatenate([np.empty(0, np.int64), *(chunk["ready_ns"] for chunk in self.chunks)])
