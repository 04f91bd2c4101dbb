"""This module lists what there is to measure and to measure on."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import typer

from harness.catalog import devices, suites
from harness.errors import FileError
from harness.profile import Device, Ina226Group, Ina226Meter, Meter
from harness.store import Entry, runs
from harness.suite import Suite

T = TypeVar("T")


def list_devices(*, as_json: bool) -> None:
    """Print each device with its board, connection and meter; broken files are told at the end."""
    found, faults = _apart(devices())
    rows = [_device(device) for device in found]
    _print(rows, ("device", "board", "connection", "meter", "power", "path"), faults, as_json=as_json)


def list_suites(*, as_json: bool) -> None:
    """Print each suite with its models, precisions and engines; broken files are told at the end."""
    found, faults = _apart(suites())
    rows = [_suite(suite) for suite in found]
    _print(rows, ("suite", "models", "precisions", "engines", "path"), faults, as_json=as_json)


def list_runs(results: Path, *, as_json: bool) -> None:
    """Print each run of a results folder, newest first; unreadable ones are told at the end."""
    found = runs(results)
    rows = [_run(entry) for entry in found if entry.start is not None]
    faults = [entry.fault for entry in found if entry.fault]
    _print(rows, ("run", "status", "suite", "device", "protocol", "cases", "power"), faults, as_json=as_json)


def _run(entry: Entry) -> dict[str, str]:
    start = entry.start
    if start is None:
        return {}
    return {
        "run": entry.run,
        "status": entry.status,
        "suite": str(start.suite.get("id", "")),
        "device": str(start.device.get("id", "")),
        "protocol": str(start.protocol.get("name", "")),
        "cases": str(len(start.cases)),
        "power": start.origin or "absent",
    }


def _device(device: Device) -> dict[str, str]:
    meter = device.meter
    return {
        "device": device.id,
        "board": device.board.id,
        "connection": device.connection,
        "meter": "none" if meter is None else _meter(meter),
        "power": str(meter.origin) if meter else "absent",
        "path": str(device.path),
    }


def _meter(meter: Meter) -> str:
    at = meter.bus.path if isinstance(meter, Ina226Meter | Ina226Group) else None
    return f"{meter.kind} at {at}" if at else meter.kind


def _suite(suite: Suite) -> dict[str, str]:
    precisions = dict.fromkeys(artefact.precision for model in suite.models for artefact in model.artefacts)
    return {
        "suite": suite.id,
        "models": ", ".join(model.id for model in suite.models),
        "precisions": ", ".join(precisions),
        "engines": ", ".join(engine.id for engine in suite.engines),
        "path": str(suite.path),
    }


def _apart(items: Iterable[T | FileError]) -> tuple[list[T], list[str]]:
    found: list[T] = []
    faults: list[str] = []
    for item in items:
        if isinstance(item, FileError):
            faults.append(str(item))
        else:
            found.append(item)
    return found, faults


def _print(
    rows: Sequence[dict[str, str]], columns: Sequence[str], faults: Sequence[str], *, as_json: bool
) -> None:
    if as_json:
        typer.echo(json.dumps({"found": list(rows), "faults": list(faults)}, indent=2))
        return
    widths = {
        name: max(len(name), *(len(row[name]) for row in rows)) if rows else len(name) for name in columns
    }
    for row in ({name: name for name in columns}, *rows):
        typer.echo("  ".join(row[name].ljust(widths[name]) for name in columns).rstrip())
    for fault in faults:
        typer.echo(f"broken: {fault}", err=True)
