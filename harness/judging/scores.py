"""This module gives each case one number by a policy, on scales declared beforehand.

A score depends on its case alone: scales come from the suite and never from the cases at hand, so another case
more or less changes neither a score nor the order of the rest (SPOTIS, J. Dezert et al., FUSION 2020). The
weighted sum reaches only the convex part of a front; the augmented Chebyshev score reaches all of it and is
the default. The front comes first, a score second.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.errors import FileError
from harness.judging.cases import CaseResult
from harness.judging.policies import Form, Policy
from harness.names import hint
from harness.suite import Bounds

AUGMENTATION = 1e-3
"""Share of the weighted sum in the augmented Chebyshev score: it breaks ties, and weakly dominated cases lose."""

DRAWS = 10_000
SEED = 226

STEP = 0.05
"""Of the grid of weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A case on the scales of a policy.

    Attributes:
        case: id.
        run: id of the run.
        distances: quantity to its place on the scale, 0 the best and 1 the worst; more than 1 beyond the worst.
        chebyshev: the largest weighted distance, and a little of their sum; less is better.
        spotis: the weighted sum of distances; less is better.
        wins: share of random weights under which the case has the least score of the policy's form.
    """

    case: str
    run: str
    distances: Mapping[str, float]
    chebyshev: float
    spotis: float
    wins: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """Cases in the order of their scores.

    Attributes:
        policy: by which.
        scores: best first.
        unscored: case to why it has none.
        bounds: scales of the quantities of the policy.
    """

    policy: Policy
    scores: Sequence[Score]
    unscored: Mapping[str, str]
    bounds: Mapping[str, Bounds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Weights that agree with stated preferences.

    Attributes:
        kept: preferences that the best weights keep.
        asked: preferences that were stated.
        weights: in the middle of the best ones on the grid.
        ranges: quantity to the least and the greatest weight among the best ones.
        agreeing: how many weights on the grid are the best ones.
        tried: how many were tried.
    """

    kept: int
    asked: int
    weights: Mapping[str, float]
    ranges: Mapping[str, tuple[float, float]]
    agreeing: int
    tried: int


def score(cases: Sequence[CaseResult], policy: Policy, bounds: Mapping[str, Bounds]) -> Scoring:
    """Score each case on the declared scales.

    Args:
        cases: with all figures of the policy, or they are told as unscored.
        policy: by which.
        bounds: scales by quantity.

    Raises:
        FileError: a scale is missing, or a case is better than a declared best.
    """
    missing = [name for name in policy.weights if name not in bounds]
    if missing:
        raise FileError(
            *(
                f"bounds.{name}: is missing in the suite; the policy {policy.name} needs its best and worst"
                for name in missing
            )
        )
    scored: list[Score] = []
    unscored: dict[str, str] = {}
    for case in cases:
        absent = [name for name in policy.weights if case.estimate(name).value is None]
        if absent or case.incomplete:
            reasons = [f"{name} is absent: {case.estimate(name).reason}" for name in absent]
            unscored[case.case] = case.incomplete or "; ".join(reasons)
            continue
        distances = {name: _distance(case, bounds[name]) for name in policy.weights}
        chebyshev, spotis = _both(
            np.array([list(distances.values())]), np.array([list(policy.weights.values())])
        )
        scored.append(
            Score(
                case=case.case,
                run=case.run,
                distances=distances,
                chebyshev=float(chebyshev[0, 0]),
                spotis=float(spotis[0, 0]),
            )
        )
    shares = sensitivity(_table(scored), policy.form)
    with_shares = [replace(each, wins=share) for each, share in zip(scored, shares, strict=True)]
    ordered = sorted(with_shares, key=lambda each: (value_of(each, policy.form), each.case, each.run))
    scales = {name: bounds[name] for name in policy.weights}
    return Scoring(policy=policy, scores=ordered, unscored=unscored, bounds=scales)


def value_of(scored: Score, form: Form) -> float:
    """The number a policy of that form orders by."""
    return scored.spotis if form == "sum" else scored.chebyshev


def sensitivity(
    distances: NDArray[np.float64], form: Form, *, draws: int = DRAWS, seed: int = SEED
) -> list[float]:
    """Share of random weights, all equally likely (Dirichlet of ones), under which each case is the best.

    Args:
        distances: of each case and quantity, shape (n, d).
        form: of the score.
        draws: how many weights.
        seed: of the draws.
    """
    if not len(distances):
        return []
    weights = np.random.default_rng(seed).dirichlet(np.ones(distances.shape[1]), draws)
    wins = np.zeros(len(distances))
    for part in np.array_split(weights, max(1, draws * len(distances) // 4_000_000)):
        chebyshev, spotis = _both(distances, part)
        best = np.argmin(spotis if form == "sum" else chebyshev, axis=0)
        wins += np.bincount(best, minlength=len(distances))
    return [float(each) for each in wins / draws]


def fit_weights(scoring: Scoring, preferences: Sequence[tuple[str, str]], *, step: float = STEP) -> Fit:
    """Search the grid of weights for those that keep the most of stated preferences.

    Args:
        scoring: the cases, already on their scales.
        preferences: (better, worse) ids of cases.
        step: of the grid.

    Raises:
        FileError: a preference names a case that has no score, or one in each of several runs.
    """
    places = {each.case: place for place, each in enumerate(scoring.scores)}
    faults = [
        f"--prefer: {name}: is no case with a score; {hint(name, places)}"
        for pair in preferences
        for name in pair
        if name not in places
    ]
    times = Counter(each.case for each in scoring.scores)
    faults += [
        f"--prefer: {name}: has a score in {times[name]} of the runs; rank one of them alone to state preferences"
        for pair in preferences
        for name in pair
        if times[name] > 1
    ]
    if faults:
        raise FileError(*dict.fromkeys(faults))
    names = list(scoring.policy.weights)
    grid = _grid(len(names), round(1 / step))
    chebyshev, spotis = _both(_table(scoring.scores), grid)
    values = spotis if scoring.policy.form == "sum" else chebyshev
    kept = sum(
        (values[places[better]] < values[places[worse]]).astype(np.int64) for better, worse in preferences
    )
    counts = np.broadcast_to(np.asarray(kept, np.int64), (len(grid),))
    best = grid[counts == counts.max()]
    return Fit(
        kept=int(counts.max()),
        asked=len(preferences),
        weights=dict(zip(names, best.mean(axis=0).tolist(), strict=True)),
        ranges={
            name: (float(column.min()), float(column.max()))
            for name, column in zip(names, best.T, strict=True)
        },
        agreeing=len(best),
        tried=len(grid),
    )


def _distance(case: CaseResult, scale: Bounds) -> float:
    value = case.estimate(scale.quantity).value
    if value is None:
        raise ValueError(f"{case.case} lacks {scale.quantity}")
    distance = (value - scale.best) / (scale.worst - scale.best)
    if distance < 0:
        raise FileError(
            f"bounds.{scale.quantity}: the best is declared as {scale.best:g}, {case.case} has {value:g}; "
            "declare in the suite what no case can reach"
        )
    return distance


def _both(
    distances: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Augmented Chebyshev and SPOTIS scores of each case under each weight, shape (cases, weights)."""
    spotis = distances @ weights.T
    worst = np.zeros_like(spotis)
    for column, weight in zip(distances.T, weights.T, strict=True):
        np.maximum(worst, np.outer(column, weight), out=worst)
    return worst + AUGMENTATION * spotis, spotis


def _table(scores: Sequence[Score]) -> NDArray[np.float64]:
    return np.array([list(each.distances.values()) for each in scores], np.float64)


def _grid(quantities: int, steps: int) -> NDArray[np.float64]:
    """All weights that are multiples of 1 / steps and add up to 1."""
    bars = itertools.combinations(range(steps + quantities - 1), quantities - 1)
    edges = np.array([(-1, *each, steps + quantities - 1) for each in bars])
    return (np.diff(edges, axis=1) - 1) / steps
