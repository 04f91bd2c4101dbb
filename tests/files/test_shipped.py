"""The shipped files are valid, documented and true to their artefacts."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness import catalog
from harness.errors import FileError
from harness.schema import json_schemas
from harness.schema.__main__ import derived
from harness.schema.tables import keys
from harness.shipped import shipped_path
from harness.yamlfile import read_yaml

ROOT = Path(__file__).parents[2]
FILES = {
    path: kind
    for kind, pattern in [("board", "devices/boards"), ("device", "devices"), ("suite", "suites")]
    for path in sorted(shipped_path(pattern).glob("*.yaml"))
}


def test_every_kind_is_shipped() -> None:
    """There is at least one file of each kind, and the boards of the support table are all there."""
    assert {"board", "device", "suite"} == set(FILES.values())
    assert {
        "atlas-300i",
        "jetson-orin-nano",
        "kendryte-k210",
        "raspberry-pi-5",
        "rk3588",
        "stm32h743",
        "x86-64",
    } <= {path.stem for path, kind in FILES.items() if kind == "board"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_file_is_valid(path: Path) -> None:
    """A shipped file is read without a fault and is valid by the JSON Schema that editors use."""
    kind = FILES[path]
    content = read_yaml(path).content

    getattr(catalog, f"load_{kind}")(path)

    assert [] == [error.message for error in Draft202012Validator(json_schemas()[kind]).iter_errors(content)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_first_line_names_the_json_schema(path: Path) -> None:
    """The first line of a shipped file leads an editor to the JSON Schema of its kind."""
    line = path.read_text(encoding="utf-8").splitlines()[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", line)

    assert match is not None
    assert (
        shipped_path(f"{FILES[path].replace('board', 'device')}s/schemas/{FILES[path]}.schema.json")
        == (path.parent / match[1]).resolve()
    )


def test_digests_of_the_digits_hold() -> None:
    """The data and the artefacts of the digits are the ones their suite states."""
    suite = catalog.load_suite(shipped_path("suites/digits.yaml"), verify=True)

    assert {"digits-cnn", "digits-mlp"} == {model.id for model in suite.models}
    assert {("fp32", "fp16", "int8", "int4")} == {
        tuple(artefact.precision for artefact in model.artefacts) for model in suite.models
    }


def test_digits_agree_with_their_artefacts() -> None:
    """The counts of the suite are those of the script that made the models."""
    suite = catalog.load_suite(shipped_path("suites/digits.yaml"))
    made = json.loads(shipped_path("suites/digits/artefacts.json").read_text(encoding="utf-8"))

    assert made["models"] == {
        model.id: {"macs": model.macs, "parameters": model.parameters} for model in suite.models
    }


def test_power_of_the_host_is_called_simulated() -> None:
    """The host's file says in words that its power is not measured."""
    text = shipped_path("devices/host.yaml").read_text(encoding="utf-8")

    assert "ITS POWER IS SIMULATED" in text
    assert "simulated" in catalog.load_device("host").meter.boundary


def test_host_runs_on_any_architecture() -> None:
    """The host's file asks nothing of the machine's identity."""
    assert "none" == catalog.load_device("host").identity.kind


def test_no_board_claims_hardware_it_has_not_seen() -> None:
    """Only the processor this harness is developed on is called tried on hardware."""
    tried = {
        board.id
        for board in catalog.boards()
        if not isinstance(board, FileError) and board.verified == "hardware"
    }

    assert {"x86-64"} == tried


@pytest.mark.parametrize("path", [path.relative_to(ROOT) for path in derived(ROOT)], ids=str)
def test_derived_files_are_current(path: Path) -> None:
    """The JSON Schemas and the tables of docs/files.md are what `python -m harness.schema` writes."""
    assert derived(ROOT)[ROOT / path] == (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["board", "device", "suite"])
def test_every_key_is_documented(kind: str) -> None:
    """Each key of each kind of file has a meaning, and its name stands in docs/files.md."""
    page = (ROOT / "docs/files.md").read_text(encoding="utf-8")

    for key, node, _ in keys(json_schemas()[kind]):
        assert node.get("description"), key
        assert f"{key.rpartition('.')[2]}`" in page, key


def test_documented_sentences_are_real(tmp_path: Path) -> None:
    """The faults that docs/files.md shows are the ones a reader would get."""
    text = shipped_path("devices/rpi5-a.yaml").read_text(encoding="utf-8")
    path = tmp_path / "rpi5-b.yaml"
    text = text.replace("id: rpi5-a", "id: rpi5-b").replace("shunt_ohm:", "shunt_om:").replace('"1.0"', "1.0")
    path.write_text(text, encoding="utf-8")
    page = (ROOT / "docs/files.md").read_text(encoding="utf-8")

    with pytest.raises(FileError) as caught:
        catalog.load_device(path)

    assert 3 == len(caught.value.faults)
    for fault in caught.value.faults:
        assert fault.replace(str(path), "devices/rpi5-b.yaml") in page
