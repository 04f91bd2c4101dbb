"""MLPerf Tiny results as runs: what a window is, what stays apart, what is refused, what is official."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from importers.tiny import energy_entry, entry, timed_entry, write_result
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import FileError
from harness.importers.mlperf_tiny import case_id, energy_unit, import_result
from harness.importers.tiny_figures import area_under_curve, published
from harness.importers.tiny_results import find_results, read_result
from harness.judging.cases import case_results
from harness.meters.intervals import trace_of
from harness.meters.word import readout_from
from harness.report import rank_runs, render_page
from harness.store import Run, read_run

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "mlperf-tiny-v1.3"
real = pytest.mark.skipif(not REAL.is_dir(), reason=f"needs the published results at {REAL}")


def imported(results: Path, path: Path, **changes: Any) -> Run:
    """The run that a result file becomes, read back."""
    return read_run(import_result(results, read_result(path), **changes))


def test_energy_is_between_the_last_two_edges(tmp_path: Path) -> None:
    """What lies before the start and after the stop of the device's pin is not of the window."""
    joules = [1e-5] * 100 + [4e-5] * 1000 + [1e-5] * 50
    path = write_result(tmp_path, "energy", [energy_entry(0, joules, [30, 100, 1100])])
    run = imported(tmp_path, path)
    [cycle] = run.cycles.to_dict("records")

    assert 4e-2 == pytest.approx(cycle["energy_j"])
    assert 1_000_000_000 == cycle["end_ns"] - cycle["begin_ns"]
    assert (1000, 1.0, 1_000_000, "") == (
        cycle["samples"],
        cycle["coverage"],
        cycle["clock_uncertainty_ns"],
        cycle["void"],
    )
    assert 2000.0 == pytest.approx(published(run, "energy").energy_uj)


@settings(max_examples=25)
@given(
    joules=st.lists(st.integers(0, 10**6), min_size=2, max_size=60),
    edges=st.data(),
    iterations=st.integers(1, 50),
)
def test_any_trace_gives_the_plain_sum(
    tmp_path_factory: pytest.TempPathFactory, joules: list[int], edges: Any, iterations: int
) -> None:
    """For any trace the energy of the window is the sum of the samples between its edges."""
    first = edges.draw(st.integers(0, len(joules) - 1))
    last = edges.draw(st.integers(first + 1, len(joules)))
    folder = tmp_path_factory.mktemp("trace")
    samples = [count * 1e-8 for count in joules]
    path = write_result(folder, "energy", [energy_entry(0, samples, [first, last], iterations=iterations)])
    run = imported(folder, path)

    assert sum(samples[first:last]) == pytest.approx(run.cycles["energy_j"].iloc[0], rel=1e-9, abs=1e-18)
    assert iterations == run.cycles["repeats"].iloc[0]


def test_another_interval(tmp_path: Path) -> None:
    """A trace of another rate imports with the length of its samples."""
    path = write_result(tmp_path, "energy", [energy_entry(0, [2e-6] * 500, [100, 400])])
    run = imported(tmp_path, path, interval_s=1e-4)

    assert 30_000_000 == run.cycles["end_ns"].iloc[0] - run.cycles["begin_ns"].iloc[0]
    assert 0.02 == pytest.approx(case_results(run)[0].estimate("power_mean_w").value)


def test_raw_samples_are_kept(tmp_path: Path) -> None:
    """The energies of a window come out again from the raw integers of the run."""
    rng = np.random.default_rng(3)
    entries = [
        energy_entry(place, (rng.integers(1000, 5000, 400) * 1e-8).tolist(), [50, 350]) for place in range(3)
    ]
    run = imported(tmp_path, write_result(tmp_path, "energy", entries))
    opened = run.opened[0]
    assert opened.watts is not None
    assert opened.period_ns is not None
    trace = trace_of(
        run.power(opened.case, 1), readout_from(opened.watts), period_ns=opened.period_ns, lag_ns=0.0
    )
    again = [
        trace.window(int(row["begin_ns"]), int(row["end_ns"])).energy_j
        for row in run.cycles.to_dict("records")
    ]

    assert run.cycles["energy_j"].tolist() == pytest.approx(again, rel=1e-9)


@pytest.mark.parametrize(
    ("samples", "unit_j"),
    [([1.5e-5, 2.25e-5], 1e-7), ([3.0, 4.0], 1.0), ([0.0, 0.0], 1e-9), ([1.0, 1 / 3], 1 / (2**31 - 1))],
    ids=["decimal", "whole", "nothing", "no decimal"],
)
def test_energy_unit(tmp_path: Path, samples: Sequence[float], unit_j: float) -> None:
    """Raw energies are counted in the largest power of ten that loses nothing, or in what 32 bits hold."""
    path = write_result(tmp_path, "energy", [energy_entry(0, samples, [0, 2])])

    assert unit_j == pytest.approx(energy_unit(read_result(path)))


def test_trace_without_edges_is_void(tmp_path: Path) -> None:
    """A trace in which the pin was not seen is kept as void, with its samples, and counts for nothing."""
    entries = [energy_entry(0, [1e-5] * 100, [10]), energy_entry(1, [1e-5] * 100, [10, 90])]
    run = imported(tmp_path, write_result(tmp_path, "energy", entries))

    assert ["not_joined", ""] == run.cycles["void"].tolist()
    assert 200 == len(run.power(run.start.cases[0], 1))
    assert 1 == published(run, "energy").windows


def test_windows_have_no_single_latencies(tmp_path: Path) -> None:
    """Of a window of twenty inferences the mean latency is known, and no percentile is made up."""
    entries = [timed_entry(place, 1000, 21_000 + 10 * place) for place in range(5)]
    run = imported(tmp_path, write_result(tmp_path, "performance", entries))
    [case] = case_results(run)

    assert case.estimate("latency_mean_s").value == pytest.approx(1.001e-3)
    assert case.estimate("latency_p99_s").value is None
    assert "no single latency" in case.estimate("latency_p50_s").reason
    assert 0 == len(run.latencies_ns(case.case))
    assert 20 / 20.02e-3 == pytest.approx(published(run, "performance").throughput_hz)


def test_single_inferences_have_latencies(tmp_path: Path) -> None:
    """The accuracy mode stamps each inference, so its latencies are known one by one."""
    entries = [
        timed_entry(place, 1000, 2000 + place * 37 % 100, mode="a", iterations=1, label=place % 2)
        for place in range(100)
    ]
    run = imported(tmp_path, write_result(tmp_path, "accuracy", entries))
    [case] = case_results(run)

    assert 1049e-6 == pytest.approx(case.estimate("latency_p50_s").value)
    assert 0.5 == case.estimate("accuracy").value
    assert 0.5 == published(run, "accuracy").top1
    assert case.estimate("energy_per_inference_j").value is None


def test_modes_stay_apart(tmp_path: Path) -> None:
    """Each mode is a run of its own; it and the page say so, and no cycle holds figures of two."""
    paths = [
        write_result(tmp_path, "energy", [energy_entry(0, [1e-5] * 100, [10, 90])]),
        write_result(tmp_path, "performance", [timed_entry(0, 0, 20_000)]),
        write_result(tmp_path, "accuracy", [timed_entry(0, 0, 1000, mode="a", iterations=1)]),
    ]
    runs = [imported(tmp_path, path) for path in paths]

    assert 3 == len({run.start.run for run in runs})
    assert 1 == len({run.start.cases[0] for run in runs})
    assert {"imported"} == {run.start.origin for run in runs}
    for mode, run in zip(("energy", "performance", "accuracy"), runs, strict=True):
        assert f"This is the {mode} run" in run.start.suite["caution"]
        assert "separate runs" in render_page([run], rank_runs([run]))


def test_case_names_what_the_submitter_names(tmp_path: Path) -> None:
    """Board, framework, task and precision make the id; what nobody names is unknown."""
    entries = [timed_entry(0, 0, 20_000)]
    known = read_result(write_result(tmp_path / "a", "performance", entries))
    bare = read_result(write_result(tmp_path / "b", "performance", entries, system=None))

    assert "bench-board-9/Bench-RT-2.1/kws/int8" == case_id(known)
    assert "bench-board-9/unknown-engine/kws/unknown" == case_id(bare)


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """A name that would be markup, a path or an option is a plain segment of an id, and text on the page."""
    system = {"Inference Framework": "<script>alert(1)</script>", "Quantization Method": "../../int8"}
    path = write_result(tmp_path, "performance", [timed_entry(0, 0, 20_000)], board="-=x <b>", system=system)
    run = imported(tmp_path, path)
    page = render_page([run], rank_runs([run]))

    assert "x-b/script-alert-1-script/kws/int8" == run.start.cases[0]
    assert "<script>alert" not in page
    assert "<b>" not in page.split("<h1>")[1].split("</h1>")[0]


def test_one_output_has_no_class(tmp_path: Path) -> None:
    """Anomaly detection gives a score and no class: there is no accuracy, and the area under the curve says it."""
    entries = [
        timed_entry(place, 0, 1000, mode="a", iterations=1, label=int(place > 5), outputs=[float(place)])
        for place in range(10)
    ]
    path = write_result(tmp_path, "accuracy", entries, task="ad")
    run = imported(tmp_path, path)

    assert case_results(run)[0].estimate("accuracy").value is None
    assert 1.0 == area_under_curve(read_result(path))


def test_area_averages_the_parts_of_a_file(tmp_path: Path) -> None:
    """Several windows of one file are one input: their scores are averaged before they are ranked."""
    scores = [(0, 0, 9.0), (0, 0, 1.0), (1, 1, 6.0), (2, 0, 5.5)]
    entries = [
        timed_entry(file, 0, 1000, mode="a", iterations=1, label=label, outputs=[score])
        for file, label, score in scores
    ]

    assert 1.0 == area_under_curve(read_result(write_result(tmp_path, "accuracy", entries, task="ad")))


def test_area_needs_both_classes(tmp_path: Path) -> None:
    """Without an input of each class there is no curve."""
    entries = [timed_entry(0, 0, 1000, mode="a", iterations=1)]

    assert area_under_curve(read_result(write_result(tmp_path, "accuracy", entries))) is None


def test_unruly_windows_are_told(tmp_path: Path) -> None:
    """Too few or too short windows import, and are told not to be by the rules."""
    short = imported(
        tmp_path / "s", write_result(tmp_path / "a", "performance", [timed_entry(0, 0, 20_000)] * 5)
    )
    few = imported(
        tmp_path / "f", write_result(tmp_path / "b", "performance", [timed_entry(0, 0, 11 * 10**6)])
    )

    assert "a window of 0.02 s and 20 inferences" in published(short, "performance").unruly
    assert "1 windows where the rules ask for 5" == published(few, "performance").unruly


def test_complaints_of_the_runner_are_notes(tmp_path: Path) -> None:
    """What the runner itself found wrong is kept with the run."""
    path = write_result(tmp_path, "performance", [timed_entry(0, 0, 20_000), {"error": "error 2"}])
    run = imported(tmp_path, path)

    assert run.stop is not None
    assert "error 2" in run.stop.reason


@pytest.mark.parametrize(
    ("mode", "content", "fault"),
    [
        ("performance", "{", "is not JSON"),
        ("performance", "[]", "expected a list of one entry"),
        ("performance", '[{"error": "error 1"}]', "holds no window"),
        ("performance", "[7]", "[0]: found int 7, expected an object"),
        ("performance", [entry(0)], "[0].infer.start_time: found None"),
        ("performance", [timed_entry(0, 500, 400)], "[0].infer.end_time: found 400"),
        ("performance", [timed_entry(0, 0, 9, iterations=0)], "[0].infer.iterations: found 0"),
        ("performance", [timed_entry(0, 0, 9) | {"class": "x"}], "[0].class: found 'x'"),
        ("performance", [timed_entry(0, 0, 9) | {"file": 7}], "[0].file: found int 7"),
        ("performance", [timed_entry(0, 0, 9, outputs=["a"])], "[0].infer.results[0]: found 'a'"),
        ("energy", [entry(0)], "[0].power: found nothing"),
        ("energy", [energy_entry(0, [1.0, True], [0, 1])], "[0].power.samples[1]: found True"),
        ("energy", [energy_entry(0, [1.0], [0, 2])], "[0].power.timestamps[1][1]: found 2"),
        ("energy", [energy_entry(0, [1.0] * 9, [5, 3])], "[0].power.timestamps[1][1]: found 3"),
        (
            "energy",
            '[{"file":"a","class":"0","infer":{"iterations":1},"power":{"samples":[NaN],"timestamps":[]}}]',
            "[0].power.samples[0]: found nan",
        ),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, mode: str, content: Any, fault: str) -> None:
    """A damaged file is refused by file and place, and nothing is imported."""
    path = write_result(tmp_path, mode, [])
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")

    with pytest.raises(FileError, match=r"results\.json") as caught:
        read_result(path)
    assert fault in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Each bad entry has its sentence, up to twenty."""
    path = write_result(tmp_path, "performance", [7] * 30)

    with pytest.raises(FileError) as caught:
        read_result(path)
    assert 21 == len(caught.value.faults)
    assert caught.value.faults[-1].endswith("10 more faults")


def test_folder_without_results_is_refused(tmp_path: Path) -> None:
    """A folder that holds nothing of MLPerf Tiny says what is looked for."""
    with pytest.raises(FileError, match="TASK/"):
        find_results(tmp_path)


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "file",
                        "class",
                        "infer",
                        "power",
                        "samples",
                        "timestamps",
                        "iterations",
                        "results",
                        "start_time",
                        "end_time",
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=12,
    )
)
def test_no_content_is_a_crash(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    """Whatever JSON a file holds, it is read or refused as a file."""
    folder = tmp_path_factory.mktemp("fuzz")
    for mode in ("energy", "performance"):
        path = write_result(folder, mode, [content], system=None)
        try:
            result = read_result(path)
        except FileError:
            continue
        assert read_run(import_result(folder, result)).stop is not None


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the command prints of the published results of a board."""
    folder = tmp_path_factory.mktemp("official")
    arguments = ["import", "mlperf-tiny", str(REAL), "--results", str(folder)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert 0 == done.exit_code
    return done.output


@real
@pytest.mark.parametrize(
    "line",
    [
        "ad energy: median 160.4232 uJ per inference",
        "ic energy: median 5495.9150 uJ per inference",
        "kws energy: median 1430.6681 uJ per inference",
        "ad performance: median 208.608 inferences per second",
        "ic performance: median 6.036 inferences per second",
        "kws performance: median 23.032 inferences per second",
        "ic accuracy: top-1 87.0 %, area under the curve 0.988 (200 inputs)",
        "kws accuracy: top-1 90.2 %, area under the curve 0.995 (1000 inputs)",
    ],
)
def test_official_figures_come_out(official: str, line: str) -> None:
    """The medians published of a NUCLEO-L4R5ZI-P come out of the imported runs, to the printed digit."""

    assert f"NUCLEO_L4R5ZI-P {line}" in official


@real
def test_official_import_says_what_it_is_not(official: str) -> None:
    """The command says that the modes are separate runs, and that the windows are by the rules."""

    assert "separate runs" in official
    assert "note:" not in official


@real
def test_windows_of_a_real_board_repeat(official: str) -> None:
    """Five windows of a real board lie within 0.16 % of each other: what a good rig repeats to."""
    spreads = [float(part.split(" %")[0]) for part in official.split("windows within ")[1:]]

    assert 3 == len(spreads)
    assert max(spreads) <= 0.16
