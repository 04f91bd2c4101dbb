"""This module is the uncertainty budget of an energy that several power monitors measure, each on a rail of its own.

Errors of one part alone (its trimmed gain and offset, its shunt) are independent of those of another part: the data
sheet states its limits for each part, and says nothing of two that err alike. They are put together as squares. Errors
with one cause for all (the temperature, the supply, the edges of the window, the reference of the calibrations, and
what is assumed of parts of which nothing is known, for they may be of one lot) can point the same way in every part.
They are added as they are, which is the most they can come to (JCGM 100:2008 clause 5.2.2, correlation of 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.budget import Budget, Effect, Missing, Term
from harness.quantities import print_share

ASSUMED = "assumed"
"""Sources of terms of which nothing is known begin so."""

COMMON = (
    *("supply at the shunt", "supply at the bus"),
    *("shunt drift", "shunt gain drift", "bus gain drift", "shunt offset drift", "bus offset drift"),
    *("voltage after calibration", "current after calibration"),
    *("edges of the window", "samples across an edge", "clock of the bridge", "uncovered time"),
)
"""Names of the terms with one cause for all chips of a bus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one monitor measures of the whole.

    Attributes:
        name: of its channel.
        share: of the energy.
        budget: of its energy, relative to it.
    """

    name: str
    share: float
    budget: Budget


def summed(parts: Sequence[Part]) -> Budget:
    """The budget of the sum of the energies of some monitors, relative to the sum.

    Args:
        parts: their shares add up to 1.
    """
    own = [_own(part, term) for part in parts for term in part.budget.terms if not _is_common(term)]
    names = dict.fromkeys(term.name for part in parts for term in part.budget.terms if _is_common(term))
    return Budget(
        terms=(*own, *(_common(name, parts) for name in names)),
        calibrated=all(part.budget.calibrated for part in parts),
        remark=" ".join(dict.fromkeys(part.budget.remark for part in parts if part.budget.remark)),
        missing=tuple(
            Missing(name=f"{part.name}: {missing.name}", reason=missing.reason)
            for part in parts
            for missing in part.budget.missing
        ),
    )


def _is_common(term: Term) -> bool:
    return term.name in COMMON or term.source.startswith(ASSUMED)


def _own(part: Part, term: Term) -> Term:
    """A term of one monitor, by its share; what multiplies this channel alone cancels only where shares are alike."""
    return replace(
        term,
        name=f"{part.name}: {term.name}",
        effect=Effect.SHARE if term.effect is Effect.GAIN else term.effect,
        u=abs(part.share) * term.u,
        evaluation=f"{print_share(part.share, 1)} of the energy x {term.evaluation}",
    )


def _common(name: str, parts: Sequence[Part]) -> Term:
    """A term that all monitors may have alike: the sizes are added, each by its share."""
    found = [
        (part, term) for part in parts for term in part.budget.terms if term.name == name and _is_common(term)
    ]
    first = found[0][1]
    alike = len(found) == len(parts) and len({term.u for _, term in found}) == 1
    return Term(
        name=name,
        effect=Effect.SHARE if first.effect is Effect.GAIN and not alike else first.effect,
        u=sum(abs(part.share) * term.u for part, term in found),
        evaluation=" + ".join(
            f"{print_share(part.share, 1)} ({part.name}) x {100 * term.u:.3g} %" for part, term in found
        ),
        source="; ".join(dict.fromkeys(term.source for _, term in found)),
    )
