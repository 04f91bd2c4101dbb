"""This module holds a clock that stands still until somebody sleeps on it, for measuring without waiting."""

from dataclasses import dataclass


@dataclass(slots=True)
class VirtualClock:
    """Nanoseconds that pass only by `sleep`; call it to read it.

    Attributes:
        now_ns: the reading.
    """

    now_ns: int = 0

    def __call__(self) -> int:
        """The reading, like `time.monotonic_ns`."""
        return self.now_ns

    def sleep(self, duration_s: float) -> None:
        """Let time pass, like `time.sleep`; at least one nanosecond, as real time does."""
        self.now_ns += max(1, round(duration_s * 1e9))
