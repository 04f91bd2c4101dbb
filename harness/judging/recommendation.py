"""This module says in four sentences what a ranking comes to: what to ship, why, what would change it, what next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.judging.alternatives import changes, trade
from harness.judging.cases import CaseResult
from harness.judging.front import Placing, Ranking, deciding_objective
from harness.judging.limits import Verdict, print_limit
from harness.judging.membership import RESAMPLES, FrontClass
from harness.judging.next_steps import next_steps
from harness.judging.tiers import Tier
from harness.profile import Origin
from harness.quantities import QUANTITIES, print_share, print_value

LIKELY = 0.5
"""Share of the resamples from which on a case is called probably on the front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What a ranking comes to.

    Attributes:
        ship: which case to ship, or that none is to be yet, or at all.
        evidence: on what grounds; empty where nothing is to be shipped.
        change: what would change the answer.
        next: what to measure next.
        case: id of the case that is to be shipped, or to be decided first, or leads; None for none.
        run: id of its run; None for none.
    """

    ship: str
    evidence: str
    change: Sequence[str]
    next: Sequence[str]
    case: str | None = None
    run: str | None = None

    def __str__(self) -> str:
        return " ".join(filter(None, (self.ship, self.evidence, *self.change, *self.next)))


def recommend(ranking: Ranking) -> Recommendation:
    """What a ranking comes to; it asks for nothing that the ranking does not show."""
    chosen = ranking.leader
    if chosen is None:
        return Recommendation(
            ship=_nothing(ranking), evidence="", change=(), next=tuple(next_steps(ranking, None))
        )
    told = ranking.rival or chosen
    return Recommendation(
        ship=_decide_first(ranking.rival, chosen, ranking) if ranking.rival else _ship(chosen),
        evidence=_evidence(chosen, ranking),
        change=tuple(changes(chosen, ranking)),
        next=tuple(next_steps(ranking, chosen)),
        case=told.case.case,
        run=told.case.run,
    )


def _ship(chosen: Placing) -> str:
    name = chosen.case.case
    match chosen.tier:
        case Tier.PASSES:
            return f"Ship {name}."
        case Tier.UNDECIDED:
            return f"Ship nothing yet: {name} leads, but not every limit is decided for it."
        case Tier.BREAKS:
            missed = max(chosen.judgements, key=lambda each: each.violation or 0.0)
            return (
                f"Ship nothing yet: {name} is the nearest to the limits, but by its figures it misses "
                f"{print_limit(missed.limit)} by {print_share(chosen.violation, 1)}, if not for sure."
            )


def _decide_first(rival: Placing, chosen: Placing, ranking: Ranking) -> str:
    """That an undecided case which beats the one that passes is to be decided before anything is shipped."""
    missing = "; ".join(
        f"{print_limit(each.limit)}: {each.advice.rstrip('.')}" for each in rival.judgements if each.advice
    )
    return (
        f"Ship nothing yet: decide {rival.case.case} first ({missing}). {chosen.case.case} passes every limit, and "
        f"{rival.case.case} beats it by the figures: {trade(chosen.case, rival.case, ranking.objectives)}."
    )


def _nothing(ranking: Ranking) -> str:
    ranked = [placing for placing in ranking.placings if placing.rank is not None]
    if not ranked:
        return "Ship nothing: no case is complete enough to be ranked."
    nearest = ranked[0]
    failed = max(
        (each for each in nearest.judgements if each.verdict is Verdict.FAIL),
        key=lambda each: each.violation or 0.0,
    )
    undecided = any(placing.layer is not None for placing in ranked)
    return (
        f"Ship nothing: no case {'is shown to keep' if undecided else 'keeps'} the limits. "
        f"The nearest, {nearest.case.case}, misses {print_limit(failed.limit)} by "
        f"{print_share(failed.violation or 0.0, 1)}."
    )


def _evidence(chosen: Placing, ranking: Ranking) -> str:
    case = chosen.case
    figures = ", ".join(_figure(case, name) for name in ranking.objectives)
    it = chosen.case.case if ranking.rival else "It"
    grounds = {
        Verdict.PASS: f"{it} passes every limit",
        Verdict.INCONCLUSIVE: "It fails no limit",
        None: "No limit is set",
    }[chosen.verdict if chosen.verdict is not Verdict.FAIL else None]
    figured = f"{figures} ({_basis(case)})"
    if chosen.alone:
        only = "the only case" if len(ranking.placings) == 1 else "the only case that fails no limit"
        return f"{grounds} and is {only}, so that there is nothing to choose between: {figured}."
    mixed = chosen.tier is Tier.PASSES and any(
        each.tier is not Tier.PASSES and each.layer is not None for each in ranking.placings
    )
    front = "the front of such cases" if mixed else "the front"
    return " ".join(
        [f"{grounds} and is {_front_words(chosen, front)}: {figured}.", *_reasons(chosen, ranking)]
    )


def _basis(case: CaseResult) -> str:
    if case.origin == Origin.IMPORTED:
        return "imported, not measured here"
    power = f", power {case.origin}" if case.origin else ""
    return f"{case.sittings} sitting{'s' * (case.sittings != 1)}{power}"


def _front_words(chosen: Placing, front: str) -> str:
    standing = chosen.standing
    if standing is None or not standing.between:
        few = "" if standing is None else ", from too few sittings to know how the next would differ"
        return f"{'' if chosen.on_front else 'not '}on {front} by its figures{few}"
    share = f"in {print_share(standing.share)} of {RESAMPLES} resamples"
    match standing.front_class:
        case FrontClass.ON_FRONT:
            return f"surely on {front} ({share})"
        case FrontClass.POSSIBLE:
            return f"{'probably' if standing.share >= LIKELY else 'perhaps'} on {front} ({share})"
        case FrontClass.DOMINATED:
            return f"hardly on {front} ({share})"


def _reasons(chosen: Placing, ranking: Ranking) -> Iterator[str]:
    """Why this one of the cases that no other beats, and not one that is on the front more surely."""
    name = deciding_objective(ranking.objectives)
    peers = [each for each in ranking.placings if each.tier is chosen.tier and each.layer is not None]
    front = [each for each in peers if each.on_front]
    if len(front) > 1 and chosen.tier is not Tier.BREAKS:
        if not ranking.limits:
            among = "cases that no other beats in everything"
        elif chosen.tier is Tier.PASSES:
            among = "that pass every limit and that no other of them beats in everything"
        else:
            among = "that keep every limit by their figures and that no other of them beats in everything"
        verb = "leads" if ranking.rival else "is chosen"
        yield f"It {verb} for the least {QUANTITIES[name].title} of the {len(front)} {among}."
    surer = max(
        (each for each in peers if each.standing is not None),
        key=lambda each: each.standing.share if each.standing else 0.0,
        default=chosen,
    )
    if (
        chosen.standing is not None
        and chosen.standing.between
        and surer.standing is not None
        and surer.standing.share > chosen.standing.share
    ):
        yield (
            f"{surer.case.case} is on the front more surely ({print_share(surer.standing.share)} against "
            f"{print_share(chosen.standing.share)}), but that does not make it better: "
            f"{trade(chosen.case, surer.case, ranking.objectives)}."
        )


def _figure(case: CaseResult, name: str) -> str:
    shown = "accuracy" if name == "error" else name
    estimate = case.estimate(shown)
    text = f"{QUANTITIES[shown].title} {print_value(shown, estimate.value)}"
    if estimate.lo is not None and estimate.hi is not None:
        text += f" [{print_value(shown, estimate.lo)} to {print_value(shown, estimate.hi)}]"
    return text
