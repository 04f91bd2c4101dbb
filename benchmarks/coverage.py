"""This module counts how often what the harness claims is wrong, on series and cases whose truth is known.

    python benchmarks/coverage.py [SCALE]

SCALE multiplies the repetitions (1 takes about two minutes). It exits with 1 when a claim is wrong too often.
"""

import sys

import moocore
import numpy as np
from scipy.signal import lfilter
from synthetic import measured, true_points

from harness.judging.limits import Verdict, decide
from harness.judging.membership import FrontClass, standings
from harness.judging.percentiles import percentiles
from harness.judging.stats import between_sittings, look_confidence, ratio
from harness.quantities import parse_limit

SEED = 226
LEAST_COVERAGE = 0.94
LEAST_SITTING_COVERAGE = 0.92
MOST_FALSE_PASS = 0.05
MOST_FALSE_MEMBERS = 0.01
P99 = 2.3263478740408408


def autoregressive(n: int, phi: float, rng: np.random.Generator) -> np.ndarray:
    """A stationary AR(1) series of variance 1."""
    return lfilter([1.0], [1.0, -phi], rng.standard_normal(n + 1000))[1000:] * np.sqrt(1 - phi**2)


def mean_coverage(repetitions: int) -> float:
    """Share of the 95 % intervals of the mean of 2000 cycles of AR(1) 0.9 that hold the truth."""
    rng = np.random.default_rng(SEED)
    ones = [np.ones(2000)]
    found = [ratio([100 + autoregressive(2000, 0.9, rng)], ones) for _ in range(repetitions)]
    with_interval = [each for each in found if each.lo is not None and each.hi is not None]
    print(
        f"mean, AR(1) 0.9, n = 2000: {repetitions - len(with_interval)} of {repetitions} without an interval"
    )
    return float(np.mean([each.lo <= 100 <= each.hi for each in with_interval]))


def sitting_coverage(repetitions: int, scatter: float, sittings: int) -> float:
    """Share of the 95 % intervals of the mean of a few lognormal sittings that hold the truth."""
    rng = np.random.default_rng([SEED, sittings])
    drawn = np.exp(scatter * rng.standard_normal((repetitions, sittings)) - scatter**2 / 2)
    found = [between_sittings(each) for each in drawn]
    return float(np.mean([each.lo <= 1 <= each.hi for each in found]))


def false_passes(repetitions: int, phi: float, n: int, looks: int) -> float:
    """Share of runs that pass a limit on p99 which the true p99 just breaks, in any of so many looks."""
    rng = np.random.default_rng([SEED, n, looks])
    limit = parse_limit(f"latency_p99_s < {1 + 0.1 * P99:.12f}")
    passed = 0
    for _ in range(repetitions):
        sittings: list[np.ndarray] = []
        for _ in range(looks):
            series = 1 + 0.1 * autoregressive(n, phi, rng)
            sittings.append((series * 1e9).astype(np.int64))
            joined = [np.concatenate(sittings)]
            [estimate] = percentiles(joined, [0.99], scale=1e-9, confidence=look_confidence(looks))
            if decide(estimate, limit) is Verdict.PASS:
                passed += 1
                break
    return passed / repetitions


def false_members(repetitions: int) -> tuple[float, float, float]:
    """Shares: called on the front and not, on it and called dominated, members of the point estimate that are not."""
    rng = np.random.default_rng(SEED)
    called = wrong = members = missed = naive = naive_wrong = 0
    for number in range(repetitions):
        truth = true_points(200, rng)
        member = moocore.is_nondominated(truth, keep_weakly=True)
        blocks, points = measured(truth, rng)
        classes = [each.front_class for each in standings(blocks, points, seed=SEED + number)]
        on_front = np.array([each is FrontClass.ON_FRONT for each in classes])
        out = np.array([each is FrontClass.DOMINATED for each in classes])
        called, wrong = called + on_front.sum(), wrong + (on_front & ~member).sum()
        members, missed = members + member.sum(), missed + (out & member).sum()
        estimated = moocore.is_nondominated(points, keep_weakly=True)
        naive, naive_wrong = naive + estimated.sum(), naive_wrong + (estimated & ~member).sum()
    print(f"front: {members} true members, {called} called on the front, {naive} by point estimates")
    return wrong / max(1, called), missed / members, naive_wrong / naive


def main(scale: float) -> int:
    """Print the table; 1 where a claim fails."""
    coverage = mean_coverage(round(2000 * scale))
    print(f"95 % interval of the mean holds it: {coverage:.1%} (at least {LEAST_COVERAGE:.0%})")
    failed = coverage < LEAST_COVERAGE
    for scatter, sittings in ((0.02, 3), (0.3, 3), (0.6, 3), (0.6, 5), (1.0, 3)):
        share = sitting_coverage(round(10_000 * scale), scatter, sittings)
        print(
            f"95 % interval of the mean of {sittings} sittings that scatter by {scatter:.0%}: {share:.1%} "
            f"(at least {LEAST_SITTING_COVERAGE:.0%})"
        )
        failed |= share < LEAST_SITTING_COVERAGE
    for phi, n, looks in ((0.0, 1000, 1), (0.9, 10_000, 1), (0.0, 1000, 3), (0.5, 3000, 3)):
        share = false_passes(round(1000 * scale), phi, n, looks)
        print(
            f"p99 at its limit, AR(1) {phi}, n = {n}, {looks} look(s): false PASS {share:.1%} "
            f"(at most {MOST_FALSE_PASS:.0%})"
        )
        failed |= share > MOST_FALSE_PASS
    wrong, missed, naive = false_members(round(40 * scale))
    print(f"called on the front and not on it: {wrong:.2%} (at most {MOST_FALSE_MEMBERS:.0%})")
    print(
        f"true members called dominated: {missed:.2%}; members by point estimate that are none: {naive:.1%}"
    )
    failed |= wrong > MOST_FALSE_MEMBERS
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0))
