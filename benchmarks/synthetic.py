"""This module makes cases cut into blocks whose truth is known; no device is behind them."""

import numpy as np
from numpy.typing import NDArray

from harness.judging.blocks import GRID, Blocks

SITTINGS, BLOCKS, INFERENCES, ITEMS = 3, 50, 40, 4
BETWEEN, WITHIN = 0.03, 0.05
"""Relative standard deviations: of a sitting's level, and of a block inside it."""

P99 = 0.99


def true_points(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Latency p99, energy and error of n cases that trade the three against each other."""
    share = rng.dirichlet(np.ones(3), n) ** 0.5
    distance = rng.uniform(1.0, 1.8, (n, 1))
    return share * distance * np.array([1e-2, 5e-2, 0.2]) + np.array([1e-3, 5e-3, 0.01])


def measured(
    truth: NDArray[np.float64], rng: np.random.Generator
) -> tuple[list[Blocks], NDArray[np.float64]]:
    """The cases as three sittings would find them, and their point estimates."""
    blocks: list[Blocks] = []
    points = []
    for number, (latency_s, energy_j, error) in enumerate(truth):
        levels = 1 + BETWEEN * rng.standard_normal((SITTINGS, 2))
        energy = (
            energy_j * np.repeat(levels[:, 1], BLOCKS) * (1 + WITHIN * rng.standard_normal(SITTINGS * BLOCKS))
        )
        right = ITEMS - rng.binomial(ITEMS, error, SITTINGS * BLOCKS)
        spread = rng.lognormal(0, 0.1, SITTINGS * BLOCKS * INFERENCES)
        latencies = np.repeat(levels[:, 0], BLOCKS * INFERENCES) * spread * latency_s / np.exp(0.1 * 2.3263)
        ordered = np.sort(latencies)
        n = len(ordered)
        slow = ordered[int(np.ceil(P99 * n)) - 1]
        own = np.quantile(latencies.reshape(SITTINGS, -1), P99, axis=1, method="inverted_cdf")
        deviations = {
            "latency_p99_s": own / own.mean() - 1,
            "energy_per_inference_j": levels[:, 1] / levels[:, 1].mean() - 1,
        }
        blocks.append(
            Blocks(
                case=f"synthetic/none/m{number}/none",
                group="synthetic",
                sizes=(BLOCKS,) * SITTINGS,
                sums={
                    "energy_j": energy * INFERENCES,
                    "inferences": np.full(SITTINGS * BLOCKS, float(INFERENCES)),
                },
                beyond={
                    "latency_p99_s": (latencies > slow).reshape(-1, INFERENCES).sum(axis=1).astype(np.float64)
                },
                items=np.full(SITTINGS * BLOCKS, float(ITEMS)),
                right=right.astype(np.float64),
                slow_s=ordered[np.minimum((GRID * n).astype(int), n - 1)],
                deviations=deviations,
                meter="synthetic",
            )
        )
        points.append((slow, energy.mean(), 1 - right.mean() / ITEMS))
    return blocks, np.array(points)
