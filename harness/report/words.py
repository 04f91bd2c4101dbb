"""This module says in words what a reader must not miss: where power comes from, how figures are made."""

from collections.abc import Iterator, Mapping, Sequence

from harness.judging.cases import CaseResult
from harness.judging.disturbance import DISTURBED
from harness.judging.front import Placing, Ranking
from harness.judging.limits import Verdict
from harness.judging.objectives import OBJECTIVES
from harness.judging.precisions import PrecisionPair
from harness.judging.stats import REPLICATES
from harness.judging.steadiness import State
from harness.quantities import QUANTITIES, counted, print_share, print_value

ORIGINS: Mapping[str | None, str] = {
    "measured": "Power measured by a meter.",
    "estimated": "Power ESTIMATED from a model of the board; no meter was read.",
    "simulated": "Power SIMULATED: the meter is a model, no hardware was read.",
    "replayed": "Power REPLAYED from an earlier recording.",
    "imported": "Power IMPORTED from another tool; how it was measured is not known here.",
    None: "No power: there is no meter.",
}

METHODS: Mapping[str, str] = {
    "between sittings": (
        "from the figures of the sittings: a t interval of their mean, for what is above 0 by nature on the log scale "
        "(modified Cox, U. Olsson, 2005), so that no bound is below 0. A sitting is a measurement from scratch: model "
        "loaded anew, meter opened anew. At least three are needed."
    ),
    "within one sitting": (
        "from the cycles of too few sittings to know how the next sitting would differ. It says how steady "
        "this one was, not how well it can be reproduced. Cycles that resemble their neighbours are counted "
        "as fewer (autocorrelation time, Geyer)."
    ),
    "Wilson over items": (
        "Wilson's score interval, n the number of distinct items, taken as a sample. An item measured several "
        "times is right when more than half of its valid cycles are."
    ),
}


def origin_words(origin: str | None) -> str:
    """The origin of power figures as a sentence; an unknown one is named as it is."""
    return ORIGINS.get(origin) or f"Power of origin {origin}."


def columns_of(ranking: Ranking, names: Sequence[str]) -> list[str]:
    """Names of figures to show, each default objective that is not this ranking's replaced by one that is."""
    own = ["accuracy" if name == "error" else name for name in ranking.objectives]
    spare = [name for name in own if name not in names]
    shown = [spare.pop(0) if name in OBJECTIVES and name not in own and spare else name for name in names]
    return [*shown, *spare]


def front_words(ranking: Ranking) -> Iterator[str]:
    """What a reader must know of the front: the usual objectives that it is not made of, and what it rests on."""
    for reason in ranking.left_out.values():
        yield f"{reason[:1].upper()}{reason[1:]}."
    ranked = [placing for placing in ranking.placings if placing.layer is not None]
    if ranked and all(placing.standing is None for placing in ranked):
        yield (
            "The front is that of the figures alone: how surely a case is on it cannot be told, for it is not known "
            "of every case and objective how it would differ another time."
        )
    elif any(placing.standing is not None and not placing.standing.between for placing in ranked):
        yield (
            f"Too few sittings to know how the next would differ ({REPLICATES} are needed): nobody is surely on the "
            "front, and nobody surely off it."
        )


def unfinished_words(ranking: Ranking) -> Iterator[str]:
    """A sentence for each run that was not finished."""
    for run, status in ranking.unfinished.items():
        yield f"The run was not finished: {run} is {status}, and what was not measured counts for nothing."


def lead_words(ranking: Ranking) -> str:
    """The sentence a hurried reader takes away."""
    leader = ranking.leader
    if leader is None:
        failing = any(placing.rank is not None for placing in ranking.placings)
        return "No case keeps the limits." if failing else "No case is complete enough to be ranked."
    case = leader.case
    figures = ", ".join(
        f"{QUANTITIES[name].title} {print_value(name, case.estimate(name).value)}"
        for name in ("accuracy" if name == "error" else name for name in ranking.objectives)
    )
    under = {
        Verdict.PASS: "and passes every limit",
        Verdict.INCONCLUSIVE: "but not every limit is decided for it",
        None: "where no limit is set",
    }
    verdict = under.get(leader.verdict, "")
    return f"leads {verdict}: {figures}."


def course_words(case: CaseResult) -> Iterator[str]:
    """What there is to say of sittings that were not steady, one sentence for each state with its largest change."""
    for state in (State.THROTTLED, State.NOT_REACHED, State.DRIFTING):
        found = [course for course in case.courses if course.state is state]
        if not found:
            continue
        sittings = ", ".join(str(course.sitting) for course in found)
        where = f"in sitting{'s' * (len(found) > 1)} {sittings}"
        if state is State.NOT_REACHED:
            cut = max(course.cut for course in found)
            yield (
                f"{case.case}: not steady {where}: latency or power was still settling when {cut} cycles, about half "
                "of the sitting, were over; raise warmup_s."
            )
            continue
        changes = [change for course in found for change in course.changes]
        largest = max(changes, key=lambda change: abs(change.relative))
        after = print_value("duration_s", largest.after_s)
        said = f"{largest.quantity} {print_share(largest.relative, 1, signed=True)} after {after}"
        said += f", the largest of {len(changes)} changes" if len(changes) > 1 else ""
        said += f"; {found[0].throttling}" if state is State.THROTTLED else ""
        yield f"{case.case}: {state.value} {where}: {said}."


def disturbed_words(cases: Sequence[CaseResult]) -> Iterator[str]:
    """A sentence for each run some of whose sittings other work disturbed."""
    for run in dict.fromkeys(case.run for case in cases):
        shares = [share for case in cases if case.run == run for share in case.disturbances.values()]
        disturbed = [share for share in shares if share > DISTURBED]
        if disturbed:
            yield (
                f"DISTURBED: in {len(disturbed)} of {counted(len(shares), 'sitting')} of run {run} other work had the "
                f"processor while the inferences waited for it, {print_share(max(disturbed))} of the time in the "
                "worst. Latencies, and the energy of windows they make longer, are those of this load: stop the other "
                "work and measure again."
            )


def dominated_words(placing: Placing, objectives: Sequence[str], shared: str = "") -> str:
    """Who dominates a case, how surely and by how much; empty where nobody does."""
    standing = placing.standing
    if standing is None or standing.dominated is None:
        return ""
    parts = [
        f"error {100 * margin:+.2g} points"
        if name == "error"
        else f"{QUANTITIES[name].title} {print_share(margin, signed=True)}"
        for name, margin in zip(objectives, standing.margins, strict=True)
    ]
    return (
        f"{placing.case.case.removeprefix(shared)} is dominated by {placing.dominator.removeprefix(shared)} "
        f"in {print_share(standing.dominated)} of resamples: {', '.join(parts)}."
    )


def flips_words(pair: PrecisionPair, shared: str = "") -> str:
    """How a precision answered the items against the finest of its model."""
    table = pair.table
    p = "" if pair.p_family is None else f", p = {pair.p_family:.2g} (exact McNemar, Holm)"
    found = (
        ""
        if pair.detectable is None
        else f"; a difference of {100 * pair.detectable:.2g} points would have been found"
    )
    margin = ""
    if pair.margin is not None:
        margin = f"; {'' if pair.not_inferior else 'not '}shown to lose at most {100 * pair.margin:g} points"
    return (
        f"{pair.candidate.removeprefix(shared)} against {pair.base.removeprefix(shared)}: {table.lost} lost, "
        f"{table.won} won of {table.items} items{p}{found}{margin}."
    )
