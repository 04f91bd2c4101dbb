"""Tests of autocorrelation times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging.series import autoregressive

from harness.judging.autocorrelation import LAGS, autocorrelation_time, pooled_time


def test_autocorrelation_time_of_independent_values() -> None:
    """Independent values count fully."""
    series = np.random.default_rng(1).standard_normal(20_000)

    assert pytest.approx(1.0, abs=0.1) == autocorrelation_time(series)


@pytest.mark.parametrize("phi", [0.5, 0.9])
def test_autocorrelation_time_of_ar1(phi: float) -> None:
    """An AR(1) series has the autocorrelation time (1 + phi) / (1 - phi)."""
    assert pytest.approx((1 + phi) / (1 - phi), rel=0.2) == autocorrelation_time(
        autoregressive(200_000, phi, 3)
    )


@pytest.mark.parametrize("series", [[], [1.0], [5.0] * 100, [0.1] * 1000])
def test_autocorrelation_time_of_a_constant(series: list[float]) -> None:
    """A series that never changes, or is hardly one, counts as independent."""
    assert autocorrelation_time(series) == 1.0


def test_time_is_not_taken_across_the_seam() -> None:
    """Two sittings at different levels, each independent inside, stay independent."""
    rng = np.random.default_rng(5)
    pieces = [rng.standard_normal(4000), rng.standard_normal(4000) + 100]

    assert pytest.approx(1.0, abs=0.1) == pooled_time(pieces)
    assert autocorrelation_time(np.concatenate(pieces)) > 100


@pytest.mark.parametrize("n", [LAGS + 1, 3 * LAGS + 7, 40_000])
@given(seed=st.integers(0, 10))
def test_blocks_give_what_the_whole_gives(n: int, seed: int) -> None:
    """A series longer than the lags looked at gives the same time as one transform of all of it."""
    series = autoregressive(n, 0.8, seed)
    centred = series - series.mean()
    spectrum = np.fft.rfft(centred, 2 * n)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2)[: n // 2 * 2]
    pairs = (covariance[0::2] + covariance[1::2]) / covariance[0]
    whole = 2 * pairs[: np.argmax(pairs < 0)].sum() - 1

    assert pytest.approx(whole, rel=1e-6) == autocorrelation_time(series)


def test_a_time_beyond_the_first_lags_is_found() -> None:
    """Where correlations outlast the lags looked at first, more are looked at."""
    series = np.cumsum(np.random.default_rng(1).standard_normal(20 * LAGS))

    assert autocorrelation_time(series) > LAGS
