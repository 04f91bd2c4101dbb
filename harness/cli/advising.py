"""This module advises on a model for a board, and imports foreign tables, from the command line."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from harness.advise import Advice, advise, lone_model
from harness.catalog import load_board, load_device, suites
from harness.claims import Claim
from harness.errors import FileError
from harness.importers import keep
from harness.importers.table import read_cases
from harness.judging.cases import CaseResult, case_results
from harness.names import hint
from harness.profile import Board
from harness.quantities import ABSENT, counted, print_value
from harness.registry import known_engines
from harness.roofline import CALL_S, Roof
from harness.schema import read_map
from harness.store import read_run, runs
from harness.suite import Limit, Model, Suite

NOT_SERVED = "no engine of this version"

LOOKED_AT = 50
"""Newest runs that are looked through for measured figures."""


def print_advice(model: str, device: str, *, results: Path, as_json: bool) -> None:
    """Advise on a model for a device or a board and print it.

    Args:
        model: id of a model of a known suite, or path of an ONNX file.
        device: name or path of a device, or name of a board.
        results: where earlier runs are looked for.
        as_json: print JSON.

    Raises:
        FileError: there is no such model or device, or the file cannot be counted.
    """
    found, limits = _model(model)
    board, device_id = _board(device)
    measured = _measured(found, board, device_id, results)
    advice = advise(found, board, measured, limits, served=known_engines())
    if as_json:
        typer.echo(json.dumps(_as_data(advice), indent=2, allow_nan=False))
        return
    for line in _lines(advice):
        typer.echo("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line))


def import_table(path: Path, mapping: Path, *, results: Path) -> None:
    """Import a CSV table as a run, print what must be known of it and its path.

    Raises:
        FileError: the table or its map is wrong.
    """
    table = read_cases(path, read_map(mapping))
    for note in table.notes:
        typer.echo(f"note: {note}")
    typer.echo(
        f"{counted(len(table.cases), 'case')} of origin imported; source: {table.source.facts['source']}"
    )
    typer.echo(str(keep(results, table.source, table.cases)))


def _model(name: str) -> tuple[Model, Sequence[Limit]]:
    if "/" in name or name.endswith(".onnx"):
        return lone_model(Path(name)), ()
    known = {
        model.id: (model, suite.limits)
        for suite in suites()
        if isinstance(suite, Suite)
        for model in suite.models
    }
    if name not in known:
        raise FileError(f"{name}: is no model of a suite and no path of an .onnx file; {hint(name, known)}")
    return known[name]


def _board(name: str) -> tuple[Board, str | None]:
    """The board, and the device's id where a device was named."""
    try:
        device = load_device(name)
    except FileError as no_device:
        try:
            return load_board(name), None
        except FileError:
            raise no_device from None
    return device.board, device.id


def _measured(model: Model, board: Board, device_id: str | None, results: Path) -> list[CaseResult]:
    """The newest figures of each case of these very files, on that device or, of a board, on any."""
    digests = {artefact.sha256 for artefact in model.artefacts}
    found: dict[str, CaseResult] = {}
    for entry in runs(results)[:LOOKED_AT]:
        if entry.start is None or entry.status == "running":
            continue
        on_board = entry.start.device.get("board")
        if not isinstance(on_board, dict) or on_board.get("id") != board.id:
            continue
        if device_id is not None and entry.start.device.get("id") != device_id:
            continue
        endings = {
            f"/{each.get('id')}/{artefact.get('precision')}"
            for each in entry.start.suite.get("models") or ()
            for artefact in each.get("artefacts") or ()
            if artefact.get("sha256") in digests
        }
        wanted = {case for case in entry.start.cases if any(case.endswith(ending) for ending in endings)}
        if not wanted - found.keys():
            continue
        for case in case_results(read_run(entry.path)):
            if case.case in wanted and case.estimate("latency_p50_s").value is not None:
                found.setdefault(case.case, case)
    return list(found.values())


def _lines(advice: Advice) -> Iterator[str]:
    work = advice.work
    yield f"{advice.model} on {advice.board.title}: advice before measuring, from the file and published facts"
    yield (
        f"{work.macs} multiply-accumulates, {print_value('memory_peak_bytes', work.weight_bytes)} of weights, "
        f"{print_value('memory_peak_bytes', work.peak_bytes)} of activations at once"
    )
    yield f"engine: {advice.engine}. {advice.why}."
    if advice.measured_with != advice.engine:
        ours = advice.measured_with
        yield f"{advice.engine} is {NOT_SERVED}; " + (f"measure with {ours}" if ours else "measure by hand")
    for engine, shapes in advice.shapes.items():
        yield f"open dimensions {', '.join(work.dynamic)} in {engine}: {shapes}"
    for precision, quantised in advice.quantised.items():
        yield f"the {precision} file holds {quantised}"
    yield "what can run:"
    for option in advice.options:
        note = f" ({option.note})" if option.note else ""
        served = "" if option.served else f"; {NOT_SERVED}"
        yield f"  {option.engine:13} {option.precision:5} {option.ability}{note}{served}"
    yield "ESTIMATED, at the published peak and bandwidth; most are far slower, what stays in caches may be faster:"
    for roof in advice.roofs:
        yield from _roof_lines(roof)
    if advice.parameters:
        yield f"parameters: {advice.parameters}"
    for each in advice.measured:
        case = each.case
        figures = [
            print_value(name, case.estimate(name).value)
            for name in ("latency_p50_s", "energy_per_inference_j")
        ]
        ratio = (
            "no estimate to compare with"
            if each.latency_ratio is None
            else f"{each.latency_ratio[0]:.3g} to {each.latency_ratio[1]:.3g} times the estimate"
        )
        rate = "" if each.macs_per_s is None else f", {each.macs_per_s:.3g} multiply-accumulates/s"
        yield (
            f"measured: {case.case}: p50 {figures[0]}, energy {figures[1]} "
            f"({case.origin or 'no meter'}), {ratio}{rate}, run {case.run}"
        )
    if not advice.measured:
        yield "measured: nothing yet"
    for step in advice.next_steps:
        yield f"next: {step}"


def _roof_lines(roof: Roof) -> Iterator[str]:
    memory = print_value("memory_peak_bytes", roof.memory_bytes)
    scaled = ", weights scaled for want of a file" if roof.scaled else ""
    yield f"  {roof.precision}: memory {memory}{scaled}; fits: {roof.fits} ({roof.fits_why})"
    yield f"    latency {_latency(roof)}"
    yield f"    energy {_energy(roof)}"


def _latency(roof: Roof) -> str:
    """An estimate below what a call into an engine takes is only a bound."""
    call, claim = f"below {CALL_S * 1e6:g} \N{MICRO SIGN}s", roof.latency_s
    if roof.below_call:
        return f"{call}: calling the engine takes longer ({_sources(claim)})"
    if claim.least is not None and claim.least < CALL_S:
        return f"{call} to {print_value('latency_p50_s', claim.greatest)} ({_sources(claim)})"
    return _claim("latency_p50_s", claim)


def _energy(roof: Roof) -> str:
    if roof.below_call and roof.energy_j.least is not None:
        least = print_value("energy_per_inference_j", roof.energy_j.least)
        return f"above {least}: calling the engine takes more ({_sources(roof.energy_j)})"
    return _claim("energy_per_inference_j", roof.energy_j)


def _claim(quantity: str, claim: Claim) -> str:
    if claim.least is None or claim.greatest is None:
        return f"{ABSENT}: {claim.reason}"
    ends = dict.fromkeys(print_value(quantity, value) for value in (claim.least, claim.greatest))
    return f"{' to '.join(ends)} ({_sources(claim)})"


def _sources(claim: Claim) -> str:
    return f"estimated; {'; '.join(claim.sources)}"


def _as_data(advice: Advice) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "model": advice.model,
        "board": advice.board.id,
        "work": dataclasses.asdict(advice.work),
        "engine": advice.engine,
        "why": advice.why,
        "measured_with": advice.measured_with or None,
        "shapes": dict(advice.shapes),
        "quantised": {
            precision: [
                {**dataclasses.asdict(tensor), "symmetric": tensor.symmetric} for tensor in each.tensors
            ]
            for precision, each in advice.quantised.items()
        },
        "options": [dataclasses.asdict(option) for option in advice.options],
        "estimates": [dataclasses.asdict(roof) for roof in advice.roofs],
        "parameters": advice.parameters or None,
        "measured": [
            {
                "case": each.case.case,
                "run": each.case.run,
                "origin": each.case.origin,
                "latency_p50_s": each.case.estimate("latency_p50_s").value,
                "energy_per_inference_j": each.case.estimate("energy_per_inference_j").value,
                "latency_ratio": each.latency_ratio,
                "macs_per_s": each.macs_per_s,
            }
            for each in advice.measured
        ],
        "next_steps": list(advice.next_steps),
    }
