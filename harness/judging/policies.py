"""This module holds the policies that scores are made by, and what a reader wishes of scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from harness.errors import FileError
from harness.names import hint

Form = Literal["chebyshev", "sum"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What matters how much.

    Attributes:
        name: to ask for it by.
        weights: quantity to weight; they add up to 1.
        form: `chebyshev` ranks by the worst weighted distance, `sum` by their sum.
    """

    name: str
    weights: Mapping[str, float]
    form: Form


POLICIES: Mapping[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy(
            name="equal",
            weights=dict.fromkeys(("latency_p99_s", "energy_per_inference_j", "error"), 1 / 3),
            form="chebyshev",
        ),
        Policy(
            name="flops-latency-accuracy",
            weights={"work_flop": 0.40, "latency_p99_s": 0.35, "error": 0.25},
            form="sum",
        ),
    )
}
"""By name. Equal weights are a choice too; the other is the field's classic, its accuracy drop counted from the
declared best and not from another case."""


def policy_of(name: str, weights: Mapping[str, float] | None = None) -> Policy:
    """A policy by name, with other weights where some are given; these are scaled to add up to 1.

    Raises:
        FileError: there is no such policy, or a weight is below 0 or all are 0.
    """
    if name not in POLICIES:
        raise FileError(f"--score {name}: is no policy; {hint(name, POLICIES)}")
    if not weights:
        return POLICIES[name]
    total = sum(weights.values())
    if min(weights.values()) < 0 or not total > 0 or not np.isfinite(total):
        raise FileError(
            f"--weight: found {', '.join(f'{k}={v:g}' for k, v in weights.items())}; "
            "expected numbers from 0 up, one above 0"
        )
    return replace(POLICIES[name], weights={key: value / total for key, value in weights.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a reader wishes of scores.

    Attributes:
        policy: name.
        weights: quantity to weight in place of the policy's own; empty for those.
        preferences: ids of cases, the better one first, to search weights by.
    """

    policy: str = "equal"
    weights: Mapping[str, float] = field(default_factory=dict)
    preferences: Sequence[tuple[str, str]] = ()
