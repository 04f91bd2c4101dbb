"""This module holds what a policy asks of a run: its gates, each a bound on a figure or on its change."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What a gate bounds."""

    THRESHOLD = "threshold"
    MIN_IMPROVEMENT = "min-improvement"
    MAX_DEGRADATION = "max-degradation"


class Action(StrEnum):
    """What a gate does that is not passed."""

    BLOCK = "block"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate of a policy.

    Attributes:
        name: for people.
        kind: what it bounds.
        quantity: name in `harness.quantities`.
        amount: of the bound, in the unit of the quantity, or a share of the baseline's figure where `relative`.
        relative: the amount is a share of the baseline's figure.
        comparison: of an absolute threshold: `<`, `<=`, `>` or `>=`; empty for the others.
        cases: patterns over ids of cases; a case is bound when one matches.
        action: what happens where it is not passed.
    """

    name: str
    kind: Kind
    quantity: str
    amount: float
    relative: bool
    comparison: str
    cases: Sequence[str]
    action: Action

    @property
    def needs_baseline(self) -> bool:
        """It cannot be judged from one run alone."""
        return self.relative or self.kind is not Kind.THRESHOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a run must keep: `gates.yaml`.

    Attributes:
        title: one line for the head of its outputs.
        gates: at least one, names unique.
        path, sha256: the file and its digest.
    """

    title: str
    gates: Sequence[Gate]
    path: Path
    sha256: str
