"""This module makes cases cut into blocks whose truth is known, for tests of membership."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.judging.blocks import GRID, Blocks

COUNT = 60
INFERENCES = 20


def blocks_at(
    point: tuple[float, float, float], number: int, *, between: float = 0.0, sittings: int = 3, **changes: Any
) -> Blocks:
    """A case at a place in latency, energy and error, with 1 % noise in its blocks and so much between sittings."""
    latency_s, energy_j, error = point
    rng = np.random.default_rng(number)
    size = COUNT * sittings
    levels = between * rng.standard_normal((sittings, 2))
    values: dict[str, Any] = {
        "case": f"bench-a/onnxruntime/m{number}/fp32",
        "group": "run",
        "sizes": (COUNT,) * sittings,
        "sums": {
            "energy_j": energy_j * INFERENCES * (1 + 0.01 * rng.standard_normal(size)),
            "inferences": np.full(size, float(INFERENCES)),
        },
        "beyond": {"latency_p99_s": rng.binomial(INFERENCES, 0.01, size).astype(float)},
        "items": np.ones(size),
        "right": (rng.random(size) >= error).astype(float),
        "slow_s": latency_s * (1 + 0.1 * (GRID - 0.99)),
        "deviations": dict(
            zip(("latency_p99_s", "energy_per_inference_j"), (levels - levels.mean(axis=0)).T, strict=True)
        ),
        "meter": "bench-a",
    }
    return Blocks(**(values | changes))


def points_of(places: list[tuple[float, float, float]]) -> NDArray[np.float64]:
    """Point estimates as a table."""
    return np.array(places, np.float64)
