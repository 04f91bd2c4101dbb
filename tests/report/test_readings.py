"""Tests of the power of one window, found again from raw samples."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from judging.runs import Behaviour, write_run
from records import closed, opened, run_start, run_stop

from harness.judging.cases import case_results
from harness.judging.traces import power_trace
from harness.meters.intervals import trace_of
from harness.meters.scale import Scale
from harness.meters.word import EnergyWord, PowerWord, Readout
from harness.record import Cycle, Phase
from harness.report.portrait import SLIDING, envelope, portraits
from harness.report.readings import representative_window
from harness.store import SAMPLE, Run, RunWriter, read_run

CASE = "bench-a/onnxruntime/digits-cnn/fp32"
PERIOD_NS = 1_240_000
SCALE = Scale(shunt_ohm=0.01, vbus_tap="load")
SHUNT, BUS = 4000, 4000
"""Integers of 1 A at 5 V over that shunt."""

integers = arrays(np.int32, 20, elements=st.integers(-(2**15), 2**15 - 1))


def raw_samples(count: int, begin_ns: int, shunt: Any = SHUNT, bus: Any = BUS) -> np.ndarray[Any, Any]:
    """Samples in an even rhythm."""
    raw = np.zeros(count, SAMPLE)
    raw["ready_ns"] = begin_ns + PERIOD_NS * np.arange(1, count + 1)
    raw["shunt"], raw["bus"] = shunt, bus
    return raw


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One sitting of three cycles of 20 ms with energies that differ, and its raw power."""
    begin_ns = 10**12
    start = run_start(cases=[CASE], order=[(CASE, 1)], items={"1": [0, 1, 2]}, limits=())
    with RunWriter.create(tmp_path_factory.mktemp("results"), start) as writer:
        writer.opened(opened(case=CASE, watts=SCALE.as_record(), period_ns=float(PERIOD_NS), lag_ns=0.0))
        writer.samples(CASE, 1, 1, raw_samples(200, begin_ns - 20_000_000))
        for item, energy_j in enumerate((0.09, 0.1, 0.12)):
            first_ns = begin_ns + item * 40_000_000
            writer.cycle(
                Cycle(
                    seq=item,
                    case=CASE,
                    sitting=1,
                    part=1,
                    phase=Phase.MEASURE,
                    item=item,
                    label=0,
                    begin_ns=first_ns,
                    end_ns=first_ns + 20_000_000,
                    clock_uncertainty_ns=0,
                    latencies_ns=[5_000_000] * 4,
                    energy_j=energy_j,
                    samples=16,
                    coverage=1.0,
                    lost=0,
                    saturated=0,
                    predicted=0,
                    output_sha256="0" * 64,
                )
            )
        writer.closed(closed(case=CASE))
        writer.stop(run_stop())
        path = writer.path
    return read_run(path)


def test_the_window_is_the_one_of_median_energy(run: Run) -> None:
    """Of three cycles the middle one is shown, with the ends of its inferences and the power of its conversions."""
    window = representative_window(run, CASE)

    assert window is not None
    assert (1, 20_000_000) == (window.item, window.end_ns - window.begin_ns)
    assert [5_000_000, 10_000_000, 15_000_000] == (window.edges_ns - window.begin_ns).tolist()
    assert 5.0 == pytest.approx(window.trace.power_w)
    assert 0.1 == pytest.approx(window.trace.window(window.begin_ns, window.end_ns).energy_j)


def test_a_run_without_raw_power_has_no_window(tmp_path: Path) -> None:
    """Where no samples are kept, nothing is drawn in their place."""
    bare = write_run(tmp_path, [Behaviour(case=CASE)])

    assert representative_window(bare, CASE) is None


def test_unknown_factors_are_not_guessed() -> None:
    """A record that does not tell how integers become watts gives no power."""
    record = opened(watts={"kind": "of a later version"})

    assert power_trace(raw_samples(5, 0), record) is None
    assert power_trace(raw_samples(5, 0), replace(record, watts=None)) is None


@pytest.mark.parametrize(
    "readout",
    [
        SCALE,
        Scale(shunt_ohm=0.1, vbus_tap="source", voltage_gain=1.01, current_gain=0.98, current_offset_a=0.01),
        PowerWord(unit_w=1e-3),
        EnergyWord(unit_j=1e-6),
    ],
    ids=["load", "source", "power", "energy"],
)
@given(shunt=integers, bus=integers)
def test_desk_and_bench_read_the_same_power(
    readout: Readout, shunt: np.ndarray[Any, Any], bus: np.ndarray[Any, Any]
) -> None:
    """From the record's factors the desk finds the intervals and watts that the bench joined to the windows."""
    raw = raw_samples(20, 10**12, shunt, bus + 2**15)
    record = opened(watts=readout.as_record(), period_ns=float(PERIOD_NS), lag_ns=70_000.0)
    desk, bench = power_trace(raw, record), trace_of(raw, readout, period_ns=PERIOD_NS, lag_ns=70_000.0)

    assert desk is not None
    assert bench.power_w == pytest.approx(desk.power_w, rel=1e-9, abs=1e-9)
    assert bench.begin_ns.tolist() == desk.begin_ns.tolist()
    assert bench.end_ns.tolist() == desk.end_ns.tolist()


@given(arrays(np.float64, st.integers(1, 300), elements=st.floats(-1e6, 1e6)), st.integers(1, 50))
def test_no_peak_is_lost(values: np.ndarray[Any, Any], parts: int) -> None:
    """The least and the greatest of all parts are those of all values; there are no more parts than asked for."""
    begins, least, greatest = envelope(values, parts)

    assert (values.min(), values.max()) == (least.min(), greatest.max())
    assert 0 == begins[0]
    assert len(begins) <= parts


def test_a_case_has_three_pictures(run: Run) -> None:
    """Distribution, course and power of a window, each with words for those who cannot see it; the same each time."""
    (case,) = case_results(run)
    pictures = portraits(run, case, "case-1")

    assert ["case-1-latency", "case-1-course", "case-1-power"] == [picture.name for picture in pictures]
    assert "sitting 1, item 1, 4 inferences in 20.0 ms, 16 conversions" in pictures[-1].description
    assert [picture.svg for picture in pictures] == [
        picture.svg for picture in portraits(run, case, "case-1")
    ]
    assert b"\x89PNG" == pictures[-1].file("png")[:4]


def test_the_mean_of_10_ms_is_a_second_line(run: Run) -> None:
    """A window with enough around it shows what a supply feels beside the samples, and says the largest of it."""
    (case,) = case_results(run)
    window = representative_window(run, CASE)
    picture = portraits(run, case, "case-1")[-1]

    assert window is not None
    assert window.sliding_w is not None
    assert len(window.sliding_w) == len(window.trace.end_ns)
    assert np.isnan(window.sliding_w[0])
    assert "over any 10 ms up to" in picture.description
    assert SLIDING in picture.svg


def test_long_samples_have_no_second_line(run: Run) -> None:
    """Where a sample is itself a mean over most of 10 ms there is nothing to slide over."""
    slow = replace(run, opened=[replace(run.opened[0], meter={"update_s": 0.035})])
    (case,) = case_results(slow)
    window = representative_window(slow, CASE)
    picture = portraits(slow, case, "case-1")[-1]

    assert window is not None
    assert window.sliding_w is None
    assert "10 ms up to" not in picture.description
    assert SLIDING not in picture.svg
