"""This module reads the marks of a test: which cases it runs on, its budgets, what it must not be worse in.

Amounts carry their unit, `"< 150 ms"`, and are converted to the SI unit of the quantity; a unit of another kind
is refused. Decimal and binary bytes are kept apart: 1 GB is 10^9 bytes, 1 GiB is not.
"""

import functools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import FileError
from harness.names import hint
from harness.quantities import JOULE, QUANTITIES, SECOND, SHARE, WATT, Unit
from harness.suite import Limit

if TYPE_CHECKING:
    from pint import UnitRegistry

_UNITS = {SECOND.symbol: "second", JOULE.symbol: "joule", WATT.symbol: "watt", SHARE.symbol: "dimensionless"}
_NAMES = {"energy": "energy_per_inference_j"} | {
    quantity.name.removesuffix(quantity.unit.ending): quantity.name for quantity in QUANTITIES.values()
}
"""Names in marks, without a unit, to quantities."""

_BOUND = re.compile(r"\s*(<=|>=|<|>)\s*(\S.*?)\s*")
_MARGIN = re.compile(r"\s*([a-z][a-z0-9_]*)\s+(\S.*?)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class CasesMark:
    """Which cases a test runs on.

    Attributes:
        suite: name of a suite, or path of its file.
        globs: patterns over ids of cases; none for all.
    """

    suite: str
    globs: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """What a case must not be worse in than in another run.

    Attributes:
        baseline: name or path of the run.
        margins: quantity to the amount that is allowed: a relative change, or a difference of the accuracy.
    """

    baseline: str
    margins: Mapping[str, float]


def cases_mark(mark: pytest.Mark | None, place: str) -> CasesMark:
    """Read `cases(suite, *globs)`; `alone=True` says that the test brings its own input or verdict.

    Args:
        mark: the mark; None where the test has none, although it takes `bench` or `cycle`.
        place: of the test, for the message.

    Raises:
        FileError: it says something else.
    """
    if mark is None:
        raise FileError(
            f"{place}: takes bench or cycle; say on which cases: @pytest.mark.cases('digits', '*/int8')"
        )
    texts = all(isinstance(each, str) for each in mark.args)
    if not mark.args or not texts or not mark.kwargs.keys() <= {"alone"}:
        raise FileError(f"{place}: cases: expected a suite and patterns, such as cases('digits', '*/int8')")
    return CasesMark(suite=mark.args[0], globs=mark.args[1:])


def budget(mark: pytest.Mark, place: str) -> list[Limit]:
    """Read `budget(latency_p99="< 150 ms", accuracy=">= 0.9")`; raises as `cases_mark`."""
    if mark.args or not mark.kwargs:
        raise FileError(f"{place}: budget: expected limits by name, such as budget(latency_p99='< 150 ms')")
    return [_limit(name, text, f"{place}: budget: {name}") for name, text in mark.kwargs.items()]


def comparing(mark: pytest.Mark, default: str | None, place: str) -> Comparing:
    """Read `no_worse_than(RUN, accuracy="1 pp", energy="5 %")`; raises as `cases_mark`.

    Args:
        mark: the mark.
        default: the run where the mark names none.
        place: of the test.
    """
    margins = dict(mark.kwargs)
    named = margins.pop("baseline", None)
    baseline = mark.args[0] if mark.args else named or default
    if len(mark.args) > 1 or not margins:
        raise FileError(
            f"{place}: no_worse_than: expected a run and margins by name, such as "
            "no_worse_than('latest', accuracy='1 pp', energy='5 %')"
        )
    if baseline is None:
        raise FileError(f"{place}: no_worse_than: names no run; give one there or with --baseline")
    return Comparing(
        baseline=str(baseline),
        margins=dict(
            _margin(name, text, f"{place}: no_worse_than: {name}") for name, text in margins.items()
        ),
    )


def margins(texts: Sequence[str], place: str) -> dict[str, float]:
    """Read margins such as `accuracy 1 pp`; raises as `cases_mark`."""
    found = {}
    for text in texts:
        match = _MARGIN.fullmatch(text)
        if match is None:
            raise FileError(f"{place}: {text!r}: expected a quantity and an amount, such as energy 5 %")
        name, amount = _margin(match[1], match[2], f"{place}: {match[1]}")
        found[name] = amount
    return found


def _limit(name: str, text: object, place: str) -> Limit:
    quantity = _quantity(name, place)
    match = _BOUND.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise FileError(
            f"{place}: found {text!r}, expected one of < <= > >= and an amount, such as '< 150 ms'"
        )
    bound = _amount(match[2], QUANTITIES[quantity].unit, place)
    return Limit(quantity=quantity, comparison=match[1], bound=bound)


def _margin(name: str, text: object, place: str) -> tuple[str, float]:
    """A relative change in percent, or a difference of shares in percentage points."""
    quantity = _quantity(name, place)
    share = QUANTITIES[quantity].unit is SHARE
    ending, example = ("pp", "1 pp") if share else ("%", "5 %")
    if not isinstance(text, str) or not text.rstrip().endswith(ending):
        kind = "percentage points" if share else "percent"
        raise FileError(f"{place}: found {text!r}, expected {kind}, such as '{example}'")
    amount = _amount(text.rstrip().removesuffix(ending) + "percent", SHARE, place)
    if amount < 0:
        raise FileError(f"{place}: found {text!r}, expected an amount from 0")
    return quantity, amount


def _quantity(name: str, place: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    raise FileError(f"{place}: is not a quantity; {hint(name, _NAMES)}")


def _amount(text: str, unit: Unit, place: str) -> float:
    wanted = _UNITS.get(unit.symbol, "byte")
    example = {"second": "150 ms", "joule": "20 mJ", "watt": "3 W", "byte": "1 GB"}.get(wanted, "0.9 or 90 %")
    try:
        found: Any = _units().Quantity(text)
        amount = float(found.to(wanted).magnitude)
    except Exception as error:  # pint's own errors are of a dozen kinds, all of them of what was written
        raise FileError(f"{place}: found {text!r}, expected an amount such as {example}") from error
    if wanted == "byte" and "byte" not in str(found.units):  # to pint a bare number is one of bits
        raise FileError(f"{place}: found {text!r}, expected bytes such as {example}")
    if not math.isfinite(amount):
        raise FileError(f"{place}: found {text!r}, expected a finite amount such as {example}")
    return amount


@functools.cache
def _units() -> "UnitRegistry[Any]":
    from pint import UnitRegistry

    return UnitRegistry(on_redefinition="ignore")  # of its own units: nothing to be told here
