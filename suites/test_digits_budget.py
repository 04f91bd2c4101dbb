"""What a door sensor asks of the digits networks: budgets, an input of its own, a metric of its own.

pytest suites/test_digits_budget.py --device host
"""

import numpy as np
import pytest

from harness.judging.stats import wilson


@pytest.mark.cases("digits", "*/digits-mlp/*")
@pytest.mark.budget(
    latency_p50="< 5 ms", power_mean="<= 25 W", memory_peak="<= 1 GB", accuracy=">= 90 %", energy="<= 20 mJ"
)
def test_budget(bench):
    """A battery lasts: each precision of the small network keeps the budget."""
    bench.measure()


@pytest.mark.cases("digits", "*/digits-cnn/int8", alone=True)
@pytest.mark.budget(accuracy=">= 80 %")
def test_dirty_lens(bench):
    """A spot on the lens, one dark pixel, costs the network little: pre-processing that YAML cannot say."""

    def spotted(image):
        image = image * 0.0625
        image[3, 4] = 0.0
        return image

    bench.measure(prepare=spotted)


@pytest.mark.cases("digits", "*/digits-cnn/int8")
def test_second_guess(cycle):
    """The right digit is among the two likeliest: a metric of one's own, over the cycles of one sitting."""
    seen = [cycle() for _ in range(100)]
    among = [one.cycle.label in np.argsort(one.output.ravel())[-2:] for one in seen if one.cycle.valid]

    assert wilson(sum(among), len(among)).lower > 0.9


@pytest.mark.cases("digits", "*/digits-mlp/int8")
def test_shown_by_pytest_benchmark(bench, benchmark):
    """With `--benchmark-json` the latencies of the same cycles are rounds of pytest-benchmark."""
    bench.measure(benchmark=benchmark)
