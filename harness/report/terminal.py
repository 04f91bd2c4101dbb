"""This module prints the ranked table on a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.judging.front import Placing, Ranking
from harness.judging.limits import Verdict, print_limit
from harness.judging.recommendation import recommend
from harness.judging.scores import Fit, Scoring
from harness.quantities import ABSENT, QUANTITIES, print_value
from harness.report.places import Place, place_of
from harness.report.scoring import score_table
from harness.report.words import (
    columns_of,
    course_words,
    disturbed_words,
    dominated_words,
    flips_words,
    front_words,
    lead_words,
    origin_words,
    unfinished_words,
)

STYLES = {Verdict.PASS: "green", Verdict.INCONCLUSIVE: "yellow", Verdict.FAIL: "red"}

FRONT: Mapping[Place, str] = {Place.FRONT: "yes", Place.POSSIBLE: "maybe", Place.DOMINATED: "no"}
"""By resampling; where it could not be done there are `BY_FIGURES` and nothing."""

BY_FIGURES = "by figures"
"""On the front by the figures alone."""

ALONE = "alone"
"""Instead, for a case beside which no other is eligible: it is on the front whatever it is like."""

FIGURES: Mapping[str, str] = {
    "latency_p50_s": "p50",
    "latency_p99_s": "p99",
    "energy_per_inference_j": "energy",
    "power_mean_w": "power",
    "accuracy": "accuracy",
}
"""Columns by quantity, with their short heads; energy is that of one inference."""

NARROW_FIGURES = {name: FIGURES[name] for name in ("latency_p99_s", "energy_per_inference_j", "accuracy")}
"""What a narrow terminal shows: what the rank is made of."""

WIDE = 100
"""Columns of a terminal that shows all figures."""


def print_table(ranking: Ranking, console: Console) -> None:
    """Print one row per case in the order of the ranking, then where the power comes from and what is undecided."""
    shared = _shared(ranking.placings)
    figures = FIGURES if console.width >= WIDE else NARROW_FIGURES
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("front", no_wrap=True)
    table.add_column("case", overflow="fold", min_width=15)
    table.add_column("runs as", overflow="fold", max_width=None if figures is FIGURES else 9)
    names = columns_of(ranking, list(figures))
    for head in (FIGURES.get(name) or QUANTITIES[name].title.removeprefix("latency ") for name in names):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for placing in ranking.placings:
        table.add_row(*_cells(placing, shared, names))
    if shared:
        console.print(plain(f"Cases of {shared}"))
    console.print(table)
    for sentence in _remarks(ranking, shared):
        console.print(plain(sentence))


def print_details(ranking: Ranking, console: Console) -> None:
    """Print who dominates whom by how much, and how precisions flipped answers."""
    shared = _shared(ranking.placings)
    for placing in ranking.placings:
        if placing.dominator:
            console.print(plain(dominated_words(placing, ranking.objectives, shared)))
    for pair in ranking.precisions:
        console.print(plain(flips_words(pair, shared)))


def print_recommendation(ranking: Ranking, console: Console) -> None:
    """Print which case to ship, on what evidence, what would change the answer and what to measure next."""
    found = recommend(ranking)
    console.print(plain(" ".join(filter(None, (found.ship, found.evidence))), "bold"))
    for sentence in (*found.change, *found.next):
        console.print(plain(sentence))


def print_scores(scoring: Scoring, fit: Fit | None, console: Console) -> None:
    """Print the scores of a policy, best first, and the weights that agree with stated preferences."""
    told = score_table(scoring, fit, most=len(scoring.scores))
    if told.policy:
        console.print(plain(told.policy))
    if told.scales:
        console.print(plain(f"Scales: {'; '.join(told.scales)}."))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("case", overflow="fold", min_width=15)
    for head in told.heads:
        table.add_column(head, justify="right")
    for row in told.rows:
        table.add_row(*map(plain, row))
    if told.rows:
        console.print(table)
    for sentence in filter(None, (told.answer, *told.unscored, told.fit)):
        console.print(plain(sentence))


def plain(text: str, style: str = "") -> Text:
    """Text that a terminal takes for nothing but text: no markup, no control characters."""
    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text), style=style)


def _remarks(ranking: Ranking, shared: str) -> Iterator[str]:
    if ranking.leader:
        yield f"{ranking.leader.case.case} {lead_words(ranking)}"
    else:
        yield lead_words(ranking)
    yield from unfinished_words(ranking)
    yield from front_words(ranking)
    yield from dict.fromkeys(origin_words(placing.case.origin) for placing in ranking.placings)
    yield from disturbed_words([placing.case for placing in ranking.placings])
    for sentence in ranking.mixed:
        yield f"Mixed as asked: {sentence}."
    if ranking.limits:
        yield f"Limits: {', '.join(print_limit(limit) for limit in ranking.limits)}."
    for look in ranking.looks:
        if look.over:
            yield (
                f"Run {look.run} is look {look.taken} at this suite on this device, its bounds are made for "
                f"{look.declared}: a limit may be passed by luck."
            )
    for placing in ranking.placings:
        if placing.case.incomplete:
            yield f"{placing.case.case} has no rank: {placing.case.incomplete}."
        yield from course_words(placing.case)
    yield from _undecided(ranking.placings, shared)


def _undecided(placings: Sequence[Placing], shared: str) -> Iterator[str]:
    """Limits that fail or are not decided; cases of which the same is to be said share a sentence."""
    told: dict[tuple[str, str], list[str]] = {}
    for placing in placings:
        for judgement in placing.judgements if placing.judged else ():
            if judgement.verdict is not Verdict.PASS:
                head = f"{judgement.verdict} {print_limit(judgement.limit)}"
                said = judgement.advice or judgement.evidence
                told.setdefault((head, said), []).append(placing.case.case.removeprefix(shared))
    for (head, said), cases in told.items():
        yield f"{head}: {', '.join(cases)}: {said}"


def _front(placing: Placing) -> str:
    if placing.alone:
        return ALONE
    match place_of(placing):
        case Place.BY_FIGURES:
            return BY_FIGURES
        case Place.BEHIND | Place.BEYOND:
            return ""
        case Place.INCOMPLETE:
            return ABSENT
        case place:
            return FRONT[place]


def _shared(placings: Sequence[Placing]) -> str:
    """`device/engine/` where all cases share it, else empty."""
    starts = {f"{placing.case.device}/{placing.case.engine}/" for placing in placings}
    return starts.pop() if len(starts) == 1 else ""


def _cells(placing: Placing, shared: str, figures: Iterable[str]) -> list[Text]:
    case = placing.case
    verdict = plain(placing.verdict.value, STYLES[placing.verdict]) if placing.verdict else plain(ABSENT)
    return [
        plain(ABSENT if placing.rank is None else str(placing.rank)),
        plain(_front(placing)),
        plain(case.case.removeprefix(shared), "bold" if placing.on_front else ""),
        plain(case.executed_precision or ABSENT),
        *(plain(print_value(name, case.estimate(name).value)) for name in figures),
        plain("incomplete", "yellow") if case.incomplete else verdict,
    ]
