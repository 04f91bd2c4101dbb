"""Tests of the data for machines and of their published schema."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from judging.runs import Behaviour, write_run

from harness.judging.policies import Wish
from harness.report import rank_runs
from harness.report.data import as_data, render_json, schema_text
from harness.store import Run

CASES = [Behaviour(case=f"bench-a/onnxruntime/digits-cnn/{name}") for name in ("fp32", "int8")]


BOUNDS = [
    {"quantity": "latency_p99_s", "best": 0.0, "worst": 0.01},
    {"quantity": "energy_per_inference_j", "best": 0.0, "worst": 0.1},
    {"quantity": "error", "best": 0.0, "worst": 0.5},
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of two precisions under a limit, long enough for a verdict on its course."""
    return write_run(tmp_path_factory.mktemp("results"), CASES, items=120, limits=("latency_p99_s < 0.0025",))


def closed_objects(schema: Any) -> Iterator[Any]:
    """Every object of a schema that names its members, made to refuse others on the way."""
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from closed_objects(part)
    if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
        schema["additionalProperties"] = False
        yield schema


def test_the_schema_is_a_schema() -> None:
    """What is published is valid JSON Schema of 2020-12."""
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))


def test_data_keep_their_schema(run: Run) -> None:
    """All members of the data are described, none beside them."""
    schema = json.loads(schema_text())
    strict = list(closed_objects(schema))
    data = json.loads(render_json(rank_runs([run])))

    assert len(strict) > 10
    jsonschema.validate(data, schema, cls=jsonschema.Draft202012Validator)
    assert data["cases"][0]["courses"]
    assert data["precisions"]


def test_scores_keep_their_schema(run: Run) -> None:
    """Scores and fitted weights are described as well, and null where none were asked for."""
    schema = json.loads(schema_text())
    list(closed_objects(schema))
    scaled = replace(run, start=replace(run.start, suite={**run.start.suite, "bounds": BOUNDS}))
    names = [each.case for each in CASES]
    data = json.loads(render_json(rank_runs([scaled], wish=Wish(preferences=[(names[0], names[1])]))))
    without = json.loads(render_json(rank_runs([scaled])))

    jsonschema.validate(data, schema, cls=jsonschema.Draft202012Validator)
    assert set(names) == {each["case"] for each in data["scores"]["scores"]}
    assert 1 == data["fit"]["asked"]
    assert without["scores"] is without["fit"] is None


def test_the_file_holds_the_data(run: Run) -> None:
    """The file is the data, one line a case, the same each time."""
    ranking = rank_runs([run])

    assert as_data(ranking) == json.loads(render_json(ranking))
    assert len(CASES) + 2 == render_json(ranking).count("\n")
    assert render_json(ranking) == render_json(ranking)


def test_the_schema_needs_no_network() -> None:
    """The schema names nothing outside itself but the language it is written in."""

    assert "http" not in schema_text().replace("https://json-schema.org/draft/2020-12/schema", "")
