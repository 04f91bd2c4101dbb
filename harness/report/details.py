"""This module gathers what the page tells of one case beside its row: the why behind each figure."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from harness.judging.cases import CaseResult
from harness.judging.front import Ranking
from harness.judging.precisions import PrecisionPair
from harness.judging.steadiness import Stretch
from harness.quantities import ABSENT, counted, print_share, print_value
from harness.record import Incident, Phase
from harness.report.circumstances import Fact, facts, sitting_table
from harness.report.drawing import Picture
from harness.report.portrait import portraits
from harness.report.rows import Row
from harness.report.uncertainty import Uncertainty, uncertainty_of
from harness.report.words import dominated_words, flips_words
from harness.store import Run

PICTURED = 24
"""So many cases have pictures of their own at most, the best ranks first."""

COURSE_HEADS = (
    *("sitting", "verdict", "warm-up cut off", "lasting changes", "outliers, far ones"),
    *("first minute", "sustained", "throttled"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """How a precision answered the items against the finest of its model.

    Attributes:
        base, candidate: ids of the cases.
        both, lost, won, neither: numbers of items, right in which of the two.
        words: what it comes to.
    """

    base: str
    candidate: str
    both: int
    lost: int
    won: int
    neither: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What the page tells of one case.

    Attributes:
        row: of the table.
        pictures: of the case; empty where none is drawn.
        dominated: who dominates it by how much; empty for nobody.
        warmups: cycles that were run to warm up and do not count.
        courses: a line for each sitting under `COURSE_HEADS`.
        flips: answers against those of another precision.
        spreads: scatter of each figure between and within sittings.
        uncertainty: budget of energy and power.
        sittings: what happened in each, label to one text per sitting.
        evidence, meter: of the executed precision, and the meter's configuration as read back.
        incidents: what went wrong while measuring.
        command: to measure this case alone once more; empty for an imported one.
    """

    row: Row
    pictures: Sequence[Picture]
    dominated: str
    warmups: int
    courses: Sequence[Sequence[str]]
    flips: Sequence[Flip]
    spreads: Sequence[Sequence[str]]
    uncertainty: Uncertainty
    sittings: Sequence[tuple[str, Sequence[str]]]
    evidence: Sequence[Fact]
    meter: Sequence[Fact]
    incidents: Sequence[Incident]
    command: str


def details_of(rows: Sequence[Row], runs: Sequence[Run], ranking: Ranking) -> list[Detail]:
    """Details of the rows that have some.

    Raises:
        StoreError: a power file is damaged.
    """
    by_id = {run.start.run: run for run in runs}
    leader = ranking.leader.case if ranking.leader else None
    chosen = [row for row in rows if row.detailed]
    return [
        _detail(row, by_id[row.placing.case.run], ranking, leader, pictured=place < PICTURED)
        for place, row in enumerate(chosen)
    ]


def command_of(run: Run, case: str) -> str:
    """The command line to paste into a shell to measure one case of a run alone; empty for an imported run."""
    if run.imported:
        return ""
    start = run.start
    suite = start.suite.get("path") or start.suite.get("id") or ""
    device = start.device.get("path") or start.device.get("id") or ""
    name = start.protocol.get("name")
    protocol = [f"--{name}"] if name in {"quick", "full"} else []
    words = ["harness", "run", suite, "--device", device, "--select", case, *protocol, "--seed", start.seed]
    return shlex.join(str(word) for word in words)


def _detail(row: Row, run: Run, ranking: Ranking, leader: CaseResult | None, *, pictured: bool) -> Detail:
    case = row.placing.case
    opened = [record for record in run.opened if record.case == case.case]
    closed = [record for record in run.closed if record.case == case.case]
    last = opened[-1] if opened else None
    warm = (run.cycles["case"] == case.case) & (run.cycles["phase"] == Phase.WARMUP.value)
    return Detail(
        row=row,
        pictures=portraits(run, case, row.id) if pictured and opened else (),
        dominated=dominated_words(row.placing, ranking.objectives),
        warmups=int(warm.sum()),
        courses=[_course(case, place) for place in range(len(case.courses))],
        flips=[
            _flip(pair) for pair in ranking.precisions if case.run == pair.run and case.case == pair.candidate
        ],
        spreads=[
            [
                name,
                *(
                    ABSENT if value is None else print_share(value, 2)
                    for value in (each.between, each.within)
                ),
            ]
            for name, each in case.spreads.items()
        ],
        uncertainty=uncertainty_of(case, leader),
        sittings=sitting_table(opened, closed),
        evidence=facts({"requested": last.requested, "executed": last.executed}) if last else (),
        meter=facts(last.meter) if last and last.meter else (),
        incidents=[incident for incident in run.incidents if incident.case == case.case],
        command=command_of(run, case.case),
    )


def _course(case: CaseResult, place: int) -> list[str]:
    course = case.courses[place]
    changes = ", ".join(
        f"{change.quantity} {print_share(change.relative, 1, signed=True)} after "
        f"{print_value('duration_s', change.after_s)}"
        for change in course.changes
    )
    verdict = course.state.value.replace("_", " ")
    return [
        str(course.sitting),
        f"{verdict}: {course.throttling}" if course.throttling else verdict,
        f"{counted(course.cut, 'cycle')}, {print_value('duration_s', course.cut_s)}"
        if course.cut
        else "none",
        changes or "none",
        "{}, {}".format(*course.outliers),
        *(_stretch(each) for each in (course.first_minute, course.sustained, course.throttled)),
    ]


def _stretch(stretch: Stretch | None) -> str:
    if stretch is None:
        return ABSENT
    latency = print_value("latency_p50_s", stretch.latency_p50_s)
    return (
        f"{latency}, {print_value('power_mean_w', stretch.power_mean_w)} ({counted(stretch.cycles, 'cycle')})"
    )


def _flip(pair: PrecisionPair) -> Flip:
    table = pair.table
    return Flip(
        base=pair.base,
        candidate=pair.candidate,
        both=table.both,
        lost=table.lost,
        won=table.won,
        neither=table.neither,
        words=flips_words(pair),
    )
