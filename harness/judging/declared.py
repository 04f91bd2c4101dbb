"""This module reads from the starts of runs what their suites declared for judging, before anything was measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import MeasurementError
from harness.store import Run
from harness.suite import Bounds, Indifference


def declared_widths(runs: Sequence[Run], objectives: Sequence[str]) -> list[Indifference | None]:
    """Widths of the boxes of each objective; None for one without. One of the accuracy is one of the error.

    Raises:
        MeasurementError: the suites of the runs declare different ones.
    """
    found = {
        _objective(each["quantity"]): Indifference(
            quantity=_objective(each["quantity"]),
            width=float(each["width"]),
            relative=bool(each["relative"]),
        )
        for each in _shared(runs, "indifference")
    }
    return [found.get(name) for name in objectives]


def declared_bounds(runs: Sequence[Run]) -> dict[str, Bounds]:
    """Scales of scores by quantity.

    Raises:
        MeasurementError: the suites of the runs declare different ones.
    """
    return {
        each["quantity"]: Bounds(
            quantity=each["quantity"], best=float(each["best"]), worst=float(each["worst"])
        )
        for each in _shared(runs, "bounds")
    }


def _objective(name: str) -> str:
    return "error" if name == "accuracy" else name


def _shared(runs: Sequence[Run], key: str) -> Sequence[Mapping[str, Any]]:
    """What all suites say under a key; runs of before it was known say nothing."""
    said = [list(run.start.suite.get(key) or ()) for run in runs]
    if any(each != said[0] for each in said):
        raise MeasurementError(
            f"The suites of {', '.join(run.start.run for run in runs)} declare different {key}. "
            "Rank the runs apart, or measure with one suite."
        )
    return said[0] if said else ()
