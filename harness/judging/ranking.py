"""This module ranks the cases of runs together; where nothing is asked, what their suites declared applies."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from harness.errors import FileError, MeasurementError
from harness.judging.blocks import Blocks, blocks_of
from harness.judging.cases import CaseResult, case_results
from harness.judging.courses import Course, courses
from harness.judging.declared import declared_bounds, declared_widths
from harness.judging.front import Ranking, rank
from harness.judging.looks import look_of
from harness.judging.objectives import objectives_of
from harness.judging.policies import POLICIES, Wish, policy_of
from harness.judging.precisions import precision_pairs
from harness.judging.scores import Fit, Scoring, fit_weights, score
from harness.quantities import parse_limit
from harness.store import Run
from harness.suite import Limit


def rank_runs(
    runs: Sequence[Run],
    limits: Sequence[Limit] | None = None,
    *,
    mix: Collection[str] = (),
    objectives: Sequence[str] | None = None,
    margin: float | None = None,
    wish: Wish | None = None,
) -> Ranking:
    """Place all cases of some runs together.

    Args:
        runs: at least one.
        limits: hard limits; None for the runs' own, which must then be the same.
        mix: fields of `harness.judging.front.MIXABLE` that may differ between the runs.
        objectives: quantities of the front; None for the runs' own, as of
            `harness.judging.objectives.objectives_of`.
        margin: by how much the accuracy of a precision may be lower than the finest one's; None for no such
            statement.
        wish: of scores; None for those by the policy that the suite declares, if it does.

    Raises:
        FileError: a wish names what is not there, or a scale is missing in the suite.
        MeasurementError: the runs differ in a field that matters, or in their limits.
    """
    wanted = objectives_of(runs, objectives)
    cases: list[CaseResult] = []
    blocks: dict[tuple[str, str], Blocks] = {}
    found: dict[tuple[str, str], Sequence[Course]] = {}
    for run in runs:
        taken = {} if run.imported else courses(run)
        cases += case_results(run, taken)
        found |= {(run.start.run, case): each for case, each in taken.items()}
        blocks |= {(run.start.run, case): each for case, each in blocks_of(run, taken, wanted.names).items()}
    ranking = rank(
        cases,
        _own_limits(runs) if limits is None else limits,
        mix=mix,
        objectives=wanted.names,
        indifference=[each for each in declared_widths(runs, wanted.names) if each is not None],
        blocks=blocks,
    )
    scoring, fit = _scores([each.case for each in ranking.placings if each.layer is not None], runs, wish)
    return replace(
        ranking,
        precisions=precision_pairs(cases, found, margin),
        looks=[look_of(run) for run in runs if not run.imported],
        remeasured={run.start.run: run.start.shortlist_of for run in runs if run.start.shortlist_of},
        scoring=scoring,
        fit=fit,
        left_out=wanted.left_out,
        unfinished={
            run.start.run: run.status
            for run in runs
            if not run.imported and run.status not in {"complete", "running"}
        },
        complete=[run.start.run for run in runs if not run.imported and run.status == "complete"],
    )


def _scores(
    cases: Sequence[CaseResult], runs: Sequence[Run], wish: Wish | None
) -> tuple[Scoring | None, Fit | None]:
    """What is wished, or the scores by the policy that the suites declare; a report never fails for these."""
    if wish is not None:
        scoring = score(cases, policy_of(wish.policy, wish.weights), declared_bounds(runs))
        return scoring, fit_weights(scoring, wish.preferences) if wish.preferences else None
    declared = {run.start.suite.get("score") for run in runs}
    policy = POLICIES.get(str(declared.pop())) if len(declared) == 1 else None
    if policy is None:
        return None, None
    try:
        return score(cases, policy, declared_bounds(runs)), None
    except (FileError, MeasurementError) as error:
        reasons = {case.case: str(error) for case in cases}
        return Scoring(policy=policy, scores=(), unscored=reasons, bounds={}), None


def _own_limits(runs: Sequence[Run]) -> list[Limit]:
    texts = {tuple(run.start.limits) for run in runs}
    if len(texts) > 1:
        shown = " against ".join(", ".join(each) or "none" for each in sorted(texts))
        raise MeasurementError(
            f"The runs were made under different limits: {shown}. State the limits to judge by."
        )
    return [parse_limit(text) for text in next(iter(texts), ())]
