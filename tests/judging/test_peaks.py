"""The largest mean power over 10 ms: the supremum over all windows, in linear time, or absent with a reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.recompute import recompute
from hypothesis import given
from hypothesis import strategies as st
from judging.metered import CASE, PERIOD_NS, measured, raw, written
from records import closed, cycle, opened, run_start, run_stop

from harness.judging.cases import case_results
from harness.judging.limits import Verdict, judge
from harness.judging.peaks import WIDTH_NS, largest_w
from harness.judging.stats import Estimate
from harness.quantities import parse_limit
from harness.record import SittingOpened
from harness.report import as_data, rank_runs, render_csv, render_page
from harness.store import RunWriter, read_run
from harness.trace import Trace

SCALE: Mapping[str, Any] = {
    "shunt_ohm": 0.01,
    "vbus_tap": "load",
    "shunt_lsb_v": 2.5e-6,
    "bus_lsb_v": 1.25e-3,
    "voltage_gain": 1.0,
    "voltage_offset_v": 0.0,
    "current_gain": 1.0,
    "current_offset_a": 0.0,
}
READ: Mapping[str, Any] = {"watts": SCALE, "lag_ns": 0.0}


def peak(folder: Path, **opening: Any) -> Estimate:
    """Of the one case of a run behind an INA226 that sees 5 W."""
    return measured(folder, opening={**READ, **opening}).estimate("power_peak_10ms_w")


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Traces with gaps, of any power."""
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 1, 1, 1, 1, 3]), min_size=1, max_size=40))
    powers = draw(st.lists(st.floats(0, 50), min_size=len(steps), max_size=len(steps)))
    period_ns = draw(st.integers(1_000_000, 2_500_000))
    stamps = draw(st.integers(0, 10**15)) + np.cumsum(steps) * period_ns
    return Trace.from_stamps(stamps, np.array(powers), period_ns=period_ns)


@given(traces(), st.integers(0, 99))
def test_no_window_is_above_it(trace: Trace, phase: int) -> None:
    """Whatever 10 ms of the trace are taken, begun at a sample or anywhere else, their mean is no larger."""
    largest = largest_w({"": trace}, WIDTH_NS)
    begins = range(int(trace.begin_ns[0]) + phase * 1009, int(trace.end_ns[-1]) - WIDTH_NS, 137_011)
    windows = [trace.window(begin, begin + WIDTH_NS) for begin in begins]
    means = [each.energy_j / 10e-3 for each in windows if each.coverage == 1 and each.energy_j is not None]

    assert not means or largest is not None
    assert all(mean <= (largest or 0.0) * (1 + 1e-9) + 1e-9 for mean in means)


@given(traces())
def test_it_is_the_mean_of_a_window(trace: Trace) -> None:
    """It is reached: by a window that ends with a sample or begins with one, and is covered throughout."""
    largest = largest_w({"": trace}, WIDTH_NS)
    ends = [*trace.end_ns.tolist(), *(trace.begin_ns + WIDTH_NS).tolist()]
    windows = [trace.window(end - WIDTH_NS, end) for end in ends]
    means = [each.energy_j / 10e-3 for each in windows if each.coverage == 1 and each.energy_j is not None]

    assert (largest is None) is (not means)
    assert largest is None or max(means) == pytest.approx(largest, rel=1e-9, abs=1e-9)


def test_a_peak_between_two_samples_ends_is_found() -> None:
    """With two hot samples the best window begins where the first of them begins and not where one ends."""
    power_w = np.array([9.0] + [1.0] * 7 + [9.0] + [1.0] * 9)
    trace = Trace.from_stamps(1_300_000 * np.arange(1, 19), power_w, period_ns=1_300_000)

    # 8 samples of 1.3 ms are 10.4 ms: from the begin of the first hot one 10 ms reach 7.7 samples far.
    assert (9.0 * 1.3 + 1.0 * 8.7) / 10 == pytest.approx(largest_w({"": trace}, WIDTH_NS))


def test_channels_add_up_over_the_same_window() -> None:
    """Two chips out of step: their energies of one window are added, and not their peaks of different times."""
    first = Trace.from_stamps(1_000_000 * np.arange(1, 61), np.r_[[8.0] * 10, [1.0] * 50], period_ns=1e6)
    second = Trace.from_stamps(
        500_000 + 1_000_000 * np.arange(1, 61), np.r_[[1.0] * 49, [8.0] * 10, 1.0], period_ns=1e6
    )

    assert 9.0 == pytest.approx(largest_w({"a": first, "b": second}, WIDTH_NS))


def test_steady_power_has_its_own_peak(tmp_path: Path) -> None:
    """5 W throughout, but for the noise of single samples: the peak of 10 ms is 5 W, without an interval."""
    found = peak(tmp_path)

    assert 5.0 == pytest.approx(found.value, rel=1e-3)
    assert (None, None, "") == (found.lo, found.hi, found.method)


@pytest.mark.parametrize("lost", [0, 3], ids=["without gaps", "with a gap"])
def test_a_script_that_shares_no_code_finds_the_same_peak(tmp_path: Path, lost: int) -> None:
    """From the raw samples of a sealed run the largest mean of any 10 ms comes out to the last digits."""
    start = run_start(
        cases=(CASE,),
        order=((CASE, 1),),
        items={"1": [0]},
        origin="measured",
        device={"meter": {"kind": "ina226"}},
    )
    rng = np.random.default_rng(226)
    begin_ns = 10**12
    with RunWriter.create(tmp_path, start) as writer:
        writer.opened(opened(**READ))
        for place in range(5):
            first_ns = begin_ns + place * 100_000_000
            writer.cycle(
                cycle(place, begin_ns=first_ns, end_ns=first_ns + 60_000_000, latencies_ns=(6_000_000,) * 10)
            )
        samples = raw(begin_ns - 50_000_000, begin_ns + 500_000_000)
        samples["shunt"] = rng.integers(2000, 8000, len(samples))
        peak_at = 40 + int(np.argmax(np.convolve(samples["shunt"][40:300], np.ones(8), "valid")))
        writer.samples(CASE, 1, 1, np.delete(samples, np.arange(peak_at, peak_at + lost)))
        writer.closed(closed())
        writer.stop(run_stop())
    [case] = case_results(read_run(writer.path))
    [again] = recompute(writer.path)["power_peak_10ms_w"]

    assert again == pytest.approx(case.estimate("power_peak_10ms_w").value, rel=1e-12)


@pytest.mark.parametrize(
    ("opening", "words"),
    [
        ({"period_ns": 2_600_000.0}, "over 2.60 ms, and a peak of 10 ms shows in samples of 2.50 ms or less"),
        ({"meter": {"update_s": 0.035}}, "over 35.0 ms"),
        ({"period_ns": None}, "does not tell the meter's rhythm"),
        ({"watts": None}, "sitting 1: the run holds no raw samples of it"),
    ],
    ids=["long conversions", "slow driver", "no period", "no scale"],
)
def test_what_cannot_show_a_peak_has_none(tmp_path: Path, opening: Mapping[str, Any], words: str) -> None:
    """A sample longer than a quarter of 10 ms has averaged the peak away; nothing stands in its place."""
    found = peak(tmp_path, **opening)

    assert found.value is None
    assert words in found.reason


def test_no_raw_samples_no_peak(tmp_path: Path) -> None:
    """A run whose raw power is not kept has means and no peak."""
    found = measured(tmp_path, opening=READ, samples=False).estimate("power_peak_10ms_w")

    assert (None, "sitting 1: the run holds no raw samples of it") == (found.value, found.reason)


def test_no_meter_no_peak(tmp_path: Path) -> None:
    """Without a meter the reason is the same as of every other power."""
    assert "no meter" == measured(tmp_path, start={"origin": None}).estimate("power_peak_10ms_w").reason


@pytest.mark.parametrize("saturated", [False, True])
def test_a_peak_outside_the_counted_windows(tmp_path: Path, *, saturated: bool) -> None:
    """Between counted windows a peak counts, before the first it does not; at the end of the range there is none."""
    start = run_start(
        cases=(CASE,),
        order=((CASE, 1),),
        items={"1": [0, 1]},
        origin="measured",
        device={"meter": {"kind": "ina226"}},
    )
    record: SittingOpened = opened(**READ)
    with RunWriter.create(tmp_path, start) as writer:
        writer.opened(record)
        cycles = [cycle(seq, begin_ns=10**12 + seq * 40_000_000, end_ns=10**12 + seq * 40_000_000 + 13_000_000,
                        latencies_ns=(1_300_000,) * 10) for seq in (0, 1)]  # fmt: skip
        samples = raw(10**12 - 60_000_000, 10**12 + 60_000_000)
        samples["shunt"] = 4000
        since_ns = samples["ready_ns"] - 10**12
        samples["shunt"][(since_ns > -40e6) & (since_ns < -20e6)] = 20_000
        between = (since_ns > 20e6) & (since_ns < 33e6)
        samples["shunt"][between] = 8000
        samples["flags"][between] = int(saturated)
        for each in cycles:
            writer.cycle(each)
        writer.samples(CASE, 1, 1, samples)
        writer.closed(closed())
        writer.stop(run_stop())
    [case] = case_results(read_run(writer.path))
    found = case.estimate("power_peak_10ms_w")

    assert ("end of the meter's range" in found.reason) is saturated
    assert (None if saturated else pytest.approx(10.0)) == found.value


@pytest.mark.parametrize(("bound", "verdict"), [(5.5, Verdict.PASS), (4.5, Verdict.FAIL)])
def test_a_limit_can_ask_for_it(tmp_path: Path, bound: float, verdict: Verdict) -> None:
    """What a supply gives is a limit on the peak; it is judged by the value, for a maximum has no interval."""
    case = measured(tmp_path, opening=READ)

    assert verdict is judge(case, parse_limit(f"power_peak_10ms_w < {bound}")).verdict


def test_files_and_page_hold_it(tmp_path: Path) -> None:
    """CSV, data and page show the same figure, and the page says how it was computed."""
    run = written(tmp_path, opening=READ)
    ranking = rank_runs([run], limits=())
    head, row = render_csv(ranking).split("\r\n")[:2]
    value = ranking.placings[0].case.estimate("power_peak_10ms_w").value

    assert repr(value) == dict(zip(head.split(","), row.split(","), strict=True))["power_peak_10ms_w"]
    assert value == as_data(ranking)["cases"][0]["figures"]["power_peak_10ms_w"]["value"]
    assert "peak power over 10 ms" in render_page([run], ranking)


def test_the_work_grows_with_the_samples_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times as many samples are ten times the work, and the width does not come into it."""
    looked: list[int] = []
    interp = np.interp

    def counted(x: Any, xp: Any, fp: Any) -> Any:
        looked.append(len(x) + len(xp))
        return interp(x, xp, fp)

    monkeypatch.setattr(np, "interp", counted)
    work = []
    for samples in (1000, 10_000):
        looked.clear()
        stamps = PERIOD_NS * np.arange(1, samples + 1)
        largest_w({"": Trace.from_stamps(stamps, np.full(samples, 5.0), period_ns=PERIOD_NS)}, WIDTH_NS)
        work.append(sum(looked))

    assert work[1] == 10 * work[0]
