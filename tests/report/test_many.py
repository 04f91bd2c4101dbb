"""Tests of pages of many cases, of hostile names, and of the words for where a case stands."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from judging.crowd import many_cases, many_runs
from judging.tables import at, case_result

from harness.judging.front import Placing, rank
from harness.judging.membership import Standing
from harness.report.page import render_page
from harness.report.places import Place, place_of
from harness.report.rows import DETAILS, MANY, table_of

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)<",
    "$x$",
    "=cmd|' '!A0",
    "..",
    "\x1b[2J",
    '"><b>',
    "{{ 7 * 7 }}",
)

DRAWN = {
    "svg",
    "title",
    "desc",
    "defs",
    "style",
    "clippath",
    "rect",
    "g",
    "path",
    "text",
    "tspan",
    "use",
    "a",
    "image",
}
"""What the pictures of a page are made of."""


class Names(HTMLParser):
    """The elements of a page with their attributes, all of its text, and what its pictures are made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.drawn: set[str] = set()
        self.text = ""
        self._deep = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins; how many ticks a picture has depends on the width of its words."""
        self._deep += tag == "svg"
        if self._deep:
            self.drawn.add(tag)
        else:
            self.names.append(" ".join([tag, *(name for name, _ in attrs)]))

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        self._deep -= tag == "svg"

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data


@pytest.mark.parametrize("name", HOSTILE)
def test_a_case_s_name_stays_text(tmp_path: Path, name: str) -> None:
    """A model, device or precision that looks like markup makes no element, and is shown as it is."""

    def page(text: str) -> Names:
        cases = [case_result("/".join([text] * 4)), at("other", 2e-3, 1e-2, 90)]
        runs, ranking = many_runs(tmp_path, cases)
        return Names(render_page(runs, ranking))

    tame, wild = page("t" * len(name)), page(name)

    assert tame.names == wild.names
    assert "/".join([name] * 4) in wild.text
    assert wild.drawn <= DRAWN


def test_many_cases_have_lean_rows(tmp_path: Path) -> None:
    """Of many cases all have a row; only those worth a closer look have details, and the page says so."""
    count = MANY + 100
    runs, ranking = many_runs(tmp_path, many_cases(count))
    page = render_page(runs, ranking)
    table = re.findall(r'<table class="cases.*?</table>', page, re.DOTALL)[0]

    assert count + 1 == table.count("<tr")
    assert 0 < page.count("<details id=") <= DETAILS
    assert "all of them in the CSV and JSON files beside this page" in page
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'\sid="([^"]+)"', page))


def test_few_cases_have_whole_rows(tmp_path: Path) -> None:
    """Up to the bound each case has its details."""
    runs, ranking = many_runs(tmp_path, many_cases(50))
    page = render_page(runs, ranking)

    assert 52 == page.count("<details")  # one holds the words of the page, one versions and host
    assert "worth a closer look" not in page


def test_columns_without_figures_are_left_out() -> None:
    """A column in which no case has anything is not shown; where a case stands always is."""
    bare = case_result(executed_precision="", sittings=0, cycles=0, parts=0)
    bare = replace(
        bare,
        estimates={**bare.estimates, "cold_start_s": replace(bare.estimates["cold_start_s"], value=None)},
    )
    keys = [column.key for column in table_of(rank([bare], []))[0]]

    assert {"cold_start_s", "runs_as", "course", "sittings", "void", "verdict"}.isdisjoint(keys)
    assert {"place", "origin", "latency_p99_s"} <= set(keys)


def placing(
    share: float | None, *, layer: int | None = 1, between: bool = True, incomplete: str = ""
) -> Placing:
    """A case placed by hand."""
    standing = None if share is None else Standing(share=share, between=between)
    case = case_result(incomplete=incomplete)
    return Placing(case=case, judgements=(), verdict=None, rank=1, layer=layer, standing=standing)


def test_where_a_case_stands() -> None:
    """Resampling decides where it could be done, else the figures; a limit and an absent figure go before both."""

    assert Place.FRONT is place_of(placing(0.99))
    assert Place.POSSIBLE is place_of(placing(0.99, between=False))
    assert Place.POSSIBLE is place_of(placing(0.5, layer=2))
    assert Place.DOMINATED is place_of(placing(0.01))
    assert Place.BEHIND is place_of(placing(0.01, layer=2, between=False))
    assert Place.BY_FIGURES is place_of(placing(None))
    assert Place.BEHIND is place_of(placing(None, layer=2))
    assert Place.BEYOND is place_of(placing(None, layer=None))
    assert Place.INCOMPLETE is place_of(placing(0.99, incomplete="no energy"))


def test_the_script_is_small() -> None:
    """What is needed to sort and filter weighs at most 10 kB, and ends no script element."""
    from importlib.resources import files

    script = files("harness.report").joinpath("page.js").read_text(encoding="utf-8")

    assert len(script.encode()) <= 10_000
    assert "</" not in script
