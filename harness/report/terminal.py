"""This module prints the ranked table on a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.front import Placing, Ranking
from harness.limits import Verdict, print_limit
from harness.quantities import ABSENT, print_value
from harness.report.words import lead_words, origin_words

STYLES = {Verdict.PASS: "green", Verdict.INCONCLUSIVE: "yellow", Verdict.FAIL: "red"}

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
    for head in figures.values():
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for placing in ranking.placings:
        table.add_row(*_cells(placing, shared, figures))
    if shared:
        console.print(plain(f"Cases of {shared}"))
    console.print(table)
    for sentence in _remarks(ranking):
        console.print(plain(sentence))


def plain(text: str, style: str = "") -> Text:
    """Text that a terminal takes for nothing but text: no markup, no control characters."""
    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text), style=style)


def _remarks(ranking: Ranking) -> Iterator[str]:
    if ranking.leader:
        yield f"{ranking.leader.case.case} {lead_words(ranking)}"
    else:
        yield lead_words(ranking)
    yield from dict.fromkeys(origin_words(placing.case.origin) for placing in ranking.placings)
    for sentence in ranking.mixed:
        yield f"Mixed as asked: {sentence}."
    if ranking.limits:
        yield f"Limits: {', '.join(print_limit(limit) for limit in ranking.limits)}."
    for placing in ranking.placings:
        if placing.case.incomplete:
            yield f"{placing.case.case} has no rank: {placing.case.incomplete}."
            continue
        for judgement in placing.judgements:
            if judgement.verdict is not Verdict.PASS:
                yield f"{placing.case.case}: {judgement.verdict}: {judgement.evidence}"


def _shared(placings: Sequence[Placing]) -> str:
    """`device/engine/` where all cases share it, else empty."""
    starts = {f"{placing.case.device}/{placing.case.engine}/" for placing in placings}
    return starts.pop() if len(starts) == 1 else ""


def _cells(placing: Placing, shared: str, figures: Iterable[str]) -> list[Text]:
    case = placing.case
    verdict = plain(placing.verdict.value, STYLES[placing.verdict]) if placing.verdict else plain(ABSENT)
    return [
        plain(ABSENT if placing.rank is None else str(placing.rank)),
        plain("yes" if placing.on_front else "" if placing.rank else ABSENT),
        plain(case.case.removeprefix(shared), "bold" if placing.on_front else ""),
        plain(case.executed_precision or ABSENT),
        *(plain(print_value(name, case.estimates[name].value)) for name in figures),
        plain("incomplete", "yellow") if case.incomplete else verdict,
    ]
