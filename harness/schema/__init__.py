"""This module reads the files of boards, devices and suites strictly, into the frozen values of the harness.

All faults of a file are told at once, each as `file: key.path: sentence`. pydantic stays in here.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from harness.errors import FileError
from harness.mapping import TableMap
from harness.policy import Policy
from harness.profile import Board, Device
from harness.schema.board import BoardFile
from harness.schema.device import DeviceFile
from harness.schema.faults import sentences
from harness.schema.fields import Reading, Section
from harness.schema.mapping import MapFile
from harness.schema.policy import PolicyFile
from harness.schema.suite import SuiteFile
from harness.suite import Suite
from harness.yamlfile import YamlFile, read_yaml

__all__ = ["json_schemas", "read_board", "read_device", "read_map", "read_policy", "read_suite"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

S = TypeVar("S", bound=Section)


def read_board(path: Path) -> Board:
    """Read `devices/boards/*.yaml`.

    Raises:
        FileError: with every fault of the file.
    """
    file = read_yaml(path)
    return _validate(BoardFile, file, Reading(path=path)).board(path, file.sha256)


def read_device(path: Path, find_board: Callable[[str], Board]) -> Device:
    """Read `devices/*.yaml`.

    Args:
        path: the file.
        find_board: gives the board of a name; its `FileError` is told as a fault of the key `board`.

    Raises:
        FileError: with every fault of the file.
    """
    file = read_yaml(path)
    content = _validate(DeviceFile, file, Reading(path=path))
    try:
        board = find_board(content.board)
    except FileError as error:
        raise FileError(*(f"{path}: board: {fault}" for fault in error.faults)) from error
    return content.device(board, path, file.sha256)


def read_suite(path: Path, *, verify: bool = False) -> Suite:
    """Read `suites/*.yaml`.

    Args:
        path: the file.
        verify: check the digests of the data and of every artefact, as a run must.

    Raises:
        FileError: with every fault of the file and of the files it names.
    """
    file = read_yaml(path)
    return _validate(SuiteFile, file, Reading(path=path, verify=verify)).suite(path, file.sha256)


def read_policy(path: Path) -> Policy:
    """Read the gates of a policy, such as `gates.yaml`.

    Raises:
        FileError: with every fault of the file.
    """
    file = read_yaml(path)
    return _validate(PolicyFile, file, Reading(path=path)).policy(path, file.sha256)


def read_map(path: Path) -> TableMap:
    """Read the file that says what a foreign table means.

    Raises:
        FileError: with every fault of the file.
    """
    file = read_yaml(path)
    return _validate(MapFile, file, Reading(path=path)).mapping(path, file.sha256)


def json_schemas() -> Mapping[str, Mapping[str, Any]]:
    """JSON Schema of each kind of file, by its name; for editors and other programs."""
    kinds: Mapping[str, type[Section]] = {
        "board": BoardFile,
        "device": DeviceFile,
        "gates": PolicyFile,
        "map": MapFile,
        "suite": SuiteFile,
    }
    return {name: {"$schema": DIALECT, **kind.model_json_schema()} for name, kind in kinds.items()}


def _validate(kind: type[S], file: YamlFile, circumstances: Reading) -> S:
    try:
        return kind.model_validate(file.content, context=circumstances)
    except ValidationError as error:
        raise FileError(*sentences(file.path, error, kind.model_json_schema())) from error
