"""This module writes the tables of docs/files.md from the JSON Schemas of the files and the quantities."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.quantities import QUANTITIES
from harness.schema.faults import expected, resolve

JsonSchema = Mapping[str, Any]

_QUANTITIES = re.compile(r"(<!-- quantities -->\n).*?(<!-- end -->)", re.DOTALL)
_MARKED = re.compile(r"(<!-- keys of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(page: str, schemas: Mapping[str, JsonSchema]) -> str:
    """The page with every table written anew.

    Tables stand between `<!-- keys of NAME -->` or `<!-- quantities -->` and `<!-- end -->`.
    """

    def table(match: re.Match[str]) -> str:
        rows = "\n".join(_table(schemas[match[2]]))
        return f"{match[1]}\n{rows}\n\n{match[3]}"

    return _QUANTITIES.sub(
        lambda match: f"{match[1]}\n{_quantities()}\n\n{match[2]}", _MARKED.sub(table, page)
    )


def keys(schema: JsonSchema) -> Iterator[tuple[str, JsonSchema, JsonSchema]]:
    """Every key of a kind of file as (path, its schema, the schema of the mapping it is in), in order."""
    yield from _below(schema, schema, "")


def _below(node: JsonSchema, schema: JsonSchema, path: str) -> Iterator[tuple[str, JsonSchema, JsonSchema]]:
    node = resolve(node, schema)
    for name, raw in node.get("properties", {}).items():
        key = f"{path}.{name}" if path else name
        inner = resolve(raw, schema)
        yield key, inner, node
        yield from _below(inner, schema, key)
        yield from _below(inner.get("items", {}), schema, f"{key}[]")
        for named in inner.get("patternProperties", {}).values():
            yield from _below(named, schema, f"{key}.NAME")
        for tag, reference in inner.get("discriminator", {}).get("mapping", {}).items():
            yield from _below({"$ref": reference}, schema, f"{key} ({tag})")


def _table(schema: JsonSchema) -> Iterator[str]:
    yield "| key | value | when left out | meaning |"
    yield "| --- | --- | --- | --- |"
    owners: dict[str, str] = {}
    for key, node, around in keys(schema):
        place = key.rpartition(".")[0]
        if owners.setdefault(around["title"], place) != place:
            continue  # the keys of such a mapping are told once, where it stands first
        cells = (
            f"`{key}`",
            expected(node, schema),
            _left_out(key, node, around),
            node.get("description", ""),
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _quantities() -> str:
    rows = (f"| `{one.name}` | {one.direction} | {one.meaning} |" for one in QUANTITIES.values())
    return "\n".join(("| quantity | better | meaning |", "| --- | --- | --- |", *rows))


def _left_out(key: str, node: JsonSchema, around: JsonSchema) -> str:
    name = key.rpartition(".")[2]
    if name in around.get("required", ()):
        return "must be given"
    default = node.get("default")
    return "the defaults of its keys" if isinstance(default, dict) and default else f"`{json.dumps(default)}`"
