"""This module says what the front of some runs is made of: what is asked, what their suites state, or the usual three.

Objectives that somebody stated are never left out. Of the usual ones those are that no case of the runs could have,
because no device of theirs has a meter; the words for that are to be shown wherever the front is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.errors import FileError, MeasurementError
from harness.quantities import QUANTITIES, Direction, find_quantity
from harness.store import Run

OBJECTIVES = ("latency_p99_s", "energy_per_inference_j", "error")
"""All to be small; the default of every ranking."""

METERED = ("energy_", "power_", "idle_power_")
"""How the names of quantities begin that a meter gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """What a front is made of.

    Attributes:
        names: quantities, all to be small.
        left_out: usual objective to why it is none of these; empty where none is left out.
    """

    names: Sequence[str] = OBJECTIVES
    left_out: Mapping[str, str] = field(default_factory=dict)


def refuse_objectives(names: Sequence[str]) -> None:
    """Refuse what no front is made of.

    Raises:
        FileError: a name is no published quantity or is not better smaller, or there is none.
    """
    faults = []
    for name in names:
        if find_quantity(name).direction is not Direction.SMALLER:
            instead = "error" if name == "accuracy" else OBJECTIVES[0]
            faults.append(f"{name}: is no objective, for it is not better smaller; take {instead}")
    faults += [
        f"{name}: is named twice as an objective; once is enough"
        for name in dict.fromkeys(names)
        if list(names).count(name) > 1
    ]
    if faults or not names:
        raise FileError(*(faults or ["no objective is given; name at least one"]))


def objectives_of(runs: Sequence[Run], asked: Sequence[str] | None = None) -> Objectives:
    """The objectives of a front over all cases of some runs.

    Args:
        runs: whose cases are to be ranked together.
        asked: by the user; None for what the suites of the runs state, or else the usual ones.

    Raises:
        FileError: what is asked is no objective.
        MeasurementError: the suites state different ones.
    """
    if asked is not None:
        refuse_objectives(asked)
        return Objectives(names=tuple(asked))
    stated = {tuple(run.start.suite.get("objectives") or ()) for run in runs}
    meant = {each or OBJECTIVES for each in stated}
    if len(meant) > 1:
        shown = " against ".join(", ".join(each) for each in sorted(meant))
        raise MeasurementError(
            f"The runs are ranked by different objectives: {shown}. State those to rank by with --objective."
        )
    if stated - {()} or not runs or any(run.start.origin is not None for run in runs):
        return Objectives(names=meant.pop() if meant else OBJECTIVES)
    devices = list(dict.fromkeys(str(run.start.device.get("id", "")) for run in runs))
    whose = f"device {devices[0]} has" if len(devices) == 1 else f"devices {', '.join(devices)} have"
    return Objectives(
        names=tuple(name for name in OBJECTIVES if not needs_meter(name)),
        left_out={
            name: f"{QUANTITIES[name].title} is not an objective: {whose} no meter"
            for name in OBJECTIVES
            if needs_meter(name)
        },
    )


def needs_meter(name: str) -> bool:
    """Only a meter gives the quantity."""
    return name.startswith(METERED)
