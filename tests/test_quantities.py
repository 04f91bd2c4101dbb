"""Quantities are named, printed and limited in one way."""

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness
from harness.errors import FileError
from harness.quantities import (
    ABSENT,
    QUANTITIES,
    SHARE,
    SIGNED,
    bound_name,
    exact,
    find_quantity,
    parse_limit,
    print_share,
    print_value,
)
from harness.suite import Limit


@pytest.mark.parametrize("name", QUANTITIES)
def test_name_ends_in_its_unit(name: str) -> None:
    """The name of a quantity ends in the unit of its values, and bounds keep it last."""
    ending = QUANTITIES[name].unit.ending

    assert name.endswith(ending)
    assert bound_name(name, "lo").endswith(f"_lo{ending}")
    assert bound_name(name, "hi") not in QUANTITIES


@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [
        ("latency_p99_s", "lo", "latency_p99_lo_s"),
        ("energy_per_inference_j", "hi", "energy_per_inference_hi_j"),
        ("memory_peak_bytes", "lo", "memory_peak_lo_bytes"),
        ("accuracy", "hi", "accuracy_hi"),
    ],
)
def test_bound_keeps_the_unit_last(name: str, side: str, expected: str) -> None:
    """A bound is named before the unit."""
    assert expected == bound_name(name, side)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("latency_p99_s", 12.3e-6, "12.3 µs"),
        ("latency_p99_s", 0.150, "150 ms"),
        ("latency_p99_s", 999.4e-6, "999 µs"),
        ("latency_p99_s", 999.96e-6, "1.00 ms"),
        ("latency_p99_s", 59.96, "60.0 s"),
        ("latency_p99_s", 2e-9, "2.00 ns"),
        ("latency_p99_s", 12_345.0, "1.23e+04 s"),
        ("energy_per_inference_j", 1.25e-3, "1.25 mJ"),
        ("energy_above_idle_per_inference_j", -3.1e-6, "-3.10 µJ"),
        ("power_mean_w", 4.0, "4.00 W"),
        ("memory_peak_bytes", 53_200_000, "53.2 MB"),
        ("memory_peak_bytes", 999, "999 B"),
        ("memory_peak_bytes", 1e9, "1.00 GB"),
        ("accuracy", 0.9944, "99.4 %"),
        ("accuracy", 1.0, "100.0 %"),
        ("accuracy", 0.9996, "99.96 %"),
        ("error", 0.0004, "0.04 %"),
        ("error", 0.0, "0.0 %"),
        ("sampler_overhead", -0.012, "-1.2 %"),
        ("latency_p99_s", 0.0, "0 s"),
        ("latency_p99_s", None, ABSENT),
        ("latency_p99_s", math.nan, ABSENT),
        ("latency_p99_s", math.inf, ABSENT),
    ],
)
def test_values_print_for_people(name: str, value: float | None, expected: str) -> None:
    """A value prints with three digits and a unit of its size; what is absent prints as absent."""
    assert expected == print_value(name, value)


@given(name=st.sampled_from(sorted(QUANTITIES)), value=st.floats(min_value=-1e15, max_value=1e15))
def test_printed_value_is_the_value(name: str, value: float) -> None:
    """What is printed, read back in its unit, is the value to three digits; only nothing prints as 0."""
    unit = find_quantity(name).unit
    number, symbol = print_value(name, value).split(" ")
    read_back = float(number) * (dict(unit.steps)[symbol] if value or unit is SHARE else 1.0)

    if unit.symbol == "B":
        assert read_back == pytest.approx(value, rel=0.006, abs=0.5)
    elif unit is SHARE:
        assert read_back == pytest.approx(value, rel=0.006, abs=0.000_51)
    else:
        assert read_back == pytest.approx(value, rel=0.006)


@given(st.floats(min_value=1e-9, max_value=1.0 - 1e-9))
def test_almost_all_is_not_all(share: float) -> None:
    """A share below one never prints as 100 %, and one above zero never as 0 %."""
    printed = float(print_value("accuracy", share).removesuffix(" %"))

    assert 0.0 < printed < 100.0


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("latency_p99_s < 0.150", Limit(quantity="latency_p99_s", comparison="<", bound=0.15)),
        ("memory_peak_bytes<=1e9", Limit(quantity="memory_peak_bytes", comparison="<=", bound=1e9)),
        (" accuracy  >= .95 ", Limit(quantity="accuracy", comparison=">=", bound=0.95)),
        ("power_mean_w > 0", Limit(quantity="power_mean_w", comparison=">", bound=0.0)),
    ],
)
def test_limit_is_read(text: str, limit: Limit) -> None:
    """A limit is a quantity, a comparison and a number."""
    assert limit == parse_limit(text)


def figures_of(name: str) -> st.SearchStrategy[tuple[str, float]]:
    """A quantity with a figure that it can have."""
    least = None if name in SIGNED else 0.0
    most = 1.0 if QUANTITIES[name].unit is SHARE and name not in SIGNED else None
    values = st.floats(least, most, allow_nan=False, allow_infinity=False)
    return st.tuples(st.just(name), values.map(lambda value: float(f"{value:.9g}")))


@given(
    figure=st.sampled_from(sorted(QUANTITIES)).flatmap(figures_of),
    comparison=st.sampled_from(["<", "<=", ">", ">="]),
)
def test_limit_reads_what_it_prints(figure: tuple[str, float], comparison: str) -> None:
    """The text of a limit, as kept with a run, reads as the same limit."""
    name, bound = figure
    limit = Limit(quantity=name, comparison=comparison, bound=bound)

    assert limit == parse_limit(str(limit))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("latency_p99_s", "is not a limit; write a quantity"),
        ("latency_p99_s == 1", "is not a limit"),
        ("latency_p99_s < ", "is not a limit"),
        ("", "is not a limit"),
        ("latency_p9_s < 1", "is not a published quantity; did you mean latency_p99_s"),
        ("latency_p99_s < 150 ms", "found the bound 150 ms, expected a number in s"),
        ("latency_p99_s < nan", "found the bound nan"),
        ("accuracy >= 95%", "found the bound 95%, expected a number as a share from 0 to 1"),
        ("latency_p99_s < < 1", "found the bound < 1"),
        ("accuracy >= 95", "found the bound 95, expected a share from 0 to 1; did you mean 0.95?"),
        ("accuracy >= 9500", "found the bound 9500, expected a share from 0 to 1"),
        ("latency_p99_s < -1", "found the bound -1, expected 0 or more"),
    ],
)
def test_faulty_limit_says_what_to_write(text: str, words: str) -> None:
    """A faulty limit is told with what was found and what a limit looks like."""
    with pytest.raises(FileError) as caught:
        parse_limit(text)

    assert words in str(caught.value)


@given(st.text(max_size=40) | st.text(alphabet="latency_p9s <>=.0123e+-", max_size=30))
def test_any_text_is_a_limit_or_a_fault(text: str) -> None:
    """Any text is a limit with a finite bound, or a `FileError`."""
    try:
        limit = parse_limit(text)
    except FileError:
        return
    assert math.isfinite(limit.bound)


def test_unknown_quantity_has_a_hint() -> None:
    """Asking for a quantity that is not published names the nearest."""
    with pytest.raises(FileError, match="did you mean energy_per_inference_j"):
        find_quantity("energy_per_inferense_j")


@pytest.mark.parametrize(
    ("share", "decimals", "signed", "text"),
    [
        (0.86, 0, False, "86 %"),
        (1.0, 0, False, "100 %"),
        (0.999, 0, False, "99.9 %"),
        (0.0004, 0, False, "0.04 %"),
        (0.0, 1, False, "0.0 %"),
        (0.014, 1, True, "+1.4 %"),
        (-0.3, 0, True, "-30 %"),
    ],
)
def test_shares_are_printed_in_percent(share: float, decimals: int, signed: bool, text: str) -> None:
    """A share is a number, a space and the sign, and what is not all or nothing does not look so."""
    assert text == print_share(share, decimals, signed=signed)


def test_percents_are_printed_in_one_place_only() -> None:
    """No other module formats with `%`, which leaves out the space."""
    sources = Path(harness.__file__).parent.rglob("*.py")
    pattern = re.compile(r"\{[^{}]*:[+]?\.?\d*%\}")

    assert [] == [path.name for path in sources if pattern.search(path.read_text("utf-8"))]


@given(st.floats(1e-12, 1e12))
def test_exact_is_without_float_dust(value: float) -> None:
    """A number for a file reads as the same to 15 digits, and no longer decimal is written."""
    text = exact(value)

    assert float(text) == pytest.approx(value, rel=1e-14)
    assert len(text.partition("e")[0].replace(".", "").strip("0")) <= 15


def test_exact_of_a_clock_reading() -> None:
    """Nanoseconds in seconds are written as people would."""
    assert "5.578e-06" == exact(5578 * 1e-9)
