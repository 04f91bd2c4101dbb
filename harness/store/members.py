"""This module is the written form of the records: a JSON object with a member for each field, in their order.

Members a later schema added are passed over; a member that is missing or of another type is named.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from functools import partial
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from harness.record import Cycle, ImportedCase, Incident, RunStart, RunStop, SittingClosed, SittingOpened

Record = RunStart | RunStop | SittingOpened | SittingClosed | Incident | ImportedCase | Cycle
SittingRecord = SittingOpened | SittingClosed | Incident | ImportedCase
Kind = TypeVar("Kind", bound=Record)

SITTING_KINDS: Mapping[str, type[SittingRecord]] = {
    "opened": SittingOpened,
    "closed": SittingClosed,
    "incident": Incident,
    "imported": ImportedCase,
}


class MemberError(ValueError):
    """An object does not have the members of its record."""


def members_of(record: Record) -> dict[str, Any]:
    """Members of a record, in the order of its fields."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def record_of(kind: type[Kind], members: Mapping[str, Any]) -> Kind:
    """The record of its members.

    Raises:
        MemberError: one is missing, not of its type or of no known value.
    """
    values: dict[str, Any] = {}
    for expected in _EXPECTED[kind]:
        name = expected.name
        if name in members:
            value = members[name]
            if type(value) not in expected.types:
                raise MemberError(f"{name} is {value!r:.80}, expected {expected}")
            try:
                values[name] = expected.convert(value)
            except (TypeError, ValueError) as error:
                raise MemberError(f"{name} is {value!r:.80}: {error}") from error
        elif expected.required:
            raise MemberError(f"{name} is missing")
    return kind(**values)


def sitting_record_of(members: Mapping[str, Any]) -> SittingRecord:
    """The record of a line of `sittings.jsonl`, whose member `kind` says which.

    Raises:
        MemberError: the kind is unknown, or a member is missing, not of its type or of no known value.
    """
    kind = members.get("kind")
    if not isinstance(kind, str) or kind not in SITTING_KINDS:
        raise MemberError(f"kind is {kind!r:.80}, expected one of {', '.join(SITTING_KINDS)}")
    return record_of(SITTING_KINDS[kind], members)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """What a member must be, and how it becomes the field's value."""

    name: str
    types: frozenset[type]
    convert: Callable[[Any], Any]
    required: bool

    def __str__(self) -> str:
        names = ("null" if each is type(None) else each.__name__ for each in self.types)
        return " or ".join(sorted(names))


def _expected(name: str, annotation: Any, *, required: bool) -> _Expected:
    options = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    types = frozenset(each for option in options for each in _json_types(get_origin(option) or option))
    return _Expected(name=name, types=types, convert=_conversion(options[0]), required=required)


def _json_types(kind: type) -> tuple[type, ...]:
    if kind is float:
        return (float, int)
    if kind is Sequence:
        return (list,)
    if kind is Mapping:
        return (dict,)
    return (str,) if issubclass(kind, StrEnum) else (kind,)


def _conversion(annotation: Any) -> Callable[[Any], Any]:
    if annotation is float:
        return lambda value: None if value is None else float(value)
    if get_origin(annotation) is Sequence:
        (element,) = get_args(annotation)
        convert = _element_conversion(element)
        return lambda values: tuple(map(convert, values))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return annotation
    return lambda value: value


def _element_conversion(element: type) -> Callable[[Any], Any]:
    if get_origin(element) is tuple:
        return tuple
    if issubclass(element, StrEnum):
        return element
    return partial(_of_type, element)


def _of_type(kind: type, value: object) -> object:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__} in it, found {value!r:.40}")
    return value


_EXPECTED: Mapping[type[Any], Sequence[_Expected]] = {
    kind: [
        _expected(field.name, annotations[field.name], required=field.default is MISSING)
        for field in fields(kind)
    ]
    for kind, annotations in (
        (each, get_type_hints(each))
        for each in (RunStart, RunStop, SittingOpened, SittingClosed, Incident, ImportedCase, Cycle)
    )
}
