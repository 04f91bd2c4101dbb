"""Tests of importing foreign tables, up to their rank and report."""

import csv
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging.runs import Behaviour, write_run
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import FileError, MeasurementError
from harness.importers import keep
from harness.importers.table import Table, read_cases
from harness.judging.limits import Verdict
from harness.mapping import TableMap
from harness.report import rank_runs, report
from harness.schema import read_map
from harness.store import Run, read_run

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "mlperf-singlestream.map.yaml"
SINGLESTREAM = ROOT.parent / "shared" / "data" / "mlperf-inference-v3.0-edge" / "singlestream.csv"

MAP: dict[str, Any] = {
    "schema": 1,
    "id": "lab",
    "title": "A table of the tests",
    "source": "nobody measured this",
    "licence": "none",
    "case": {
        "device": [{"value": "bench-b"}],
        "engine": [{"column": "engine"}],
        "model": [{"column": "net", "pattern": "^(.+?)(?:-q)?$"}],
        "precision": [{"column": "net", "pattern": "-q$", "value": "int8"}, {"value": "fp32"}],
    },
    "figures": {
        "latency_p99_s": {"column": "p99", "unit": "ms"},
        "energy_per_inference_j": {"column": "energy", "unit": "uJ"},
        "accuracy": {"column": "right", "unit": "%"},
        "memory_peak_bytes": {"column": "memory", "unit": "MiB"},
    },
}
HEADS = ("engine", "net", "p99", "energy", "right", "memory")
ROW = ("ort", "a-q", "1.5", "250", "97.5", "2")


def map_of(folder: Path, **changes: Any) -> TableMap:
    """The map of the tests as read from its file."""
    path = folder / "map.yaml"
    path.write_text(json.dumps(deepcopy(MAP) | changes), encoding="utf-8")
    return read_map(path)


def table_of(folder: Path, *rows: tuple[str, ...], heads: tuple[str, ...] = HEADS, **changes: Any) -> Table:
    """A table of some rows, read by the map of the tests."""
    path = folder / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([heads, *rows])
    return read_cases(path, map_of(folder, **changes))


def run_of(results: Path, table: Table) -> Run:
    """A table kept and read back."""
    return read_run(keep(results, table.source, table.cases))


def test_parts_and_units(tmp_path: Path) -> None:
    """Rules make the id, units become SI, and each case knows its line."""
    (case,) = table_of(tmp_path, ROW).cases

    assert ("bench-b/ort/a/int8", "line 2") == (case.case, case.place)
    assert {
        "latency_p99_s": pytest.approx(1.5e-3),
        "energy_per_inference_j": pytest.approx(250e-6),
        "accuracy": pytest.approx(0.975),
        "memory_peak_bytes": 2 * 2**20,
    } == case.figures


@given(st.floats(1e-6, 1e6))
def test_a_figure_survives_the_way(tmp_path_factory: pytest.TempPathFactory, value: float) -> None:
    """A number written in full comes out as the same number of the SI unit."""
    folder = tmp_path_factory.mktemp("table")
    (case,) = table_of(folder, ("ort", "a", repr(value), "1", "50", "1")).cases

    assert pytest.approx(value * 1e-3, rel=1e-15) == case.figures["latency_p99_s"]


def test_imported_cases_are_ranked(tmp_path: Path) -> None:
    """Imported figures have no bounds, stand as imported, are judged by their value, and say where they are from."""
    rows = [ROW, ("ort", "b", "1", "300", "99", "2"), ("ort", "c", "2", "400", "90", "2")]
    run = run_of(tmp_path, table_of(tmp_path, *rows, limits=["latency_p99_s < 0.0018"]))
    ranking = rank_runs([run])
    placed = {placing.case.model: placing for placing in ranking.placings}
    estimate = placed["a"].case.estimate("latency_p99_s")

    assert {"a", "b"} == {model for model, placing in placed.items() if placing.on_front}
    assert Verdict.FAIL is placed["c"].verdict
    assert ("imported", 0, 0) == (placed["a"].case.origin, placed["a"].case.sittings, placed["a"].case.cycles)
    assert (None, "") == (estimate.lo, estimate.method)
    assert "line 2 of the source" in estimate.reason
    assert ("complete", "nobody measured this") == (run.status, run.start.suite["source"])


def test_an_empty_cell_is_absent(tmp_path: Path) -> None:
    """No figure is no figure: the case has no rank, and its reason."""
    run = run_of(tmp_path, table_of(tmp_path, ROW, ("ort", "b", "1", "", "99", "2")))
    lacking = next(placing.case for placing in rank_runs([run]).placings if placing.case.model == "b")

    assert lacking.estimate("energy_per_inference_j").value is None
    assert "energy_per_inference_j is absent: the source has no such figure" == lacking.incomplete


def test_objectives_are_the_table_s(tmp_path: Path) -> None:
    """A table with p90 alone is ranked by p90 when its map says so, and by nothing it has not."""
    figures = {name: MAP["figures"][name] for name in ("energy_per_inference_j", "accuracy")}
    figures["latency_p90_s"] = MAP["figures"]["latency_p99_s"]
    objectives = ["latency_p90_s", "energy_per_inference_j", "error"]
    run = run_of(tmp_path, table_of(tmp_path, ROW, figures=figures, objectives=objectives))
    default = rank_runs([run], objectives=("latency_p99_s", "energy_per_inference_j", "error"))

    assert [True] == [placing.on_front for placing in rank_runs([run]).placings]
    assert objectives == list(rank_runs([run]).objectives)
    assert "latency_p99_s is absent" in default.placings[0].case.incomplete


def test_imported_never_meets_measured_unasked(tmp_path: Path) -> None:
    """An imported table and a run share a front only when origin, suite and protocol are asked for by name."""
    measured = write_run(tmp_path, [Behaviour(case="bench-a/onnxruntime/net/fp32")])
    imported = run_of(tmp_path, table_of(tmp_path, ROW))

    with pytest.raises(MeasurementError, match="origin differs"):
        rank_runs([measured, imported])
    mixed = rank_runs([measured, imported], mix=["origin", "suite", "protocol", "meter"])
    assert {"simulated", "imported"} == {placing.case.origin for placing in mixed.placings}


def test_rows_and_repetitions(tmp_path: Path) -> None:
    """Rows that are not wanted are counted; a row that says the same again is taken once and told."""
    table = table_of(tmp_path, ROW, ROW, ("other", *ROW[1:]), rows=[{"column": "engine", "pattern": "^ort$"}])

    assert 1 == len(table.cases)
    assert ["line 3 says the same", "1 rows are left out"] == [
        " ".join(note.split()[:5]) for note in table.notes
    ]


def test_figures_that_do_not_agree_are_told(tmp_path: Path) -> None:
    """Energy that is twice mean power times mean latency is a note, for the reader must know."""
    figures = {
        "energy_per_inference_j": {"column": "energy", "unit": "mJ"},
        "power_mean_w": {"column": "right", "unit": "W"},
        "latency_mean_s": {"column": "p99", "unit": "ms"},
    }
    good, bad = ("ort", "a", "10", "50", "5", ""), ("ort", "b", "10", "100", "5", "")
    notes = table_of(tmp_path, good, bad, figures=figures).notes

    assert [
        "line 3: the energy of bench-b/ort/b/fp32 is 2 times its mean power times its mean latency"
    ] == notes


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("ort", "a", "fast", "1", "1", "1"), "line 2: p99: found 'fast', expected a number"),
        (("ort", "a", "nan", "1", "1", "1"), "line 2: p99: found 'nan'"),
        (
            ("ort", "a", "-48.1", "1", "1", "1"),
            "line 2: p99: found '-48.1', which as latency_p99_s is -0.0481, ",
        ),
        (("ort", "a", "1e999", "1", "1", "1"), "line 2: p99: found '1e999'"),
        (("../../x", "a", "1", "1", "1", "1"), "line 2: engine: found '../../x'"),
        (("=cmd|x", "a", "1", "1", "1", "1"), "line 2: engine: found '=cmd|x'"),
        (("<img src=x>", "a", "1", "1", "1", "1"), "line 2: engine: found '<img src=x>'"),
        (("ort", "", "1", "1", "1", "1"), "line 2: model: no rule of the map matches ''"),
        (("ort", "a", "1"), "line 2: found 3 cells, expected 6"),
    ],
)
def test_faults_of_a_row(tmp_path: Path, row: tuple[str, ...], words: str) -> None:
    """What cannot be taken is told with its line, and nothing is guessed."""
    with pytest.raises(FileError) as fault:
        table_of(tmp_path, row)

    assert words in str(fault.value)


def test_other_figures_of_the_same_case(tmp_path: Path) -> None:
    """A case that stands twice with other figures is a fault, for nobody knows which holds."""
    with pytest.raises(FileError, match="line 3: bench-b/ort/a/int8 stands in line 2 with other figures"):
        table_of(tmp_path, ROW, (*ROW[:2], "9", *ROW[3:]))


def test_many_faults_are_counted(tmp_path: Path) -> None:
    """Of a table that is wrong throughout twenty faults are told and the others counted."""
    with pytest.raises(FileError) as fault:
        table_of(tmp_path, *[("ort", f"m{n}", "x", "1", "1", "1") for n in range(30)])

    assert 21 == len(fault.value.faults)
    assert fault.value.faults[-1].endswith("10 more faults")


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        (("engine", "net", "p98", "energy", "right", "memory"), "has no column p99; did you mean p98?"),
        (("engine", "net", "p99", "p99", "right", "memory"), "the column 'p99' stands twice"),
    ],
)
def test_faults_of_the_heads(tmp_path: Path, heads: tuple[str, ...], words: str) -> None:
    """A column that is missing or doubled is told with the nearest name."""
    with pytest.raises(FileError) as fault:
        table_of(tmp_path, ROW, heads=heads)

    assert words in str(fault.value)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    """A missing file, one that is no text and one without rows are told."""
    mapping = map_of(tmp_path)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.csv").write_text(",".join(HEADS) + "\r\n", encoding="utf-8")

    for name, words in (
        ("none.csv", "cannot be read"),
        ("binary.csv", "not UTF-8"),
        ("empty.csv", "holds no row"),
    ):
        with pytest.raises(FileError, match=words):
            read_cases(tmp_path / name, mapping)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"figures": {"latency_p99_s": {"column": "p99", "unit": "mJ"}}},
            "found the unit mJ, expected one of s, ms",
        ),
        ({"figures": {"latency_p98_s": {"column": "p99", "unit": "ms"}}}, "latency_p98_s is no quantity"),
        ({"figures": {"error": {"column": "p99", "unit": "1"}}}, "error is no quantity that is imported"),
        ({"objectives": ["accuracy"]}, "accuracy is not better smaller"),
        ({"limits": ["latency_p99_s is low"]}, "limits[0]"),
        (
            {"rows": [{"column": "a", "pattern": "("}]},
            "rows[0].pattern: found '(', which is no regular expression",
        ),
        ({"case": {**MAP["case"], "device": [{}]}}, "case.device[0]: a rule without a column needs a value"),
        ({"delimiter": "|"}, "delimiter"),
    ],
)
def test_faults_of_a_map(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    """Each fault of the map is told with its key."""
    with pytest.raises(FileError) as fault:
        map_of(tmp_path, **changes)

    assert words in str(fault.value)


def test_report_of_a_table(tmp_path: Path) -> None:
    """The report of a table says that its power is imported, claims no cycle, and has the table's own objective."""
    figures = {**MAP["figures"], "latency_p90_s": {"column": "p99", "unit": "ms"}}
    objectives = ["latency_p90_s", "energy_per_inference_j", "error"]
    run = run_of(
        tmp_path,
        table_of(tmp_path, ROW, ("ort", "b", "1", "300", "99", "2"), figures=figures, objectives=objectives),
    )
    page, table, *_ = report([run], tmp_path / "reports")
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    text = page.read_text(encoding="utf-8")

    assert "IMPORTED" in text
    assert "come from the same cycles" not in text
    assert "no cycle of this harness is behind them" in text
    assert {"imported"} == {row["origin"] for row in rows}
    assert 0.0015 in {float(row["latency_p90_s"]) for row in rows}


@pytest.mark.skipif(not SINGLESTREAM.is_file(), reason=f"{SINGLESTREAM} is not beside the project")
def test_mlperf_singlestream(tmp_path: Path) -> None:
    """291 published rows become 289 cases told apart by their four parts, on one front in one report."""
    arguments = ["--results", str(tmp_path)]
    done = CliRunner().invoke(app, ["import", "table", str(SINGLESTREAM), "--map", str(EXAMPLE), *arguments])
    run = read_run(Path(done.output.splitlines()[-1]))
    ranking = rank_runs([run])
    cases = {placing.case.case: placing.case for placing in ranking.placings}
    front = {placing.case.case for placing in ranking.placings if placing.on_front}
    resnet = {name for name in front if "/resnet50/" in name}
    maxq = cases["jetson-agx-orin/tensorrt-maxq/resnet50/not-stated"]

    assert 0 == done.exit_code, done.output
    assert 289 == len(cases)
    assert "1 rows are left out" in done.output
    assert "says the same" in done.output
    assert {"firefly-rk3588s", "rk3588", "rb6", "jetson-agx-orin"} == {case.device for case in cases.values()}
    assert {"fp32", "int8", "not-stated"} == {case.precision for case in cases.values()}
    assert pytest.approx(22.1933e-3) == maxq.estimate("energy_per_inference_j").value
    assert {
        "rb6/qaic/resnet50/not-stated",
        "jetson-agx-orin/tensorrt/resnet50/not-stated",
        "jetson-agx-orin/tensorrt-maxq/resnet50/not-stated",
    } <= resnet
    assert not any(placing.case.incomplete for placing in ranking.placings)
    assert all(path.is_file() for path in report([run], tmp_path / "reports"))
