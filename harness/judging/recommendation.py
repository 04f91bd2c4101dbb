"""This module says in four sentences what a ranking comes to: what to ship, why, what would change it, what next."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import norm

from harness.judging.cases import CaseResult
from harness.judging.front import Placing, Ranking
from harness.judging.limits import Judgement, Verdict, print_limit
from harness.judging.membership import RESAMPLES, FrontClass
from harness.judging.steadiness import State
from harness.profile import Origin
from harness.quantities import QUANTITIES, print_value

NEAR = 0.5
"""A limit that could be tighter by more than this share is not told as one that may change the answer."""

REMEDIES: Mapping[State, str] = {
    State.NOT_REACHED: "raise warmup_s, and measure again",
    State.DRIFTING: "stop what else runs on the device, raise warmup_s or cooldown_s, and measure again",
    State.THROTTLED: "cool the device or raise cooldown_s, and measure again",
}

MOST = 3
"""Alternatives and undecided limits that are told; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What a ranking comes to.

    Attributes:
        ship: which case to ship, or that none is to be.
        evidence: on what grounds; empty where nothing is to be shipped.
        change: what would change the answer.
        next: what to measure next.
    """

    ship: str
    evidence: str
    change: Sequence[str]
    next: Sequence[str]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.ship, self.evidence, *self.change, *self.next)))


def recommend(ranking: Ranking) -> Recommendation:
    """What a ranking comes to; it asks for nothing that the ranking does not show."""
    chosen = _chosen(ranking)
    if chosen is None:
        return Recommendation(
            ship=_nothing(ranking), evidence="", change=(), next=tuple(_measure_next(ranking, None))
        )
    name = chosen.case.case
    decided = chosen.verdict is not Verdict.INCONCLUSIVE
    ship = (
        f"Ship {name}."
        if decided
        else f"Ship nothing yet: {name} leads, but not every limit is decided for it."
    )
    return Recommendation(
        ship=ship,
        evidence=_evidence(chosen, ranking),
        change=tuple(_changes(chosen, ranking)),
        next=tuple(_measure_next(ranking, chosen)),
    )


def optimism(case: CaseResult, rivals: int) -> float | None:
    """Relative amount by which the best of so many cases looks better in energy than it is; None for unknown.

    It is that of equals measured with the same error: the best of K lies about the K-th normal order statistic
    of standard errors too low (G. Blom, 1958).
    """
    scatter = case.spreads.get("energy_per_inference_j")
    if rivals < 2 or scatter is None:
        return None
    deviation = scatter.within if scatter.between is None else scatter.between
    if deviation is None:
        return None
    return float(norm.ppf((rivals - 0.375) / (rivals + 0.25))) * deviation / math.sqrt(case.sittings)


def _chosen(ranking: Ranking) -> Placing | None:
    """The first case on the front that passes every limit; where none does, the first of all that fails none."""
    passing = [each for each in ranking.placings if each.layer == 1 and each.verdict in {None, Verdict.PASS}]
    return passing[0] if passing else ranking.leader


def _nothing(ranking: Ranking) -> str:
    ranked = [placing for placing in ranking.placings if placing.rank is not None]
    if not ranked:
        return "Ship nothing: no case is complete enough to be ranked."
    nearest = ranked[0]
    failed = max(
        (each for each in nearest.judgements if each.verdict is Verdict.FAIL),
        key=lambda each: each.violation or 0.0,
    )
    return (
        f"Ship nothing: no case keeps the limits. The nearest, {nearest.case.case}, misses "
        f"{print_limit(failed.limit)} by {failed.violation or 0.0:.1%}."
    )


def _evidence(chosen: Placing, ranking: Ranking) -> str:
    case = chosen.case
    figures = ", ".join(_figure(case, name) for name in ranking.objectives)
    grounds = {
        Verdict.PASS: "It passes every limit",
        Verdict.INCONCLUSIVE: "It fails no limit",
        None: "No limit is set",
    }[chosen.verdict if chosen.verdict is not Verdict.FAIL else None]
    front = "on the front by its figures"
    if chosen.standing is not None and chosen.front_class is not None:
        share = f"{chosen.standing.share:.0%} of {RESAMPLES} resamples"
        front = f"{_class_words(chosen.front_class)} ({share})"
        if not chosen.standing.between:
            front = f"on the front in {share} of too few sittings to know the next"
    if case.origin == Origin.IMPORTED:
        return f"{grounds} and is {front}: {figures} (imported, not measured here)."
    sittings = f"{case.sittings} sitting{'s' * (case.sittings != 1)}"
    power = f", power {case.origin}" if case.origin else ""
    return f"{grounds} and is {front}: {figures} ({sittings}{power})."


def _class_words(front_class: FrontClass) -> str:
    return {
        FrontClass.ON_FRONT: "surely on the front",
        FrontClass.POSSIBLE: "possibly on the front",
        FrontClass.DOMINATED: "hardly on the front",
    }[front_class]


def _figure(case: CaseResult, name: str) -> str:
    shown = "accuracy" if name == "error" else name
    estimate = case.estimate(shown)
    text = f"{QUANTITIES[shown].title} {print_value(shown, estimate.value)}"
    if estimate.lo is not None and estimate.hi is not None:
        text += f" [{print_value(shown, estimate.lo)} to {print_value(shown, estimate.hi)}]"
    return text


def _changes(chosen: Placing, ranking: Ranking) -> Iterator[str]:
    """The tightest limit, what else one may prefer, and how much of the lead is luck."""
    slack = [(margin, each) for each in chosen.judgements if (margin := _slack(each)) is not None]
    margin, tightest = min(slack, key=lambda pair: pair[0], default=(math.inf, None))
    if tightest is not None and margin < NEAR:
        yield f"The answer changes if {print_limit(tightest.limit)} becomes tighter by {margin:.0%}."
    others = [placing for placing in ranking.shortlist if placing is not chosen]
    for placing in others[:MOST]:
        yield f"{placing.case.case} instead is {_trade(chosen.case, placing.case, ranking.objectives)}."
    if len(others) > MOST:
        more = len(others) - MOST
        yield f"{more} more case{'s' * (more > 1)} may be on the front."
    if chosen.case.run in ranking.remeasured:
        yield f"The short list of {ranking.remeasured[chosen.case.run]} was measured afresh for this."
    else:
        eligible = [placing for placing in ranking.placings if placing.layer is not None]
        luck = optimism(chosen.case, len(eligible))
        if luck is not None:
            yield (
                f"Not re-measured: the best of {len(eligible)} equals would look {luck:.1%} better in energy than it is"
                f"{_shrunken(chosen, eligible, luck)}."
            )


def _shrunken(chosen: Placing, eligible: Sequence[Placing], luck: float) -> str:
    """What is left of the lead in energy over the next case; empty where it does not lead."""
    name = "energy_per_inference_j"
    own = chosen.case.estimate(name).value
    rest = [placing.case.estimate(name).value for placing in eligible if placing is not chosen]
    known = [value for value in rest if value is not None]
    if own is None or not known or own >= min(known):
        return ""
    lead = 1 - own / min(known)
    return f"; of its lead of {lead:.1%} over the next {max(0.0, lead - luck):.1%} is left"


def _slack(judgement: Judgement) -> float | None:
    """How much tighter a passed limit could be before the value breaks it, relative to the limit."""
    bound = judgement.limit.bound
    if judgement.verdict is not Verdict.PASS or judgement.value is None or not bound:
        return None
    return abs(bound - judgement.value) / abs(bound)


def _trade(chosen: CaseResult, other: CaseResult, objectives: Sequence[str]) -> str:
    """What the other case gives and takes: `12 % more energy per inference for 8 % less latency p99`."""
    gives: list[str] = []
    takes: list[str] = []
    for name in objectives:
        a, b = chosen.estimate(name).value, other.estimate(name).value
        if a is None or b is None or a == b:
            continue
        (gives if b < a else takes).append(_difference(name, a, b))
    if not gives:
        return f"no better by its figures ({' and '.join(takes) or 'equal'}), but not surely worse"
    return " and ".join(gives) + (f" for {' and '.join(takes)}" if takes else "")


def _difference(name: str, a: float, b: float) -> str:
    more = "more" if b > a else "less"
    if name == "error":
        points = f"{100 * abs(b - a):.2g}"
        return f"{points} point{'s' * (points != '1')} {more} error"
    return f"{abs(b / a - 1):.0%} {more} {QUANTITIES[name].title}"


def _measure_next(ranking: Ranking, chosen: Placing | None) -> Iterator[str]:
    pool = [chosen] if chosen is not None else [each for each in ranking.placings if each.rank is not None]
    advice = [
        f"{print_limit(judgement.limit)}: {judgement.advice}"
        for placing in pool
        for judgement in placing.judgements
        if judgement.advice
    ]
    yield from (f"To decide {each}" for each in dict.fromkeys(advice[:MOST]))
    if chosen is None:
        return
    if chosen.case.state not in {State.STEADY, State.UNKNOWN}:
        yield f"Its course was not steady ({chosen.case.state.value.replace('_', ' ')}): {REMEDIES[chosen.case.state]}."
    few = chosen.case.run not in ranking.remeasured and len(ranking.shortlist) < len(ranking.placings)
    if chosen.case.origin == Origin.IMPORTED:
        yield "Imported figures cannot be measured again here: measure the short list with a suite of your own."
    elif few:
        yield (
            f"Measure next: harness run --shortlist {chosen.case.run}, "
            f"{len(ranking.shortlist)} of {len(ranking.placings)} cases in fresh sittings."
        )
