"""This module lays out scores for a reader: the policy and its scales in words, a row for each case, how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.judging.scores import DRAWS, Fit, Scoring
from harness.quantities import QUANTITIES, print_share, print_value

MOST = 40
"""Cases in the table at most, the best first; the files hold all."""

SHOWN = 0.01
"""Share of random weights from which on a case is named as one that may win."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """Scores as a reader sees them.

    Attributes:
        policy: what is weighed how, and how the cases are ordered; empty where no case has a score.
        scales: one sentence on each scale; empty likewise.
        answer: which case is the best, and under which share of other weights; empty without a score.
        heads: of the columns beside the case.
        rows: id of the case, then a text under each head; best first.
        more: cases with a score that are in no row.
        unscored: why cases have none; those of which the same is to be said share a sentence.
        fit: weights that agree with stated preferences; empty where none were stated.
    """

    policy: str
    scales: Sequence[str]
    answer: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: int
    unscored: Sequence[str]
    fit: str


def score_table(scoring: Scoring, fit: Fit | None = None, *, most: int = MOST) -> ScoreTable:
    """Lay out some scores.

    Args:
        scoring: cases in the order of their scores.
        fit: weights that agree with stated preferences; None where none were stated.
        most: rows at most.
    """
    policy = scoring.policy
    weights = ", ".join(f"{weight:.2g} {QUANTITIES[name].title}" for name, weight in policy.weights.items())
    by = "the weighted sum" if policy.form == "sum" else "the worst weighted distance"
    return ScoreTable(
        policy=f"Policy {policy.name}: {weights}; ranked by {by} on declared scales, less is better."
        if scoring.scores
        else "",
        scales=[
            f"{QUANTITIES[name].title}: {print_value(name, scale.best)} is 0, {print_value(name, scale.worst)} is 1"
            for name, scale in (scoring.bounds.items() if scoring.scores else ())
        ],
        answer=_answer(scoring),
        heads=("Chebyshev", "SPOTIS sum", "wins", *(QUANTITIES[name].title for name in policy.weights)),
        rows=[
            (
                each.case,
                f"{each.chebyshev:.4f}",
                f"{each.spotis:.4f}",
                print_share(each.wins),
                *(f"{distance:.3g}" for distance in each.distances.values()),
            )
            for each in scoring.scores[:most]
        ],
        more=max(0, len(scoring.scores) - most),
        unscored=_unscored(scoring, most),
        fit="" if fit is None else _fit(fit),
    )


def _answer(scoring: Scoring) -> str:
    if not scoring.scores:
        return ""
    best = scoring.scores[0]
    rivals = sorted((each for each in scoring.scores[1:] if each.wins >= SHOWN), key=lambda each: -each.wins)[
        :3
    ]
    others = ", ".join(f"{each.case} under {print_share(each.wins)}" for each in rivals)
    return (
        f"Best by this policy is {best.case}; of {DRAWS} random weights, all equally likely, it is the best under "
        f"{print_share(best.wins)}{f', {others}' if others else ''}."
    )


def _unscored(scoring: Scoring, most: int) -> list[str]:
    told: dict[str, list[str]] = {}
    for case, reason in scoring.unscored.items():
        told.setdefault(reason, []).append(case)
    if len(told) == 1 and not scoring.scores:
        return [f"No case has a score: {next(iter(told)).rstrip('.')}."]
    most = max(most, 1)
    return [
        f"{', '.join(cases[:most])}{f' and {len(cases) - most} more' if len(cases) > most else ''}: no score: {reason}."
        for reason, cases in told.items()
    ]


def _fit(fit: Fit) -> str:
    found = ", ".join(
        f"{QUANTITIES[name].title} {weight:.2f} ({low:.2f} to {high:.2f})"
        for (name, weight), (low, high) in zip(fit.weights.items(), fit.ranges.values(), strict=True)
    )
    return (
        f"{fit.kept} of {fit.asked} preferences are kept by {fit.agreeing} of {fit.tried} weights on the grid; "
        f"in their middle: {found}."
    )
