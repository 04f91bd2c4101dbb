"""Tests of the page in a real browser: sorting, filters, addresses, keyboard, the dark, print, and without script."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from judging.crowd import many_cases, many_runs
from judging.tables import case_result
from processes import PATIENCE_S

from harness.quantities import print_value
from harness.report.page import render_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CASES = many_cases(60)
ROWS = "table.cases tbody tr"
SEEN = f"{ROWS}:visible"

Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 60 cases, and one whose name is markup."""
    folder = tmp_path_factory.mktemp("page")
    hostile = case_result("<img src=x onerror=alert(1)>/onnxruntime/$x$/=1+1")
    runs, ranking = many_runs(folder, [*CASES, hostile])
    file = folder / "page.html"
    file.write_text(render_page(runs, ranking), encoding="utf-8")
    return file


@pytest.fixture
def show(browser: "Browser", path: Path) -> Iterator[Open]:
    """Opens the page; at the end no error was told, no dialog shown and nothing asked of the network."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def opened(hash_: str = "", *, watched: bool = True, **settings: Any) -> "Page":
        context = browser.new_context(viewport={"width": 1300, "height": 900}, **settings)
        context.set_default_timeout(PATIENCE_S * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.extend([message.text] * watched))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: complaints.extend([request.url] * request.url.startswith("http")))
        page.goto(path.as_uri() + hash_)
        return page

    yield opened
    for context in contexts:
        context.close()

    assert [] == complaints


def told(page: "Page", text: str) -> None:
    """Wait until the page says so of its table."""
    page.locator("#shown").get_by_text(text, exact=True).wait_for()


def column(page: "Page", key: str) -> list[str]:
    """What the visible cells of a column say first, in their order."""
    place = page.locator("table.cases thead th").evaluate_all(
        "(heads, key) => heads.findIndex((head) => head.dataset.key === key)", key
    )
    return page.locator(SEEN).evaluate_all(
        "(rows, i) => rows.map((row) => row.cells[i].firstChild.textContent)", place
    )


def test_a_head_sorts_up_down_and_back(show: Open) -> None:
    """One press sorts by the figure in its unit, a second one turns the order, a third gives the rank back."""
    page = show()
    head = page.locator("th[data-key=latency_p99_s]")
    ranked = column(page, "case")
    expected = [
        print_value("latency_p99_s", value)
        for value in sorted(case.estimates["latency_p99_s"].value or 0.0 for case in [*CASES, case_result()])
    ]
    head.get_by_role("button").click()

    assert (expected, "ascending") == (column(page, "latency_p99_s"), head.get_attribute("aria-sort"))
    head.get_by_role("button").click()
    assert (expected[::-1], "descending") == (column(page, "latency_p99_s"), head.get_attribute("aria-sort"))
    head.get_by_role("button").click()
    assert (ranked, None) == (column(page, "case"), head.get_attribute("aria-sort"))


def test_filters_narrow_the_table_and_say_so(show: Open) -> None:
    """Device and words together leave the cases that have both; one press shows all again."""
    page = show()
    page.get_by_label("device").select_option("bench-2")
    page.get_by_label("find").fill("INT8")
    expected = sorted(case.case for case in CASES if case.device == "bench-2" and case.precision == "int8")
    told(page, f"{len(expected)} of 61 cases")

    assert expected == sorted(column(page, "case"))
    page.get_by_role("button", name="Show all").click()
    told(page, "61 of 61 cases")
    assert 61 == page.locator(SEEN).count()


def test_the_address_keeps_the_state(show: Open) -> None:
    """An address opens the table as it was left: order, filter and columns."""
    page = show()
    page.get_by_label("precision").select_option("fp16")
    page.get_by_label("columns").select_option("decision")
    page.locator("th[data-key=energy_per_inference_j]").get_by_role("button").click()
    again = show(page.evaluate("location.hash"))

    assert "sort=energy_per_inference_j" in again.url
    assert column(page, "case") == column(again, "case")
    assert "descending" != again.locator("th[data-key=energy_per_inference_j]").get_attribute("aria-sort")
    assert not again.locator("th[data-key=cycles]").is_visible()
    assert again.locator("th[data-key=energy_per_inference_j]").is_visible()


def test_a_link_opens_what_it_leads_to(show: Open) -> None:
    """From a row to its details, which open; from a point of a picture to its row, which is shown though filtered."""
    page = show()
    page.locator(f"{ROWS} th a").first.click()
    page.wait_for_selector("#case-1-details[open]")

    page.get_by_label("find").fill("no case is called so")
    told(page, "0 of 61 cases")
    page.locator("figure svg a[href='#case-1']").first.dispatch_event("click")
    page.wait_for_selector("#case-1:visible")


def test_the_keyboard_does_it_all(show: Open) -> None:
    """The first stop skips to the table; heads are sorted and details opened with Enter, and the focus is seen."""
    page = show()
    page.keyboard.press("Tab")

    assert "To the table of all cases" == page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    assert "cases" == page.evaluate("document.activeElement.id")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.name || document.activeElement.closest('th')?.dataset.key || ''"
            )
        )
    assert {"q", "device", "rank", "case"} <= set(reached)
    assert "none" != page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.locator("th[data-key=accuracy] button").focus()
    page.keyboard.press("Enter")
    assert "ascending" == page.locator("th[data-key=accuracy]").get_attribute("aria-sort")
    page.locator("#case-2-details summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#case-2-details[open]").count()


def test_screen_readers_are_told(show: Open) -> None:
    """Pictures, table, regions and filters have names in the tree that a screen reader reads."""
    page = show()
    tree = page.locator("body").aria_snapshot()

    for words in (
        'img "latency p99 against energy',
        'search "Filter the table',
        'table "In the order',
        "status:",
    ):
        assert words in tree
    assert "/onnxruntime/model-" in page.locator("figure svg desc").first.text_content() or ""


def luminance(page: "Page", selector: str, name: str) -> float:
    """How light a colour of an element is, 0 to 1."""
    numbers = page.eval_on_selector(
        selector, f"(e) => getComputedStyle(e).{name}.match(/[\\d.]+/g).slice(0, 3)"
    )
    return sum(
        weight * float(part) / 255 for weight, part in zip((0.2126, 0.7152, 0.0722), numbers, strict=True)
    )


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_page_follows_the_dark(show: Open, scheme: str, dark: bool) -> None:
    """Paper and ink change places in the dark, in the pictures as well."""
    page = show(color_scheme=scheme)

    assert dark is (luminance(page, "body", "backgroundColor") < 0.2)
    assert dark is (luminance(page, "body", "color") > 0.7)
    assert dark is (luminance(page, "figure svg text", "fill") > 0.7)


def test_without_script_the_page_is_whole(show: Open) -> None:
    """All cases are there, no control is that would do nothing, and details open."""
    page = show(java_script_enabled=False)

    assert 61 == page.locator(SEEN).count()
    assert not page.locator("#controls").is_visible()
    assert 0 == page.locator("thead button").count()
    page.locator("#case-1-details summary").click()
    assert page.locator("#case-1-details dl, #case-1-details table").first.is_visible()


def test_print_shows_the_whole_table(show: Open) -> None:
    """On paper there are no controls and no scrolled box."""
    page = show()
    page.emulate_media(media="print")

    assert not page.locator("#controls").is_visible()
    assert "none" == page.eval_on_selector(".tall", "(e) => getComputedStyle(e).maxHeight")
    assert page.pdf()[:5] == b"%PDF-"


def test_only_the_page_s_own_script_runs(show: Open) -> None:
    """A script or a handler that got into the page all the same would not be run."""
    page = show(watched=False)  # the browser says aloud what it refuses
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<b id=late onclick=\"window.ran = 1\">x</b>');"
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 2'}))"
    )
    page.evaluate("document.getElementById('late').click()")

    assert page.evaluate("window.ran") is None
