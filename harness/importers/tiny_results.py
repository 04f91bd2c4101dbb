"""This module reads the result files of MLPerf Tiny's runner, strictly, into frozen values.

The runner (github.com/mlcommons/tiny, benchmark/runner, rounds v1.3 and later) writes one `results.json` for each
task and mode: `TASK/energy`, `TASK/performance`, `TASK/accuracy`. Each entry of it is one loaded input: the
inferences done on it, the device's own stamps in microseconds, the outputs, and in energy mode the meter's
samples, each the joules of one interval, with the edges of the device's start and stop pin as (event, number of
samples before it).
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import FileError

MODES = ("energy", "performance", "accuracy")
RESULTS = "results.json"
SYSTEM = "system.json"

SIZE_LIMIT_BYTES = 256 << 20
"""Of one file; five traces of eleven seconds are about one megabyte."""

TOLD = 20
"""Faults of a file that are told; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One entry: an input, its inferences, and what was seen of them.

    Attributes:
        file: name of the input.
        label: class it belongs to.
        iterations: inferences in the window.
        warmups: inferences before it.
        outputs: of one inference, as the device printed them; empty where it printed none.
        begin_us, end_us: the device's own stamps; None in energy mode.
        joules: of each interval of the meter; empty in the other modes.
        edges: numbers of samples before each edge of the device's pin; empty in the other modes.
        supply_v: of the device, as set; None where not stated.
    """

    file: str
    label: int
    iterations: int
    warmups: int
    outputs: Sequence[float]
    begin_us: int | None
    end_us: int | None
    joules: Sequence[float]
    edges: Sequence[int]
    supply_v: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyResult:
    """What one mode of one task of one board gave.

    Attributes:
        path, sha256: the file and its digest.
        board: name of the board's folder.
        task: such as `kws`.
        mode: one of `MODES`.
        windows: at least one, in the order they were measured.
        notes: sentences on entries that hold no window.
        system: what the submitter says of the board; empty where there is no such file.
    """

    path: Path
    sha256: str
    board: str
    task: str
    mode: str
    windows: Sequence[Window]
    notes: Sequence[str]
    system: Mapping[str, str]


def find_results(folder: Path) -> list[Path]:
    """All result files below a folder of one board, of one task, or of many boards, in a stable order.

    Raises:
        FileError: there are none.
    """
    found = sorted(path for path in folder.rglob(RESULTS) if path.parent.name in MODES and path.is_file())
    if not found:
        raise FileError(
            f"{folder}: holds no TASK/{{{','.join(MODES)}}}/{RESULTS} of MLPerf Tiny's runner; name the folder of a "
            "board, as in mlcommons/tiny_results_v1.3"
        )
    return found


def read_result(path: Path) -> TinyResult:
    """Read one result file; the names of its folders say mode, task and board.

    Raises:
        FileError: with the faults of the file.
    """
    path = path.resolve()
    mode, task, board = path.parent.name, path.parents[1].name, path.parents[2].name
    content = _bytes(path)
    entries = _json(path, content)
    if not isinstance(entries, list) or not entries:
        raise FileError(f"{path}: holds {_kind(entries)}, expected a list of one entry for each input")
    windows: list[Window] = []
    faults: list[str] = []
    notes: list[str] = []
    for place, entry in enumerate(entries):
        if isinstance(entry, dict) and set(entry) == {"error"}:
            notes.append(f"[{place}] is the runner's own complaint: {entry['error']!r:.80}")
            continue
        try:
            windows.append(_window(entry, mode))
        except _EntryError as fault:
            faults.append(f"{path}: [{place}]{fault}")
    if faults:
        more = [f"{path}: {len(faults) - TOLD} more faults"] if len(faults) > TOLD else []
        raise FileError(*faults[:TOLD], *more)
    if not windows:
        raise FileError(f"{path}: holds no window; {'; '.join(notes)}")
    return TinyResult(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        board=board,
        task=task,
        mode=mode,
        windows=tuple(windows),
        notes=tuple(notes),
        system=_system(path.parents[2] / SYSTEM),
    )


class _EntryError(Exception):
    """A place in an entry and what is wrong with it."""


def _window(entry: object, mode: str) -> Window:
    fields = _mapping(entry, "")
    infer = _mapping(fields.get("infer"), ".infer")
    begin_us = end_us = None
    joules: Sequence[float] = ()
    edges: Sequence[int] = ()
    supply_v = None
    if mode == "energy":
        power = _mapping(fields.get("power"), ".power")
        joules = _numbers(power.get("samples"), ".power.samples")
        edges = _edges(power.get("timestamps"), len(joules))
        supply_v = _supply(power.get("voltage"))
    else:
        begin_us = _whole(infer.get("start_time"), ".infer.start_time", least=0)
        end_us = _whole(infer.get("end_time"), ".infer.end_time", least=begin_us + 1)
    return Window(
        file=_text(fields.get("file"), ".file"),
        label=_label(fields.get("class")),
        iterations=_whole(infer.get("iterations"), ".infer.iterations", least=1),
        warmups=_whole(infer.get("warmups", 0), ".infer.warmups", least=0),
        outputs=_numbers(infer.get("results", []), ".infer.results"),
        begin_us=begin_us,
        end_us=end_us,
        joules=joules,
        edges=edges,
        supply_v=supply_v,
    )


def _edges(value: object, samples: int) -> list[int]:
    """Numbers of samples before each edge, rising."""
    edges: list[int] = []
    for place, pair in enumerate(_list(value, ".power.timestamps")):
        where = f".power.timestamps[{place}]"
        if not isinstance(pair, list) or len(pair) != 2:
            raise _EntryError(f"{where}: found {pair!r:.60}, expected [event, number of samples]")
        edge = _whole(pair[1], f"{where}[1]", least=edges[-1] if edges else 0)
        if edge > samples:
            raise _EntryError(f"{where}[1]: found {edge}, expected at most the {samples} samples there are")
        edges.append(edge)
    return edges


def _label(value: object) -> int:
    """The class, which the runner writes as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return _whole(value, ".class", least=0)


def _supply(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1000:
        return None
    return float(value)


def _mapping(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _EntryError(f"{place}: found {_kind(value)}, expected an object")
    return value


def _list(value: object, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise _EntryError(f"{place}: found {_kind(value)}, expected a list")
    return value


def _text(value: object, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise _EntryError(f"{place}: found {_kind(value)}, expected a text")
    return value


def _numbers(value: object, place: str) -> tuple[float, ...]:
    found = _list(value, place)
    for position, number in enumerate(found):
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise _EntryError(f"{place}[{position}]: found {number!r:.40}, expected a finite number")
    return tuple(map(float, found))


def _whole(value: object, place: str, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least or value >= 1 << 53:
        raise _EntryError(f"{place}: found {value!r:.40}, expected a whole number of at least {least}")
    return value


def _kind(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r:.40}"


def _system(path: Path) -> Mapping[str, str]:
    """What stands in `system.json`; all of it is text for people."""
    if not path.is_file():
        return {}
    content = _json(path, _bytes(path))
    if not isinstance(content, dict):
        raise FileError(f"{path}: holds {_kind(content)}, expected an object")
    return {str(key).strip(): str(value) for key, value in content.items() if value not in (None, "")}


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}; check the path") from error
    if len(content) > SIZE_LIMIT_BYTES:
        raise FileError(f"{path}: is larger than {SIZE_LIMIT_BYTES} bytes; no result of a run is")
    return content


def _json(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: is not JSON: {str(error)[:200]}; copy it again") from error
