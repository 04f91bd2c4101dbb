"""This module makes series of values that depend on each other, for tests."""

import numpy as np
from scipy.signal import lfilter


def autoregressive(n: int, phi: float, seed: int) -> np.ndarray:
    """A stationary AR(1) series of variance 1 / (1 - phi^2)."""
    noise = np.random.default_rng(seed).standard_normal(n + 1000)
    return lfilter([1.0], [1.0, -phi], noise)[1000:]
