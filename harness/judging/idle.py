"""This module is the power of a device with the model loaded and nothing running, before and after each sitting."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from harness.judging.stats import BETWEEN, REPLICATES, Estimate, absent, between_sittings
from harness.quantities import print_share
from harness.record import SittingClosed, SittingOpened

IDLE_DRIFT = 0.1
"""Idle power may change by this share over a sitting where its protocol names no other; beyond it nothing is taken
off, for nobody knows what the device drew beside the inferences."""


def unsteady_idle(
    protocol: Mapping[str, Any],
    opened: Sequence[SittingOpened],
    closed: Sequence[SittingClosed],
    attempts: Collection[tuple[int, int]],
) -> str:
    """Why idle power cannot be taken off; empty where it can.

    Args:
        protocol: of the run; `idle_drift` is the largest relative change over a sitting.
        opened: sittings of one case.
        closed: their ends.
        attempts: (sitting, part) that have cycles.
    """
    allowed = float(protocol.get("idle_drift", IDLE_DRIFT))
    pairs = idle_pairs(opened, closed)
    whole = {sitting for sitting, _ in pairs}  # a part that broke off has no end; another part of it may have
    without = {attempt for attempt, idle_w in idle_power_w(opened, closed).items() if idle_w is None}
    if without & set(attempts) or any(sitting not in whole for sitting, _ in attempts):
        return "idle power was not taken before and after every sitting"
    for (sitting, _), (before_w, after_w) in pairs.items():
        drift = abs(after_w - before_w) / max(abs(before_w), abs(after_w), 1e-12)
        if drift > allowed:
            return (
                f"idle power went from {before_w:.3g} W to {after_w:.3g} W over sitting "
                f"{sitting}, by {print_share(drift)} where idle_drift allows {print_share(allowed)}; "
                "let the device settle (cooldown_s, warmup_s) and stop what else runs"
            )
    return ""


def idle_pairs(
    opened: Sequence[SittingOpened], closed: Sequence[SittingClosed]
) -> dict[tuple[int, int], tuple[float, float]]:
    """Idle power before and after each attempt at a sitting that has both."""
    after = {(record.sitting, record.part): record.idle_after_w for record in closed}
    pairs = {}
    for record in opened:
        before_w, after_w = record.idle_before_w, after.get((record.sitting, record.part))
        if before_w is not None and after_w is not None:
            pairs[record.sitting, record.part] = (before_w, after_w)
    return pairs


def idle_power_w(
    opened: Sequence[SittingOpened], closed: Sequence[SittingClosed]
) -> dict[tuple[int, int], float | None]:
    """Mean of the idle powers before and after each attempt at a sitting, of those that were taken."""
    after = {(record.sitting, record.part): record.idle_after_w for record in closed}
    idle: dict[tuple[int, int], float | None] = {}
    for record in opened:
        attempt = (record.sitting, record.part)
        taken = [power for power in (record.idle_before_w, after.get(attempt)) if power is not None]
        idle[attempt] = sum(taken) / len(taken) if taken else None
    return idle


def mean_idle_power(
    opened: Sequence[SittingOpened], closed: Sequence[SittingClosed], confidence: float
) -> Estimate:
    """Idle power over the sittings, with its interval from three of them on; fewer have none, and decide no limit."""
    taken = list(sitting_idle_w(opened, closed).values())
    if len(taken) >= REPLICATES:
        return between_sittings(taken, confidence=confidence)
    if not taken:
        return absent("idle power was not taken")
    return Estimate(
        value=float(np.mean(taken)),
        method=BETWEEN,
        n=len(taken),
        unit="sittings",
        reason=f"idle power is taken once a sitting: {len(taken)} cannot tell how the next would differ, "
        f"{REPLICATES} are needed",
        confidence=confidence,
    )


def sitting_idle_w(opened: Sequence[SittingOpened], closed: Sequence[SittingClosed]) -> dict[int, float]:
    """Idle power of each sitting, the mean of its attempts; one in which it was not taken is left out."""
    taken: defaultdict[int, list[float]] = defaultdict(list)
    for (sitting, _), power_w in idle_power_w(opened, closed).items():
        if power_w is not None:
            taken[sitting].append(power_w)
    return {sitting: sum(each) / len(each) for sitting, each in taken.items()}
