"""This module finds boards, devices and suites by name or by path.

A name is looked up in the workspace first (`./devices`, `./devices/boards`, `./suites`), then among what comes
with the harness. A file of the workspace stands in for a shipped one of the same name.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from harness.errors import FileError
from harness.names import ID, hint
from harness.profile import Board, Device
from harness.registry import check_engines
from harness.schema import read_board, read_device, read_suite
from harness.shipped import shipped_path
from harness.suite import Suite

SUFFIXES = (".yaml", ".yml", ".json")

T = TypeVar("T")


def load_board(name_or_path: str | Path) -> Board:
    """Load a board.

    Raises:
        FileError: there is none of that name, or its file is wrong.
    """
    return read_board(_find("board", name_or_path, _places("devices/boards")))


def load_device(name_or_path: str | Path) -> Device:
    """Load a device with its board; boards beside the device's file come first.

    Raises:
        FileError: there is none of that name, or its file is wrong.
    """
    try:
        path = _find("device", name_or_path, _places("devices"))
    except FileError:
        if str(name_or_path) not in _files(_places("devices/boards")):
            raise
        on_it = [each.id for each in devices() if isinstance(each, Device) and each.board.id == name_or_path]
        told = (
            f"name a device that is one: {', '.join(on_it)}"
            if on_it
            else "describe yours in devices/NAME.yaml"
        )
        raise FileError(f"{name_or_path}: is a board, not a device; {told}") from None
    return _read_device(path)


def load_suite(name_or_path: str | Path, *, verify: bool = False) -> Suite:
    """Load a suite.

    Args:
        name_or_path: which.
        verify: check the digests of the data and of every artefact, as a run must.

    Raises:
        FileError: there is none of that name, or its file or a file it names is wrong.
    """
    return _read_suite(_find("suite", name_or_path, _places("suites")), verify=verify)


def boards() -> Iterator[Board | FileError]:
    """Every board there is, by name; what is wrong with a broken file stands in its place."""
    return _each(_places("devices/boards"), read_board)


def devices() -> Iterator[Device | FileError]:
    """Every device there is, by name; what is wrong with a broken file stands in its place."""
    return _each(_places("devices"), _read_device)


def suites() -> Iterator[Suite | FileError]:
    """Every suite there is, by name; what is wrong with a broken file stands in its place."""
    return _each(_places("suites"), _read_suite)


def _read_device(path: Path) -> Device:
    places = [path.parent / "boards", *_places("devices/boards")]
    return read_device(path, lambda name: read_board(_find("board", name, places)))


def _read_suite(path: Path, *, verify: bool = False) -> Suite:
    suite = read_suite(path, verify=verify)
    check_engines(suite)
    return suite


def _places(folder: str) -> Sequence[Path]:
    workspace, shipped = Path(folder), shipped_path(folder)
    return (workspace,) if workspace.resolve() == shipped.resolve() else (workspace, shipped)


def _find(what: str, name_or_path: str | Path, places: Sequence[Path]) -> Path:
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or text.endswith(SUFFIXES):
        return Path(name_or_path)
    if re.fullmatch(ID, text):
        for place in places:
            for suffix in SUFFIXES:
                path = place / f"{text}{suffix}"
                if path.is_file():
                    return path
    searched = ", ".join(str(place) for place in places)
    raise FileError(f"{text}: there is no {what} of this name in {searched}; {hint(text, _files(places))}")


def _files(places: Sequence[Path]) -> dict[str, Path]:
    """Files by name; the first place wins."""
    found: dict[str, Path] = {}
    for place in places:
        for suffix in SUFFIXES:
            for path in sorted(place.glob(f"*{suffix}")):
                found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def _each(places: Sequence[Path], read: Callable[[Path], T]) -> Iterator[T | FileError]:
    for path in _files(places).values():
        try:
            yield read(path)
        except FileError as error:
            yield error
