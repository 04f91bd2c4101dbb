"""Budgets of every kind of meter: what is published stands with its source, what is not is missing in words."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judging.metered import METER, measured, written

from harness.budget import Budget, Missing, OperatingPoint
from harness.instruments import KINDS
from harness.judging.kinds import budget_of
from harness.report import rank_runs, render_page
from harness.report.uncertainty import uncertainty_of

POINT = OperatingPoint(
    shunt_v=10e-3,
    bus_v=5.0,
    power_w=5.0,
    window_s=1.0,
    edge_s=1e-3,
    step=0.5,
    samples=1000,
    shunt_scatter_lsb=1.0,
)
POWER_ONLY = replace(POINT, shunt_v=None, bus_v=None)
SCALE: Mapping[str, Any] = {"shunt_ohm": 0.01, "shunt_lsb_v": 2.5e-6, "bus_lsb_v": 1.25e-3}
MICROWATTS = {"kind": "power", "unit_w": 1e-6}
MILLIWATTS = {"kind": "power", "unit_w": 1e-3}
MICROJOULES = {"kind": "energy", "unit_j": 1e-6}
WIRED: Mapping[str, Any] = {
    "make": "genuine",
    "shunt_tolerance": 0.01,
    "shunt_tcr_per_k": 75e-6,
    "temperature_span_k": 20.0,
    "supply_v": 3.3,
}
HWMON: Mapping[str, Any] = {"kind": "hwmon", "chip": "ina226", **WIRED}
CURRENT: Mapping[str, Any] = {**HWMON, "current": "curr1_input", "voltage": "in1_input"}
ACCURACY = {"reading": 0.001, "floor_w": 0.01, "source": "data sheet of the instrument, 20 W range"}


def limits(budget: Budget) -> Mapping[str, float]:
    """Standard uncertainty of each term in %, by its name."""
    return {term.name: round(100 * term.u, 3) for term in budget.terms}


def missing(budget: Budget) -> Mapping[str, str]:
    """Reason of each missing term, by its name."""
    return {each.name: each.reason for each in budget.missing}


def test_hwmon_has_the_terms_of_the_chip_and_rounds_once_more() -> None:
    """Behind the kernel's driver the chip errs as ever; whole mA and mV come on top, of 1 A and 5 V here."""
    chip = budget_of({**METER, "kind": "ina226"}, {}, SCALE, POINT)
    driver = budget_of(CURRENT, {"shunt_ohm": 0.01}, SCALE, POINT)
    by_name = {term.name: term for term in driver.terms}
    scattering = "current rounded by the driver"

    assert driver.complete
    assert limits(chip).keys() < limits(driver).keys()
    assert 1e-3 / math.sqrt(12) / 5.0 == pytest.approx(by_name["voltage rounded by the driver"].u)
    assert 1e-3 / math.sqrt(12 * 1000) / 1.0 == pytest.approx(by_name[scattering].u)
    assert "sysfs-interface" in by_name[scattering].source
    # What the chip's own counts do is not seen behind the driver, so they get no credit for scattering.
    assert 2.5e-6 / math.sqrt(12) / 10e-3 == pytest.approx(by_name["shunt rounding"].u)


def test_hwmon_of_nothing_known_is_a_module_with_an_assumed_shunt() -> None:
    """The same assumptions hold as for the chip on its own bus."""
    bare = {"kind": "hwmon", "chip": "ina226", "current": "curr1_input", "voltage": "in1_input"}
    on_its_bus = budget_of({"kind": "ina226"}, {}, SCALE, POINT)
    behind = budget_of(bare, {"shunt_ohm": 0.01}, SCALE, POINT)

    assert limits(on_its_bus)["shunt and its gain"] == limits(behind)["shunt and its gain"]
    assert limits(on_its_bus)["bus gain"] == limits(behind)["bus gain"]


def test_hwmon_power_tells_no_voltage_so_its_offsets_are_unknown() -> None:
    """Of an attribute of power the gains and one count of power are known, the offsets are not, and say how to be."""
    budget = budget_of({**HWMON, "power": "power1_input"}, {"shunt_ohm": 0.01}, MICROWATTS, POWER_ONLY)

    assert ["offsets of the chip"] == list(missing(budget))
    assert "meter.current and meter.voltage" in missing(budget)["offsets of the chip"]
    assert 0.577 == limits(budget)["shunt tolerance"]
    # 25 x 2.5 uV / 10 mohm x 1 V is 6.25 mW, cut off and not rounded: 0.125 % of 5 W.
    assert 0.072 == limits(budget)["power cut off to a count"]


@pytest.mark.parametrize(
    ("meter", "found", "watts", "name", "words"),
    [
        ({**HWMON, "energy": "energy1_input"}, {}, MICROJOULES, "accuracy of the meter", "energy counter"),
        ({**CURRENT, "chip": "ltc2945"}, {}, SCALE, "accuracy of the meter", "of a chip ltc2945"),
        (CURRENT, {"shunt_ohm": None}, SCALE, "offsets of the chip", "no shunt_resistor"),
        ({"kind": "rapl"}, {}, MICROJOULES, "accuracy of the meter", "neither Intel nor AMD"),
        ({"kind": "nvml", "read": "energy"}, {}, MICROJOULES, "accuracy of the meter", "energy counter"),
        (
            {"kind": "nvml", "read": "power"},
            {"architecture": "Ampere"},
            MILLIWATTS,
            "time the sensor does not look",
            "arXiv 2312.02741",
        ),
        ({"kind": "pmic"}, {}, MICROWATTS, "accuracy of the meter", "neither Raspberry Pi"),
        ({"kind": "scpi", "accuracy": None}, {}, MICROWATTS, "accuracy of the meter", "data sheet"),
        ({"kind": "replay", "accuracy": None}, {}, MICROWATTS, "accuracy of the meter", "a recording"),
        ({"kind": "plugin", "accuracy": None}, {}, MICROWATTS, "accuracy of the meter", "may publish"),
        ({"kind": "of a later version"}, {}, MICROWATTS, "accuracy of the meter", "not known here"),
        (
            {"kind": "ina3221", "rails": ["VDD_IN"], **WIRED, "shunt_tolerance": None},
            {"shunt_ohm": {"VDD_IN": 0.005}},
            {**SCALE, "shunt_ohm": 1.0},
            "shunt tolerance",
            "NVIDIA states no tolerance",
        ),
        (
            {"kind": "ina3221", "rails": ["A", "B"], **WIRED},
            {"shunt_ohm": {"A": 0.005, "B": 0.005}},
            MICROWATTS,
            "offsets of the chip",
            "several rails are summed",
        ),
        (
            {"kind": "ina3221", "rails": ["VDD_IN"], **WIRED},
            {},
            {**SCALE, "shunt_ohm": 1.0},
            "offsets of the chip",
            "no shunt of the rail",
        ),
    ],
    ids=lambda each: each.get("kind") if isinstance(each, Mapping) else None,
)
def test_what_nobody_publishes_is_missing_with_its_reason(
    meter: Mapping[str, Any],
    found: Mapping[str, Any],
    watts: Mapping[str, Any],
    name: str,
    words: str,
) -> None:
    """No figure is made up for it; edges and uncovered time are known of every meter and stand beside it."""
    budget = budget_of(meter, found, watts, POINT if watts.get("kind") is None else POWER_ONLY)

    assert not budget.complete
    assert words in missing(budget)[name]
    assert {"edges of the window", "uncovered time"} <= limits(budget).keys()


def test_iio_gives_the_registers_themselves() -> None:
    """An INA226 behind the buffer of the kernel has the budget of the chip on its own bus, term by term."""
    chip = budget_of({**METER, "kind": "ina226"}, {}, SCALE, POINT)

    assert chip == budget_of({"kind": "iio", "chip": "ina226", **WIRED}, {}, SCALE, POINT)


def test_ina219_behind_a_driver_has_its_own_limits() -> None:
    """1 % of each channel over temperature, an offset of 200 uV and steps of 10 uV and 4 mV (TI SBOS448G, 7.5)."""
    budget = budget_of({**CURRENT, "chip": "ina219"}, {"shunt_ohm": 0.1}, SCALE, replace(POINT, shunt_v=0.1))

    assert {"shunt gain": 0.577, "bus gain": 0.577, "shunt offset": 0.115, "bus rounding": 0.023} == {
        name: u
        for name, u in limits(budget).items()
        if name in {"shunt gain", "bus gain", "shunt offset", "bus rounding"}
    }
    assert "bus offset" not in limits(budget)  # is in the error of the bus voltage as a whole
    assert all(
        "SBOS448G" in term.source for term in budget.terms if term.name.startswith(("bus", "shunt off"))
    )


@pytest.mark.parametrize(
    ("range_v", "offset_v"), [(0.04, 100e-6), (0.08, 125e-6), (0.16, 150e-6), (0.32, 200e-6)]
)
def test_ina219_on_its_bus_has_the_offset_of_its_range(range_v: float, offset_v: float) -> None:
    """A narrower range has a smaller offset (TI SBOS448G section 7.5), and no driver rounds."""
    meter = {"kind": "ina219", "shunt_range_v": range_v, **WIRED}
    budget = budget_of(meter, {}, SCALE, POINT)
    [offset] = [term for term in budget.terms if term.name == "shunt offset"]

    assert budget.complete
    assert offset_v / 10e-3 / math.sqrt(3) == pytest.approx(offset.u)
    assert not [term for term in budget.terms if "driver" in term.name]


def test_ina3221_of_a_known_shunt_is_complete() -> None:
    """One rail of 1 A through 5 mohm: 80 uV of 5 mV lead by far (TI SBOS576), and U is 2.3 %."""
    meter = {"kind": "ina3221", "rails": ["VDD_IN"], **WIRED}
    at = replace(POINT, shunt_v=1.0)  # the record's scale is in amperes: a shunt of 1 ohm
    budget = budget_of(meter, {"shunt_ohm": {"VDD_IN": 0.005}}, {**SCALE, "shunt_ohm": 1.0}, at)

    assert budget.complete
    assert 0.924 == limits(budget)["shunt offset"]
    assert 0.231 == limits(budget)["shunt rounding"]
    assert "shunt offset" == max(budget.terms, key=lambda term: term.u).name


def test_a_kepler_gpu_has_a_published_accuracy() -> None:
    """NVIDIA states 5 % of the power for it, and for no later one."""
    budget = budget_of({"kind": "nvml", "read": "power"}, {"architecture": "Kepler"}, MILLIWATTS, POWER_ONLY)

    assert budget.complete
    assert 2.887 == limits(budget)["accuracy of the reading"]


@pytest.mark.parametrize("kind", ["scpi", "replay", "plugin"])
def test_a_stated_accuracy_is_taken_from_the_file(kind: str) -> None:
    """What the device's file copies from a data sheet stands with the source it names: 0.1 % and 10 mW of 5 W."""
    budget = budget_of({"kind": kind, "accuracy": ACCURACY}, {}, MICROWATTS, POWER_ONLY)

    assert budget.complete
    assert not budget.calibrated
    assert (0.058, 0.115) == tuple(
        limits(budget)[name] for name in ("accuracy, of the reading", "accuracy, of the range")
    )
    assert ACCURACY["source"] in {term.source for term in budget.terms}


def test_a_window_of_a_counter_is_the_difference_of_two_counts() -> None:
    """Both counts round: sqrt(2) x 1 mJ / sqrt(12) of 5 J."""
    budget = budget_of({"kind": "nvml", "read": "energy"}, {}, {"kind": "energy", "unit_j": 1e-3}, POWER_ONLY)
    [rounding] = [term for term in budget.terms if term.name == "counts rounded"]

    assert math.sqrt(2) * 1e-3 / math.sqrt(12) / 5.0 == pytest.approx(rounding.u)


def test_no_power_has_no_budget() -> None:
    """Nothing can be relative to no power."""
    with pytest.raises(ValueError, match="no power"):
        budget_of({"kind": "pmic"}, {}, MICROWATTS, replace(POWER_ONLY, power_w=0.0))


def test_every_kind_of_the_profile_is_known() -> None:
    """No kind of meter falls to the last resort, whatever is read back of it."""
    last = budget_of({"kind": "of a later version"}, {}, MICROWATTS, POWER_ONLY).missing
    shapes: Mapping[str, Any] = {
        "ina219": {"shunt_range_v": 0.32},
        "ina3221": {"rails": ["A", "B"]},
        "hwmon": {"chip": "x"},
        "iio": {"chip": "x"},
    }

    assert [] == [
        kind
        for kind in KINDS
        if budget_of({"kind": kind, **shapes.get(kind, {})}, {}, SCALE, POINT).missing == last
    ]


def test_a_bridge_has_a_term_of_its_clock(tmp_path: Path) -> None:
    """The bound of the bridge's clock is a line of its own; of a chip on this machine's bus there is none."""
    bridged = {**METER, "bus": {"kind": "bridge", "path": "/dev/ttyACM0"}}
    changes: Mapping[str, Any] = {
        "opening": {"lead": 0, "tail": 0},
        "cycles": {"clock_uncertainty_ns": 200_000},
    }
    near, far = (
        {
            term.name: term
            for term in measured(tmp_path / name, meter=meter, **changes).budgets["power_mean_w"].terms
        }
        for name, meter in (("near", METER), ("far", bridged))
    )

    assert "clock of the bridge" not in near
    assert "200 µs" in far["clock of the bridge"].source
    assert "294 µs" in far["edges of the window"].source  # half a bus conversion is left there
    assert "494 µs" in near["edges of the window"].source


def test_a_sample_across_an_edge_is_shared_by_time(tmp_path: Path) -> None:
    """Where power steps inside a sample its mean is shared out by time, wrong by a quarter of it at most."""
    case = measured(tmp_path, opening={"lead": 0, "tail": 0})
    [shared] = [term for term in case.budgets["power_mean_w"].terms if term.name == "samples across an edge"]

    assert "310 µs" in shared.source


def test_a_slow_source_blurs_the_edges(tmp_path: Path) -> None:
    """A driver that renews its means every 35 ms and is read every 5 ms reaches 15 ms further than a sample."""
    found = {"origin": "measured", "shunt_ohm": 0.01, "period_s": 0.005, "update_s": 0.035}
    case = measured(tmp_path, meter=CURRENT, opening={"meter": found, "lead": 0, "tail": 0})
    budget = case.budgets["power_mean_w"]
    [edges] = [term for term in budget.terms if term.name == "edges of the window"]

    assert "1.5e+04 µs" in edges.source
    assert "35 ms" in budget.remark


RAPL_RUN: Mapping[str, Any] = {
    "meter": {"kind": "rapl"},
    "opening": {"watts": {"kind": "power", "unit_w": 1e-6}, "meter": {"origin": "estimated"}},
    "start": {"origin": "estimated"},
    "counts": (5_000_000 >> 16, 5_000_000 & 0xFFFF),
}
"""Samples of 5 W in uW, of a meter whose maker publishes nothing."""


def test_incomplete_budget_leaves_type_b_absent(tmp_path: Path) -> None:
    """Type A stays, there is no Type B and no U, and the page says which terms are known and why one is not."""
    case = measured(tmp_path, **RAPL_RUN)
    estimate = case.estimate("energy_per_inference_j")
    said = uncertainty_of(case)
    lines = {line.name: line for line in said.lines}

    assert estimate.type_a is not None
    assert estimate.type_b is None
    assert estimate.absolute() == estimate
    assert not case.budgets["energy_per_inference_j"].complete
    assert all("U is not known" in sentence and "U = " not in sentence for sentence in said.figures)
    assert said.standing.startswith("Not absolute")
    assert "unknown" == lines["accuracy of the meter"].u
    assert "neither Intel nor AMD" in lines["accuracy of the meter"].source
    assert "%" in lines["edges of the window"].u
    assert {""} == {line.share for line in said.lines}


def test_incomplete_budget_is_never_absolute_and_names_what_is_missing(tmp_path: Path) -> None:
    """Of a measuring meter without a published accuracy the standing names the missing term."""
    case = measured(tmp_path, **{**RAPL_RUN, "meter": {"kind": "pmic"}, "start": {"origin": "measured"}})

    assert (
        uncertainty_of(case).standing == "Not absolute: of this meter the accuracy of the meter is not known."
    )


def test_incomplete_budgets_are_not_compared(tmp_path: Path) -> None:
    """Against another case of the same meter no figure is given for what is left of Type B."""
    case = measured(tmp_path, **RAPL_RUN)
    said = uncertainty_of(case, replace(case, case="bench-a/onnxruntime/other/fp32"))

    assert any("is not known, so the intervals" in sentence for sentence in said.figures)
    assert not any("of Type B is left" in sentence for sentence in said.figures)


def test_page_shows_what_is_missing(tmp_path: Path) -> None:
    """The table on the page holds the missing term with its reason."""
    run = written(tmp_path, **RAPL_RUN)
    page = render_page([run], rank_runs([run], limits=()))

    assert '<th scope="row">accuracy of the meter</th>' in page
    assert "neither Intel nor AMD publishes a limit of its error" in page
    assert "U is not known" in page


def test_missing_terms_have_reasons() -> None:
    """A missing term is a name and a sentence without its full stop, as the page puts it."""
    budget = budget_of({"kind": "nvml", "read": "power"}, {}, MILLIWATTS, POWER_ONLY)

    assert [] == [each for each in budget.missing if not each.reason or each.reason.endswith(".")]
    assert all(isinstance(each, Missing) for each in budget.missing)
