"""This module makes the plan of a run: the cases, the order of their sittings and the items of each.

It is pure: the same values give the same plan on every machine, and nothing is opened.

Order. Sitting 1 of every case comes before sitting 2 of any. Sittings go in pairs, the second of a pair in
the reverse order of the first, so that each case has the same mean place in a pair and a steady drift of the
device favours none; each further pair starts further down the list, so that no case always comes first. Two
cases give A B B A, then B A A B.

Items. All rows are shuffled once by the seed, and the protocol's `items` takes the first of them. With `all`
each sitting sees every one, with `share` each item is in exactly one sitting. Within a sitting all cases see
the same items in the same order, shuffled anew by seed and sitting, so that cases are compared in pairs.
"""

import hashlib
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase

from harness.errors import FileError
from harness.names import hint
from harness.profile import Device
from harness.suite import Artefact, EngineChoice, Model, Protocol, Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One device, engine, model and precision."""

    device: Device
    engine: EngineChoice
    model: Model
    artefact: Artefact

    @property
    def precision(self) -> str:
        """Nominal precision."""
        return self.artefact.precision

    @property
    def id(self) -> str:
        """Stable readable name: `rpi5-a/onnxruntime/digits-cnn/int8`."""
        return f"{self.device.id}/{self.engine.id}/{self.model.id}/{self.precision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run will measure.

    Attributes:
        suite, device: the values of the files.
        protocol: the one chosen.
        cases: in the order of the suite.
        order: the sittings as (case id, sitting) in the order they are measured.
        items: rows of the data file in the order of each sitting, by sitting number.
        seed: of the orders.
        sha256: digest of everything above, the digests of the files and artefacts among it.
    """

    suite: Suite
    device: Device
    protocol: Protocol
    cases: Sequence[Case]
    order: Sequence[tuple[str, int]]
    items: Mapping[int, Sequence[int]]
    seed: int
    sha256: str

    @property
    def least_s(self) -> float:
        """How long the run lasts at least by its protocol; starting workers and loading models come on top."""
        protocol = self.protocol
        around_s = protocol.cooldown_s + protocol.warmup_s + 2 * protocol.idle_s
        return sum(
            around_s + max(protocol.block_s, len(self.items[sitting]) * protocol.window_s)
            for _, sitting in self.order
        )

    def case(self, case_id: str) -> Case:
        """The case of that id.

        Raises:
            KeyError: the plan has none.
        """
        for case in self.cases:
            if case.id == case_id:
                return case
        raise KeyError(case_id)


def make_plan(  # noqa: PLR0917  the six things a plan is made of, in the order they are said
    suite: Suite,
    device: Device,
    protocol_name: str,
    selections: Sequence[str],
    seed: int,
    items: Sequence[int],
) -> Plan:
    """Plan the run of a suite on a device.

    Args:
        suite: models, engines, protocols.
        device: where.
        protocol_name: `standard`, `quick` or `full`.
        selections: patterns over ids of cases; a case is in when one matches; none for all cases.
        seed: any whole number; it orders the items.
        items: rows of the labelled data that are its items, as `harness.data.LabelledData.items` has them.

    Raises:
        FileError: no such protocol, a selection that matches nothing, or fewer items than the protocol needs.
    """
    if protocol_name not in suite.protocols:
        raise FileError(f"{suite.path}: protocol.{protocol_name}: {hint(protocol_name, suite.protocols)}")
    protocol = suite.protocols[protocol_name]
    if protocol_name in suite.items_at_most:
        protocol = replace(protocol, items=min(suite.items_at_most[protocol_name], len(items)))
    cases = select(all_cases(suite, device), selections)
    plan = Plan(
        suite=suite,
        device=device,
        protocol=protocol,
        cases=cases,
        order=_order([case.id for case in cases], protocol.sittings),
        items=_share_out(_first_items(suite, protocol, seed, items), protocol, seed),
        seed=seed,
        sha256="",
    )
    return replace(plan, sha256=_digest(plan))


def all_cases(suite: Suite, device: Device) -> Sequence[Case]:
    """Every case of a suite on a device: models, then precisions, then engines, as the suite lists them."""
    return tuple(
        Case(device=device, engine=engine, model=model, artefact=artefact)
        for model in suite.models
        for artefact in model.artefacts
        for engine in suite.engines
    )


def select(cases: Sequence[Case], selections: Sequence[str]) -> Sequence[Case]:
    """The cases whose id matches one of the patterns (`*`, `?`, `[...]`; case counts), in their order.

    Raises:
        FileError: a pattern matches nothing; the nearest ids are told.
    """
    ids = [case.id for case in cases]
    faults = [
        f"--select {pattern}: matches no case; {_selection_hint(pattern, ids)}"
        for pattern in selections
        if not any(fnmatchcase(case_id, pattern) for case_id in ids)
    ]
    if faults:
        raise FileError(*faults)
    return tuple(case for case in cases if not selections or any(fnmatchcase(case.id, p) for p in selections))


def _selection_hint(pattern: str, ids: Sequence[str]) -> str:
    wider = f"*{pattern.strip('*')}*"
    if any(fnmatchcase(case_id, wider) for case_id in ids):
        return f"did you mean '{wider}'?"
    return hint(pattern, ids)


def _order(ids: Sequence[str], sittings: int) -> Sequence[tuple[str, int]]:
    pairs = math.ceil(sittings / 2)
    step = max(1, len(ids) // pairs)
    order: list[tuple[str, int]] = []
    for sitting in range(1, sittings + 1):
        pair, second = divmod(sitting - 1, 2)
        start = pair * step % len(ids)
        turn = [*ids[start:], *ids[:start]]
        order += [(case_id, sitting) for case_id in (reversed(turn) if second else turn)]
    return tuple(order)


def _first_items(suite: Suite, protocol: Protocol, seed: int, items: Sequence[int]) -> Sequence[int]:
    wanted = len(items) if protocol.items is None else protocol.items
    least = protocol.sittings if protocol.items_per_sitting == "share" else 1
    place = f"{suite.path}: protocol.{protocol.name}"
    if wanted > len(items):
        raise FileError(f"{place}.items: found {wanted}, expected at most the {len(items)} items of the data")
    if wanted < least:
        raise FileError(
            f"{place}.items: found {wanted} items for {least} sittings that share them;"
            " take more items or fewer sittings"
        )
    return _shuffled(items, f"{seed}/items")[:wanted]


def _share_out(items: Sequence[int], protocol: Protocol, seed: int) -> Mapping[int, Sequence[int]]:
    stride = protocol.sittings if protocol.items_per_sitting == "share" else 1
    return {
        sitting: _shuffled(items[(sitting - 1) % stride :: stride], f"{seed}/{sitting}")
        for sitting in range(1, protocol.sittings + 1)
    }


def _shuffled(items: Sequence[int], seed: str) -> Sequence[int]:
    shuffled = list(items)
    random.Random(seed).shuffle(shuffled)  # noqa: S311  an order that can be repeated, not a secret
    return tuple(shuffled)


def _digest(plan: Plan) -> str:
    suite, device = plan.suite, plan.device
    content = {
        "suite": suite.sha256,
        "device": device.sha256,
        "board": device.board.sha256,
        "data": suite.data.sha256,
        "metric": [suite.metric, suite.postprocess],
        "limits": [asdict(limit) for limit in suite.limits],
        "protocol": asdict(plan.protocol),
        "cases": [[case.id, case.artefact.sha256, asdict(case.engine)] for case in plan.cases],
        "order": plan.order,
        "items": plan.items,
        "seed": plan.seed,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()
