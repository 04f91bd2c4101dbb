"""This module collects suites: a YAML suite gives one test a case, a Python suite is spread over its cases.

Collecting reads the YAML files of devices and suites, and nothing else: no data, no model, no engine, no device.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from harness.catalog import load_device, load_suite
from harness.errors import FileError
from harness.names import hint
from harness.plan import Case, all_cases
from harness.profile import Device, Origin
from harness.pytest_plugin.marks import cases_mark
from harness.pytest_plugin.options import Settings
from harness.quantities import parse_limit
from harness.suite import Protocol, Suite

FOLDER = "suites"
"""YAML files in a folder of this name are suites; others are when they are named on the command line."""

SLOW_S = 10.0
"""A case whose protocol alone asks for more than this is marked `slow`."""

MARKS = (
    "device(id): runs on this device of the harness",
    "engine(id): runs on this engine",
    "precision(id): runs a model of this nominal precision",
    "slow: the protocol asks for more than ten seconds a case",
    "hardware: touches a device beyond this machine, or a real meter",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One case that a test measures.

    Attributes:
        suite: as its file says, with the limits of the command line.
        case: the case.
    """

    suite: Suite
    case: Case


@dataclass(slots=True)
class Shelf:
    """Devices and suites of one session, each read once.

    Attributes:
        settings: what was asked for.
        matched: patterns of `--suite-select` that a case matched.
    """

    settings: Settings
    matched: set[str] = field(default_factory=set)
    _devices: list[Device] = field(default_factory=list)
    _suites: dict[str, Suite] = field(default_factory=dict)

    def devices(self) -> Sequence[Device]:
        """The devices named; raises `FileError` where one cannot be read."""
        if not self._devices:
            self._devices = [load_device(name) for name in dict.fromkeys(self.settings.devices)]
        return self._devices

    def suite(self, name: str | Path) -> Suite:
        """A suite by name or path, with the limits asked for; raises `FileError` where one cannot be read."""
        if str(name) not in self._suites:
            suite = load_suite(name)
            if self.settings.limits is not None:
                suite = replace(suite, limits=tuple(parse_limit(text) for text in self.settings.limits))
            self._suites[str(name)] = suite
        return self._suites[str(name)]

    def wanted(self, suite: Suite, globs: Sequence[str] = ()) -> Iterator[Wanted]:
        """The cases of a suite on the devices, in the order of the plan, that match both selections."""
        for device in self.devices():
            for case in all_cases(suite, device):
                fitting = [glob for glob in self.settings.selections if fnmatchcase(case.id, glob)]
                self.matched.update(fitting)
                if self.settings.selections and not fitting:
                    continue
                if not globs or any(fnmatchcase(case.id, glob) for glob in globs):
                    yield Wanted(suite=suite, case=case)

    def marks(self, wanted: Wanted) -> Iterator[pytest.MarkDecorator]:
        """What `-m` can select a case by."""
        device, case = wanted.case.device, wanted.case
        yield pytest.mark.device(device.id, id=device.id)
        yield pytest.mark.engine(case.engine.id, id=case.engine.id)
        yield pytest.mark.precision(case.precision, id=case.precision)
        if device.connection != "local" or (
            device.meter is not None and device.meter.origin is Origin.MEASURED
        ):
            yield pytest.mark.hardware
        if _asks_for_s(wanted.suite.protocols[self.settings.protocol]) > SLOW_S:
            yield pytest.mark.slow

    def must_match(self, suite: Suite, globs: Sequence[str], place: str) -> None:
        """Refuse a pattern of a mark that matches no case of its suite.

        Raises:
            FileError: the nearest ids are told.
        """
        ids = [case.id for device in self.devices() for case in all_cases(suite, device)]
        for glob in globs:
            if not any(fnmatchcase(each, glob) for each in ids):
                raise FileError(f"{place}: cases: {glob}: matches no case of {suite.id}; {hint(glob, ids)}")

    def refuse_unmatched(self) -> None:
        """Refuse patterns that no collected case matched.

        Raises:
            pytest.UsageError: there are some; the nearest ids are told.
        """
        unmatched = [glob for glob in self.settings.selections if glob not in self.matched]
        if unmatched and self._suites:
            ids = [
                case.id
                for suite in self._suites.values()
                for each in self._devices
                for case in all_cases(suite, each)
            ]
            raise pytest.UsageError(
                *(f"--suite-select {glob}: matches no case; {hint(glob, ids)}" for glob in unmatched)
            )


def _asks_for_s(protocol: Protocol) -> float:
    """How long a case lasts at least by its protocol; where that counts the items, the data is not asked."""
    sittings = protocol.sittings if protocol.items_per_sitting == "all" else 1
    windows_s = sittings * (protocol.items or 0) * protocol.window_s
    around_s = protocol.cooldown_s + protocol.warmup_s + 2 * protocol.idle_s
    return protocol.sittings * around_s + max(protocol.sittings * protocol.block_s, windows_s)


_NONE_SELECTED = pytest.param(
    None, id="none", marks=pytest.mark.skip(reason="--suite-select leaves none of its cases")
)


class SuiteFile(pytest.File):
    """A YAML suite."""

    def __init__(self, *, shelf: Shelf, test: Callable[..., None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._shelf = shelf
        self._test = test

    def collect(self) -> Iterator[pytest.Item]:
        """One test a case."""
        try:
            for wanted in self._shelf.wanted(self._shelf.suite(self.path)):
                item = CaseItem.from_parent(self, wanted=wanted, callobj=self._test)
                for mark in self._shelf.marks(wanted):
                    item.add_marker(mark)
                yield item
        except FileError as error:
            raise self.CollectError(str(error)) from error


class CaseItem(pytest.Function):
    """A case of a YAML suite; its name is the id of the case, as in the plan."""

    def __init__(
        self, *, wanted: Wanted, parent: pytest.Collector, callobj: Callable[..., None], **_: Any
    ) -> None:
        super().__init__(name=wanted.case.id, parent=parent, callobj=callobj)
        self.wanted = wanted

    def reportinfo(self) -> tuple[Path, int, str]:
        """The suite's file stands for the place of the test."""
        return self.path, 0, self.name


def wanted_of(item: pytest.Item) -> Wanted | None:
    """The case a test measures; None for a test that measures none."""
    if isinstance(item, CaseItem):
        return item.wanted
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get("harness_case") if callspec is not None else None
    return found if isinstance(found, Wanted) else None


def spread(metafunc: pytest.Metafunc, shelf: Shelf) -> None:
    """Run a test of a Python suite once for each case of its mark, or once on each device."""
    mark = metafunc.definition.get_closest_marker("cases")
    place = metafunc.definition.nodeid
    try:
        if "harness_case" in metafunc.fixturenames:
            asked = cases_mark(mark, place)
            suite = shelf.suite(_beside(metafunc, asked.suite))
            shelf.must_match(suite, asked.globs, place)
            wanted = list(shelf.wanted(suite, asked.globs))
            cases = [pytest.param(each, id=each.case.id, marks=list(shelf.marks(each))) for each in wanted]
            metafunc.parametrize("harness_case", cases or [_NONE_SELECTED], indirect=True)
        elif "device" in metafunc.fixturenames:
            devices = shelf.devices()
            metafunc.parametrize("device", devices, ids=[device.id for device in devices], indirect=True)
    except FileError as error:
        fault = str(error)
    else:
        return
    pytest.fail(fault, pytrace=False)  # outside of the handler, or pytest tells both


def _beside(metafunc: pytest.Metafunc, name: str) -> str:
    """A path in a mark is relative to the file of the test."""
    return (
        str(metafunc.definition.path.parent / name)
        if "/" in name or name.endswith((".yaml", ".yml"))
        else name
    )
