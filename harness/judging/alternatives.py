"""This module says what would change an answer: limits tighter or looser, what else one may prefer, and luck."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from scipy.stats import norm

from harness.judging.cases import CaseResult
from harness.judging.front import Placing, Ranking, deciding_objective
from harness.judging.limits import print_bound
from harness.judging.loosening import loosenings
from harness.judging.membership import FrontClass
from harness.judging.tiers import Tier
from harness.judging.tightening import tightest
from harness.quantities import QUANTITIES, print_share, print_value

NEAR = 0.5
"""A limit that would have to be tighter by more than this share is not told as one that may change the answer."""

ALIKE = 0.0005
"""Figures that differ by less than this, relatively or in the error, are not told as different."""

MOST = 3
"""Alternatives that are told; the rest is counted."""


def changes(chosen: Placing, ranking: Ranking) -> Iterator[str]:
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
        yield f"With {looser}: {other.case} would lead ({trade(chosen.case, other, ranking.objectives)})."
    if "error" in ranking.objectives and not {"accuracy", "error"} & {
        each.quantity for each in ranking.limits
    }:
        yield (
            "No limit is set on the accuracy, so that the answer does not ask how much is answered wrongly: set one, "
            "such as accuracy >= 0.9."
        )
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
            f"{placing.case.case} instead{undecided}: {trade(chosen.case, placing.case, ranking.objectives)}."
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


def trade(chosen: CaseResult, other: CaseResult, objectives: Sequence[str]) -> str:
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
