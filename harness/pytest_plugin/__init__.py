"""This module is the pytest plugin: installed it changes nothing, with a device named it measures suites.

All that is imported here is pytest and the options. The rest is imported and registered only where a device is
named, by `--device` or in the ini file: no fixture, no hook and no file of a foreign test run is touched.
"""

from collections.abc import Generator

import pytest

from harness.pytest_plugin.options import add_options, add_short_options, read_settings

MARKS = (
    "cases(suite, *globs): run the test once for each case of a suite on each --device; it takes `bench` or `cycle`",
    "budget(**limits): hard limits on what the test measures, such as latency_p99='< 150 ms', energy='<= 20 mJ'",
    "no_worse_than(baseline=RUN, **margins): compare with a run, such as accuracy='1 pp', energy='5 %'",
)

_FIXTURES = ("device", "bench", "cycle")
_NAME_A_DEVICE = "name a device to measure on, such as: pytest --device host"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options whose names nobody else can have, and the ini keys."""
    add_options(parser)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None, object, object]:
    """Declare the short names of the options, except those that a conftest or another plugin has taken."""
    result = yield
    add_short_options(parser)
    return result


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known; bring the rest in where a device is named."""
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    settings = read_settings(config)
    if settings.devices:
        from harness.pytest_plugin.session import begin

        begin(config, settings)
    else:
        config.pluginmanager.register(_Idle(), "harness-idle")


class _Idle:
    """What the plugin does where no device is named: it says so to tests that are meant for one."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip a test that carries one of the marks."""
        if any(item.get_closest_marker(mark.partition("(")[0]) for mark in MARKS):
            pytest.skip(_NAME_A_DEVICE)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Tell what a missing fixture of ours needs."""
        report = yield
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, pytest.FixtureLookupError) and error.argname in _FIXTURES:
            report.sections.append(
                ("harness", f"for the fixture {error.argname} of the harness, {_NAME_A_DEVICE}")
            )
        return report
