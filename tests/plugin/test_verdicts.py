"""Non-inferiority is decided by the bound of the change, whichever way is better."""

import pytest

from harness.judging.limits import Verdict
from harness.judging.stats import Estimate, absent
from harness.pytest_plugin.verdicts import _not_worse, print_figure


def change(lower: float | None, upper: float | None) -> Estimate:
    """A change with one-sided bounds."""
    return Estimate(value=0.0, lower=lower, upper=upper, method="test")


@pytest.mark.parametrize(
    ("bounds", "larger_is_worse", "verdict"),
    [
        ((-0.1, 0.04), True, Verdict.PASS),
        ((-0.1, 0.05), True, Verdict.PASS),
        ((-0.1, 0.06), True, Verdict.INCONCLUSIVE),
        ((0.06, 0.1), True, Verdict.FAIL),
        ((-0.04, 0.1), False, Verdict.PASS),
        ((-0.06, 0.1), False, Verdict.INCONCLUSIVE),
        ((-0.1, -0.06), False, Verdict.FAIL),
        ((None, None), True, Verdict.INCONCLUSIVE),
        ((None, 0.01), True, Verdict.PASS),
    ],
)
def test_change_is_judged_by_its_bounds(
    bounds: tuple[float | None, float | None], larger_is_worse: bool, verdict: Verdict
) -> None:
    """With a margin of 5 % the bound towards it decides, not the estimate."""

    assert verdict is _not_worse(change(*bounds), 0.05, larger_is_worse=larger_is_worse)


def test_figure_has_interval_or_reason() -> None:
    """A figure is told with its interval, or with why it has none."""

    assert "— (no meter)" == print_figure("power_mean_w", absent("no meter"))
    assert "2.00 W (1.00 W to 3.00 W, by hand)" == print_figure(
        "power_mean_w", Estimate(value=2.0, lo=1.0, hi=3.0, method="by hand")
    )
