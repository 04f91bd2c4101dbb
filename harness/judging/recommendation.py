"""This module says in four sentences what a ranking comes to: what to ship, why, what would change it, what next."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.stats import norm

from harness.judging.cases import CaseResult
from harness.judging.front import Placing, Ranking, deciding_objective
from harness.judging.limits import Judgement, Verdict, print_bound, print_limit
from harness.judging.loosening import loosenings
from harness.judging.membership import RESAMPLES, FrontClass
from harness.judging.objectives import needs_meter
from harness.judging.steadiness import State
from harness.judging.tiers import Tier
from harness.judging.tightening import tightest
from harness.profile import Origin
from harness.quantities import QUANTITIES, print_share, print_value

NEAR = 0.5
"""A limit that would have to be tighter by more than this share is not told as one that may change the answer."""

UNSTEADY: Mapping[State, str] = {
    State.NOT_REACHED: "It was still settling while it was measured: raise warmup_s, and measure again.",
    State.DRIFTING: "It drifted while it was measured: stop what else runs on the device, raise warmup_s or "
    "cooldown_s, and measure again.",
    State.THROTTLED: "It was throttled while it was measured: cool the device or raise cooldown_s, and measure again.",
}

LIKELY = 0.5
"""Share of the resamples from which on a case is called probably on the front."""

ALIKE = 0.0005
"""Figures that differ by less than this, relatively or in the error, are not told as different."""

MOST = 3
"""Alternatives and undecided limits that are told; the rest is counted."""


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
            ship=_nothing(ranking), evidence="", change=(), next=tuple(_measure_next(ranking, None))
        )
    told = ranking.rival or chosen
    return Recommendation(
        ship=_decide_first(ranking.rival, chosen, ranking) if ranking.rival else _ship(chosen),
        evidence=_evidence(chosen, ranking),
        change=tuple(_changes(chosen, ranking)),
        next=tuple(_measure_next(ranking, chosen)),
        case=told.case.case,
        run=told.case.run,
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
        f"{rival.case.case} beats it by the figures: {_trade(chosen.case, rival.case, ranking.objectives)}."
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
            f"{_trade(chosen.case, surer.case, ranking.objectives)}."
        )


def _figure(case: CaseResult, name: str) -> str:
    shown = "accuracy" if name == "error" else name
    estimate = case.estimate(shown)
    text = f"{QUANTITIES[shown].title} {print_value(shown, estimate.value)}"
    if estimate.lo is not None and estimate.hi is not None:
        text += f" [{print_value(shown, estimate.lo)} to {print_value(shown, estimate.hi)}]"
    return text


def _changes(chosen: Placing, ranking: Ranking) -> Iterator[str]:
    """The tightest limit, what else one may prefer, and how much of the lead is luck."""
    ships = chosen.tier is Tier.PASSES and ranking.rival is None
    change = tightest(chosen.judgements) if ships else None
    if change is not None and change.share < NEAR:
        name = change.before.quantity
        if chosen.case.estimate(name).method:
            shown = print_value(name, change.passed_by, digits=change.digits + 1)
            decides = f"not the figure but its bound decides, {shown}"
        else:
            decides = f"the value decides, {print_bound(replace(change.before, bound=change.passed_by))}"
        yield f"The answer changes if {change}: {decides} here."
    for looser in loosenings(ranking) if ships else ():
        other = looser.leader.case
        yield f"With {looser}: {other.case} would lead ({_trade(chosen.case, other, ranking.objectives)})."
    yield from _score_words(chosen, ranking)
    others = [
        placing
        for placing in ranking.shortlist
        if placing not in (chosen, ranking.rival)
        and (placing.on_front or placing.front_class in {FrontClass.ON_FRONT, FrontClass.POSSIBLE})
    ]
    for placing in others[:MOST]:
        undecided = ", for which not every limit is decided" if chosen.tier < placing.tier else ""
        yield (
            f"{placing.case.case} instead{undecided}: {_trade(chosen.case, placing.case, ranking.objectives)}."
        )
    if len(others) > MOST:
        more = len(others) - MOST
        yield f"{more} more case{'s' * (more > 1)} may be on the front."
    if chosen.case.run in ranking.remeasured:
        yield f"The short list of {ranking.remeasured[chosen.case.run]} was measured afresh for this."
    else:
        eligible = [placing for placing in ranking.placings if placing.layer is not None]
        by_energy = deciding_objective(ranking.objectives) == "energy_per_inference_j"
        luck = optimism(chosen.case, len(eligible)) if by_energy else None
        if luck is not None:
            yield (
                f"Not re-measured, so luck is in it: of {len(eligible)} cases that in truth take the same energy, the "
                f"one that looks best looks about {print_share(luck, 1)} better than it is"
                f"{_shrunken(chosen, eligible, luck)}."
            )


def _shrunken(chosen: Placing, eligible: Sequence[Placing], luck: float) -> str:
    """How much of the lead in energy over the next case luck explains; empty where it does not lead."""
    name = "energy_per_inference_j"
    own = chosen.case.estimate(name).value
    rest = [placing.case.estimate(name).value for placing in eligible if placing is not chosen]
    known = [value for value in rest if value is not None]
    if own is None or not known or own >= min(known):
        return ""
    lead = 1 - own / min(known)
    said = print_share(lead, 1)
    if lead <= luck:
        return f". Its lead of {said} over the next may be luck alone"
    return f". Of its lead of {said} over the next, {print_share(lead - luck, 1)} is more than luck explains"


def _score_words(chosen: Placing, ranking: Ranking) -> Iterator[str]:
    """That a score prefers another case than the one chosen here."""
    best = next(iter(ranking.scoring.scores), None) if ranking.scoring else None
    if (
        ranking.scoring is None
        or best is None
        or (best.case, best.run) == (chosen.case.case, chosen.case.run)
    ):
        return
    undecided = any(
        placing.tier is not Tier.PASSES
        for placing in ranking.placings
        if (placing.case.case, placing.case.run) == (best.case, best.run)
    )
    yield (
        f"The score prefers another case: by the policy {ranking.scoring.policy.name} the best is {best.case}"
        f"{', for which not every limit is decided' if undecided else ''}. The answer above does not weigh: it takes "
        f"the least {QUANTITIES[deciding_objective(ranking.objectives)].title} on the front. Who weighs as the policy "
        f"does {'decides the limits first' if undecided else f'ships {best.case}'}."
    )


def _trade(chosen: CaseResult, other: CaseResult, objectives: Sequence[str]) -> str:
    """What the other case gives and takes: `8 % less latency p99, but 12 % more energy per inference`."""
    gives: list[str] = []
    takes: list[str] = []
    for name in objectives:
        a, b = chosen.estimate(name).value, other.estimate(name).value
        if a is None or b is None or abs(b - a) < (ALIKE if name == "error" else ALIKE * abs(a)):
            continue
        (gives if b < a else takes).append(_difference(name, a, b))
    if gives:
        return " and ".join(gives) + (f", but {' and '.join(takes)}" if takes else "")
    if takes:
        return f"better in nothing by its figures ({', '.join(takes)}), but not surely worse"
    return "by its figures the same"


def _difference(name: str, a: float, b: float) -> str:
    more = "more" if b > a else "less"
    if name == "error":
        points = f"{100 * abs(b - a):.2g}"
        return f"{points} percentage point{'s' * (points != '1')} {more} error"
    change = abs(b / a - 1) if a else math.inf
    if change == math.inf:
        return f"{more} {QUANTITIES[name].title}"
    return f"{print_share(change, 0 if change >= 0.095 else 1)} {more} {QUANTITIES[name].title}"


def _measure_next(ranking: Ranking, chosen: Placing | None) -> Iterator[str]:
    yield from _finish(ranking)
    asked = ranking.rival or chosen
    pool = [asked] if asked is not None else [each for each in ranking.placings if each.rank is not None]
    open_ones = [each for placing in pool for each in placing.judgements if each.advice]
    whose = f"{ranking.rival.case.case}, " if ranking.rival else ""
    advice = [
        _without_figure(each, asked)
        if each.value is None
        else f"To decide {whose}{print_limit(each.limit)}: {each.advice}"
        for each in open_ones
    ]
    yield from list(dict.fromkeys(advice))[:MOST]
    if chosen is None or any(each.value is None for each in open_ones):
        return  # no sitting more gives a figure that cannot be had
    if chosen.case.state not in {State.STEADY, State.UNKNOWN}:
        yield UNSTEADY[chosen.case.state]
    few = chosen.case.run not in ranking.remeasured and len(ranking.shortlist) < len(ranking.placings)
    if chosen.case.origin == Origin.IMPORTED:
        yield "Imported figures cannot be measured again here: measure the short list with a suite of your own."
    elif few:
        yield (
            f"Measure next: harness run --shortlist {chosen.case.run}, "
            f"{len(ranking.shortlist)} of {len(ranking.placings)} cases in fresh sittings."
        )
    elif (
        not chosen.alone
        and chosen.front_class is FrontClass.POSSIBLE
        and chosen.case.conditions.get("protocol.name") != "full"
    ):
        yield (
            "The cases cannot be told apart for sure: measure more sittings, such as those of the full protocol "
            "(harness run --full)."
        )


def _finish(ranking: Ranking) -> Iterator[str]:
    """That runs which were broken off are to be finished first, and what no run can finish any more."""
    for run, status in ranking.unfinished.items():
        yield f"First finish the run, which is {status}: harness run --resume {run}"
    missing = [
        placing.case
        for placing in ranking.placings
        if placing.case.run in ranking.complete and placing.case.incomplete and not placing.case.lacking
    ]
    for run in dict.fromkeys(case.run for case in missing):
        cases = [case.case for case in missing if case.run == run]
        more = f" and {len(cases) - MOST} more" if len(cases) > MOST else ""
        yield f"First measure again what is incomplete in {run}: {', '.join(cases[:MOST])}{more}."


def _without_figure(judgement: Judgement, asked: Placing | None) -> str:
    """That a limit cannot be decided for want of a figure, and what to do where it is a meter that is missing."""
    name = judgement.limit.quantity
    meter = asked is not None and asked.case.origin is None and needs_meter(name)
    way = (
        "give the device a meter, or leave this limit out"
        if meter
        else "leave this limit out, or see to the reason"
    )
    return (
        f"No measuring again decides {print_limit(judgement.limit)}: {judgement.advice.rstrip('.')}; {way}."
    )
