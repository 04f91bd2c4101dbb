"""This module explains the words of the page to somebody who meets them for the first time."""

from collections.abc import Iterator

from harness.judging.front import Ranking
from harness.judging.membership import RESAMPLES
from harness.judging.stats import CONFIDENCE
from harness.quantities import QUANTITIES

PLAIN = {
    "latency_p99_s": "Of 100 inferences 99 take no longer than this, p90: 90 of 100, p50: every other one.",
    "latency_p90_s": "Of 100 inferences 90 take no longer than this.",
    "energy_per_inference_j": "What one inference takes from the supply, what the device would take idle included.",
    "accuracy": "Share of the labelled items that are answered rightly; error is the rest.",
}
"""What quantities mean to somebody who has never measured one."""


def glossary_of(ranking: Ranking) -> list[tuple[str, str]]:
    """Words that this page uses and what they mean, in the order in which a reader meets them."""
    return list(_words(ranking))


def _words(ranking: Ranking) -> Iterator[tuple[str, str]]:
    shown = ["accuracy" if name == "error" else name for name in ranking.objectives]
    yield (
        "case",
        "One way to run one model, named device/engine/model/precision: fp32 are numbers of 32 bits, int8 of 8.",
    )
    for name in shown:
        yield QUANTITIES[name].title, PLAIN.get(name, QUANTITIES[name].meaning)
    if {"power_mean_w", "energy_per_inference_j"} & {*shown, *(limit.quantity for limit in ranking.limits)}:
        yield (
            "µs, ms; µJ, mJ; W",
            "Millionths and thousandths of a second and of a joule; one watt for one second is one joule.",
        )
    yield (
        "front",
        (
            "The cases that no other beats in everything at once. Beyond it one gets better in one thing only by "
            "being worse in another, so that it takes a person to choose."
        ),
    )
    if any(placing.standing for placing in ranking.placings):
        yield (
            "surely, possibly (probably or perhaps) on the front",
            (
                f"Measured again, figures would differ a little. {RESAMPLES} times the measurement is drawn anew from "
                "its own parts and the front is found anew; the share of resamples says how often a case was on it."
            ),
        )
    if any(placing.alone for placing in ranking.placings):
        yield (
            "no other to compare",
            "Only one case fails no limit, so that it is on the front whatever it is like, and nothing was chosen.",
        )
    if any(placing.case.sittings for placing in ranking.placings):
        yield (
            "sitting",
            (
                "A measurement from scratch: model loaded anew, meter opened anew. How sittings differ says how well a "
                "figure can be repeated."
            ),
        )
        yield (
            "[a to b], interval",
            f"Where the true figure lies; such intervals hold it {100 * CONFIDENCE:g} times of 100.",
        )
    if ranking.limits:
        yield (
            "PASS, FAIL, INCONCLUSIVE",
            "A limit is kept for sure, broken for sure, or the measurement is too short or too near to tell.",
        )
    if any(placing.case.origin not in {None, "measured"} for placing in ranking.placings):
        yield (
            "SIMULATED, ESTIMATED, REPLAYED, IMPORTED",
            (
                "The power is not from a meter that was read here: it comes from a model, from published facts, from a "
                "recording, or from others."
            ),
        )
