"""This module checks what a good measurement needs on this machine, and says what to do about the rest."""

import json
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

from harness.environment import read_environment
from harness.errors import BenchError
from harness.findings import Finding

NEEDED = ("onnxruntime", "numpy", "smbus2", "pyserial", "pandas", "pyarrow", "matplotlib", "moocore")


def print_checkup(results: Path, *, as_json: bool) -> None:
    """Print every finding.

    Raises:
        BenchError: one of them is in the way of measuring at all.
    """
    findings = list(check(results))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            typer.echo(str(finding))
    bad = [finding.what for finding in findings if finding.ok is False]
    if bad:
        raise BenchError(f"in the way of measuring: {', '.join(bad)}")


def check(results: Path) -> Iterator[Finding]:
    """Look at Python, packages, engine, place for results, processors, governor, buses."""
    yield Finding(what="python", ok=True, found=f"{platform.python_version()} on {platform.platform()}")
    yield from _packages()
    yield _engine()
    yield _place(results)
    yield from _processors()
    yield _buses(sorted(Path("/dev").glob("i2c-*")))


def _packages() -> Iterator[Finding]:
    for name in NEEDED:
        try:
            yield Finding(what=name, ok=True, found=version(name))
        except PackageNotFoundError:
            advice = "install again: pip install --force-reinstall pareto-harness"
            yield Finding(what=name, ok=False, found="not installed", advice=advice)


def _engine() -> Finding:
    try:
        import onnxruntime
    except ImportError as error:
        return Finding(what="engine onnxruntime", ok=False, found=str(error), advice="install onnxruntime")
    providers = ", ".join(onnxruntime.get_available_providers())
    return Finding(what="engine onnxruntime", ok=True, found=f"providers {providers}")


def _place(results: Path) -> Finding:
    existing = next(path for path in (results, *results.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Finding(
            what="results",
            ok=False,
            found=f"{results}: {error.strerror}",
            advice="name a folder you may write with --results",
        )
    space = os.statvfs(existing)
    free_bytes = space.f_bavail * space.f_frsize
    enough = free_bytes > 200e6
    return Finding(
        what="results",
        ok=enough,
        found=f"{results}: {free_bytes / 1e9:.1f} GB free",
        advice="" if enough else "a full run needs about 200 MB: free some space",
    )


def _processors() -> Iterator[Finding]:
    count = len(os.sched_getaffinity(0))
    yield Finding(
        what="processors",
        ok=True if count > 1 else None,
        found=str(count),
        advice="" if count > 1 else "sampler and worker share the only one; more cycles will be void",
    )
    environment = read_environment()
    governor = environment.get("governor")
    if governor:
        steady = governor == ["performance"]
        advice = (
            "" if steady else "clocks will move; for steady figures: cpupower frequency-set -g performance"
        )
        yield Finding(what="governor", ok=True if steady else None, found=", ".join(governor), advice=advice)
    else:
        yield Finding(what="governor", ok=None, found="this machine does not tell")
    yield find_load()


def find_load() -> Finding:
    """Whether other work leaves this machine the processors that worker and sampler need."""
    count = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    busy = load > 0.5 * count
    advice = "other work disturbs latencies; wait or stop it" if busy else ""
    found = f"{load:.2f} over 1 min on {count} processor{'s' * (count != 1)}"
    return Finding(what="load", ok=None if busy else True, found=found, advice=advice)


def _buses(paths: Sequence[Path]) -> Finding:
    if not paths:
        return Finding(
            what="i2c buses",
            ok=None,
            found="none",
            advice="without one, power on this machine is simulated (device host) or absent",
        )
    closed = [str(path) for path in paths if not os.access(path, os.R_OK | os.W_OK)]
    return Finding(
        what="i2c buses",
        ok=None if closed else True,
        found=", ".join(map(str, paths)),
        advice=f"no right to open {', '.join(closed)}: add this user to the group i2c" if closed else "",
    )
