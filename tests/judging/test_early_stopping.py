"""Tests of the percentile of MLPerf's load generator, against what it published."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from harness.judging.early_stopping import CONFIDENCE, LEVELS, early_stopping, fewest, rank_from_top


@pytest.mark.parametrize(
    ("n", "discarded"),
    [
        (100, 2),  # GPT-J single stream, mlcommons/inference issue on min_query_count
        (201, 9),  # ctuning/mlperf_inference_submissions_v3.1: gptj-99, amd_zen4_workstation
        (708, 51),  # modular: parser of load generator logs, its example
        (79_944, 7796),  # krai/ck-qaic: BERT-99, SUT name QAIC_SUT
    ],
)
def test_published_logs_discard_as_many(n: int, discarded: int) -> None:
    """Of n queries of published single-stream logs the stated number lies above the p90 estimate."""

    assert discarded == rank_from_top(n, 0.9) - 1


def test_the_published_99th_percentile_of_708_is_the_longest() -> None:
    """Of 708 queries the p99 estimate is the longest latency, as in the published log (10,952,369 ns)."""
    latencies_ns = np.r_[np.arange(6_930_533, 6_930_533 + 707), 10_952_369]

    assert 10_952_369 == early_stopping([latencies_ns])["latency_p99_early_stopping_s"].value


@pytest.mark.parametrize(("p", "n"), [(0.9, 64), (0.99, 662)])
def test_the_fewest_queries_are_those_published(p: float, n: int) -> None:
    """The load generator asks for 64 queries at p90 and 662 at p99; one fewer gives no figure."""
    values = np.arange(n)
    [name] = [name for name, level in LEVELS.items() if level == p]

    assert n == fewest(p)
    assert early_stopping([values])[name].value is not None
    assert f"needs {n}" in early_stopping([values[1:]])[name].reason


@given(n=st.integers(1, 100_000), p=st.sampled_from([0.9, 0.95, 0.97, 0.99]))
def test_the_rank_is_the_greatest_that_is_sure(n: int, p: float) -> None:
    """At the rank the chance is at most 1 %, at the next it is more."""
    rank = rank_from_top(n, p)

    assert rank == 0 or binom.cdf(rank, n, 1 - p) <= 1 - CONFIDENCE
    assert binom.cdf(rank + 1, n, 1 - p) > 1 - CONFIDENCE


def test_all_sittings_count_together_in_the_unit_asked_for() -> None:
    """Pieces are taken as one; the scale turns nanoseconds into seconds."""
    pieces = [np.arange(100), np.arange(100, 201)]
    found = early_stopping(pieces, scale=1e-9)["latency_p90_early_stopping_s"]

    assert pytest.approx((201 - 10) * 1e-9) == found.value
    assert found.lo is found.hi is None
