"""Records as JSON objects: what is written reads back, and what does not fit is named."""

from dataclasses import MISSING, fields
from typing import Any

import pytest
from records import closed, cycle, incident, opened, run_start, run_stop

from harness.record import Cycle, Incident, Phase, RunStart, RunStop, SittingClosed, SittingOpened, Void
from harness.store.line import decode, encode
from harness.store.members import MemberError, Record, members_of, record_of, sitting_record_of


@pytest.mark.parametrize(
    "record",
    [run_start(), run_stop(), opened(), closed(), incident()],
    ids=lambda record: type(record).__name__,
)
def test_record_round_trip(record: RunStart | RunStop | SittingOpened | SittingClosed | Incident) -> None:
    """Every record reads back from its line as it was."""
    members = decode(encode(members_of(record)))

    assert record == record_of(type(record), members)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"energy_j": None, "predicted": None, "void": (Void.NOT_JOINED, Void.GAP)},
        {"phase": Phase.WARMUP, "coverage": 0, "energy_j": 1},
    ],
)
def test_cycle_round_trip(changes: dict[str, Any]) -> None:
    """A cycle reads back from its line as it was, void and warm-up ones too."""
    record = cycle(3, **changes)
    found = record_of(Cycle, decode(encode(members_of(record))))

    assert record == cycle(3, **(changes | {"latencies_ns": record.latencies_ns}))
    assert members_of(record) | {"latencies_ns": list(record.latencies_ns)} == members_of(found) | {
        "latencies_ns": list(found.latencies_ns)
    }
    assert isinstance(found.coverage, float)
    assert found.phase is record.phase


def test_members_stand_in_the_order_of_the_fields() -> None:
    """Members are written in the order of the record's fields."""
    assert list(Cycle.__slots__) == list(members_of(cycle(0)))


def test_members_added_later_are_passed_over() -> None:
    """A member of a later harness does not stop this one from reading."""
    assert run_stop() == record_of(RunStop, members_of(run_stop()) | {"weather": "fine"})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"seq": "1"}, "seq is '1', expected int"),
        ({"seq": True}, "seq is True, expected int"),
        ({"energy_j": "much"}, "energy_j is 'much', expected float or int or null"),
        ({"phase": "lunch"}, "lunch"),
        ({"void": ["tired"]}, "tired"),
        ({"latencies_ns": [1.5]}, r"latencies_ns is \[1.5\]: expected int in it, found 1.5"),
        ({"latencies_ns": 5}, "latencies_ns is 5, expected list"),
    ],
)
def test_cycles_that_do_not_fit_are_named(changes: dict[str, Any], expected: str) -> None:
    """A member of the wrong type or of no known value is named with what was found."""
    with pytest.raises(MemberError, match=expected):
        record_of(Cycle, decode(encode(members_of(cycle(0)) | changes)))


@pytest.mark.parametrize(
    "record", [run_start(), closed(), cycle(0)], ids=lambda record: type(record).__name__
)
def test_missing_members_are_named(record: Record) -> None:
    """Each member without a default must be there."""
    members = decode(encode(members_of(record)))
    last = [field.name for field in fields(record) if field.default is MISSING][-1]
    del members[last]

    with pytest.raises(MemberError, match=f"{last} is missing"):
        record_of(type(record), members)


def test_unknown_kinds_are_named() -> None:
    """A line of sittings.jsonl of no known kind is refused by that kind."""
    with pytest.raises(MemberError, match="kind is 'party', expected one of opened, closed, incident"):
        sitting_record_of({"kind": "party"})
