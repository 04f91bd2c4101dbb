"""In the test runs of others the plugin is as good as not there."""

import subprocess
import sys
from pathlib import Path

import pytest
from plugin.conftest import PLUGIN, Lab

HEAVY = (
    "numpy",
    "pandas",
    "pydantic",
    "ruamel",
    "typer",
    "pint",
    "onnxruntime",
    "harness.bench",
    "harness.catalog",
)

FOREIGN = """
import pytest, sys

@pytest.fixture
def device():
    return "gpu"

@pytest.mark.slow
def test_own_fixture(device, request):
    assert device == "gpu"
    assert not [name for name in {heavy!r} if name in sys.modules]
"""


def outline(result: pytest.RunResult) -> list[str]:
    """What pytest printed, but for times and the list of plugins."""
    return [line for line in result.outlines if "plugins:" not in line and " in " not in line]


def test_foreign_run_is_untouched(workspace: Path, pytester: pytest.Pytester) -> None:
    """A run without a device prints what it prints without the plugin, and imports nothing heavy for it."""
    pytester.makepyfile(test_own=FOREIGN.format(heavy=HEAVY))
    pytester.makeini(
        "[pytest]\nmarkers = slow: own\naddopts = --strict-markers -p no:cacheprovider -p no:hypothesispytest"
    )
    (workspace / "suites" / "foreign.yaml").write_text("no: suite")

    without = pytester.runpytest_subprocess("-p", "no:harness", "-p", "no:randomly", "-v")
    given = pytester.runpytest_subprocess(*PLUGIN, "-v")

    given.assert_outcomes(passed=1)
    assert outline(without) == outline(given)


def test_import_is_light() -> None:
    """Importing the plugin imports pytest, the harness's own small modules and nothing else."""
    code = (
        "import pytest, sys; before = set(sys.modules)\nimport harness.pytest_plugin\n"
        "print(*sorted(name for name in set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert ["harness", "harness.pytest_plugin", "harness.pytest_plugin.options"] == [
        name for name in done.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names
    ]


def test_options_of_others_are_theirs(run: Lab, pytester: pytest.Pytester) -> None:
    """A conftest that has options of the same names keeps them; the long names are there all the same."""
    pytester.makeconftest("""
        def pytest_addoption(parser):
            parser.addoption("--device", default="cpu")
            parser.addoption("--quick", action="store_true")
            parser.addoption("--limit", type=int, default=3)
            parser.addoption("--full", action="store_true")
            parser.addoption("--results"); parser.addoption("--baseline"); parser.addoption("--suite-select")
    """)
    pytester.makepyfile(
        test_own="""
        def test_own(request):
            option = request.config.option
            assert (option.device, option.quick, option.limit) == ("gpu", True, 7)
            assert option.harness_device is None
    """
    )
    run("test_own.py", "--device", "gpu", "--quick", "--limit=7").assert_outcomes(passed=1)

    result = run("suites", "--harness-device", "toy", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["suites/sides.yaml::toy/onnxruntime/sides/fp32"])


def test_help_names_the_options(run_here: Lab) -> None:
    """`pytest --help` tells the options and the ini keys."""
    result = run_here("--help")

    result.stdout.fnmatch_lines(
        ["*--harness-device*", "*--harness-report*", "*--device*", "*--suite-select*", "*harness_device*"]
    )


def test_suite_without_a_device_is_skipped(run_here: Lab, pytester: pytest.Pytester) -> None:
    """A marked test says which option it needs; YAML suites are not collected."""
    pytester.makepyfile(
        **{
            "suites/test_own": """
        import pytest
        pytestmark = pytest.mark.cases("sides")
        @pytest.mark.budget(energy="< 1 J")
        def test_own(bench): ...
    """
        }
    )
    result = run_here("suites", "-rs", "--strict-markers")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*name a device to measure on, such as: pytest --device host*"])


def test_missing_fixture_tells_what_it_needs(run_here: Lab, pytester: pytest.Pytester) -> None:
    """Where a fixture of the harness is missing, the error says that a device must be named."""
    pytester.makepyfile(test_own="def test_own(device): ...")
    result = run_here("test_own.py")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*for the fixture device of the harness, name a device*"])
