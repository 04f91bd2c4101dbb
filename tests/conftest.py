"""What holds for every test of the harness."""

import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from harness.lock import FOLDER_VARIABLE

# No test measures time: a busy machine must not turn a slow example into a failure.
# In CI the examples are the same each time; new ones are looked for at the desk.
settings.register_profile("harness", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("harness")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever runs the tests forbid that emulation is left out."""
    parser.addoption(
        "--strict-emulation",
        action="store_true",
        default=os.environ.get("HARNESS_STRICT_EMULATION") == "1",
        help="fail, not skip, where an emulated machine or kernel cannot be had (HARNESS_STRICT_EMULATION=1)",
    )


@pytest.fixture(scope="session")
def lacking(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """What to call with the name of something that an emulated test lacks: it skips, or fails where that is asked."""
    return pytest.fail if request.config.getoption("--strict-emulation") else pytest.skip


@pytest.fixture(scope="session", autouse=True)
def _locks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two runs of these tests on one machine do not wait for each other's devices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("locks")))
        yield
