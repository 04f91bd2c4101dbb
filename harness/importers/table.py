"""This module imports a CSV table of cases by a map that says what its columns mean.

Nothing is guessed: a row whose parts are not found, a cell that is no number and a case that stands twice with
other figures are faults, each told with its line. An empty cell is an absent figure.
"""

import csv
import hashlib
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import FileError
from harness.importers import Source
from harness.mapping import Rule, TableMap
from harness.names import ID, hint
from harness.quantities import why_impossible
from harness.record import ImportedCase

SIZE_LIMIT_BYTES = 64 << 20
"""Of a table; a million rows of this kind are about as much."""

TOLD = 20
"""Faults of a table that are told; the rest is counted."""

IDENTITY = 0.05
"""Energy may differ by this share from mean power times mean latency before it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a table says.

    Attributes:
        source: where it is from.
        cases: in the order of the rows.
        notes: sentences on rows that were left out and figures that do not agree among themselves.
    """

    source: Source
    cases: Sequence[ImportedCase]
    notes: Sequence[str]


def read_cases(path: Path, mapping: TableMap) -> Table:
    """Read a table.

    Raises:
        FileError: with the faults of the table, each with its line.
    """
    content = _read(path)
    rows = _rows(path, content, mapping)
    cases: dict[str, ImportedCase] = {}
    faults: list[str] = []
    notes: list[str] = []
    left_out = 0
    for line, row in rows:
        if not all(re.search(rule.pattern, row[rule.column]) for rule in mapping.rows):
            left_out += 1
            continue
        case, wrong = _case(line, row, mapping)
        faults += [f"{path}: line {line}: {fault}" for fault in wrong]
        known = cases.get(case.case)
        if known is None:
            cases[case.case] = case
            notes += _disagreement(case)
        elif known.figures == case.figures:
            notes.append(f"line {line} says the same of {case.case} as {known.place}; it is taken once")
        elif not wrong:
            faults.append(
                f"{path}: line {line}: {case.case} stands in {known.place} with other figures; "
                "tell them apart in the map"
            )
    if left_out:
        notes.append(f"{left_out} rows are left out by `rows` of the map")
    if faults:
        more = [f"{path}: {len(faults) - TOLD} more faults"] if len(faults) > TOLD else []
        raise FileError(*faults[:TOLD], *more)
    if not cases:
        raise FileError(f"{path}: holds no row that is taken; look at `rows` of {mapping.path}")
    files = {path.name: hashlib.sha256(content).hexdigest(), mapping.path.name: mapping.sha256}
    source = Source(
        id=mapping.id,
        title=mapping.title,
        files=files,
        facts={"source": mapping.source, "licence": mapping.licence, "notes": notes},
        objectives=mapping.objectives,
        limits=mapping.limits,
    )
    return Table(source=source, cases=list(cases.values()), notes=notes)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(SIZE_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path}: cannot be read: {reason}; check the path") from error
    if len(content) > SIZE_LIMIT_BYTES:
        raise FileError(f"{path}: is larger than {SIZE_LIMIT_BYTES} bytes; split it")
    return content


def _rows(path: Path, content: bytes, mapping: TableMap) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line and cells by column of each row.

    Raises:
        FileError: it is no such table, or a column the map names is missing.
    """
    try:
        text = content.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=mapping.delimiter, strict=True)
        heads = next(reader, [])
        _check_heads(path, heads, mapping)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(heads):
                raise FileError(
                    f"{path}: line {reader.line_num}: found {len(cells)} cells, "
                    f"expected {len(heads)} as in the first line"
                )
            yield reader.line_num, dict(zip(heads, cells, strict=True))
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except csv.Error as error:
        raise FileError(f"{path}: is not CSV (RFC 4180): {error}") from error


def _check_heads(path: Path, heads: Sequence[str], mapping: TableMap) -> None:
    twice = sorted({head for head in heads if heads.count(head) > 1})
    if twice:
        raise FileError(f"{path}: line 1: the column {twice[0]!r:.60} stands twice; name each once")
    rules = [*mapping.rows, *(rule for rules in mapping.parts.values() for rule in rules)]
    wanted = [rule.column for rule in rules if rule.column] + [
        column.name for column in mapping.figures.values()
    ]
    missing = [name for name in dict.fromkeys(wanted) if name not in heads]
    if missing:
        raise FileError(
            *(f"{mapping.path}: {path} has no column {name}; {hint(name, heads)}" for name in missing)
        )


def _case(line: int, row: Mapping[str, str], mapping: TableMap) -> tuple[ImportedCase, list[str]]:
    faults: list[str] = []
    parts = {name: _part(name, rules, row, faults) for name, rules in mapping.parts.items()}
    figures: dict[str, float] = {}
    for quantity, column in mapping.figures.items():
        cell = row[column.name].strip()
        try:
            value = float(cell) if cell else math.nan
        except ValueError:
            value = math.inf
        if math.isfinite(value):
            figures[quantity] = value * column.factor
            if wanted := why_impossible(quantity, figures[quantity]):
                faults.append(
                    f"{column.name}: found {cell!r:.40}, which as {quantity} is {figures[quantity]:g}, expected "
                    f"{wanted.partition(';')[0]}; is the unit of the map right?"
                )
        elif cell:
            faults.append(f"{column.name}: found {cell!r:.40}, expected a number or an empty cell")
    case = ImportedCase(
        case="/".join(parts[name] for name in ("device", "engine", "model", "precision")),
        board=parts.get("board", ""),
        figures=figures,
        place=f"line {line}",
    )
    return case, faults


def _part(name: str, rules: Sequence[Rule], row: Mapping[str, str], faults: list[str]) -> str:
    """The part of an id by the first rule that matches."""
    for rule in rules:
        cell = row[rule.column].strip() if rule.column else ""
        match = re.search(rule.pattern or r"(?s)^.*$", cell)
        if match is None:
            continue
        try:
            found = match.expand(rule.value) if rule.value else match[1] if match.re.groups else match[0]
        except (re.error, IndexError) as error:
            faults.append(
                f"{name}: the value {rule.value!r:.40} of the map names a group that is not there: {error}"
            )
            return ""
        if re.fullmatch(ID, found or ""):
            return str(found)
        faults.append(
            f"{name}: found {found!r:.40}, expected letters, digits and . _ + - beginning with one of the first"
        )
        return ""
    looked = ", ".join(dict.fromkeys(repr(row[rule.column])[:40] for rule in rules if rule.column))
    faults.append(f"{name}: no rule of the map matches {looked}")
    return ""


def _disagreement(case: ImportedCase) -> list[str]:
    """Energy is mean power times mean duration; where a row says otherwise its reader must know."""
    names = ("energy_per_inference_j", "power_mean_w", "latency_mean_s")
    energy_j, power_w, latency_s = (case.figures.get(name) for name in names)
    if not energy_j or not power_w or not latency_s:
        return []
    ratio = energy_j / (power_w * latency_s)
    if abs(ratio - 1) <= IDENTITY:
        return []
    return [
        f"{case.place}: the energy of {case.case} is {ratio:.3g} times its mean power times its mean latency"
    ]
