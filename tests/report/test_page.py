"""Tests of the page, its table, its data and its files, from runs of the real store."""

import csv
import io
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree as ET

import pytest
from judging.runs import Behaviour, write_run
from judging.tables import around, case_result
from records import closed, incident, opened
from rich.console import Console

from harness.errors import MeasurementError, StoreError
from harness.judging.front import rank
from harness.quantities import parse_limit
from harness.report import as_data, print_table, rank_runs, render_csv, render_page, report
from harness.report.page import limit_line
from harness.report.table import columns
from harness.store import Run

HOSTILE = (
    "<script>alert(1)</script>",
    "$x$",
    "=1+1",
    "<img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}",
    "\x1b[2J",
)
CASES = [
    Behaviour(case="bench-a/onnxruntime/digits-cnn/fp16", latency_s=2e-3, executed="fp32", wrong=[1]),
    Behaviour(case="bench-a/onnxruntime/digits-cnn/int8", latency_s=1e-3),
    Behaviour(
        case="bench-a/onnxruntime/digits-cnn/int4",
        latency_s=3e-3,
        wrong=range(15),
        executed="fp32+int4 weights",
    ),
    Behaviour(case="bench-a/onnxruntime/digits-mlp/fp32", unmeasured=[2]),
]


class Tags(HTMLParser):
    """Collects the elements, their attributes and ids, and checks that they are closed."""

    VOID = frozenset({"meta", "br", "wbr", "link", "img", "input", "hr"})
    ENDS: ClassVar[Mapping[str, Sequence[str]]] = {
        "td": ("td", "th"),
        "th": ("td", "th"),
        "tr": ("td", "th", "tr"),
    }
    """What a cell or a row that begins ends, where its own end is left out as HTML allows."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self._end(self.ENDS.get(tag, ()))
        self.names.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""
        self.names.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        """An element ends; it must be the last one opened, but for cells and rows."""
        if tag in {"tbody", "table", "tr"}:
            self._end({"tr": ("td", "th")}.get(tag, ("td", "th", "tr")))
        assert self.open.pop() == tag

    def _end(self, tags: Collection[str]) -> None:
        while self.open and self.open[-1] in tags:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data


def parse(page: str) -> Tags:
    """The elements of a page."""
    tags = Tags()
    tags.feed(page)
    tags.close()
    assert tags.open == []
    return tags


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of four cases under limits, one case without its second sitting."""
    return write_run(
        tmp_path_factory.mktemp("results"),
        CASES,
        items=40,
        repeats=20,
        limits=("latency_p99_s < 0.0025", "accuracy > 0.7"),
        incidents=[incident(case=CASES[0].case)],
    )


def hostile(run: Run, text: str) -> Run:
    """The same run with a text in each place that holds free text."""
    start = replace(
        run.start,
        suite={**run.start.suite, "title": text, text: text},
        protocol={**run.start.protocol, "name": text},
        device={**run.start.device, "board": {"id": text, "title": text}},
        provenance={"command": ["harness", text], "host": {"cpu": text}, "git": [text]},
        found={"firmware": text},
        origin=text,
        boot_id=text,
        utc=text,
    )
    return replace(
        run,
        start=start,
        status=text,
        opened=[
            replace(
                record, executed={"precision": text, "nodes": {text: 1}}, meter={"origin": text}, utc=text
            )
            for record in run.opened
        ],
        closed=[
            replace(record, memory={"peak": 1, "counter": text}, environment={text: text})
            for record in run.closed
        ],
        incidents=[incident(what=text, case=CASES[0].case, utc=text)],
    )


def page_of(run: Run, title: str = "") -> str:
    """The page of one run."""
    return render_page([run], rank_runs([run]), title)


def test_page_says_first_who_leads_and_what_is_simulated(run: Run) -> None:
    """The banner names the leading case, the limits, and the origin of the power in words."""
    text = " ".join(parse(page_of(run)).text.split())
    banner = text[text.index("</style>") if "</style>" in text else 0 : text.index("All cases")]

    assert "Ship bench-a/onnxruntime/digits-cnn/int8. It passes every limit and is" in banner
    assert "Its row and all there is of it." in banner
    assert "First in rank" not in banner  # it is the one to ship
    assert "Limits: latency p99 < 2.50 ms, accuracy > 70.0 %." in banner
    assert "Power SIMULATED: the meter is a model, no hardware was read." in banner
    assert "4 cases: 1 on the front, 1 dominated, 1 beyond a limit, 1 incomplete." in banner


def test_page_explains_its_words(run: Run) -> None:
    """What a case, a front, a sitting and each objective is stands right below the verdict."""
    text = " ".join(parse(page_of(run)).text.split())
    words = text[text.index("The words of this page") : text.index("Cases by verdict")]

    for word in ("case", "latency p99", "energy per inference", "accuracy", "front", "sitting", "PASS, FAIL"):
        assert word in words
    assert "Of 100 inferences 99 take no longer than this" in words
    assert "SIMULATED" in words


def test_page_shows_what_happened_and_how_to_repeat_it(run: Run) -> None:
    """Incidents, the command, the executed precision and the reason of incompleteness are on the page."""
    text = " ".join(parse(page_of(run)).text.split())

    assert "The meter at 0x40 fell silent for 5 s." in text
    assert "harness run digits --seed 226" in text
    assert "sitting 2 of 3 has no valid cycle (the run is complete)" in text
    assert "latency, sampler on and off" in text


def test_page_needs_no_network(run: Run) -> None:
    """No address leads out of the page, nothing is loaded, and only the page's own script may run."""
    page = page_of(run)
    tags = parse(page)
    addresses = [value for name, value in tags.attributes if name in {"href", "src", "xlink:href", "action"}]

    assert "http://" not in page
    assert "https://" not in page
    assert {"link", "iframe", "object", "img"}.isdisjoint(tags.names)
    assert tags.names.count("script") == 1
    assert not [name for name, _ in tags.attributes if name == "src"]
    assert all(address.startswith("#") for address in addresses)
    assert "target" not in {name for name, _ in tags.attributes}
    assert not [name for name, _ in tags.attributes if name.startswith("on")]


def test_what_passes_most_narrowly_is_told_by_its_bound() -> None:
    """A case that is farther by its figure but nearer by the bound that decides is the one named, with that bound."""
    near = case_result("bench-a/onnxruntime/near/fp32", latency_p99_s=around(9e-3, 0.01))
    unsure = case_result("bench-a/onnxruntime/unsure/fp32", latency_p99_s=around(8e-3, 0.2))
    ranking = rank([near, unsure], [parse_limit("latency_p99_s < 0.01")])

    assert ("bench-a/onnxruntime/unsure/fp32", "upper bound 9.60 ms") == limit_line(0, ranking).tightest


def test_page_links_lead_somewhere(run: Run) -> None:
    """Each link leads to the one element of its name; a name is given once."""
    page = page_of(run)
    ids = re.findall(r'\sid="([^"]+)"', page)
    targets = re.findall(r'href="#([^"]+)"', page) + re.findall(r"url\(#([^)]+)\)", page)

    assert sorted(set(ids)) == sorted(ids)
    assert set(targets) <= set(ids)
    assert "case-1" in targets


def test_page_is_told_to_those_who_cannot_see_it(run: Run) -> None:
    """Pictures have a role, a title and a description; head cells have a scope; the table has a caption."""
    page = page_of(run)

    drawn = page.count("<svg")

    assert drawn >= 3
    assert drawn == page.count('role="img"') == page.count("<desc ")
    assert "<th>" not in page
    assert page.count("<caption>") >= 3
    assert "On the front: bench-a/onnxruntime/digits-cnn/int8." in page


def test_same_input_gives_the_same_bytes(run: Run) -> None:
    """Page and table have no date, no random name and no order of chance."""
    assert page_of(run) == page_of(run)
    assert render_csv(rank_runs([run])) == render_csv(rank_runs([run]))


@pytest.fixture(scope="module")
def tame(run: Run) -> Tags:
    """The page whose free text is a word."""
    return parse(page_of(hostile(run, "tame"), "tame"))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text_on_the_page(run: Run, tame: Tags, text: str) -> None:
    """Free text from a run is shown as it is, and makes no element, attribute, formula or template."""
    wild = parse(page_of(hostile(run, text), text))

    assert tame.names == wild.names
    assert [name for name, _ in tame.attributes] == [name for name, _ in wild.attributes]
    assert wild.text.count(text) >= 20


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text_in_the_table(run: Run, text: str) -> None:
    """A cell that a spreadsheet would run gets an apostrophe before it; numbers never do."""
    rows = list(csv.DictReader(io.StringIO(render_csv(rank_runs([hostile(run, text)])), newline="")))
    expected = f"'{text}" if text.startswith("=") else text

    assert {expected} == {row["board"] for row in rows} == {row["origin"] for row in rows}
    assert float(rows[0]["latency_p99_s"]) > 0


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", "\x1b[2J\x07"])
def test_text_stays_text_on_the_terminal(run: Run, text: str) -> None:
    """Markup is printed as it stands; control characters are replaced."""
    console = Console(width=200, record=True, file=io.StringIO(), force_terminal=False)
    print_table(rank_runs([hostile(run, text)]), console)
    printed = console.file.getvalue()

    assert "\x1b" not in printed
    assert "\x07" not in printed
    assert text.replace("\x1b", "\ufffd").replace("\x07", "\ufffd") in printed


def test_terminal_says_rank_and_origin(run: Run) -> None:
    """The terminal's table is ranked and says what is simulated, failing and incomplete."""
    console = Console(width=160, file=io.StringIO())
    print_table(rank_runs([run]), console)
    printed = console.file.getvalue()
    rows = [line.split() for line in printed.splitlines() if " digits-" in line and "/" in line]

    assert [["1", "yes", "digits-cnn/int8"], ["2", "no", "digits-cnn/fp16"]] == [row[:3] for row in rows[:2]]
    assert "Power SIMULATED" in printed
    assert "FAIL latency p99 < 2.50 ms: digits-cnn/int4: The lower bound 3." in printed
    assert "digits-mlp/fp32 has no rank: sitting 2 of 3" in printed


def test_narrow_terminal_shows_what_the_rank_is_made_of(run: Run) -> None:
    """80 columns hold the table with no cell cut, not even the longest verdict."""
    console = Console(width=80, file=io.StringIO())
    print_table(rank_runs([run], [parse_limit("accuracy > 0.95")]), console)
    lines = console.file.getvalue().splitlines()
    table = [line.split() for line in lines if "runs as" in line or line.lstrip()[:1] in {"1", "2"}]

    assert ["#", "front", "case", "runs", "as", "p99", "energy", "accuracy", "verdict"] == table[0]
    assert ["1", "yes", "digits-cnn/int8", "fp32"] == table[1][:4]
    assert table[1][-1] == "INCONCLUSIVE"
    assert max(map(len, lines)) <= 80
    assert "\u2026" not in console.file.getvalue()


def test_table_is_plain_csv(run: Run) -> None:
    """CR LF, no byte order mark, one head line, 15 digits, empty for absent."""
    text = render_csv(rank_runs([run]))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    estimate = rank_runs([run]).placings[0].case.estimates["latency_p99_s"]

    assert text.count("\n") == text.count("\r\n") == 5
    assert ",".join(columns()) == text.split("\r\n")[0]
    assert pytest.approx((estimate.value, estimate.lo), rel=1e-14) == (
        float(rows[0]["latency_p99_s"]),
        float(rows[0]["latency_p99_lo_s"]),
    )
    assert "SI units with 15 digits are in the CSV file" in render_page([run], rank_runs([run]))
    numbers = re.findall(r"(?<=,)([0-9]+\.[0-9]+)(?:e-?[0-9]+)?(?=,)", text)
    assert max(len(number.replace(".", "").strip("0")) for number in numbers) <= 15
    assert ("1", "true", "PASS", "") == tuple(
        rows[0][name] for name in ("rank", "on_front", "verdict", "incomplete")
    )
    assert ("", "") == (rows[3]["rank"], rows[3]["on_front"])
    assert rows[3]["incomplete"].startswith("sitting 2 of 3")


def test_table_has_the_promised_columns() -> None:
    """Units stay last in the names, bounds stand beside their values."""
    assert columns() == [
        "case",
        "device",
        "board",
        "engine",
        "model",
        "precision",
        "executed_precision",
        "origin",
        "sittings",
        "cycles",
        "void",
        "latency_p50_s",
        "latency_p50_lo_s",
        "latency_p50_hi_s",
        "latency_p99_s",
        "latency_p99_lo_s",
        "latency_p99_hi_s",
        "energy_per_inference_j",
        "energy_per_inference_lo_j",
        "energy_per_inference_hi_j",
        "energy_above_idle_per_inference_j",
        "energy_delay_product_js",
        "power_mean_w",
        "power_mean_lo_w",
        "power_mean_hi_w",
        "power_peak_10ms_w",
        "accuracy",
        "accuracy_lo",
        "accuracy_hi",
        "memory_peak_bytes",
        "cold_start_s",
        "rank",
        "on_front",
        "front_class",
        "front_share",
        "dominated_by",
        "dominated_share",
        "steadiness",
        "disturbed_share",
        "verdict",
        "incomplete",
        "run",
    ]


def test_data_is_json(run: Run) -> None:
    """The data of a ranking survive JSON without NaN, and hold what the table holds."""
    data = as_data(rank_runs([run]))
    first = data["cases"][0]

    assert data == json.loads(json.dumps(data, allow_nan=False))
    assert (1, True, "PASS") == (first["rank"], first["on_front"], first["verdict"])
    assert data["leader"] == first["case"]
    assert first["figures"]["accuracy"]["n"] == 40


def test_report_writes_page_table_and_data(run: Run, tmp_path: Path) -> None:
    """The files are named after the run; nothing else is left behind; a second time gives the same."""
    paths = report([run], tmp_path / "reports")
    contents = [path.read_bytes() for path in paths]

    names = [f"{run.path.name}.{kind}" for kind in ("html", "csv", "json")]

    assert [*names, "report.schema.json"] == [path.name for path in paths]
    assert sorted(paths) == sorted((tmp_path / "reports").iterdir())
    assert contents == [path.read_bytes() for path in report([run], tmp_path / "reports")]


def test_report_of_several_runs(run: Run, tmp_path: Path) -> None:
    """Two runs share a page named after the newest; each case tells its run."""
    other = write_run(tmp_path, CASES[:1], items=40, repeats=20, limits=run.start.limits)
    page, table, *_ = report([run, other], tmp_path / "reports")
    rows = list(csv.DictReader(io.StringIO(table.read_bytes().decode())))

    assert page.stem == f"{max(run.path.name, other.path.name)}-and-1-more"
    assert {run.start.run, other.start.run} == {row["run"] for row in rows}


def test_runs_under_different_limits_are_refused(run: Run, tmp_path: Path) -> None:
    """Whose limits to judge by is for the user to say."""
    other = write_run(tmp_path, CASES[:1], items=40, repeats=20)

    with pytest.raises(MeasurementError, match=r"under different limits: none against latency_p99_s"):
        report([run, other], tmp_path)


def test_a_run_s_name_for_itself_is_no_path(run: Run, tmp_path: Path) -> None:
    """Files are named after the directory, whatever the manifest says."""
    wild = replace(run, start=replace(run.start, run="../../outside"))
    paths = report([wild], tmp_path / "reports")

    assert {tmp_path / "reports"} == {path.parent for path in paths}
    assert run.path.name == paths[0].stem


def test_a_report_that_cannot_be_written_is_a_store_error(run: Run, tmp_path: Path) -> None:
    """Where the folder cannot be, the error names the file and leaves nothing."""
    blocked = tmp_path / "reports"
    blocked.write_text("a file stands here")

    with pytest.raises(StoreError, match=re.escape(f"{blocked / run.path.name}.html: could not be written")):
        report([run], blocked)


def test_a_foreign_case_id_is_a_store_error(run: Run) -> None:
    """A case whose id has not four segments is refused by name."""
    wild = replace(run, start=replace(run.start, cases=["<b>"]))

    with pytest.raises(StoreError, match="holds the case '<b>', expected device/engine/model/precision"):
        rank_runs([wild])


def test_pictures_are_well_formed(run: Run) -> None:
    """Each inline picture is one XML element that follows the colours of the page."""
    pictures = re.findall(r"<svg.*?</svg>", page_of(run), re.DOTALL)

    assert len(pictures) >= 3
    for picture in pictures:
        assert ET.fromstring(picture).attrib["role"] == "img"  # noqa: S314 (our own output)
        assert "currentColor" in picture
        assert "#0a0b0c" not in picture


def test_without_complete_cases_there_is_no_picture(tmp_path: Path) -> None:
    """Where energy is asked for and there is no meter, the page has a table and the reason, and no front."""
    run = write_run(tmp_path, [Behaviour(case=CASES[0].case, power_w=None)], origin=None)
    page = render_page([run], rank_runs([run], objectives=["latency_p99_s", "energy_per_inference_j"]))

    assert "against energy per inference" not in page
    assert "no case is complete enough to be ranked." in page
    assert "No picture of the front: no case is ranked" in page
    assert "No power: there is no meter." in page


def test_without_a_meter_there_is_a_front_of_the_rest(tmp_path: Path) -> None:
    """The page of a device without a meter has its front, its limits and a sentence on the energy it lacks."""
    behaviours = [replace(case, power_w=None) for case in CASES]
    run = write_run(tmp_path, behaviours, origin=None, limits=("accuracy >= 0.5",))
    page = page_of(run)

    assert "Energy per inference is not an objective: device bench-a has no meter." in page
    assert "latency p99 against error" in page
    assert "against energy per inference" not in page
    assert '<td class="n">2</td><td class="n">0</td><td class="n">1</td>' in page


def test_circumstances_of_a_broken_sitting() -> None:
    """A sitting that was broken off says so and holds no figure of its end."""
    from harness.report.circumstances import sitting_table

    table = dict(sitting_table([opened(), opened(part=2)], [closed(part=2)]))

    assert ["1", "1, part 2"] == table["sitting"]
    assert "broken off" == table["ended"][0]
    assert ["—", "2.60 W"] == table["idle power after"]
    assert table["latency, sampler on and off"][1] == "1.11 ms and 1.10 ms (+0.9 %)"


def test_the_box_is_that_of_the_case_to_decide_first(run: Run) -> None:
    """Where an undecided case beats the one that passes, the box has its colour and the data its name."""
    passing = case_result("bench-a/onnxruntime/passing/fp32", latency_p99_s=around(2e-3))
    undecided = case_result("bench-a/onnxruntime/undecided/fp32", power_mean_w=around(5.0, 0.3))
    ranking = rank([passing, undecided], [parse_limit("power_mean_w <= 5.5")])

    of_them = replace(run, start=replace(run.start, run=passing.run))

    assert 'class="banner INCONCLUSIVE"' in render_page([of_them], ranking)
    assert undecided.case == as_data(ranking)["recommendation"]["case"]


def test_the_box_says_that_a_run_was_not_finished(run: Run) -> None:
    """A run that was broken off is no whole one, and how to go on with it comes first."""
    broken = replace(run, status="aborted")
    page = render_page([broken], rank_runs([broken]))

    assert f"The run was not finished: {run.start.run} is aborted" in page
    assert (
        f"<ul><li>First finish the run, which is aborted: harness run --resume {run.start.run}</li>" in page
    )
