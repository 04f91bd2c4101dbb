"""This module lays out a comparison with an earlier run as rows for a reader."""

from collections.abc import Sequence

from harness.judging.compare import Comparison, Outcome, print_effect
from harness.quantities import ABSENT, QUANTITIES, print_value

HEADS = ("case", "quantity", "base", "this run", "change", "interval", "p", "answer")


def comparison_rows(comparison: Comparison) -> list[Sequence[str]]:
    """A row for each case and quantity of both runs, under `HEADS`: what is worse first, then what is better."""
    order = [Outcome.WORSE, Outcome.BETTER, Outcome.SAME, Outcome.UNSURE]
    changes = [(pair, change) for pair in comparison.pairs for change in pair.changes]
    return [
        (
            pair.candidate.case,
            QUANTITIES[change.quantity].title,
            print_value(change.quantity, change.base),
            print_value(change.quantity, change.candidate),
            _effect(change.quantity, change.effect.value),
            f"{_effect(change.quantity, change.effect.lo)} to {_effect(change.quantity, change.effect.hi)}"
            if change.effect.lo is not None and change.effect.hi is not None
            else change.effect.reason or ABSENT,
            ABSENT if change.p_family is None else f"{change.p_family:.2g}",
            change.outcome.value,
        )
        for pair, change in sorted(changes, key=lambda each: order.index(each[1].outcome))
        if change.base is not None and change.candidate is not None
    ]


def _effect(quantity: str, value: float | None) -> str:
    return ABSENT if value is None else print_effect(quantity, value)
