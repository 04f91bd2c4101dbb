"""This module holds the fixtures of Python suites: `device`, `bench` and `cycle`."""

from typing import TYPE_CHECKING

import pytest

from harness.profile import Device
from harness.pytest_plugin.collect import Wanted, wanted_of
from harness.pytest_plugin.stash import CYCLING, MEASURING

if TYPE_CHECKING:
    from harness.pytest_plugin.benches import CaseBench, Cycling


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Device:
    """The device the test runs on, as its file describes it."""
    wanted = wanted_of(request.node)
    found: Device = request.param if wanted is None else wanted.case.device
    return found


@pytest.fixture
def harness_case(request: pytest.FixtureRequest) -> Wanted:
    """The case the test runs on."""
    wanted = wanted_of(request.node)
    if wanted is None:
        raise pytest.UsageError(
            f"{request.node.nodeid}: say on which cases: @pytest.mark.cases('digits', '*/int8')"
        )
    return wanted


@pytest.fixture
def bench(request: pytest.FixtureRequest, harness_case: Wanted) -> "CaseBench":
    """The device of the test, ready to measure its case by the suite's protocol."""
    from harness.pytest_plugin.benches import CaseBench

    return CaseBench(request.node, request.config.stash[MEASURING], harness_case)


@pytest.fixture
def cycle(request: pytest.FixtureRequest, harness_case: Wanted) -> "Cycling":
    """One cycle at a time, with input and verdict of the test's own; its sitting is closed with the test."""
    from harness.pytest_plugin.benches import Cycling

    found = request.node.stash[CYCLING] = Cycling(request.node, request.config.stash[MEASURING], harness_case)
    return found
