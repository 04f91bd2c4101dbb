"""This module turns what a test asked for and measured into the outcome of the test."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import BenchError, FileError
from harness.judging.limits import Verdict
from harness.pytest_plugin import rounds
from harness.pytest_plugin.collect import CaseItem, wanted_of
from harness.pytest_plugin.marks import Comparing, budget, comparing, margins
from harness.pytest_plugin.openrun import Measured
from harness.pytest_plugin.options import Settings
from harness.pytest_plugin.stash import ASKED, CLOCK
from harness.pytest_plugin.verdicts import Finding, IncompleteError, judge_change, judge_limits, properties
from harness.store import Run, find_run, read_run
from harness.suite import Limit

LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a test asks for.

    Attributes:
        limits: of the suite or of the budget marks.
        comparings: with other runs.
        marked: a mark asks for something, so that something must be measured.
    """

    limits: Sequence[Limit]
    comparings: Sequence[Comparing]
    marked: bool


def is_error(error: BaseException) -> bool:
    """The bench, a file or the measurement is at fault, not the case."""
    return isinstance(error, BenchError | FileError | IncompleteError)


class Judging:
    """The judge of one session.

    Args:
        settings: what was asked for.

    Raises:
        FileError: the baseline run of the command line is not there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runs: dict[str, Run] = {}
        try:
            self._latest: Path | None = find_run(settings.results, LATEST)  # before this session makes one
        except FileError:
            self._latest = None
        if settings.baseline is not None:
            self._path(settings.baseline)

    def read(self, item: pytest.Item) -> None:
        """Read what a test asks for, before it measures.

        Raises:
            FileError: a mark says what cannot be.
        """
        budgets, compared = list(item.iter_markers("budget")), list(item.iter_markers("no_worse_than"))
        wanted = wanted_of(item)
        if wanted is None:
            if (budgets or compared) and "harness_case" not in getattr(item, "fixturenames", ()):
                raise FileError(
                    f"{item.nodeid}: has a budget but no case; say on which: @pytest.mark.cases('digits', '*/int8')"
                )
            return
        limits = list(wanted.suite.limits) if isinstance(item, CaseItem) else []
        limits += [limit for mark in budgets for limit in budget(mark, item.nodeid)]
        comparings = [comparing(mark, self._settings.baseline, item.nodeid) for mark in compared]
        if isinstance(item, CaseItem) and self._settings.baseline is not None:
            allowed = margins(self._settings.margins, "harness_margins")
            comparings.append(Comparing(baseline=self._settings.baseline, margins=allowed))
        for each in comparings:
            self._path(each.baseline)
        item.stash[ASKED] = Asked(limits=limits, comparings=comparings, marked=bool(budgets or compared))

    def judge(self, item: pytest.Item, measured: Measured | None) -> None:
        """Pass, fail or skip a test by what it measured, with the figures in its properties.

        Raises:
            MeasurementError: the case is incomplete, or the runs to be compared differ in what must agree.
        """
        asked = item.stash.get(ASKED, None)
        if asked is None:
            return
        if measured is None:
            if asked.marked:
                pytest.fail(
                    f"{item.nodeid}: has a budget and measured nothing; call bench.measure()", pytrace=False
                )
            return
        findings: list[Finding] = []
        try:
            findings += judge_limits(measured.result, asked.limits)
            for each in asked.comparings:
                findings += judge_change(self._run(each.baseline), measured, each.margins)
        finally:
            item.user_properties.extend(properties(measured, findings))
        verdict = max((finding.verdict for finding in findings), key=list(Verdict).index, default=None)
        benchmark = getattr(item, "funcargs", {}).get("benchmark")
        if benchmark is not None and CLOCK in item.stash:
            rounds.tell(benchmark, measured, str(verdict or "no limit"))
        if verdict is Verdict.FAIL:
            pytest.fail("\n".join(_sentences(measured, findings, Verdict.FAIL)), pytrace=False)
        if verdict is Verdict.INCONCLUSIVE:
            pytest.skip("; ".join(_sentences(measured, findings, Verdict.INCONCLUSIVE)))

    def _path(self, name: str) -> Path:
        if name == LATEST and self._latest is not None:
            return self._latest
        return find_run(self._settings.results, name)

    def _run(self, name: str) -> Run:
        if name not in self._runs:
            self._runs[name] = read_run(self._path(name))
        return self._runs[name]


def _sentences(measured: Measured, findings: Sequence[Finding], verdict: Verdict) -> Iterator[str]:
    for finding in findings:
        if finding.verdict is verdict:
            yield f"{verdict}: {finding.asked}: {finding.text}"
    if verdict is Verdict.FAIL:
        yield f"evidence: {measured.result.cycles} cycles of {measured.result.case} in {measured.run.path}"
