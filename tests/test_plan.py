"""A plan is pure: every case and sitting once, fairly ordered, with the same items for every case."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import FileError
from harness.plan import Plan, all_cases, make_plan, select
from harness.profile import Board, Device, Identity
from harness.suite import Artefact, Data, EngineChoice, Limit, Model, Protocol, Suite

BOARD = Board(
    id="board",
    title="Board",
    soc="none",
    architecture="none",
    precisions=("fp32",),
    engines=("ort",),
    facts=(),
    verified="nothing yet",
    path=Path("board.yaml"),
    sha256="b",
)
DEVICE = Device(
    id="bench-1",
    board=BOARD,
    hw_revision=None,
    firmware=None,
    firmware_compatibility_matrix={},
    build_id=None,
    signing_cert_fingerprint=None,
    identity=Identity(kind="none", value=None),
    connection="local",
    meter=None,
    calibration=None,
    start_temperature_c=None,
    job_s=1.0,
    reply_s=1.0,
    retries=0,
    path=Path("bench-1.yaml"),
    sha256="d",
)
PROTOCOL = Protocol(
    name="standard",
    sittings=3,
    items=None,
    items_per_sitting="share",
    warmup_s=0.0,
    window_s=0.01,
    samples=10,
    block_s=0.0,
    idle_s=0.0,
    cooldown_s=0.0,
    preflight_items=0,
    preflight_accuracy=0.0,
    coverage=0.9,
    remeasure=2,
)
DATA = Data(
    path=Path("data.npz"),
    sha256="n",
    inputs="images",
    labels="labels",
    subset=None,
    dtype="float32",
    scale=1.0,
    shape=(1, 4),
    licence="none",
    attribution="none",
)


def a_suite(precisions: Sequence[str] = ("fp32", "int8"), protocol: Protocol = PROTOCOL) -> Suite:
    """A suite of one model in some precisions."""
    artefacts = tuple(
        Artefact(precision=precision, path=Path(precision), sha256=precision, recipe="none")
        for precision in precisions
    )
    engine = EngineChoice(
        id="ort", kind="onnxruntime", providers=("CPU",), allow_fallback=False, threads=1, spinning=False
    )
    return Suite(
        id="tiny",
        title="Tiny",
        models=(Model(id="net", macs=None, parameters=None, artefacts=artefacts),),
        engines=(engine,),
        data=DATA,
        metric="top1",
        postprocess="argmax",
        protocols={"standard": protocol},
        limits=(Limit(quantity="accuracy", comparison=">=", bound=0.9),),
        path=Path("tiny.yaml"),
        sha256="s",
    )


def a_plan(cases: int = 2, seed: int = 0, items: Sequence[int] = range(100), **protocol: object) -> Plan:
    """The plan of so many cases under a changed protocol."""
    suite = a_suite([f"p{number}" for number in range(cases)], replace(PROTOCOL, **protocol))
    return make_plan(suite, DEVICE, "standard", (), seed, items)


def turns(plan: Plan) -> str:
    """The order of a plan as letters, one group for each sitting."""
    letter = {case.id: chr(ord("A") + number) for number, case in enumerate(plan.cases)}
    groups: dict[int, str] = {}
    for case, sitting in plan.order:
        groups[sitting] = groups.get(sitting, "") + letter[case]
    return " ".join(groups.values())


def test_id_of_a_case_is_readable() -> None:
    """A case is named by device, engine, model and precision."""
    assert ["bench-1/ort/net/fp32", "bench-1/ort/net/int8"] == [
        case.id for case in make_plan(a_suite(), DEVICE, "standard", (), 0, range(9)).cases
    ]


@pytest.mark.parametrize(
    ("cases", "sittings", "expected"),
    [
        (1, 3, "A A A"),
        (2, 2, "AB BA"),
        (2, 4, "AB BA BA AB"),
        (3, 3, "ABC CBA BCA"),
        (4, 4, "ABCD DCBA CDAB BADC"),
        (4, 5, "ABCD DCBA BCDA ADCB CDAB"),
    ],
)
def test_order_goes_to_and_fro(cases: int, sittings: int, expected: str) -> None:
    """Each second sitting reverses the one before it, and each pair begins further down."""
    assert expected == turns(a_plan(cases, sittings=sittings))


@pytest.mark.parametrize(("there", "planned"), [(600, 60), (61, 60), (60, 60), (9, 9)])
def test_usual_quick_protocol_takes_few_items(there: int, planned: int) -> None:
    """A protocol that takes so many items at most takes all where there are fewer."""
    suite = replace(a_suite(protocol=replace(PROTOCOL, sittings=1)), items_at_most={"standard": 60})
    plan = make_plan(suite, DEVICE, "standard", (), 0, range(there))

    assert {1: planned} == {sitting: len(items) for sitting, items in plan.items.items()}
    assert planned == plan.protocol.items


def test_least_time_is_that_of_the_protocol() -> None:
    """Two cases with two sittings of 50 windows of 10 ms, a pause, a warm-up and idle power before and after."""
    pauses = {"cooldown_s": 1.0, "warmup_s": 0.5, "idle_s": 0.25}

    assert 2 * 2 * (2.0 + 0.5) == pytest.approx(a_plan(sittings=2, **pauses).least_s)
    assert 2 * 2 * (2.0 + 3.0) == pytest.approx(a_plan(sittings=2, block_s=3.0, **pauses).least_s)


@given(cases=st.integers(1, 9), sittings=st.integers(1, 9))
def test_every_case_has_every_sitting_once(cases: int, sittings: int) -> None:
    """The order holds each case and sitting once, all cases of a sitting before the next sitting."""
    plan = a_plan(cases, sittings=sittings)

    assert {(case.id, sitting): 1 for case in plan.cases for sitting in range(1, sittings + 1)} == Counter(
        plan.order
    )
    assert sorted(sitting for _, sitting in plan.order) == [sitting for _, sitting in plan.order]


@given(cases=st.integers(2, 9), pairs=st.integers(1, 4))
def test_steady_drift_favours_no_case(cases: int, pairs: int) -> None:
    """After an even number of sittings every case had the same mean place."""
    plan = a_plan(cases, sittings=2 * pairs)
    places = {case.id: 0 for case in plan.cases}
    for place, (case, _) in enumerate(plan.order):
        places[case] += place

    assert 1 == len(set(places.values()))


@given(cases=st.integers(2, 9), sittings=st.integers(3, 9))
def test_sittings_of_a_case_are_spread(cases: int, sittings: int) -> None:
    """No case has all its sittings in a row, and none is first in every sitting."""
    plan = a_plan(cases, sittings=sittings)
    order = [case for case, _ in plan.order]

    for case in plan.cases:
        first, last = order.index(case.id), len(order) - 1 - order[::-1].index(case.id)
        assert last - first >= sittings
    assert 1 < len({order[sitting * cases] for sitting in range(sittings)})


rows = st.lists(st.integers(0, 10_000), min_size=9, max_size=60, unique=True)


@given(items=rows, sittings=st.integers(1, 9), seed=st.integers())
def test_shares_hold_each_item_once(items: list[int], sittings: int, seed: int) -> None:
    """With `share` each item is in exactly one sitting, and the shares are equal to within one."""
    shares = a_plan(items=items, sittings=sittings, seed=seed).items

    assert sorted(items) == sorted(row for share in shares.values() for row in share)
    assert max(map(len, shares.values())) - min(map(len, shares.values())) <= 1
    assert list(range(1, sittings + 1)) == list(shares)


@given(items=rows, seed=st.integers())
def test_all_gives_each_sitting_every_item(items: list[int], seed: int) -> None:
    """With `all` each sitting goes through every item once."""
    shares = a_plan(items=items, seed=seed, items_per_sitting="all").items

    assert [sorted(items)] * 3 == [sorted(share) for share in shares.values()]


@given(items=rows, wanted=st.integers(3, 9), seed=st.integers(), per=st.sampled_from(["share", "all"]))
def test_protocol_takes_the_first_items(items: list[int], wanted: int, seed: int, per: str) -> None:
    """A protocol's `items` are the same for any sharing, and more of them only add."""
    few = a_plan_rows(items, seed, wanted, per)
    more = a_plan_rows(items, seed, min(wanted + 3, len(items)), "all")

    assert wanted == len(few)
    assert few <= more


def a_plan_rows(items: Sequence[int], seed: int, wanted: int, per: str) -> set[int]:
    """All rows that a plan goes through when its protocol limits them."""
    suite = a_suite(protocol=replace(PROTOCOL, items=wanted, items_per_sitting=per))
    plan = make_plan(suite, DEVICE, "standard", (), seed, items)
    return {row for share in plan.items.values() for row in share}


def test_sittings_shuffle_anew() -> None:
    """Two sittings see the same items in different orders, and so do two seeds."""
    plan = a_plan(items_per_sitting="all")
    other = a_plan(items_per_sitting="all", seed=1)

    assert plan.items[1] != plan.items[2]
    assert plan.items[1] != other.items[1]


def test_order_of_items_is_for_ever() -> None:
    """The items of a seed are the same on every machine and Python, so that a run can be repeated."""
    plan = a_plan(items=range(6), seed=7)

    assert {1: (1, 3), 2: (0, 5), 3: (2, 4)} == plan.items


@given(cases=st.integers(1, 4), seed=st.integers())
def test_digest_is_stable(cases: int, seed: int) -> None:
    """The same values give the same plan and digest."""
    assert a_plan(cases, seed) == a_plan(cases, seed)


CHANGES = {
    "suite file": lambda s, d: (replace(s, sha256="x"), d),
    "device file": lambda s, d: (s, replace(d, sha256="x")),
    "board file": lambda s, d: (s, replace(d, board=replace(d.board, sha256="x"))),
    "data": lambda s, d: (replace(s, data=replace(s.data, sha256="x")), d),
    "limits": lambda s, d: (replace(s, limits=()), d),
    "protocol": lambda s, d: (replace(s, protocols={"standard": replace(PROTOCOL, remeasure=1)}), d),
    "threads": lambda s, d: (replace(s, engines=(replace(s.engines[0], threads=2),)), d),
    "artefact": lambda s, d: (
        replace(
            s, models=(replace(s.models[0], artefacts=(replace(s.models[0].artefacts[0], sha256="x"),)),)
        ),
        d,
    ),
    "device id": lambda s, d: (s, replace(d, id="bench-2")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_digest_changes_with_what_it_is_made_of(change: object) -> None:
    """A change of anything that the plan is made of changes its digest."""
    suite, device = a_suite(["fp32"]), DEVICE
    before = make_plan(suite, device, "standard", (), 0, range(9)).sha256

    assert before != make_plan(*change(suite, device), "standard", (), 0, range(9)).sha256


@pytest.mark.parametrize(
    ("selections", "seed", "items"), [(["*/int8"], 0, range(9)), ([], 1, range(9)), ([], 0, range(10))]
)
def test_digest_changes_with_selection_seed_and_items(
    selections: list[str], seed: int, items: Sequence[int]
) -> None:
    """Another selection, seed or set of items is another plan."""
    before = make_plan(a_suite(), DEVICE, "standard", (), 0, range(9)).sha256

    assert before != make_plan(a_suite(), DEVICE, "standard", selections, seed, items).sha256


@pytest.mark.parametrize(
    ("selections", "expected"),
    [
        ([], ["fp32", "fp16", "int8"]),
        (["*"], ["fp32", "fp16", "int8"]),
        (["*/int8"], ["int8"]),
        (["*/fp*"], ["fp32", "fp16"]),
        (["*/int8", "bench-1/ort/net/fp32"], ["fp32", "int8"]),
        (["bench-?/*/fp[13]*"], ["fp32", "fp16"]),
    ],
)
def test_selection_is_a_pattern(selections: list[str], expected: list[str]) -> None:
    """A case is in the plan when one of the patterns matches its whole id; the suite's order stays."""
    cases = select(all_cases(a_suite(["fp32", "fp16", "int8"]), DEVICE), selections)

    assert expected == [case.precision for case in cases]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("int8", "matches no case; did you mean '*int8*'?"),
        ("bench-1/ort/net/int4", "did you mean bench-1/ort/net/int8"),
        ("*/INT8", "matches no case"),
    ],
)
def test_selection_that_matches_nothing_is_refused(pattern: str, words: str) -> None:
    """A pattern that matches no case is told with what is near, even beside one that matches."""
    with pytest.raises(FileError) as caught:
        select(all_cases(a_suite(), DEVICE), ["*/fp32", pattern])

    assert f"--select {pattern}: " in str(caught.value)
    assert words in str(caught.value)


def test_unknown_protocol_is_refused() -> None:
    """A protocol that the suite does not have is told with the ones it has."""
    with pytest.raises(FileError, match=r"tiny.yaml: protocol.standart: .*did you mean standard"):
        make_plan(a_suite(), DEVICE, "standart", (), 0, range(9))


@pytest.mark.parametrize(
    ("protocol", "items", "words"),
    [
        ({"items": 10}, range(9), "found 10, expected at most the 9 items of the data"),
        ({}, range(2), "found 2 items for 3 sittings that share them"),
        ({"items": 2}, range(9), "found 2 items for 3 sittings that share them"),
        ({"items_per_sitting": "all"}, (), "found 0 items"),
    ],
)
def test_too_few_items_are_refused(protocol: dict[str, object], items: Sequence[int], words: str) -> None:
    """No sitting is planned without an item."""
    suite = a_suite(protocol=replace(PROTOCOL, **protocol))

    with pytest.raises(FileError, match=words):
        make_plan(suite, DEVICE, "standard", (), 0, items)


def test_case_is_found_by_id() -> None:
    """A plan gives the case of an id, and none for another."""
    plan = a_plan()

    assert plan.cases[1] == plan.case("bench-1/ort/net/p1")
    with pytest.raises(KeyError):
        plan.case("bench-1/ort/net/p9")
