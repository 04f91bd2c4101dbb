"""This module puts down what is known of a run before its first cycle: what was asked, of whom, and who answered."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.plan import Plan
from harness.profile import Device
from harness.provenance import clock_anchor, read_provenance
from harness.record import SCHEMA_VERSION, RunStart


def run_start(plan: Plan, found: Mapping[str, Any]) -> RunStart:
    """The start of a run of a plan; its name is given where it is stored.

    Args:
        plan: what is to be measured.
        found: what the device says of itself.
    """
    device = plan.device
    return RunStart(
        schema_version=SCHEMA_VERSION,
        run="",
        **clock_anchor(),
        suite=_plain(plan.suite),
        device=_told(device),
        protocol=_plain(plan.protocol),
        cases=[case.id for case in plan.cases],
        order=list(plan.order),
        items={str(sitting): list(rows) for sitting, rows in plan.items.items()},
        limits=[str(limit) for limit in plan.suite.limits],
        origin=None if device.meter is None else str(device.meter.origin),
        seed=plan.seed,
        plan_sha256=plan.sha256,
        provenance=read_provenance(Path.cwd()),
        found={**found, "expected": {"hw_revision": device.hw_revision, "firmware": device.firmware}},
    )


def _told(device: Device) -> Mapping[str, Any]:
    """A device as a run keeps it: of the command that cycles its power only the program, for it may hold a password."""
    told = dict(_plain(device))
    if device.power_cycle is not None:
        told["power_cycle"] = {**told["power_cycle"], "command": [device.power_cycle.program]}
    return told


def _plain(value: Any) -> Mapping[str, Any]:
    """A frozen value as plain JSON."""

    def plain(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {str(key): plain(inner) for key, inner in part.items()}
        if isinstance(part, list | tuple):
            return [plain(inner) for inner in part]
        return str(part) if isinstance(part, Path) else part

    return plain(asdict(value))  # type: ignore[no-any-return]
