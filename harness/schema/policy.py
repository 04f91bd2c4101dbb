"""This module is the form of a policy's file."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, FiniteFloat, field_validator, model_validator

from harness.errors import FileError
from harness.policy import Action, Gate, Kind, Policy
from harness.quantities import QUANTITIES, Direction, find_quantity, why_impossible
from harness.schema.fields import Section, Text, Version, each_once


def _directed(name: str) -> str:
    try:
        quantity = find_quantity(name)
    except FileError as error:
        raise ValueError(str(error)) from error
    if quantity.direction is Direction.NONE:
        raise ValueError(f"found {name}, which is better neither smaller nor larger; bound another quantity")
    return name


class GateSection(Section):
    """A bound on a figure, or on its change against a baseline."""

    name: Text = Field(description="for people; each once")
    kind: Literal["threshold", "min-improvement", "max-degradation"] = Field(
        description="`threshold`: the figure itself; `min-improvement`: at least so much better than the"
        " baseline; `max-degradation`: at most so much worse than the baseline"
    )
    quantity: Annotated[Text, AfterValidator(_directed)] = Field(
        description="what is bounded, such as `latency_p99_s`"
    )
    value: FiniteFloat | None = Field(
        default=None, description="the bound in the unit of the quantity; null where `percent` is given"
    )
    percent: Annotated[FiniteFloat, Field(ge=0, le=10_000)] | None = Field(
        default=None, description="the bound in percent of the baseline's figure; null where `value` is given"
    )
    comparison: Literal["<", "<=", ">", ">="] | None = Field(
        default=None,
        description="of a threshold's `value`; null for `<=`, or `>=` where larger is better",
    )
    cases: list[Text] = Field(
        default=["*"], min_length=1, description="patterns over ids of cases, such as `*/int8`"
    )
    action: Literal["block", "warn"] = Field(
        default="block", description="`block`: exit code 5 where it is not passed; `warn`: only told"
    )

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.value is None) is (self.percent is None):
            given = "neither" if self.value is None else "both"
            raise ValueError(f"gives {given} of value and percent; give one of them")
        if self.comparison is not None and (self.kind != "threshold" or self.value is None):
            raise ValueError("comparison belongs to a threshold with a value; remove it")
        if self.kind != "threshold" and self.value is not None and self.value < 0:
            raise ValueError(f"found the value {self.value:g} for {self.kind}, expected 0 or more")
        if self.value is not None and (wanted := why_impossible(self.quantity, self.value)):
            raise ValueError(f"found the value {self.value:g} for {self.quantity}, expected {wanted}")
        return self

    def gate(self) -> Gate:
        """The frozen value."""
        smaller = QUANTITIES[self.quantity].direction is Direction.SMALLER
        absolute = self.kind == "threshold" and self.value is not None
        percent = self.percent or 0.0
        return Gate(
            name=self.name,
            kind=Kind(self.kind),
            quantity=self.quantity,
            amount=percent / 100 if self.value is None else self.value,
            relative=self.value is None,
            comparison=(self.comparison or ("<=" if smaller else ">=")) if absolute else "",
            cases=tuple(self.cases),
            action=Action(self.action),
        )


class PolicyFile(Section):
    """What a run must keep."""

    schema_: Version = Field(alias="schema", description="version of this form of file")
    title: Text = Field(description="one line for the head of what is written")
    gates: list[GateSection] = Field(min_length=1, description="bounds, each on the cases it names")

    @field_validator("gates")
    @classmethod
    def _names_differ(cls, gates: list[GateSection]) -> list[GateSection]:
        return each_once(gates, lambda gate: gate.name, "gate")

    def policy(self, path: Path, sha256: str) -> Policy:
        """The frozen value."""
        gates = tuple(gate.gate() for gate in self.gates)
        return Policy(title=self.title, gates=gates, path=path, sha256=sha256)
