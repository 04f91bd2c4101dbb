"""This module is the form of the file that says what a foreign table means."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from harness.errors import FileError
from harness.mapping import Column, Rule, TableMap
from harness.names import hint
from harness.quantities import BYTE, QUANTITIES, SHARE, Direction, Unit, find_quantity, parse_limit
from harness.schema.fields import Id, Section, Text, Version

BINARY_BYTES = {"KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"found {pattern!r}, which is no regular expression: {error}") from error
    return pattern


def _published(name: str) -> str:
    try:
        find_quantity(name)
    except FileError as error:
        raise ValueError(str(error)) from error
    return name


def _limit(text: str) -> str:
    try:
        parse_limit(text)
    except FileError as error:
        raise ValueError(str(error)) from error
    return text


Pattern = Annotated[str, StringConstraints(max_length=500), AfterValidator(_expression)]


class RuleSection(Section):
    """One way to find a part of a case's id; the first that matches is taken."""

    column: Text | None = Field(
        default=None, description="head of the column looked at; null matches every row"
    )
    pattern: Pattern = Field(
        default="", description="regular expression searched in the cell; empty matches every cell"
    )
    value: Text | None = Field(
        default=None,
        description=r"what the part is, groups as `\1`; null for the first group, or the whole match",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.column is None and (self.pattern or self.value is None):
            raise ValueError(
                "a rule without a column needs a value and no pattern; add the one, remove the other"
            )
        return self

    def rule(self) -> Rule:
        """The frozen value."""
        return Rule(column=self.column or "", pattern=self.pattern, value=self.value or "")


class RowSection(Section):
    """A condition on the rows that are taken."""

    column: Text = Field(description="head of the column looked at")
    pattern: Pattern = Field(description="regular expression that must be found in the cell")

    def rule(self) -> Rule:
        """The frozen value."""
        return Rule(column=self.column, pattern=self.pattern, value="")


class PartsSection(Section):
    """Where the parts of a case's id stand."""

    device: list[RuleSection] = Field(min_length=1, description="first part: what it ran on")
    engine: list[RuleSection] = Field(min_length=1, description="second part: what ran it")
    model: list[RuleSection] = Field(min_length=1, description="third part: the network")
    precision: list[RuleSection] = Field(min_length=1, description="fourth part: such as `int8`")
    board: list[RuleSection] = Field(
        default=[], description="the board's id; empty where the table names none"
    )


class FigureSection(Section):
    """A column that holds a figure."""

    column: Text = Field(description="head of the column")
    unit: Text = Field(
        description="unit of its cells, such as `ms`, `mJ`, `%` or `MiB`; `1` for a share of one"
    )


class MapFile(Section):
    """What a table of cases means."""

    schema_: Version = Field(alias="schema", description="version of this form of file")
    id: Id = Field(description="stable name of the table")
    title: Text = Field(description="one line for a report's head")
    source: Text = Field(description="where the table is from; shown beside its figures")
    licence: Text = Field(description="of the table")
    delimiter: Literal[",", ";", "\t"] = Field(default=",", description="between cells")
    case: PartsSection = Field(description="how each row becomes the id of a case")
    figures: dict[Id, FigureSection] = Field(min_length=1, description="published quantity to its column")
    rows: list[RowSection] = Field(default=[], description="all must match, or the row is left out")
    objectives: list[Annotated[Text, AfterValidator(_published)]] = Field(
        default=["latency_p99_s", "energy_per_inference_j", "error"],
        min_length=1,
        description="quantities of a front over these cases, all better smaller",
    )
    limits: list[Annotated[Text, AfterValidator(_limit)]] = Field(
        default=[], description="hard limits such as `latency_p90_s < 0.150`"
    )

    @field_validator("figures")
    @classmethod
    def _units_fit(cls, figures: dict[str, FigureSection]) -> dict[str, FigureSection]:
        faults = []
        for name, figure in figures.items():
            if name not in QUANTITIES or name == "error":
                known = [known for known in QUANTITIES if known != "error"]
                faults.append(f"{name} is no quantity that is imported; {hint(name, known)}")
            elif figure.unit not in _factors(QUANTITIES[name].unit):
                units = ", ".join(_factors(QUANTITIES[name].unit))
                faults.append(f"{name}: found the unit {figure.unit}, expected one of {units}")
        if faults:
            raise ValueError("; ".join(faults))
        return figures

    @field_validator("objectives")
    @classmethod
    def _smaller_is_better(cls, objectives: list[str]) -> list[str]:
        for name in objectives:
            if QUANTITIES[name].direction is not Direction.SMALLER:
                raise ValueError(f"{name} is not better smaller; take another, such as error for accuracy")
        return objectives

    def mapping(self, path: Path, sha256: str) -> TableMap:
        """The frozen value."""
        return TableMap(
            id=self.id,
            title=self.title,
            source=self.source,
            licence=self.licence,
            delimiter=self.delimiter,
            parts={name: tuple(rule.rule() for rule in rules) for name, rules in self.case if rules},
            figures={
                name: Column(name=figure.column, factor=_factors(QUANTITIES[name].unit)[figure.unit])
                for name, figure in self.figures.items()
            },
            rows=tuple(row.rule() for row in self.rows),
            objectives=tuple(self.objectives),
            limits=tuple(parse_limit(limit) for limit in self.limits),
            path=path,
            sha256=sha256,
        )


def _factors(unit: Unit) -> dict[str, float]:
    """Every symbol a unit may be written with, and what one of it is in the unit; `u` may stand for micro."""
    factors = {symbol.replace("µ", prefix): size for symbol, size in unit.steps for prefix in ("µ", "u")}
    if unit is SHARE:
        factors["1"] = 1.0
    if unit is BYTE:
        factors |= BINARY_BYTES
    return factors
