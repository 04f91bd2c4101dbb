"""This module says what to measure next: what is unfinished, what would decide a limit, and the short list."""

from collections.abc import Iterator, Mapping

from harness.judging.front import Placing, Ranking
from harness.judging.limits import Judgement, print_limit
from harness.judging.membership import FrontClass
from harness.judging.objectives import needs_meter
from harness.judging.steadiness import State
from harness.profile import Origin

UNSTEADY: Mapping[State, str] = {
    State.NOT_REACHED: "It was still settling while it was measured: raise warmup_s, and measure again.",
    State.DRIFTING: "It drifted while it was measured: stop what else runs on the device, raise warmup_s or "
    "cooldown_s, and measure again.",
    State.THROTTLED: "It was throttled while it was measured: cool the device or raise cooldown_s, and measure again.",
}

MOST = 3
"""Undecided limits that are told, and cases that are named."""


def next_steps(ranking: Ranking, chosen: Placing | None) -> Iterator[str]:
    """What to do, most urgent first, after a ranking whose answer is `chosen`; None where there is no answer."""
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
