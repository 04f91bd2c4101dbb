"""This module turns arguments into plans, and prints them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from harness.catalog import load_device, load_suite
from harness.data import load_data
from harness.errors import FileError
from harness.plan import Plan, all_cases, make_plan, select
from harness.quantities import print_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks to be measured.

    Attributes:
        suite: name or path.
        devices: names or paths; None for the host.
        selections: patterns over ids of cases; None for all cases.
        quick, full: the protocol; without either the standard one.
        seed: of the orders.
        shortlist_of: id of the run whose best cases these are; empty for none.
    """

    suite: str
    devices: Sequence[str] | None
    selections: Sequence[str] | None
    quick: bool
    full: bool
    seed: int
    shortlist_of: str = ""

    def plans(self, *, verify: bool = False) -> list[Plan]:
        """One plan for each device.

        Args:
            verify: check the digests of all artefacts, as a run must.

        Raises:
            FileError: a file or an argument is wrong.
        """
        if self.quick and self.full:
            raise FileError("--quick and --full exclude each other; give one of them")
        protocol = "quick" if self.quick else "full" if self.full else "standard"
        suite = load_suite(self.suite, verify=verify)
        items = load_data(suite.data).items
        names = self.devices or ["host"]
        if len(set(names)) < len(names):
            raise FileError(f"--device: a device is named twice: {', '.join(names)}")
        devices = [load_device(name) for name in names]
        selected = select(
            [case for device in devices for case in all_cases(suite, device)], self.selections or []
        )
        return [
            make_plan(suite, device, protocol, [case.id for case in cases], self.seed, items)
            for device in devices
            if (cases := [case for case in selected if case.device is device])
        ]


def print_plans(plans: Sequence[Plan], *, as_json: bool) -> None:
    """Print what would be measured, in order."""
    if as_json:
        typer.echo(json.dumps([_as_data(plan) for plan in plans], indent=2))
        return
    for plan in plans:
        for line in preamble(plan):
            typer.echo(line)
        for position, (case, sitting) in enumerate(plan.order, 1):
            typer.echo(f"{position:4}  sitting {sitting}  {len(plan.items[sitting]):5} items  {case}")


def preamble(plan: Plan) -> list[str]:
    """What is about to be measured, in two lines."""
    protocol = plan.protocol
    return [
        (
            f"suite {plan.suite.id} on device {plan.device.id}: "
            f"{len(plan.cases)} case{'s' * (len(plan.cases) != 1)}, "
            f"{protocol.sittings} sitting{'s' * (protocol.sittings != 1)} each, protocol {protocol.name}"
        ),
        f"plan {plan.sha256[:12]}, seed {plan.seed}; takes more than {print_value('duration_s', plan.least_s)}",
    ]


def _as_data(plan: Plan) -> dict[str, object]:
    return {
        "suite": plan.suite.id,
        "device": plan.device.id,
        "protocol": plan.protocol.name,
        "seed": plan.seed,
        "sha256": plan.sha256,
        "cases": [case.id for case in plan.cases],
        "order": [{"case": case, "sitting": sitting} for case, sitting in plan.order],
        "items": {str(sitting): list(rows) for sitting, rows in plan.items.items()},
    }
