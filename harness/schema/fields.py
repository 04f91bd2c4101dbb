"""This module holds the kinds of values that the keys of the files take, and the base of the files' models."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationInfo,
)

from harness.names import DEVICE_ID, ID

T = TypeVar("T")

SHA256 = r"[0-9a-f]{64}"


class Section(BaseModel):
    """A mapping of a file: unknown keys are refused and nothing is converted by guessing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The circumstances of reading one file, handed to the checks of its values.

    Attributes:
        path: the file.
        verify: whether the digests of the files it names are checked.
    """

    path: Path
    verify: bool = False


def reading(info: ValidationInfo) -> Reading:
    """The circumstances a check was called in."""
    context = info.context
    if not isinstance(context, Reading):
        raise TypeError("files are validated with a Reading as context")
    return context


Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"
    ),
]
"""A line for people, without control characters."""

Note = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
]
"""A line for people that may be empty."""

Id = Annotated[str, StringConstraints(max_length=64, pattern=f"^{ID}$")]
DeviceId = Annotated[str, StringConstraints(pattern=f"^{DEVICE_ID}$")]
Digest = Annotated[str, StringConstraints(pattern=f"^{SHA256}$")]

Seconds = Annotated[FiniteFloat, Field(ge=0, le=86_400)]
"""A duration up to a day; 0 is allowed."""

PositiveSeconds = Annotated[FiniteFloat, Field(gt=0, le=86_400)]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Amount = Annotated[int, Field(ge=1, le=10**15)]
Version = Literal[1]
"""Of the form of a file."""


def is_stem(value: str, info: ValidationInfo) -> str:
    """Check that an id is the stem of its file's name, so that a thing is found under its name."""
    stem = reading(info).path.stem
    if value != stem:
        raise ValueError(f"found {value}, expected {stem}, the name of the file; change the one or the other")
    return value


def is_beside(value: str, info: ValidationInfo) -> str:
    """Check that a file lies where a name says, relative to the file it stands in."""
    path = reading(info).path.parent / value
    if not path.is_file():
        raise ValueError(f"found {value}, expected a file, relative to this one; {path} is none")
    return value


CalibrationFile = Annotated[Text, AfterValidator(is_beside)]
"""A calibration record."""


def each_once(items: list[T], name: Callable[[T], str], what: str) -> list[T]:
    """Check that no two items of a list have the same name; `what` says what they are."""
    names = [name(item) for item in items]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise ValueError(f"found the {what} {', '.join(twice)} more than once; each may stand once")
    return items
