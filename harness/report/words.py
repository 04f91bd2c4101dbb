"""This module says in words what a reader must not miss: where power comes from, how figures are made."""

from collections.abc import Mapping

from harness.front import Ranking
from harness.limits import Verdict
from harness.quantities import QUANTITIES, print_value

ORIGINS: Mapping[str | None, str] = {
    "measured": "Power measured by a meter.",
    "estimated": "Power ESTIMATED from a model of the board; no meter was read.",
    "simulated": "Power SIMULATED: the meter is a model, no hardware was read.",
    "replayed": "Power REPLAYED from an earlier recording.",
    "imported": "Power IMPORTED from another tool; how it was measured is not known here.",
    None: "No power: there is no meter.",
}

METHODS: Mapping[str, str] = {
    "between sittings": (
        "t interval over the figures of the sittings. A sitting is a measurement from scratch: model "
        "loaded anew, meter opened anew. At least three are needed."
    ),
    "within one sitting": (
        "from the cycles of too few sittings to know how the next sitting would differ. It says how steady "
        "this one was, not how well it can be reproduced. Cycles that resemble their neighbours are counted "
        "as fewer (autocorrelation time, Geyer)."
    ),
    "Wilson over items": (
        "Wilson's score interval, n the number of distinct items, taken as a sample. An item measured several "
        "times is right when more than half of its valid cycles are."
    ),
}


def origin_words(origin: str | None) -> str:
    """The origin of power figures as a sentence; an unknown one is named as it is."""
    return ORIGINS.get(origin) or f"Power of origin {origin}."


def lead_words(ranking: Ranking) -> str:
    """The sentence a hurried reader takes away."""
    leader = ranking.leader
    if leader is None:
        failing = any(placing.rank is not None for placing in ranking.placings)
        return "No case keeps the limits." if failing else "No case is complete enough to be ranked."
    case = leader.case
    figures = ", ".join(
        f"{QUANTITIES[name].title} {print_value(name, case.estimate(name).value)}"
        for name in ("latency_p99_s", "energy_per_inference_j", "accuracy")
    )
    under = {
        Verdict.PASS: "and passes every limit",
        Verdict.INCONCLUSIVE: "but not every limit is decided for it",
        None: "where no limit is set",
    }
    verdict = under.get(leader.verdict, "")
    return f"leads {verdict}: {figures}."
