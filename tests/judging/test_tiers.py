"""Tests of the order in which cases stand by how surely they keep their limits."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from judging.synthetic import blocks_at
from judging.tables import around, at, case_result

from harness.judging.cases import CaseResult
from harness.judging.dominance import layers
from harness.judging.front import Ranking, rank
from harness.judging.limits import Verdict
from harness.judging.recommendation import recommend
from harness.judging.stats import between_sittings
from harness.judging.tiers import Tier, tiered_layers
from harness.quantities import parse_limit

LIMIT = parse_limit("latency_p99_s < 0.00001")
SITTINGS = st.lists(st.floats(1e-6, 1e-4), min_size=3, max_size=3)


def sat(name: str, *latencies_s: float) -> CaseResult:
    """A case whose p99 was estimated once in each of three sittings."""
    return case_result(f"bench-a/onnxruntime/{name}/fp32", latency_p99_s=between_sittings(latencies_s))


def models(ranking: Ranking) -> list[str]:
    """Models in their order."""
    return [placing.case.model for placing in ranking.placings]


def test_the_noisiest_does_not_lead() -> None:
    """One with a p99 of 8, 9 and 45 µs stands behind those that fail a limit of 10 µs for sure by less."""
    noisy = sat("noisy", 8e-6, 9e-6, 45e-6)
    ranking = rank(
        [noisy, sat("quiet", 15e-6, 15.1e-6, 15.2e-6), sat("slow", 19e-6, 19.1e-6, 19.2e-6)], [LIMIT]
    )

    assert ["quiet", "slow", "noisy"] == models(ranking)
    assert [Verdict.FAIL, Verdict.FAIL, Verdict.INCONCLUSIVE] == [each.verdict for each in ranking.placings]
    assert ranking.leader is None
    assert (
        "no case is shown to keep the limits. The nearest, bench-a/onnxruntime/quiet"
        in recommend(ranking).ship
    )


def test_what_is_not_decided_stands_behind_what_passes() -> None:
    """However good it looks, and it pushes nobody off the front that passes."""
    limit = parse_limit("accuracy >= 0.9")
    undecided, passing = at("undecided", 1, 1, 94), at("passing", 2, 2, 99)
    ranking = rank([undecided, passing], [limit])

    assert ["passing", "undecided"] == models(ranking)
    assert [1, 1] == [placing.layer for placing in ranking.placings]
    assert recommend(ranking).ship == "Ship bench-a/onnxruntime/passing/fp32."


def test_what_is_not_decided_makes_nobody_less_sure() -> None:
    """What passes is on the front in every resample, though one that may break a limit is better in everything."""
    undecided, passing = at("undecided", 1, 1, 99, power_mean_w=around(5.0, 0.3)), at("passing", 2, 2, 95)
    blocks = {
        (undecided.run, undecided.case): blocks_at((1, 1, 0.01), 0, between=0.005),
        (passing.run, passing.case): blocks_at((2, 2, 0.05), 1, between=0.005),
    }
    ranking = rank([undecided, passing], [parse_limit("power_mean_w <= 5.5")], blocks=blocks)
    first, found = ranking.placings[0], recommend(ranking)

    assert ("passing", 1.0, "") == (first.case.model, first.standing.share, first.dominator)
    assert "passing/fp32 passes every limit and is surely on the front of such cases" in found.evidence
    assert "undecided/fp32 beats it by the figures: 50 % less latency p99" in found.ship


def test_the_nearest_may_be_undecided() -> None:
    """Where it is the nearest by its figures it is named, with by how much it misses the limit."""
    found = recommend(rank([sat("a", 9e-6, 10e-6, 14e-6), sat("b", 19e-6, 19.1e-6, 19.2e-6)], [LIMIT]))

    assert found.ship.startswith(
        "Ship nothing yet: bench-a/onnxruntime/a/fp32 is the nearest to the limits, but by"
    )
    assert "it misses latency p99 < 10.0 µs by 10.0 %, if not for sure" in found.ship


@given(st.lists(SITTINGS, min_size=1, max_size=6))
def test_the_order_is_that_of_the_tiers(cases: list[list[float]]) -> None:
    """First what passes, then what is not decided and inside by its figures, then by violation, sure or not."""
    ranking = rank([sat(f"m{i}", *each) for i, each in enumerate(cases)], [LIMIT])
    keys = [(p.tier, p.violation) for p in ranking.placings]

    assert sorted(keys) == keys
    assert all((p.tier is Tier.PASSES) == (p.verdict is Verdict.PASS) for p in ranking.placings)
    assert all(p.tier is Tier.BREAKS for p in ranking.placings if p.verdict is Verdict.FAIL)


@given(st.lists(SITTINGS, min_size=2, max_size=5), st.integers(0, 4), st.floats(1.0, 9.0))
def test_scatter_lifts_nobody(cases: list[list[float]], which: int, factor: float) -> None:
    """A case whose sittings scatter more about the same mean is never placed before where it was."""
    which %= len(cases)
    means = [float(np.mean(each)) for each in cases]
    mean = means[which]
    assume(all(abs(one / mean - 1) > 1e-9 for place, one in enumerate(means) if place != which))
    shrink = 1 / factor

    def placed(each: list[float]) -> int:
        sittings = [*cases[:which], each, *cases[which + 1 :]]
        ranking = rank([sat(f"m{i}", *one) for i, one in enumerate(sittings)], [LIMIT])
        return models(ranking).index(f"m{which}")

    calm = [mean + shrink * (one - mean) for one in cases[which]]

    assert placed(calm) <= placed(cases[which])


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4), st.sampled_from(list(Tier))), max_size=9),
)
def test_layers_of_a_tier_do_not_know_those_behind(points: list[tuple[int, int, Tier]]) -> None:
    """The layers of a tier are those it has without all tiers behind it."""
    tiers = [tier for *_, tier in points]
    rows = np.array([row[:2] for row in points], float).reshape(-1, 2)
    found = tiered_layers(rows, tiers)

    for tier in Tier:
        among = [place for place, each in enumerate(tiers) if each <= tier]
        expected = dict(zip(among, layers(rows[among]), strict=True))
        assert [expected[i] for i in among if tiers[i] is tier] == [
            found[i] for i in among if tiers[i] is tier
        ]


@pytest.mark.parametrize("right", [99, 20])
def test_a_case_alone_is_told_so(right: int) -> None:
    """Where one case only fails no limit, or there is no other, nobody praises it for being on the front."""
    alone = rank([at("a", 1, 1, 99)], [])
    left = rank([at("a", 1, 1, 99), at("b", 2, 2, 20)], [parse_limit("accuracy > 0.9")])
    two = rank([at("a", 1, 1, 99), at("b", 2, 2, right)], [])

    assert [[True], [True, False], [False, False]] == [
        [placing.alone for placing in ranking.placings] for ranking in (alone, left, two)
    ]
    assert "is the only case, so that there is nothing to choose between" in recommend(alone).evidence
    assert "is the only case that fails no limit" in recommend(left).evidence
    assert not any("on the front" in recommend(each).evidence for each in (alone, left))


@given(st.lists(SITTINGS, min_size=2, max_size=6), SITTINGS)
def test_a_case_more_turns_no_two_others_round(cases: list[list[float]], more: list[float]) -> None:
    """What breaks a limit keeps its order whatever is added, and what passes whatever is added that does not pass."""
    placings = [sat(f"m{i}", *each) for i, each in enumerate(cases)]
    before, after = rank(placings, [LIMIT]), rank([*placings, sat("more", *more)], [LIMIT])
    added = next(each for each in after.placings if each.case.model == "more")
    kept = {Tier.BREAKS} | ({Tier.PASSES} if added.tier is not Tier.PASSES else set())

    for tier in kept:
        assert [each.case.model for each in before.placings if each.tier is tier] == [
            each.case.model for each in after.placings if each.tier is tier and each is not added
        ]
