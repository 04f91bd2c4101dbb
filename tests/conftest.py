"""What holds for every test of the harness."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase, InMemoryExampleDatabase

from harness.lock import FOLDER_VARIABLE

ALWAYS_THE_SAME = {"CI", "TOX_ENV_NAME"} & os.environ.keys()
"""In CI, which runs tox, the examples are the same each time; new ones are looked for at the desk."""
EXAMPLES = Path(".hypothesis", "examples")


def examples() -> DirectoryBasedExampleDatabase | InMemoryExampleDatabase | None:
    """Where examples that failed are kept; in memory where this user may not write, as in another's checkout."""
    if ALWAYS_THE_SAME:
        return None
    nearest = next(folder for folder in (EXAMPLES, *EXAMPLES.parents) if folder.exists())
    if os.access(nearest, os.W_OK | os.X_OK):
        return DirectoryBasedExampleDatabase(EXAMPLES)
    return InMemoryExampleDatabase()


# No test measures time: a busy machine must not turn a slow example, or slow making of examples, into a failure.
settings.register_profile(
    "harness",
    deadline=None,
    derandomize=bool(ALWAYS_THE_SAME),
    database=examples(),
    suppress_health_check=[HealthCheck.too_slow],
)
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
