"""The commands `harness meter`, on the simulated meter and on recordings."""

import json
import re
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from harness.calibration import read_calibration
from harness.catalog import load_device
from harness.cli import app
from harness.cli.watching import HEIGHT, MARGIN, plot
from harness.errors import FileError, HarnessError, MeterError
from harness.meters.replay import read_recording
from harness.shipped import shipped_path

HOST = re.sub(
    r"(?m)^reply_s: .*", "reply_s: 60.0", shipped_path("devices/host.yaml").read_text(encoding="utf-8")
)
"""The shipped device, which is given all the time that a crowded machine may need."""

RAILS = (
    (Path(__file__).parents[1] / "docs/examples/two-rails.yaml")
    .read_text(encoding="utf-8")
    .replace("connection: local\n", "connection: local\nreply_s: 60.0\n")
)
"""The example with two chips, given the same time."""

CALIBRATE = ("--reference", "multimeter 7", "--reference-u", "0.0005", "--seconds", "0.3")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the device `host`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "devices").mkdir()
    device(tmp_path, "host")
    return tmp_path


def at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of watching passes from look to look, however long a look takes."""
    ticks = count()
    clock = SimpleNamespace(monotonic=lambda: float(next(ticks)), sleep=time.sleep)
    monkeypatch.setattr("harness.cli.watching.time", clock)


def device(workspace: Path, name: str, *changes: tuple[str, str]) -> Path:
    """The shipped device `host` under another name, with changes of its text."""
    text = HOST.replace("id: host", f"id: {name}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = workspace / f"devices/{name}.yaml"
    path.write_text(text)
    return path


def run(*arguments: str, said: str = "") -> Result:
    """A command that succeeds."""
    result = CliRunner().invoke(app, ["meter", *arguments], input=said)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result


def failing(*arguments: str, said: str = "") -> tuple[str, HarnessError]:
    """A command that fails in a sentence: what it printed, and the error."""
    result = CliRunner().invoke(app, ["meter", *arguments], input=said)
    assert isinstance(result.exception, HarnessError), result.output
    return result.output, result.exception


def attempted(*arguments: str) -> str:
    """What a command printed, whether it found the meter fit or not."""
    result = CliRunner().invoke(app, ["meter", *arguments])
    assert result.exception is None or isinstance(result.exception, MeterError), result.output
    return result.output


def replayed(workspace: Path, name: str = "replayed") -> Path:
    """A device whose meter plays 5 V and 1 A from a CSV file."""
    rows = "".join(f"{k * 0.002:.3f},5.0,1.0\n" for k in range(500))
    (workspace / "devices/trace.csv").write_text("time_s,volts,amps\n" + rows)
    begin = HOST.index("meter: # null")
    end = HOST.index("calibration: null")
    meter = "meter: {kind: replay, path: trace.csv, voltage: volts, current: amps, boundary: the rail of a trace}\n\n"
    path = workspace / f"devices/{name}.yaml"
    path.write_text((HOST[:begin] + meter + HOST[end:]).replace("id: host", f"id: {name}"))
    return path


def rails(workspace: Path, name: str = "rails", *changes: tuple[str, str]) -> Path:
    """The example with two chips under another name, with changes of its text."""
    text = RAILS.replace("id: two-rails", f"id: {name}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = workspace / f"devices/{name}.yaml"
    path.write_text(text)
    return path


@pytest.mark.usefixtures("workspace")
def test_list_is_json_for_a_script() -> None:
    """Whatever this machine has, the list can be read."""
    assert isinstance(json.loads(run("list", "--json").output), list)
    assert run("list").output.strip()


@pytest.mark.usefixtures("workspace")
def test_show_tells_the_meter_as_read_back() -> None:
    """Configuration, scale and a second of figures, with their origin."""
    shown = json.loads(run("show", "--json").output)

    assert ("simulated", "0x4027", None) == (shown["origin"], shown["config"], shown["calibration"])
    assert 12.0 == pytest.approx(shown["measured"]["voltage_v"], abs=0.05)
    assert shown["measured"]["power_mean_w"] > 3.9


def test_a_replayed_meter_is_a_meter(workspace: Path) -> None:
    """A foreign trace is shown like any meter, and marked as replayed."""
    replayed(workspace)
    shown = run("show", "replayed").output

    assert "origin: replayed" in shown
    assert "power_mean_w: 5\n" in shown


@pytest.mark.usefixtures("workspace")
def test_selftest_passes_the_simulated_chip() -> None:
    """The shipped device shows its voltage within the limits, and how long its registers take.

    How many conversions are lost is up to what else this machine does.
    """
    printed = attempted("selftest", "--seconds", "0.6", "--volts", "12", "--elsewhere")

    assert "ok    meter: INA226, simulated" in printed
    assert "ok    voltage: " in printed
    assert "ok    chip clock: " in printed
    assert "time of one register:" in printed
    assert "from the end of a conversion until it was read:" in printed


@pytest.mark.usefixtures("workspace")
def test_selftest_sees_this_machine_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """One busy processor is seen by the simulated chip that is fed by it, whatever share of it others leave."""
    monkeypatch.setattr("harness.cli.testing.time", SimpleNamespace(monotonic_ns=time.process_time_ns))

    assert "ok    response: " in attempted("selftest", "--seconds", "0.6")


def test_selftest_finds_a_copy_of_the_chip(workspace: Path) -> None:
    """1.5 % on the bus is found against a voltmeter, with exit code 3."""
    device(workspace, "copy", ("bus_gain: -1.2e-4", "bus_gain: 0.015"))
    printed, error = failing("selftest", "copy", "--seconds", "0.5", "--volts", "12", "--elsewhere")

    assert "LOOK  voltage: " in printed
    assert "it is a copy" in printed
    assert re.search(r"not fit to measure with: .*voltage", str(error))
    assert isinstance(error, MeterError)


def test_selftest_finds_a_slow_bus(workspace: Path) -> None:
    """A bus at 100 kHz is told with its speed and the cure."""
    device(workspace, "slow", ("    kind: simulated #", "    clock_hz: 100e3\n    kind: simulated #"))
    printed, _ = failing("selftest", "slow", "--seconds", "0.5", "--elsewhere")

    assert "LOOK  bus: " in printed
    assert "i2c_arm_baudrate=400000" in printed


def test_selftest_tells_a_bus_that_is_not_there(workspace: Path) -> None:
    """A meter that cannot be opened is a finding with the reason."""
    begin, end = HOST.index("    kind: simulated #"), HOST.index("  address:")
    device(workspace, "nobus", (HOST[begin:end], "    kind: i2c\n    path: /dev/i2c-no-such\n"))
    printed, _ = failing("selftest", "nobus", "--seconds", "0.5")

    assert "LOOK  meter: /dev/i2c-no-such cannot be opened" in printed


@pytest.mark.usefixtures("workspace")
def test_watch_prints_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line power, rate and origin."""
    at_each_look(monkeypatch)
    monkeypatch.setattr("harness.cli.watching.LINE_S", 0.2)
    lines = run("watch", "--seconds", "3.5").output.splitlines()

    assert lines
    assert all(" samples/s" in line and line.endswith("simulated") for line in lines)


def test_watch_draws_where_there_is_one(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal the plot stands under the name of the rail."""
    replayed(workspace)
    console = Console(force_terminal=True, width=60, record=True)
    monkeypatch.setattr("harness.cli.watching.Console", lambda: console)
    at_each_look(monkeypatch)
    run("watch", "replayed", "--seconds", "3.5")
    drawn = console.export_text()

    assert "replayed: the rail of a trace" in drawn
    assert "5.00 W" in drawn
    assert "█" in drawn


def test_the_plot_is_to_scale() -> None:
    """Half the power is half the height, the latest stands at the right, and the scale is labelled."""
    lines = plot([0.0, 1.0, 2.0], width=10)
    columns = list(zip(*(line[MARGIN:] for line in lines), strict=True))

    assert HEIGHT == len(lines)
    assert [0, HEIGHT // 2, HEIGHT] == [column.count("█") for column in columns]
    assert "2.00 W" in lines[0]
    assert "0 W" in lines[-1]
    assert 10 == len(plot([1.0] * 50, width=10)[0]) - MARGIN


def test_a_recording_can_be_played_again(workspace: Path) -> None:
    """What `record` writes is what `replay` reads: as many samples, the same scale."""
    printed = run("record", "rail.bin", "--seconds", "0.3").output
    begin, end = HOST.index("meter: # null"), HOST.index("calibration: null")
    again = "meter: {kind: replay, path: ../rail.bin, boundary: recorded}\n\n"
    (workspace / "devices/again.yaml").write_text(
        (HOST[:begin] + again + HOST[end:]).replace("id: host", "id: again")
    )
    recording = read_recording(load_device("again").meter)

    assert f"{len(recording.samples)} samples" in printed
    assert 0.01 == recording.watts["shunt_ohm"]


def test_a_recording_is_never_overwritten(workspace: Path) -> None:
    """A file that is there is named, and stays."""
    (workspace / "rail.bin").write_text("mine")
    _, error = failing("record", "rail.bin", "--seconds", "0.3")

    assert isinstance(error, FileError)
    assert "mine" == (workspace / "rail.bin").read_text()


ROWS = "reference_v,reference_a,indicated_v,indicated_a\n4.5,0,4.5675,0\n5,0.5,5.075,0.5\n5.5,2,5.5825,2\n"


def test_a_calibration_is_made_from_readings_and_applied(workspace: Path) -> None:
    """Readings taken earlier make the record; named in the device's file it is in the scale that is used."""
    (workspace / "readings.csv").write_text(ROWS)
    out = workspace / "devices/copy.json"
    printed = run("calibrate", *CALIBRATE, "--readings", "readings.csv", "--out", str(out), said="y\n").output
    device(workspace, "calibrated", ("calibration: null #", "calibration: copy.json #"))
    shown = json.loads(run("show", "calibrated", "--json").output)

    assert "voltage: gain 0.98522" in printed
    assert 1 / 1.015 == pytest.approx(shown["watts"]["voltage_gain"])
    assert 12 / 1.015 == pytest.approx(shown["measured"]["voltage_v"], abs=0.01)
    assert "0x5449" == read_calibration(out).circumstances.meter["manufacturer_id"]


def test_a_calibration_asks_for_readings(workspace: Path) -> None:
    """What is typed in stands beside what the meter says at that time; a rail that never moves is refused."""
    said = "12.0 0\nabc\n12.0 0.34\n12.0 0.35\n\n"
    printed, error = failing("calibrate", *CALIBRATE, "--out", "cal.json", said=said)

    assert 3 == printed.count("the meter says 11.9")
    assert "that is not two numbers" in printed
    assert "too close to tell a gain from an offset" in str(error)
    assert not (workspace / "cal.json").exists()


def test_a_shunt_wrong_by_ten_is_refused_by_calibrate(workspace: Path) -> None:
    """A current gain of 10 is no calibration, but a mistake with a name."""
    (workspace / "readings.csv").write_text(ROWS.replace(",0.5\n", ",0.05\n").replace(",2\n", ",0.2\n"))
    arguments = (*CALIBRATE, "--readings", "readings.csv", "--out", "cal.json")
    _, error = failing("calibrate", *arguments, said="y\n")

    assert "shunt_ohm is ten times too large: R010 and not R100" in str(error)
    assert 4 == error.exit_code


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("reference_v\n1\n", "the column reference_a is missing"),
        (ROWS.replace("0.5\n", "x\n"), "line 3: could not convert string to float: 'x'"),
        (ROWS.replace("0.5\n", "inf\n"), "line 3: 'inf' is no number"),
    ],
)
def test_readings_that_are_none_are_told_by_line(workspace: Path, text: str, sentence: str) -> None:
    """Nothing is skipped."""
    (workspace / "readings.csv").write_text(text)
    _, error = failing("calibrate", *CALIBRATE, "--readings", "readings.csv", "--out", "cal.json")

    assert sentence in str(error)


def test_a_replayed_meter_of_power_cannot_be_calibrated(workspace: Path) -> None:
    """A meter that gives watts has no voltage and current to correct."""
    replayed(workspace)
    _, error = failing("calibrate", "replayed", *CALIBRATE, "--out", "cal.json")

    assert "only one of current and voltage" in str(error)


def test_a_device_without_a_meter_is_told(workspace: Path) -> None:
    """The message names the file and the key."""
    begin, end = HOST.index("meter: # null"), HOST.index("calibration: null")
    (workspace / "devices/bare.yaml").write_text(
        (HOST[:begin] + "meter: null\n" + HOST[end:]).replace("id: host", "id: bare")
    )
    _, error = failing("show", "bare")

    assert "bare.yaml: meter: is null" in str(error)


def test_show_tells_each_channel(workspace: Path) -> None:
    """Each chip's setting, factors and figures stand by its channel; the power is the sum of those that count."""
    rails(workspace)
    shown = json.loads(run("show", "rails", "--json").output)
    apart = shown["measured"]["channels"]

    assert {"core": "0x40", "io": "0x41"} == {
        name: each["address"] for name, each in shown["channels"].items()
    }
    assert [0.010, 0.025] == [shown["watts"][name]["shunt_ohm"] for name in ("core", "io")]
    assert 5.0 == pytest.approx(apart["core"]["voltage_v"], abs=0.05)
    assert 12.0 == pytest.approx(apart["io"]["voltage_v"], abs=0.05)
    assert shown["measured"]["power_mean_w"] == pytest.approx(
        apart["core"]["power_mean_w"] + apart["io"]["power_mean_w"]
    )
    assert re.search(r"(?m)^    io:$", run("show", "rails").output)


def test_watch_tells_each_channel(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line has the sum and the mean of each channel; of samples out of step there is no least and no largest sum."""
    rails(workspace)
    at_each_look(monkeypatch)
    line = run("watch", "rails", "--seconds", "3").output.splitlines()[0]

    assert re.match(r"[\d.]+ W \(core [\d.]+ W, io [\d.]+ W\), \d+ samples/s", line)


def test_selftest_looks_at_each_channel(workspace: Path) -> None:
    """Every finding names its channel; what is known of the circuit is of one rail, which must be named."""
    rails(workspace)
    told = attempted("selftest", "rails", "--seconds", "0.5", "--elsewhere")
    only = attempted(
        "selftest", "rails", "--seconds", "0.5", "--elsewhere", "--channel", "io", "--volts", "12"
    )
    _, refused = failing("selftest", "rails", "--volts", "5")
    _, unknown = failing("selftest", "rails", "--channel", "usb")
    _, needless = failing("selftest", "host", "--channel", "io")

    assert all(
        f"{name}: {what}: " in told for name in ("core", "io") for what in ("bus", "chip clock", "voltage")
    )
    assert "io: voltage: 12.0" in only
    assert "core:" not in only
    assert "say which by --channel core, io" in str(refused)
    assert "its channels are core, io" in str(unknown)
    assert "it has just one" in str(needless)


def test_one_rail_that_sees_the_work_is_enough(workspace: Path) -> None:
    """A rail that does not feed the processor is no fault beside one that does; where none sees the work, all are."""
    unmoved = ("core_w: 1.0", "core_w: 0.0")
    rails(workspace, "rails", unmoved)
    rails(workspace, "still", unmoved, ("core_w: 8.0", "core_w: 0.0"))

    assert re.search(r"(?m)^note  io: response", attempted("selftest", "rails", "--seconds", "0.5"))
    assert 2 == len(
        re.findall(r"(?m)^LOOK  \w+: response", attempted("selftest", "still", "--seconds", "0.5"))
    )


def test_each_channel_is_calibrated_by_itself(workspace: Path) -> None:
    """A record is of one chip, is applied to its channel alone, and is refused for another."""
    readings = workspace / "readings.csv"
    readings.write_text(
        "reference_v,reference_a,indicated_v,indicated_a\n"
        "5.00,0.0,4.95,0.0\n5.30,0.5,5.247,0.495\n5.60,1.0,5.544,0.99\n"
    )
    rails(workspace)
    out = workspace / "devices/core.json"
    arguments = ("calibrate", "rails", *CALIBRATE, "--readings", str(readings), "--out")
    _, unnamed = failing(*arguments, str(out))
    told = run(*arguments, str(out), "--channel", "core", said="y\n").output
    record = read_calibration(out)
    rails(workspace, "known", ("calibration: null # of", "calibration: core.json # of"))
    shown = json.loads(run("show", "known", "--json").output)
    rails(workspace, "swapped", ("calibration: null # of", "calibration: core.json # of"), ("0x40", "0x42"))
    _, swapped = failing("show", "swapped")

    assert "expected one of --channel core, io" in str(unnamed)
    assert "name it in meter.channels.core: calibration: core.json" in told
    assert (0x40, 0.010) == tuple(record.circumstances.meter[key] for key in ("address", "shunt_ohm"))
    assert 1 / 0.99 == pytest.approx(shown["watts"]["core"]["voltage_gain"], rel=1e-6)
    assert 1.0 == shown["watts"]["io"]["voltage_gain"]
    assert "was made for a meter with address 64" in str(swapped)


def test_a_channel_of_a_recording_is_played(workspace: Path) -> None:
    """A recording of several channels is kept whole, and played one channel at a time."""
    rails(workspace)
    out = workspace / "devices/both.power"
    run("record", str(out), "rails", "--seconds", "0.5")
    facts = json.loads((workspace / "devices/both.power.json").read_text())
    begin, end = HOST.index("meter: # null"), HOST.index("calibration: null")
    for name, wanted in (("io", ", channel: io"), ("none", ""), ("usb", ", channel: usb")):
        meter = f"meter: {{kind: replay, path: both.power, boundary: one rail{wanted}}}\n\n"
        text = (HOST[:begin] + meter + HOST[end:]).replace("id: host", f"id: {name}")
        (workspace / f"devices/{name}.yaml").write_text(text)
    played = json.loads(run("show", "io", "--json").output)
    _, none = failing("show", "none")
    _, usb = failing("show", "usb")

    assert {"core", "io"} == set(facts["channels"])
    assert ["core", "io"] == facts["total"]
    assert 12.0 == pytest.approx(played["measured"]["voltage_v"], abs=0.05)
    assert "expected one of its channels: core, io" in str(none)
    assert "found usb" in str(usb)
