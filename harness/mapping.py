"""This module holds how the columns of a foreign table become cases and figures of the harness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.suite import Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    r"""How one part of a case's id is found in a row; of several rules the first that matches is taken.

    Attributes:
        column: looked at; empty for a rule that always matches.
        pattern: regular expression searched in its cell; empty matches every cell, whole.
        value: what the part is, where groups stand as `\1`; empty for the first group, or the whole match.
    """

    column: str
    pattern: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that holds a figure.

    Attributes:
        name: its head in the table.
        factor: from its unit to the SI unit of the quantity.
    """

    name: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMap:
    """What a table of cases means: `MAP.yaml`.

    Attributes:
        id, title: of the run the table becomes.
        source: where the table is from; it stands beside every figure.
        licence: of the table.
        delimiter: between cells.
        parts: `device`, `engine`, `model` and `precision`, and `board` where the table tells it, with their rules.
        figures: quantity to its column.
        rows: all must match, or the row is left out; none for every row.
        objectives: of a front over these cases.
        limits: hard limits.
        path, sha256: the file and its digest.
    """

    id: str
    title: str
    source: str
    licence: str
    delimiter: str
    parts: Mapping[str, Sequence[Rule]]
    figures: Mapping[str, Column]
    rows: Sequence[Rule]
    objectives: Sequence[str]
    limits: Sequence[Limit]
    path: Path
    sha256: str
