"""This module turns what pydantic found wrong in a file into sentences for the person who wrote it.

Each is `file: key.path: sentence`. What was expected is read from the file's JSON Schema, so a sentence and an
editor's hint never say different things.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.names import hint

_SHOWN = 60
"""Characters of a text that a sentence repeats."""

_TYPE_NAMES = {"boolean": "true or false", "object": "a mapping", "null": "null"}
JsonSchema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where in a file, and what its JSON Schema says of the place and of the mapping around it."""

    key: str
    node: JsonSchema
    around: JsonSchema


def sentences(path: Path, error: ValidationError, schema: JsonSchema) -> Iterator[str]:
    """Every fault of a file once, in the order of its keys."""
    told = set()
    for fault in error.errors(include_url=False):
        place = _find(schema, fault["loc"])
        key, sentence = _sentence(place, fault, schema)
        if key not in told:
            told.add(key)
            yield f"{path}: {key or 'root'}: {sentence}"


def _sentence(place: _Place, fault: Mapping[str, Any], schema: JsonSchema) -> tuple[str, str]:
    key, found = place.key, fault["input"]
    match fault["type"]:
        case "missing":
            sentence = f"is missing; give {_wanted(place.node, schema)}"
        case "extra_forbidden":
            name = str(fault["loc"][-1])
            sentence = f"is not a known key; {hint(name, place.around.get('properties', {}))}"
        case "union_tag_not_found" | "union_tag_invalid":
            return _kind_sentence(place, found)
        case "value_error":
            sentence = str(fault["ctx"]["error"])
        case "invalid_key":
            sentence = "is not a text; put the key in quotes"
        case kind:
            quotes = "; put it in quotes" if _is_unquoted(kind, found) else ""
            sentence = f"found {_shown(found)}, expected {expected(place.node, schema)}{quotes}"
    return key, sentence


def _kind_sentence(place: _Place, found: Mapping[str, Any]) -> tuple[str, str]:
    kinds = ", ".join(place.node["discriminator"]["mapping"])
    if "kind" not in found:
        return f"{place.key}.kind", f"is missing; give one of {kinds}"
    return f"{place.key}.kind", f"found {_shown(found['kind'])}, expected one of {kinds}"


def _is_unquoted(kind: str, found: object) -> bool:
    return kind == "string_type" and isinstance(found, (int, float, date))


def _find(schema: JsonSchema, loc: Sequence[str | int]) -> _Place:
    """Follow a location of pydantic through the JSON Schema; names of union members in it are no keys."""
    key = ""
    node = resolve(schema, schema)
    around: JsonSchema = {}
    for step in loc:
        tags = node.get("discriminator", {}).get("mapping", {})
        if step in tags:
            node = resolve({"$ref": tags[step]}, schema)
        elif isinstance(step, int):
            key += f"[{step}]"
            node, around = resolve(node.get("items", {}), schema), node
        elif step == "[key]" or not _is_mapping(node):
            continue  # the key of an open mapping, or the member of a union of plain values
        else:
            key += f".{step}" if key else step
            node, around = resolve(_inner(node, step), schema), node
    return _Place(key=key, node=node, around=around)


def _is_mapping(node: JsonSchema) -> bool:
    return node.get("type") == "object"


def _inner(node: JsonSchema, key: str) -> JsonSchema:
    """What a mapping's JSON Schema says of one key; nothing of an unknown one."""
    named: JsonSchema = node.get("properties", {}).get(key, {})
    return named or next(iter(node.get("patternProperties", {}).values()), {})


def resolve(node: JsonSchema, schema: JsonSchema) -> JsonSchema:
    """The definition a node refers to; of a value or null, the value. Its own description stays."""
    while True:
        choices = [choice for choice in node.get("anyOf", ()) if choice.get("type") != "null"]
        if "$ref" in node:
            target = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        elif len(choices) == 1:
            target = {"nullable": True, **choices[0]}
        else:
            return node
        rest = {name: value for name, value in node.items() if name not in {"$ref", "anyOf"}}
        node = {**target, **rest}


def _wanted(node: JsonSchema, schema: JsonSchema) -> str:
    meaning = node.get("description", "").split(";")[0].split(". ")[0].rstrip(".")
    value = expected(node, schema)
    return f"{value} ({meaning})" if meaning else value


def expected(node: JsonSchema, schema: JsonSchema) -> str:
    """What a JSON Schema asks for, in words."""
    node = resolve(node, schema)
    return _expected_value(node, schema) + (" or null" if node.get("nullable") else "")


def _expected_value(node: JsonSchema, schema: JsonSchema) -> str:
    match node:
        case {"const": value}:
            words = _shown(value)
        case {"enum": values}:
            words = f"one of {', '.join(str(value) for value in values)}"
        case {"anyOf": choices}:
            words = " or ".join(expected(choice, schema) for choice in choices)
        case {"discriminator": {"mapping": kinds}}:
            words = f"a mapping whose kind is one of {', '.join(kinds)}"
        case {"type": "array"}:
            words = "a list" + (f" of {node['minItems']} or more" if "minItems" in node else "")
        case {"type": "string"}:
            words = "a text" + _form(node)
        case {"type": "integer" | "number" as kind}:
            words = ("a whole number" if kind == "integer" else "a number") + _range(node)
        case _:
            words = _TYPE_NAMES.get(node.get("type", ""), "another value")
    return words


def _form(node: JsonSchema) -> str:
    if "\\x" in node.get("pattern", ""):
        return f" in one line of {node.get('minLength', 0)} to {node['maxLength']} characters"
    longest = f" of up to {node['maxLength']} characters" if "maxLength" in node else ""
    form = node["pattern"].removeprefix("^").removesuffix("$") if "pattern" in node else ""
    return f"{longest} in the form {form}" if form else longest


def _range(node: JsonSchema) -> str:
    words = {"exclusiveMinimum": "above", "minimum": "from", "exclusiveMaximum": "below", "maximum": "up to"}
    return "".join(f" {word} {node[bound]:.10g}" for bound, word in words.items() if bound in node)


def _shown(value: object) -> str:
    """A value as a person would name it."""
    match value:
        case None:
            words = "nothing (null)"
        case bool():
            words = "true" if value else "false"
        case str():
            words = f"the text {value[:_SHOWN]!r}" + ("..." if len(value) > _SHOWN else "")
        case int() if abs(value) > 1e18:
            words = "a very large number"  # it may have more digits than Python agrees to print
        case int() | float():
            words = f"the number {value}"
        case list():
            words = "a list"
        case dict():
            words = "a mapping"
        case date():
            words = f"the date {value}"
        case _:
            words = f"a {type(value).__name__}"
    return words
