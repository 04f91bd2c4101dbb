"""This module is the form of a board's file."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, FiniteFloat, StringConstraints

from harness.profile import Board, Fact
from harness.schema.fields import Id, Note, Section, Text, Version, is_stem


class FactSection(Section):
    """A published figure with its source."""

    quantity: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)] = Field(
        description="name with its unit last, such as `peak_int8_tops`; where sources disagree, one fact each"
    )
    value: FiniteFloat | Text = Field(description="the figure as published, in the unit of the name")
    source: Text = Field(description="title and, where there is one, address of the publication")
    note: Note = Field(default="", description="what a reader must know, such as `sparse`; empty for nothing")


class BoardFile(Section):
    """A type of hardware: what is published of it."""

    schema_: Version = Field(alias="schema", description="version of this form of file")
    id: Annotated[Id, AfterValidator(is_stem)] = Field(description="stable name, the file's stem")
    title: Text = Field(description="the name people use")
    soc: Text = Field(description="system on chip, or the processor")
    architecture: Text = Field(
        description="instruction set of the host processor, as `uname -m` says it where it runs Linux"
    )
    precisions: list[Id] = Field(
        min_length=1, description="precisions the board executes natively, such as `fp16`"
    )
    engines: list[Id] = Field(min_length=1, description="engines it is known to run, best first")
    facts: list[FactSection] = Field(
        default=[], description="published figures with their sources; none is ever shown as measured"
    )
    verified: Literal["hardware", "emulated CPU", "vendor API contract only", "nothing yet"] = Field(
        description="what the support of this board was tried on"
    )

    def board(self, path: Path, sha256: str) -> Board:
        """The frozen value."""
        return Board(
            id=self.id,
            title=self.title,
            soc=self.soc,
            architecture=self.architecture,
            precisions=tuple(self.precisions),
            engines=tuple(self.engines),
            facts=tuple(Fact(**dict(fact)) for fact in self.facts),
            verified=self.verified,
            path=path,
            sha256=sha256,
        )
