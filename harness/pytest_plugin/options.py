"""This module holds the options of the pytest plugin: on the command line, in the ini file, as one frozen value.

Each option has a name that begins with `--harness-` and cannot clash. The short names that people use, such as
`--device`, are words other test suites use as well: they are declared last and only where they are free.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

WAIT_S = 600.0
"""How long a test waits for a device that another process holds, where nothing is said."""

MARGINS = ("accuracy 1 pp", "energy 5 %", "latency_p99 10 %")
"""What a case may be worse than in the baseline run, where nothing is said."""

_INI = {
    "harness_device": (
        "linelist",
        "devices to measure on, one a line: names, or paths relative to the ini file",
    ),
    "harness_select": ("linelist", "patterns over ids of cases, one a line"),
    "harness_protocol": ("string", "standard, quick or full"),
    "harness_results": (
        "string",
        "folder of the runs, relative to the ini file [results in the current folder]",
    ),
    "harness_report": ("string", "folder of the reports, likewise [reports in the current folder]"),
    "harness_limit": ("linelist", "limits that replace those of YAML suites, one a line"),
    "harness_objective": (
        "linelist",
        "quantities of the front that is shown, in place of the suite's or the usual three, one a line",
    ),
    "harness_baseline": ("string", "run that cases must not be worse than"),
    "harness_margins": ("linelist", f"by how much they may be worse, one a line [{', '.join(MARGINS)}]"),
    "harness_wait": ("string", f"seconds to wait for a device held by another process [{WAIT_S:g}]"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    short: str
    long: str
    dest: str
    attributes: Mapping[str, Any]


def _option(short: str, long: str, **attributes: Any) -> _Option:
    return _Option(
        short=short, long=long, dest=long[2:].replace("-", "_"), attributes={"default": None, **attributes}
    )


_OPTIONS = (
    _option(
        "--device",
        "--harness-device",
        action="append",
        metavar="ID|FILE",
        help="Measure suites on this device; may be repeated.",
    ),
    _option(
        "--suite-select",
        "--harness-select",
        action="append",
        metavar="GLOB",
        help="Only cases whose id matches, such as '*/int8'; may be repeated.",
    ),
    _option(
        "--quick", "--harness-quick", action="store_true", help="The suite's quick protocol: one sitting."
    ),
    _option("--full", "--harness-full", action="store_true", help="The suite's full protocol: hours."),
    _option("--results", "--harness-results", metavar="DIR", help="Where runs are kept. [results]"),
    _option(
        "--limit",
        "--harness-limit",
        action="append",
        metavar="EXPR",
        help="Such as 'latency_p99_s < 0.150'; replaces those of YAML suites; may be repeated.",
    ),
    _option(
        "--objective",
        "--harness-objective",
        action="append",
        metavar="QUANTITY",
        help="What the front shown is made of, in place of the suite's or the usual three; may be repeated.",
    ),
    _option(
        "--baseline", "--harness-baseline", metavar="RUN", help="Cases must not be worse than in this run."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked for.

    Attributes:
        devices: names or paths; none where the plugin is not used.
        selections: patterns over ids of cases; none for all.
        protocol: `standard`, `quick` or `full`.
        results, reports: folders.
        limits: as text; None for those of the suites.
        objectives: of the front that is shown; None for those of the suite, or the usual ones.
        baseline: name or path of a run; None for no comparison.
        margins: what a case may be worse, as text: a quantity and an amount.
        wait_s: how long a held device is waited for.
    """

    devices: Sequence[str]
    selections: Sequence[str]
    protocol: str
    results: Path
    reports: Path
    limits: Sequence[str] | None
    objectives: Sequence[str] | None
    baseline: str | None
    margins: Sequence[str]
    wait_s: float


def add_options(parser: pytest.Parser) -> None:
    """Declare the long names and the ini keys."""
    group = parser.getgroup("harness", "latency, power and accuracy of the same inference cycle")
    for option in _OPTIONS:
        group.addoption(option.long, dest=option.dest, **option.attributes)
    group.addoption(
        "--harness-report",
        dest="harness_report",
        default=None,
        metavar="DIR",
        help="Where reports go. [reports]",
    )
    group.addoption(
        "--harness-wait",
        dest="harness_wait",
        default=None,
        metavar="SECONDS",
        help=f"How long to wait for a device that another process holds. [{WAIT_S:g}]",
    )
    for name, (kind, meaning) in _INI.items():
        parser.addini(name, meaning, type=kind, default=[] if kind == "linelist" else "")  # type: ignore[arg-type]


def add_short_options(parser: pytest.Parser) -> None:
    """Declare the short names that are free once every plugin and conftest has declared its own."""
    group = parser.getgroup("harness")
    for option in _OPTIONS:
        if _is_free(parser, option.short):
            group.addoption(option.short, dest=option.dest, **option.attributes)


def _is_free(parser: pytest.Parser, name: str) -> bool:
    try:
        unknown = parser.parse_known_and_unknown_args([name])[1]
    except (pytest.UsageError, SystemExit):  # known, and it takes a value
        return False
    return name in unknown


def read_settings(config: pytest.Config) -> Settings:
    """The options, and the ini keys where an option is not given.

    Raises:
        pytest.UsageError: options that exclude each other, or a value that cannot be.
    """
    return Settings(
        devices=_many(config, "harness_device") or _ini_paths(config, "harness_device"),
        selections=_many(config, "harness_select") or config.getini("harness_select"),
        protocol=_protocol(config),
        results=_folder(config, "harness_results", "results"),
        reports=_folder(config, "harness_report", "reports"),
        limits=_many(config, "harness_limit") or config.getini("harness_limit") or None,
        objectives=_objectives(config),
        baseline=config.getoption("harness_baseline", None) or config.getini("harness_baseline") or None,
        margins=config.getini("harness_margins") or MARGINS,
        wait_s=_wait_s(config),
    )


def _many(config: pytest.Config, name: str) -> Sequence[str]:
    return tuple(config.getoption(name, None) or ())


def _objectives(config: pytest.Config) -> Sequence[str] | None:
    names = _many(config, "harness_objective") or config.getini("harness_objective") or None
    if names is not None:
        from harness.errors import FileError  # sessions that do not measure load none of it
        from harness.judging.objectives import refuse_objectives

        try:
            refuse_objectives(names)
        except FileError as error:
            raise pytest.UsageError(f"--harness-objective: {error}") from error
    return names


def _ini_paths(config: pytest.Config, name: str) -> Sequence[str]:
    """Entries of an ini key; what is a path there is relative to the ini file."""
    entries = config.getini(name)
    return tuple(str(_ini_folder(config) / entry) if "/" in entry else entry for entry in entries)


def _ini_folder(config: pytest.Config) -> Path:
    return config.inipath.parent if config.inipath else config.invocation_params.dir


def _folder(config: pytest.Config, name: str, default: str) -> Path:
    given, in_ini = config.getoption(name, None), config.getini(name)
    if not given and in_ini:
        return _ini_folder(config) / str(in_ini)
    return Path(config.invocation_params.dir, given or default)


def _protocol(config: pytest.Config) -> str:
    quick, full = (bool(config.getoption(name, None)) for name in ("harness_quick", "harness_full"))
    if quick and full:
        raise pytest.UsageError("--quick and --full exclude each other; give one of them")
    if quick or full:
        return "quick" if quick else "full"
    protocol = str(config.getini("harness_protocol") or "standard")
    if protocol not in {"standard", "quick", "full"}:
        raise pytest.UsageError(f"harness_protocol: found {protocol!r}, expected standard, quick or full")
    return protocol


def _wait_s(config: pytest.Config) -> float:
    text = config.getoption("harness_wait", None) or config.getini("harness_wait") or str(WAIT_S)
    try:
        wait_s = float(text)
    except ValueError:
        wait_s = -1.0
    if not 0 <= wait_s < float("inf"):
        raise pytest.UsageError(f"--harness-wait: found {text!r}, expected seconds from 0")
    return wait_s
