"""This module makes the page: one HTML file, no network, readable without JavaScript, every text escaped."""

import base64
import hashlib
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from harness.judging.compare import Comparison
from harness.judging.front import Ranking
from harness.judging.limits import Verdict, print_limit
from harness.judging.recommendation import recommend
from harness.judging.stats import CONFIDENCE
from harness.quantities import ABSENT, QUANTITIES, counted, print_share, print_value
from harness.report.circumstances import facts
from harness.report.comparison import comparison_rows
from harness.report.details import COURSE_HEADS, PICTURED, details_of
from harness.report.drawing import Picture
from harness.report.figures import draw_scatters, undrawn
from harness.report.glossary import glossary_of
from harness.report.places import Place
from harness.report.rows import DETAILS, MANY, Row, cell, origin_word, table_of
from harness.report.scoring import score_table
from harness.report.words import METHODS, disturbed_words, front_words, origin_words, unfinished_words
from harness.store import Run

SCRIPT = "page.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLine:
    """What one limit says of all cases.

    Attributes:
        limit: as text for people.
        expression: as it is written in files.
        counts: verdict to number of cases, those left out of which no figure is to be used.
        tightest: the passing case whose deciding bound is nearest to it, with what decided; None for none.
        worst: the failing case furthest beyond it; None for none.
    """

    limit: str
    expression: str
    counts: Mapping[str, int]
    tightest: tuple[str, str] | None
    worst: tuple[str, str] | None


def render_page(
    runs: Sequence[Run], ranking: Ranking, title: str = "", comparison: Comparison | None = None
) -> str:
    """The whole page; equal input gives equal text.

    Args:
        runs: what the ranking was made of.
        ranking: the cases in their order.
        title: head of the page; empty for the suite's own title.
        comparison: with an earlier run; None for none.

    Raises:
        StoreError: a power file is damaged.
    """
    columns, rows = table_of(ranking)
    links = {place: f"#{row.id}" for place, row in enumerate(rows) if row.id}
    origins = list(dict.fromkeys(placing.case.origin for placing in ranking.placings))
    script = _script()
    many = len(rows) > MANY
    found = recommend(ranking)
    judged = [row for row in rows if row.placing.judgements and row.placing.judged]
    return _template().render(
        title=title or _title(runs),
        ranking=ranking,
        recommendation=found,
        shipped=next(
            (row for row in rows if (row.placing.case.case, row.placing.case.run) == (found.case, found.run)),
            None,
        ),
        glossary=glossary_of(ranking),
        leading=next((row for row in rows if row.placing is ranking.leader), None),
        origins=[origin_words(origin) for origin in origins],
        has_cycles=any(len(run.cycles) for run in runs),
        measured=all(origin == "measured" for origin in origins),
        places=[(place.value, sum(row.place is place for row in rows)) for place in Place],
        columns=columns,
        numbered=[place for place, column in enumerate(columns, 3) if column.number],
        folded=[place for place, column in enumerate(columns, 3) if column.preset != "decision"],
        run_ids={run.start.run: number for number, run in enumerate(runs, 1)},
        rows=rows,
        many=many,
        limits_of=[row for row in judged if row.placing is ranking.leader or _undecided(row, many=many)],
        limit_lines=[limit_line(place, ranking) for place in range(len(ranking.limits))],
        pictures=draw_scatters(ranking, links),
        undrawn=undrawn(ranking),
        details=details_of(rows, runs, ranking),
        course_heads=COURSE_HEADS,
        pictured=PICTURED,
        most=DETAILS,
        scores=score_table(ranking.scoring, ranking.fit) if ranking.scoring else None,
        comparison=comparison,
        changes=comparison_rows(comparison) if comparison else (),
        methods=[(name, text) for name, text in METHODS.items() if _uses(ranking, name)],
        confidence=f"{100 * CONFIDENCE:g} %",
        front_words=list(front_words(ranking)),
        cell_of=cell,
        title_of=_title_of,
        origin_word=origin_word,
        cautions=[
            *unfinished_words(ranking),
            *_cautions(runs),
            *disturbed_words([placing.case for placing in ranking.placings]),
        ],
        print_limit=print_limit,
        runs=[_run(run) for run in runs],
        absent=ABSENT,
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def pictures_of(runs: Sequence[Run], ranking: Ranking) -> list[Picture]:
    """All pictures of the page, to be written as files.

    Raises:
        StoreError: a power file is damaged.
    """
    _, rows = table_of(ranking)
    details = details_of(rows, runs, ranking)
    return [*draw_scatters(ranking, {}), *(picture for detail in details for picture in detail.pictures)]


def command(run: Run) -> str:
    """The command line to paste into a shell for the same plan once more."""
    words = run.start.provenance.get("command")
    if not words:
        suite = run.start.suite.get("path") or run.start.suite.get("id") or ""
        words = ["harness", "run", suite, "--device", run.start.device.get("id", "")]
    words = [str(word) for word in words]
    if not run.imported and "--seed" not in words and not any(word.startswith("--seed=") for word in words):
        words += ["--seed", str(run.start.seed)]
    return shlex.join(words)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("harness.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


@cache
def _script() -> str:
    """The page's own script, of which the page allows only this text to run."""
    return files("harness.report").joinpath(SCRIPT).read_text(encoding="utf-8")


def limit_line(place: int, ranking: Ranking) -> LimitLine:
    """What the limit at a place among those of a ranking says of all cases."""
    limit = ranking.limits[place]
    judged = [(each, each.judgements[place]) for each in ranking.placings if each.judged]
    counts = Counter(judgement.verdict for _, judgement in judged)
    passing = [pair for pair in judged if pair[1].verdict is Verdict.PASS and pair[1].passed_by is not None]
    failing = [pair for pair in judged if pair[1].verdict is Verdict.FAIL]
    tightest = min(passing, key=lambda pair: abs(limit.bound - (pair[1].passed_by or 0.0)), default=None)
    worst = max(failing, key=lambda pair: pair[1].violation or 0.0, default=None)
    return LimitLine(
        limit=print_limit(limit),
        expression=str(limit),
        counts={verdict.value: counts[verdict] for verdict in Verdict},
        tightest=(tightest[0].case.case, tightest[1].decided_by) if tightest else None,
        worst=(worst[0].case.case, worst[1].decided_by) if worst else None,
    )


def _undecided(row: Row, *, many: bool) -> bool:
    """A limit is not passed; of many cases those beyond one are counted, and not told one by one."""
    return row.placing.verdict is not Verdict.PASS and (row.detailed or not many)


def _uses(ranking: Ranking, method: str) -> bool:
    return any(
        estimate.method == method
        for placing in ranking.placings
        for estimate in placing.case.estimates.values()
    )


def _cautions(runs: Sequence[Run]) -> list[str]:
    """What imported runs say a reader must not miss of them."""
    return list(
        dict.fromkeys(str(run.start.suite["caution"]) for run in runs if run.start.suite.get("caution"))
    )


def _title_of(name: str) -> str:
    return QUANTITIES[name].title if name in QUANTITIES else name


def _title(runs: Sequence[Run]) -> str:
    titles = dict.fromkeys(
        str(run.start.suite.get("title") or run.start.suite.get("id") or run.start.run) for run in runs
    )
    return " and ".join(titles)


def _run(run: Run) -> Mapping[str, Any]:
    start = run.start
    return {
        "id": start.run,
        "status": run.status,
        "utc": start.utc,
        "reason": run.stop.reason if run.stop else "",
        "recovered": run.stop.recovered_lines if run.stop else 0,
        "imported": bool(run.imported),
        "command": command(run),
        "costs": _costs(run),
        "host": facts(start.provenance),
        "found": facts(start.found),
        "device": facts(start.device),
        "protocol": facts(start.protocol),
        "suite": facts(start.suite),
        "plan": facts({"seed": start.seed, "plan_sha256": start.plan_sha256, "boot_id": start.boot_id}),
        "incidents": run.incidents,
    }


def _costs(run: Run) -> list[tuple[str, str]]:
    """What the harness itself cost, over all sittings."""
    dead = [each.dead_time_s for each in run.closed if each.dead_time_s is not None]
    ratios = [
        each.sampler_on_s / each.sampler_off_s - 1
        for each in run.closed
        if each.sampler_on_s is not None and each.sampler_off_s
    ]
    lost, samples = (sum(getattr(each, name) for each in run.closed) for name in ("lost", "samples"))
    lines = []
    if ratios:
        ends = " to ".join(print_share(end, 1, signed=True) for end in (min(ratios), max(ratios)))
        lines.append(
            ("latency with the sampler on against off", f"{ends} over {counted(len(ratios), 'sitting')}")
        )
    if dead:
        least, most = (print_value("dead_time_s", value) for value in (min(dead), max(dead)))
        lines.append(("own time between two inferences of a window", f"{least} to {most}"))
    if samples:
        lines.append(("conversions of the meter, lost ones", f"{samples}, {lost}"))
    return lines
