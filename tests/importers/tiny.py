"""This module makes MLPerf Tiny result folders for tests, of any board, trace and task.

The figures are synthetic and those of no device.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SYSTEM: Mapping[str, str] = {
    "Board Name": "Bench Board 9",
    "Inference Framework": "Bench RT 2.1",
    "Quantization Method": "post-training int8",
}


def entry(
    place: int, *, label: int = 0, outputs: Sequence[float] = (0.9, 0.1), **infer: Any
) -> dict[str, Any]:
    """What all modes have of one input."""
    return {
        "file": f"input_{place}.bin",
        "classes": "2",
        "class": str(label),
        "infer": {"results": list(outputs), "iterations": 20, "warmups": 1, **infer},
    }


def energy_entry(
    place: int, joules: Sequence[float], edges: Sequence[int], *, iterations: int = 20, **fields: Any
) -> dict[str, Any]:
    """A window of energy mode: a trace and the edges in it."""
    power = {
        "samples": list(joules),
        "timestamps": [[f"{number:02d}", edge] for number, edge in enumerate(edges)],
        "voltage": 3,
    }
    return entry(place, iterations=iterations, **fields) | {"power": power, "mode": "e"}


def timed_entry(
    place: int, begin_us: int, end_us: int, *, mode: str = "p", iterations: int = 20, **fields: Any
) -> dict[str, Any]:
    """A window of performance or accuracy mode, by the device's stamps."""
    times = {"start_time": begin_us, "end_time": end_us, "elapsed_time": end_us - begin_us}
    return entry(place, iterations=iterations, **times, **fields) | {"mode": mode}


def write_result(
    folder: Path,
    mode: str,
    entries: Sequence[Any],
    *,
    board: str = "Bench Board 9",
    task: str = "kws",
    system: Mapping[str, str] | None = SYSTEM,
) -> Path:
    """Write one `results.json` where the runner would."""
    path = folder / board / task / mode / "results.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries), encoding="utf-8")
    if system is not None:
        (folder / board / "system.json").write_text(json.dumps(system), encoding="utf-8")
    return path
