"""What marks say is read with its units, or refused with what was expected."""

import pytest

from harness.errors import FileError
from harness.pytest_plugin.marks import budget, cases_mark, comparing, margins


def mark(*arguments: object, **named: object) -> pytest.Mark:
    """A mark with these arguments; its name, which nobody reads, is one that this project knows."""
    return pytest.mark.slow(*arguments, **named).mark


@pytest.mark.parametrize(
    ("name", "text", "limit"),
    [
        ("latency_p99", "< 150 ms", "latency_p99_s < 0.15"),
        ("latency_p50", "<= 80 µs", "latency_p50_s <= 8e-05"),
        ("latency_p50", "<= 80 us", "latency_p50_s <= 8e-05"),
        ("power_mean", "<= 3 W", "power_mean_w <= 3"),
        ("memory_peak", "<= 1 GB", "memory_peak_bytes <= 1e+09"),
        ("memory_peak", "<= 1 GiB", "memory_peak_bytes <= 1.07374182e+09"),
        ("accuracy", ">= 0.90", "accuracy >= 0.9"),
        ("accuracy", ">= 90 %", "accuracy >= 0.9"),
        ("energy", "<= 20 mJ", "energy_per_inference_j <= 0.02"),
        ("energy_per_inference", "<= 2e-5 J", "energy_per_inference_j <= 2e-05"),
        ("cold_start", "<2s", "cold_start_s < 2"),
    ],
)
def test_budget_is_in_si(name: str, text: str, limit: str) -> None:
    """A budget in any unit of its kind is a limit in the SI unit of its quantity."""

    assert [limit] == [str(each) for each in budget(mark(**{name: text}), "test_x")]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("latency_p99", "150 ms", "expected one of < <= > >="),
        ("latency_p99", "< 150", "expected an amount such as 150 ms"),
        ("latency_p99", "< 3 W", "expected an amount such as 150 ms"),
        ("latency_p99", "< soon", "expected an amount such as 150 ms"),
        ("latency_p99", "< nan s", "finite"),
        ("latency_p99", "< __import__('os') s", "expected an amount"),
        ("latency_p99", 0.15, "expected one of"),
        ("memory_peak", "<= 1e9", "expected bytes"),
        ("latency_p98", "< 1 s", "did you mean latency_p9"),
    ],
)
def test_wrong_budget_is_told(name: str, text: object, expected: str) -> None:
    """A budget without a comparison, of another unit or of no quantity is refused by test and name."""

    with pytest.raises(FileError, match=r"^test_x: budget: ") as fault:
        budget(mark(**{name: text}), "test_x")
    assert expected in str(fault.value)


def test_empty_budget_is_told() -> None:
    """A budget without a limit, or with one that has no name, is refused."""

    for wrong in (mark(), mark("latency < 1 s")):
        with pytest.raises(FileError, match="expected limits by name"):
            budget(wrong, "test_x")


def test_margins_are_shares() -> None:
    """Points are a difference of the accuracy, percent a relative change of anything else."""

    assert {"accuracy": 0.01, "energy_per_inference_j": 0.05} == comparing(
        mark("latest", accuracy="1 pp", energy="5 %"), None, "test_x"
    ).margins


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ({"accuracy": "1 %"}, "expected percentage points"),
        ({"energy": "5 pp"}, "expected percent"),
        ({"energy": "-5 %"}, "an amount from 0"),
        ({"energy": 5}, "expected percent"),
        ({}, "expected a run and margins"),
        ({"engery": "5 %"}, "did you mean energy"),
    ],
)
def test_wrong_margin_is_told(amounts: dict[str, object], expected: str) -> None:
    """A margin of another kind than its quantity's is refused."""

    with pytest.raises(FileError, match=expected):
        comparing(mark("latest", **amounts), None, "test_x")


def test_baseline_comes_from_the_mark_first() -> None:
    """The run in the mark stands above the one of the command line; without both the mark is refused."""
    bare = mark(energy="5 %")

    assert "a" == comparing(mark("a", energy="5 %"), "b", "test_x").baseline
    assert "a" == comparing(mark(baseline="a", energy="5 %"), "b", "test_x").baseline
    assert "b" == comparing(bare, "b", "test_x").baseline
    with pytest.raises(FileError, match="names no run"):
        comparing(bare, None, "test_x")


def test_margins_of_the_ini_file() -> None:
    """Margins in the ini file are a quantity and an amount, one a line."""

    assert {"latency_p99_s": 0.1} == margins(["latency_p99 10 %"], "harness_margins")
    with pytest.raises(FileError, match="such as energy 5 %"):
        margins(["energy"], "harness_margins")


def test_cases_name_a_suite() -> None:
    """The mark `cases` takes a suite and patterns, and nothing else."""

    assert ("*/int8",) == cases_mark(mark("digits", "*/int8"), "test_x").globs
    for wrong in (None, mark(), mark(1), mark("digits", glob="*")):
        with pytest.raises(FileError, match="cases"):
            cases_mark(wrong, "test_x")
