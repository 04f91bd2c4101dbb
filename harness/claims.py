"""This module makes figures of a board out of what is published of it, with the spread where sources disagree."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.profile import Board, Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A figure that follows from published facts; a claim, never shown as measured.

    Attributes:
        least, greatest: where sources disagree they differ; None where nothing is published.
        sources: of the facts.
        reason: why it is absent; empty where it is not.
    """

    least: float | None
    greatest: float | None
    sources: Sequence[str]
    reason: str = ""

    def map(self, change: Callable[[float], float]) -> "Claim":
        """The claim of a figure that follows from this one; a falling function turns the ends round."""
        if self.least is None or self.greatest is None:
            return self
        ends = sorted((change(self.least), change(self.greatest)))
        return Claim(least=ends[0], greatest=ends[1], sources=self.sources)


def no_claim(reason: str) -> Claim:
    """The claim of a figure that cannot be had."""
    return Claim(least=None, greatest=None, sources=(), reason=reason)


def largest(claims: Sequence[Claim]) -> Claim:
    """The claim of the largest of several figures; those that are absent are passed over."""
    known = [
        (claim.least, claim.greatest)
        for claim in claims
        if claim.least is not None and claim.greatest is not None
    ]
    if not known:
        return no_claim("; ".join(claim.reason for claim in claims))
    sources = tuple(dict.fromkeys(source for claim in claims for source in claim.sources))
    least = max(low for low, _ in known)
    greatest = max(high for _, high in known)
    return Claim(least=least, greatest=greatest, sources=sources)


def published(board: Board, units: Mapping[str, float]) -> Claim:
    """What a board's facts say of one figure.

    Args:
        board: its facts.
        units: name of a fact to the factor that brings it to SI; all of them mean the same figure.
    """
    facts = [fact for fact in board.facts if fact.quantity in units]
    values = [value * units[fact.quantity] for fact in facts for value in _numbers(fact)]
    if not values:
        return no_claim(f"nothing is published of {' or '.join(units)} of {board.title}")
    return Claim(
        least=min(values), greatest=max(values), sources=tuple(dict.fromkeys(f.source for f in facts))
    )


def _numbers(fact: Fact) -> list[float]:
    """One figure, or several as in `2, 4, 8 or 16`."""
    if not isinstance(fact.value, str):
        return [float(fact.value)]
    numbers = []
    for word in fact.value.replace(",", " ").replace(" or ", " ").split():
        try:
            numbers.append(float(word))
        except ValueError:
            return []
    return numbers
