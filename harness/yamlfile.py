"""This module reads one YAML 1.2 file as plain data and refuses whatever a person could misread.

Refused: another encoding than UTF-8, another version (in YAML 1.1 `no` is false), equal keys, anchors and aliases
(a page of them can stand for a billion values), tags that make objects, more than one document. JSON is YAML 1.2
and is read as such.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from harness.errors import FileError

SIZE_LIMIT_BYTES = 1 << 20
"""Of a file; the largest shipped one is below 2 % of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlFile:
    """The content of one file.

    Attributes:
        path: where it was read.
        content: the mapping at its root, of plain values.
        sha256: digest of its bytes.
    """

    path: Path
    content: Mapping[Any, Any]
    sha256: str


class _PlainComposer(Composer):
    """Composes documents of YAML 1.2 whose nodes stand for themselves only."""

    def compose_document(self) -> Any:
        event = self.parser.peek_event()
        if event.version not in {None, (1, 2)}:
            raise ComposerError(
                problem="asks for another version than YAML 1.2, in which `no` is false; remove the line %YAML",
                problem_mark=event.start_mark,
            )
        return super().compose_document()

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ComposerError(
                problem="anchors (&) and aliases (*) are not read here; write the value out",
                problem_mark=event.start_mark,
            )
        return super().compose_node(parent, index)


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML or JSON file whose root is a mapping.

    Raises:
        FileError: it cannot be read, is too large, is not UTF-8, is not YAML 1.2 or not a mapping; a fault of
            syntax is told as `path:line: sentence`.
    """
    data = _read_bytes(path)
    content = _parse(path, _decode(path, data))
    if not isinstance(content, dict):
        found = "nothing" if content is None else f"a {type(content).__name__}"
        raise FileError(f"{path}:1: found {found}, expected a mapping of keys to values at the root")
    return YamlFile(path=path, content=content, sha256=hashlib.sha256(data).hexdigest())


def _read_bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise FileError(f"{path}: is not a file; give the path of a YAML file")
        with path.open("rb") as stream:
            data = stream.read(SIZE_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path}: cannot be read: {reason}; check the path and its permissions") from error
    if len(data) > SIZE_LIMIT_BYTES:
        raise FileError(f"{path}: is larger than {SIZE_LIMIT_BYTES} bytes; files of settings are small")
    return data


def _decode(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(
            f"{path}:{line}: the byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        ) from error


def _parse(path: Path, text: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _PlainComposer
    try:
        return yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        sentence = error.problem or error.context or "is not YAML"
        raise FileError(f"{path}:{line}: {_one_line(sentence)}") from error
    except YAMLError as error:  # characters outside the printable set of YAML 1.2 chapter 5.1
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        reason = getattr(error, "reason", error)
        raise FileError(f"{path}:{line}: {_one_line(reason)}") from error
    except RecursionError as error:
        raise FileError(f"{path}: is nested too deeply to be a file of settings") from error
    except Exception as error:
        # The reader lets errors of Python's own conversions through (a date of month 13, a `!!int` of letters).
        raise FileError(f"{path}: holds a value that cannot be read: {_one_line(error)}") from error


def _one_line(reason: object) -> str:
    return " ".join(str(reason).split())
