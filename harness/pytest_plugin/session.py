"""This module joins the plugin to a pytest session in which a device is named: each hook calls one worker.

Benches, statistics and reports are imported when the first test is to run: collecting needs none of them.
"""

import uuid
from collections.abc import Generator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import FileError, HarnessError, MeasurementError
from harness.pytest_plugin import fixtures, rounds
from harness.pytest_plugin.collect import FOLDER, MARKS, Shelf, SuiteFile, spread, wanted_of
from harness.pytest_plugin.options import Settings
from harness.pytest_plugin.progress import Silent, watch
from harness.pytest_plugin.resuming import Unfinished
from harness.pytest_plugin.stash import CYCLING, MEASURED, MEASURING

if TYPE_CHECKING:
    from harness.pytest_plugin.benches import CaseBench
    from harness.pytest_plugin.judging import Judging
    from harness.pytest_plugin.measuring import Measuring
    from harness.pytest_plugin.summary import Shown

_SCATTERING = {"load", "loadgroup", "loadscope", "worksteal"}
"""Ways of pytest-xdist to share tests out, all of which here keep a device together."""

_RUNS = "harness_runs"
"""Attribute of a report: the runs a worker of pytest-xdist took forward, also those an older session began."""


def begin(config: pytest.Config, settings: Settings) -> None:
    """Register fixtures, marks and hooks."""
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    config.pluginmanager.register(fixtures, "harness-fixtures")
    config.pluginmanager.register(Session(config, settings), "harness-session")


def measure_case(bench: "CaseBench") -> None:
    """The test of a case of a YAML suite."""
    bench.measure()


def measure_case_as_benchmark(bench: "CaseBench", benchmark: Any) -> None:
    """The same where an option of pytest-benchmark asks for it."""
    bench.measure(benchmark=benchmark)


class Session:
    """The hooks of a session with devices."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._shelf = Shelf(settings=settings)
        worker: Mapping[str, Any] | None = getattr(config, "workerinput", None)
        self._is_worker = worker is not None
        self._id = worker["harness_session"] if worker else uuid.uuid4().hex[:12]
        self._shown: Sequence[Shown] = ()
        self._watcher = Silent()
        self._distributes = False
        self._elsewhere: set[Path] = set()
        self._unfinished = Unfinished(None if self._is_worker else getattr(config, "cache", None))

    def pytest_report_header(self) -> str:
        """Say what is measured on."""
        devices = ", ".join(self._settings.devices)
        return f"harness: {devices}; protocol {self._settings.protocol}; runs in {self._settings.results}"

    @cached_property
    def _measuring(self) -> "Measuring":
        from harness.pytest_plugin.measuring import Measuring

        self._watcher = watch(self._config)
        return Measuring(
            self._settings,
            session=self._id,
            watcher=self._watcher,
            waiting=self._watcher.waiting,
            shared=self._is_worker,
            resume=bool(self._config.getoption("lf", default=False)),
        )

    @cached_property
    def _judging(self) -> "Judging":
        from harness.pytest_plugin.judging import Judging

        try:
            return Judging(self._settings)
        except FileError as error:
            raise pytest.UsageError(f"--baseline: {error}") from error

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Take YAML files in a folder `suites`, and those named on the command line."""
        if file_path.suffix not in {".yaml", ".yml"}:
            return None
        if file_path.parent.name != FOLDER and not parent.session.isinitpath(file_path):
            return None
        test = measure_case_as_benchmark if rounds.is_asked_for(self._config) else measure_case
        collected: SuiteFile = SuiteFile.from_parent(parent, path=file_path, shelf=self._shelf, test=test)
        return collected

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Spread a test of a Python suite over its cases or devices."""
        spread(metafunc, self._shelf)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self) -> None:
        """Refuse a selection of cases that selects none."""
        self._shelf.refuse_unmatched()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Plan all that was selected."""
        measured = [(item, wanted) for item in session.items if (wanted := wanted_of(item)) is not None]
        if self._config.option.collectonly or not measured:
            return
        self._judging  # noqa: B018  it looks for the baseline before this session makes a run
        self._config.stash[MEASURING] = self._measuring
        self._measuring.plan_for(
            [
                wanted
                for item, wanted in measured
                if "bench" in getattr(item, "fixturenames", ()) and not _alone(item)
            ]
        )
        self._unfinished.expect(item.nodeid for item, _ in measured)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Read the marks of a test before it is measured, and give pytest-benchmark the device's clock."""
        fault = ""
        try:
            self._judging.read(item)
        except FileError as error:
            fault = str(error)
        if fault:  # outside of the handler, or pytest tells both
            pytest.fail(fault, pytrace=False)
        rounds.set_clock(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Judge what a test measured, once its function has passed."""
        try:
            result = yield
        finally:
            cycling = pyfuncitem.stash.get(CYCLING, None)
            if cycling is not None:
                cycling.close()
            self._watcher.rest()
        self._judging.judge(pyfuncitem, pyfuncitem.stash.get(MEASURED, None))
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Tell a bench that misbehaved from a case that failed, and give the sentence without a traceback."""
        report = yield
        error = call.excinfo.value if call.excinfo is not None else None
        if report.failed and isinstance(error, HarnessError):
            from harness.pytest_plugin.judging import is_error

            report.longrepr = str(error)
            if report.when == "call" and is_error(error):
                report.when = "setup"  # what pytest and JUnit call an error
        elif report.skipped and report.when == "call" and wanted_of(item) is not None:
            path, line, _ = item.reportinfo()
            report.longrepr = (str(path), (line or 0) + 1, f"Skipped: {error}")
        if self._is_worker and report.when == "teardown" and "_measuring" in vars(self):
            setattr(report, _RUNS, [str(path) for path in self._measuring.paths()])
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Let others have the device where the next test does not need it.

        Under pytest-xdist a worker may wait between two tests for as long as another one works, so there the
        device is given back after each.
        """
        result = yield
        wanted, then = wanted_of(item), wanted_of(nextitem) if nextitem is not None else None
        if wanted is not None:
            stays = then is not None and then.case.device.id == wanted.case.device.id
            if self._is_worker or not stays:
                self._measuring.leave(wanted.case.device)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the list of failed tests true, and know the runs of other processes."""
        self._elsewhere.update(map(Path, getattr(report, _RUNS, ())))
        if report.failed or report.skipped or report.when == "call":
            self._unfinished.done(report.nodeid, failed=report.failed)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """End the runs and write their reports."""
        if "_measuring" not in vars(self) and not self._distributes:
            return
        self._watcher.rest()
        self._measuring.join(self._elsewhere)
        self._measuring.close(last=not self._is_worker)
        if self._is_worker:
            return
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            self._unfinished.keep()
        from harness.pytest_plugin.summary import write_reports

        self._shown = write_reports(
            [path for path, _ in self._measuring.session_runs()],
            self._settings.reports,
            self._settings.objectives,
        )

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the fronts, the verdicts and where the reports lie."""
        if self._shown:
            from harness.pytest_plugin.summary import print_shown

            width = self._config.get_terminal_writer().fullwidth
            print_shown(self._shown, terminalreporter, width=width, brief=self._config.get_verbosity() < 0)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker of pytest-xdist the id of the session."""
        node.workerinput["harness_session"] = self._id
        self._distributes = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object:
        """Keep the tests of a device on one worker."""
        if config.getoption("dist", "no") not in _SCATTERING:
            return None
        from harness.pytest_plugin.scheduling import DeviceScheduling

        return DeviceScheduling(config, log, [device.id for device in self._shelf.devices()])

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_machine_info(self, machine_info: dict[str, Any]) -> None:
        """Name the devices in pytest-benchmark's files."""
        machine_info[rounds.MACHINE] = rounds.machine(self._shelf.devices())

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_benchmark_compare_machine_info(
        self, machine_info: Mapping[str, Any], compared_benchmark: Mapping[str, Any]
    ) -> None:
        """Refuse to compare times of different devices."""
        rounds.refuse_other_devices(machine_info, compared_benchmark.get("machine_info", {}))

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_json(self, output_json: Mapping[str, Any]) -> None:
        """Check that every time of a device is from its own clock."""
        try:
            rounds.check_timers(output_json["benchmarks"])
        except MeasurementError as error:
            raise pytest.UsageError(str(error)) from error


def _alone(item: pytest.Item) -> bool:
    """The mark says that the test brings its own input or verdict, so that no shared run is to hold its case."""
    mark = item.get_closest_marker("cases")
    return mark is not None and bool(mark.kwargs.get("alone"))
