"""This module holds what a look at the bench found: one thing, whether it is good, and what to do about it."""

from dataclasses import dataclass

MARKS = {True: "ok  ", False: "LOOK", None: "note"}
"""How it begins where it is printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at.

    Attributes:
        what: the thing.
        ok: good, in the way of measuring, or only to be known (None).
        found: what was found.
        advice: what to do; empty for nothing.
    """

    what: str
    ok: bool | None
    found: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f"; {self.advice}" if self.advice else ""
        return f"{MARKS[self.ok]}  {self.what}: {self.found}{advice}"
