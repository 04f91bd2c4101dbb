"""This module makes a row of the page's table from a placed case: figures as people read them, and why."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harness.judging.front import Placing, Ranking
from harness.judging.limits import Verdict
from harness.judging.stats import Estimate
from harness.judging.steadiness import State
from harness.quantities import ABSENT, QUANTITIES, exact, print_share, print_value
from harness.report.places import Place, place_of
from harness.report.words import columns_of

SHOWN = (
    "latency_p50_s",
    "latency_p99_s",
    "energy_per_inference_j",
    "accuracy",
    "power_mean_w",
    "power_peak_10ms_w",
    "energy_above_idle_per_inference_j",
    "memory_peak_bytes",
    "cold_start_s",
)
"""Columns of the table: what decides stands before what explains."""

MANY = 200
"""Of more cases the page holds details and intervals only of those worth a closer look; the files hold all."""

DETAILS = 40
"""So many of those at most, the best ranks first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A figure as people read it.

    Attributes:
        text: scaled value with its unit.
        interval: both ends; empty where there is none.
        exact: unscaled value in SI, for the curious; empty where absent.
        note: why something is missing; empty where nothing is.
    """

    text: str
    interval: str
    exact: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the table beside rank and case.

    Attributes:
        key: name in the address of the page, such as `latency_p99_s`.
        title: head.
        meaning: what it holds, for the curious; empty where the head says it.
        preset: group it is shown in: `decision`, `power`, `circumstances`.
        number: cells hold numbers.
    """

    key: str
    title: str
    meaning: str
    preset: str
    number: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case of the page.

    Attributes:
        id: of the element in the page; empty where nothing leads to it.
        detailed: its details are on the page.
        placing: where the case stands.
        place: the same in a word.
        cells: one for each column.
    """

    id: str
    detailed: bool
    placing: Placing
    place: Place
    cells: Sequence[Cell]


def table_of(ranking: Ranking) -> tuple[list[Column], list[Row]]:
    """Columns that hold anything, and a row for each case in the order of the rank."""
    many = len(ranking.placings) > MANY
    figures = columns_of(ranking, SHOWN)
    objectives = {"accuracy" if name == "error" else name for name in ranking.objectives}
    figures = sorted(
        figures, key=lambda name: name not in objectives
    )  # what decides is seen without scrolling
    columns = [
        *_COLUMNS[:2],
        *(_column(name, objectives) for name in figures if name in objectives),
        *_COLUMNS[2:4],
        *(_column(name, objectives) for name in figures if name not in objectives),
        *_COLUMNS[4:],
    ]
    worth = [place_of(placing).worth for placing in ranking.placings]
    best = {place for place, good in enumerate(worth) if good}
    detailed = set(sorted(best)[:DETAILS]) if many else set(range(len(worth)))
    rows = [
        Row(
            id=f"case-{place + 1}" if not many or place in best else "",
            detailed=place in detailed,
            placing=placing,
            place=place_of(placing),
            cells=_cells(placing, figures, objectives, whole=not many or place in detailed),
        )
        for place, placing in enumerate(ranking.placings)
    ]
    kept = [
        place
        for place, column in enumerate(columns)
        if column.key == "place" or any(row.cells[place].text not in {ABSENT, "", "0"} for row in rows)
    ]
    return [columns[place] for place in kept], [_only(row, kept) for row in rows]


def cell(name: str, estimate: Estimate, *, whole: bool = True) -> Cell:
    """A figure with its interval, scaled for people.

    Args:
        name: of the quantity.
        estimate: the figure.
        whole: with the interval and the exact value.
    """
    text = print_value(name, estimate.value)
    if not whole:
        return Cell(text=text, interval="", exact="", note="")
    known = estimate.value is not None and bool(estimate.method)
    ends = [print_value(name, end) for end in (estimate.lo, estimate.hi)]
    if estimate.hi is None and estimate.lo is not None:
        interval = f"> {ends[0]} (n too small)"
    elif estimate.lo is None and estimate.hi is not None:
        interval = f"< {ends[1]} (n too small)"
    elif estimate.lo is None:
        interval = "no interval"
    else:
        interval = _between(*ends)
    return Cell(
        text=text,
        interval=interval if known else "",
        exact="" if estimate.value is None else exact(estimate.value),
        note=estimate.reason,
    )


def origin_word(origin: str | None) -> str:
    """The origin of power in a word; what is not measured is loud."""
    if origin is None:
        return "no meter"
    return origin if origin == "measured" else origin.upper()


_COLUMNS = (
    Column(
        key="place",
        title="stands",
        meaning="On the front by resampling; by the figures alone where that could not be done.",
        preset="decision",
        number=False,
    ),
    Column(
        key="verdict",
        title="limits",
        meaning="The worst verdict, and the limit that makes it.",
        preset="decision",
        number=False,
    ),
    Column(
        key="origin", title="power", meaning="Where the power comes from.", preset="decision", number=False
    ),
    Column(
        key="runs_as",
        title="runs as",
        meaning="The precision that was really executed.",
        preset="circumstances",
        number=False,
    ),
    Column(
        key="course",
        title="course",
        meaning="How steady the sittings were.",
        preset="circumstances",
        number=False,
    ),
    Column(
        key="sittings", title="sittings", meaning="With a valid cycle.", preset="circumstances", number=True
    ),
    Column(key="cycles", title="cycles", meaning="Valid and counted.", preset="circumstances", number=True),
    Column(
        key="void",
        title="void",
        meaning="Cycles that count for nothing.",
        preset="circumstances",
        number=True,
    ),
)


def _column(name: str, objectives: Collection[str]) -> Column:
    return Column(
        key=name,
        title=QUANTITIES[name].title,
        meaning=QUANTITIES[name].meaning,
        preset="decision" if name in objectives else _preset(name),
        number=True,
    )


def _preset(name: str) -> str:
    return "power" if name.startswith(("energy_", "power_")) else "circumstances"


def _cells(
    placing: Placing, figures: Sequence[str], objectives: Collection[str], *, whole: bool
) -> list[Cell]:
    case = placing.case
    cells = {name: cell(name, case.estimate(name), whole=whole) for name in figures}
    return [
        _text(place_of(placing).value, _share(placing) if whole else ""),
        _text(placing.verdict.value if placing.verdict else "", _cause(placing)),
        *(cells[name] for name in figures if name in objectives),
        _text(origin_word(case.origin)),
        _text(case.executed_precision),
        *(cells[name] for name in figures if name not in objectives),
        _text("" if case.state is State.UNKNOWN else case.state.value.replace("_", " ")),
        *(_text(str(count)) for count in (case.sittings, case.cycles, case.void)),
    ]


def _share(placing: Placing) -> str:
    standing = placing.standing
    return "" if standing is None else f"{print_share(standing.share)} of resamples"


def _cause(placing: Placing) -> str:
    """The limit that makes the verdict, and by how much it is missed."""
    if placing.verdict in {None, Verdict.PASS}:
        return ""
    worst = max(
        (each for each in placing.judgements if each.verdict is placing.verdict),
        key=lambda each: each.violation or 0.0,
    )
    title = QUANTITIES[worst.limit.quantity].title
    return f"{title} {print_share(worst.violation, signed=True)}" if worst.violation else title


def _only(row: Row, kept: Sequence[int]) -> Row:
    return Row(
        id=row.id,
        detailed=row.detailed,
        placing=row.placing,
        place=row.place,
        cells=[row.cells[place] for place in kept],
    )


def _text(text: str, small: str = "") -> Cell:
    return Cell(text=text or ABSENT, interval=small, exact="", note="")


def _between(low: str, high: str) -> str:
    """Both ends of an interval; a shared unit is told once."""
    number, _, unit = low.partition(" ")
    return f"{number} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"
