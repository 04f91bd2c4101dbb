"""The files of boards, devices and suites are read strictly, and all faults are told at once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import FileError
from harness.profile import Board, Bus, ChipErrors, Fact, Identity, Origin, PowerCycle, Waveform
from harness.schema import read_board, read_device, read_suite
from harness.suite import Limit

Content = dict[str, Any]
Spoil = Callable[[str, Callable[[Content], object]], Path]


def read(path: Path) -> object:
    """Read whichever kind of file it is."""
    if path.parent.name == "boards":
        return read_board(path)
    if path.parent.name == "devices":
        return read_device(path, lambda name: read_board(path.parent / "boards" / f"{name}.yaml"))
    return read_suite(path)


def outcome(path: Path) -> object:
    """What a file gives, or the faults it has."""
    try:
        return read(path)
    except FileError as error:
        return error


def faults(path: Path, **options: bool) -> list[str]:
    """The faults of a file, without its path."""
    with pytest.raises(FileError) as caught:
        read_suite(path, **options) if options else read(path)
    assert all(fault.startswith(f"{path}: ") for fault in caught.value.faults)
    return [fault.removeprefix(f"{path}: ") for fault in caught.value.faults]


def test_board_is_read(workspace: Path) -> None:
    """A board's file gives the frozen board with the digest of the file."""
    board = read_board(workspace / "devices/boards/bench-board.yaml")

    assert "bench-board" == board.id
    assert (Fact(quantity="peak_int8_tops", value=0.4, source="a paper"),) == board.facts
    assert 64 == len(board.sha256)


def test_power_cycle_is_read(spoil: Spoil) -> None:
    """The command that cycles the power is read as it stands, argument by argument."""
    command = ["pdu", "-u", "me:hunter2", "", "$HOME"]
    path = spoil(
        "devices/bench-1.yaml", lambda c: c.update(power_cycle={"command": command, "settle_s": 5.0})
    )
    device = read(path)

    assert PowerCycle(command=tuple(command), settle_s=5.0, limit_s=60.0) == device.power_cycle
    assert "hunter2" not in repr(device)


def test_device_is_read_with_its_defaults(workspace: Path) -> None:
    """What a device's file leaves out is what docs/files.md says."""
    device = read(workspace / "devices/bench-1.yaml")

    assert isinstance(device.board, Board)
    assert (5.0, 2, 1800.0, None) == (device.reply_s, device.retries, device.job_s, device.calibration)
    assert {"onnxruntime": ("2026-*",)} == device.firmware_compatibility_matrix
    assert Identity(kind="machine", value="aarch64") == device.identity
    assert (1.1e-3, 140e-6, 1) == (
        device.meter.shunt_conversion_s,
        device.meter.bus_conversion_s,
        device.meter.average,
    )
    assert (
        Bus(
            kind="simulated",
            waveform=Waveform(kind="cpu", idle_w=4.0, core_w=9.0, rail_v=12.0),
            chip=ChipErrors(clock=0.02),
        )
        == device.meter.bus
    )


def test_meter_on_a_real_bus_is_read(spoil: Spoil) -> None:
    """A meter on a bus of this machine has the node of the bus and no waveform."""
    bus = {"kind": "i2c", "path": "/dev/i2c-1"}
    device = read(spoil("devices/bench-1.yaml", lambda c: c["meter"].update(bus=bus)))

    assert Bus(kind="i2c", path="/dev/i2c-1") == device.meter.bus


@pytest.mark.parametrize(
    ("rate_hz", "shunt_conversion_s"), [(100.0, 8.244e-3), (700, 1.1e-3), (1248, 588e-6)]
)
def test_a_rate_chooses_the_conversions(spoil: Spoil, rate_hz: float, shunt_conversion_s: float) -> None:
    """With `rate_hz` the setting is the one that sees most of the current at that rate."""
    path = spoil(DEVICE, lambda c: c["meter"].update(rate_hz=rate_hz))
    meter = read(path).meter

    assert (shunt_conversion_s, 140e-6, 1) == (
        meter.shunt_conversion_s,
        meter.bus_conversion_s,
        meter.average,
    )


def test_a_simulated_bus_may_take_its_time(spoil: Spoil) -> None:
    """`clock_hz` is the rate of the modelled bus; without it transfers take no time."""
    path = spoil(DEVICE, lambda c: c["meter"]["bus"].update(clock_hz=400e3))

    assert 400e3 == read(path).meter.bus.clock_hz


def test_meter_behind_a_bridge_is_read(spoil: Spoil) -> None:
    """A bridge has its port and a rate that is enough for the chip's fastest conversions."""
    bus = {"kind": "bridge", "port": "/dev/serial/by-id/usb-Board_in_FS_mode_e6-if00"}
    device = read(spoil("devices/bench-1.yaml", lambda c: c["meter"].update(bus=bus)))

    assert Bus(kind="bridge", path=bus["port"], baud=460_800) == device.meter.bus
    assert Origin.MEASURED is device.meter.origin


def test_calibration_is_beside_the_device(workspace: Path, spoil: Spoil) -> None:
    """The path of a calibration record is relative to the device's file."""
    (workspace / "devices/cal.json").write_text("{}")
    device = read(spoil("devices/bench-1.yaml", lambda c: c.update(calibration="cal.json")))

    assert workspace / "devices/cal.json" == device.calibration


@pytest.mark.parametrize("own", [True, False], ids=["own protocols", "the usual ones"])
def test_usual_quick_protocol_is_a_look(spoil: Spoil, own: bool) -> None:
    """Of a suite that says nothing of protocols the quick one takes at most 60 items; its own take what they say."""
    path = spoil("suites/tiny.yaml", lambda c: None if own else c.pop("protocol", None))

    assert ({} if own else {"quick": 60}) == read_suite(path).items_at_most


def test_suite_is_read_with_its_defaults(workspace: Path) -> None:
    """What a suite's file leaves out is what docs/files.md says; its paths are beside it."""
    suite = read_suite(workspace / "suites/tiny.yaml", verify=True)
    standard = suite.protocols["standard"]

    assert ["standard", "quick", "full"] == list(suite.protocols)
    assert (None, 0.01, 10, 0.0, 0.0, 50, 0.9, 2) == (
        standard.items,
        standard.window_s,
        standard.samples,
        standard.block_s,
        standard.cooldown_s,
        standard.preflight_items,
        standard.coverage,
        standard.remeasure,
    )
    assert workspace / "suites/tiny/fp32.onnx" == suite.models[0].artefacts[0].path
    assert (1, False, False) == (
        suite.engines[0].threads,
        suite.engines[0].spinning,
        suite.engines[0].allow_fallback,
    )
    assert (Limit(quantity="latency_p99_s", comparison="<", bound=0.15),) == suite.limits
    assert (1, 4) == suite.data.shape


BOARD, DEVICE, SUITE = "devices/boards/bench-board.yaml", "devices/bench-1.yaml", "suites/tiny.yaml"
LINE = "a text in one line of 1 to 500 characters"
CASES = {
    "unknown key": (
        DEVICE,
        lambda c: c["meter"].update(shunt_om=0.01),
        ["meter.shunt_om: is not a known key; did you mean shunt_ohm or shunt_tolerance?"],
    ),
    "missing key": (
        DEVICE,
        lambda c: c["meter"].pop("shunt_ohm"),
        ["meter.shunt_ohm: is missing; give a number above 0 up to 1000 (resistance of the shunt)"],
    ),
    "number for text": (
        DEVICE,
        lambda c: c.update(hw_revision=1.0),
        [f"hw_revision: found the number 1.0, expected {LINE} or null; put it in quotes"],
    ),
    "text for number": (
        DEVICE,
        lambda c: c["meter"].update(shunt_ohm="1e-3"),
        ["meter.shunt_ohm: found the text '1e-3', expected a number above 0 up to 1000"],
    ),
    "truth for number": (
        DEVICE,
        lambda c: c.update(retries=True),
        ["retries: found true, expected a whole number from 0 up to 10"],
    ),
    "out of range": (
        DEVICE,
        lambda c: c.update(retries=11),
        ["retries: found the number 11, expected a whole number from 0 up to 10"],
    ),
    "shell command": (
        DEVICE,
        lambda c: c.update(power_cycle={"command": "curl -u me:hunter2 http://pdu", "settle_s": 5.0}),
        [
            (
                "power_cycle.command: found no list, expected a program and its arguments, each an entry of its own, "
                "such as [uhubctl, -l, 1-1, -a, cycle]; nothing is run by a shell"
            )
        ],
    ),
    "command in one entry": (
        DEVICE,
        lambda c: c.update(power_cycle={"command": ["curl -u me:hunter2 http://pdu"], "settle_s": 5.0}),
        ["power_cycle.command: the first entry has blanks in it; give each argument as an entry of its own"],
    ),
    "command in place of its section": (
        DEVICE,
        lambda c: c.update(power_cycle="curl -u me:hunter2 http://pdu"),
        ["power_cycle: found no mapping, expected one of command and settle_s, or null"],
    ),
    "number in a command": (
        DEVICE,
        lambda c: c.update(power_cycle={"command": ["pdu", 1], "settle_s": 5.0}),
        ["power_cycle.command: entry 1 is no text, expected one; put it in quotes"],
    ),
    "two lines in a command": (
        DEVICE,
        lambda c: c.update(power_cycle={"command": ["pdu", "hunter2\n"], "settle_s": 5.0}),
        ["power_cycle.command: entry 1 is no line of up to 1000 characters; correct that entry"],
    ),
    "empty command": (
        DEVICE,
        lambda c: c.update(power_cycle={"command": [], "settle_s": 5.0}),
        ["power_cycle.command: names no program; give it as the first entry"],
    ),
    "power cycle without waiting": (
        DEVICE,
        lambda c: c.update(power_cycle={"command": ["pdu"]}),
        [
            (
                "power_cycle.settle_s: is missing; give a number from 0 up to 86400 "
                "(from the end of the command until the device can be used)"
            )
        ],
    ),
    "null where a value must be": (
        DEVICE,
        lambda c: c.update(connection=None),
        ["connection: found nothing (null), expected the text 'local'"],
    ),
    "id is not the file": (
        DEVICE,
        lambda c: c.update(id="bench-2"),
        ["id: found bench-2, expected bench-1, the name of the file; change the one or the other"],
    ),
    "id of a device": (
        DEVICE,
        lambda c: c.update(id="../x"),
        ["id: found the text '../x', expected a text in the form [a-z0-9][a-z0-9-]{0,39}"],
    ),
    "id with a line end": (
        DEVICE,
        lambda c: c.update(id="bench-1\n"),
        ["id: found the text 'bench-1\\n', expected a text in the form [a-z0-9][a-z0-9-]{0,39}"],
    ),
    "control character": (
        DEVICE,
        lambda c: c["meter"].update(boundary="\x1b[2J"),
        [f"meter.boundary: found the text '\\x1b[2J', expected {LINE}"],
    ),
    "unknown kind": (
        DEVICE,
        lambda c: c["meter"]["bus"].update(kind="spi"),
        ["meter.bus.kind: found the text 'spi', expected one of bridge, i2c, simulated"],
    ),
    "no kind": (
        DEVICE,
        lambda c: c["meter"]["bus"].pop("kind"),
        ["meter.bus.kind: is missing; give one of bridge, i2c, simulated"],
    ),
    "bus is no mapping": (
        DEVICE,
        lambda c: c["meter"].update(bus="i2c"),
        ["meter.bus: found the text 'i2c', expected a mapping whose kind is one of bridge, i2c, simulated"],
    ),
    "key of another kind": (
        DEVICE,
        lambda c: c["meter"]["bus"].update(path="/dev/i2c-1"),
        ["meter.bus.path: is not a known key; known: chip, clock_hz, kind, waveform"],
    ),
    "port too slow": (
        DEVICE,
        lambda c: c["meter"].update(bus={"kind": "bridge", "port": "/dev/ttyUSB0", "baud": 115_200}),
        [
            (
                "meter: found bus.baud 115200, but conversions this short need 134409; raise it here and in the bridge,"
                " or lengthen the conversions"
            )
        ],
    ),
    "rate beside conversions": (
        DEVICE,
        lambda c: c["meter"].update(rate_hz=700, average=4),
        ["meter: rate_hz chooses average; give one or the other"],
    ),
    "rate beyond the chip": (
        DEVICE,
        lambda c: c["meter"].update(rate_hz=3000),
        [
            (
                "meter: rate_hz: INA226: 3000 results a second cannot be had; a chip of any speed, read in 480 us,"
                " gives more than 0 and up to 1249"
            )
        ],
    ),
    "port that climbs": (
        DEVICE,
        lambda c: c["meter"].update(bus={"kind": "bridge", "port": "/dev/../etc/passwd"}),
        [
            (
                "meter.bus.port: found the text '/dev/../etc/passwd', expected a text of up to 255 characters in the"
                " form /dev/[A-Za-z0-9_][A-Za-z0-9._:+-]*(/[A-Za-z0-9_][A-Za-z0-9._:+-]*)*"
            )
        ],
    ),
    "inside a kind": (
        DEVICE,
        lambda c: c["meter"]["bus"]["waveform"].pop("idle_w"),
        [
            (
                "meter.bus.waveform.idle_w: is missing;"
                " give a number from 0 up to 10000 (power with nothing running)"
            )
        ],
    ),
    "conversion time": (
        DEVICE,
        lambda c: c["meter"].update(bus_conversion_s=0.001),
        [
            (
                "meter.bus_conversion_s: found the number 0.001, expected one of the chip's times in s:"
                " 0.00014, 0.000204, 0.000332, 0.000588, 0.0011, 0.002116, 0.004156, 0.008244"
            )
        ],
    ),
    "identity without value": (
        DEVICE,
        lambda c: c.update(identity={"kind": "mac"}),
        ["identity: kind mac needs a value; give what the device is to say of itself"],
    ),
    "value without identity": (
        DEVICE,
        lambda c: c.update(identity={"kind": "none", "value": "x"}),
        ["identity: found the value 'x' with kind none; remove it or name its kind"],
    ),
    "calibration without meter": (
        DEVICE,
        lambda c: c.update(calibration="bench-1.yaml", meter=None),
        ["root: calibration is given without a meter; describe the meter or remove it"],
    ),
    "pattern in the matrix": (
        DEVICE,
        lambda c: c.update(firmware_compatibility_matrix={"onnxruntime": "2026"}),
        ["firmware_compatibility_matrix.onnxruntime: found the text '2026', expected a list"],
    ),
    "newer form": (
        BOARD,
        lambda c: c.update(schema=2),
        ["schema: found the number 2, expected the number 1"],
    ),
    "list of nothing": (
        BOARD,
        lambda c: c.update(engines=[]),
        ["engines: found a list, expected a list of 1 or more"],
    ),
    "value of a fact": (
        BOARD,
        lambda c: c["facts"][0].update(value=[1]),
        [f"facts[0].value: found a list, expected a number or {LINE}"],
    ),
    "several at once": (
        BOARD,
        lambda c: (c.pop("title"), c["facts"][0].pop("source"), c.update(socket="x")),
        [
            f"title: is missing; give {LINE} (the name people use)",
            f"facts[0].source: is missing; give {LINE} (title and, where there is one, address of the publication)",
            "socket: is not a known key; did you mean soc?",
        ],
    ),
    "limit on nothing": (
        SUITE,
        lambda c: c.update(limits=["latency_p9_s < 1"]),
        [
            (
                "limits[0]: latency_p9_s: is not a published quantity;"
                " did you mean latency_p99_s or latency_p95_s or latency_p90_s?"
            )
        ],
    ),
    "model twice": (
        SUITE,
        lambda c: c["models"].append(c["models"][0]),
        ["models: found the model net more than once; each may stand once"],
    ),
    "precision twice": (
        SUITE,
        lambda c: c["models"][0]["artefacts"][1].update(precision="fp32"),
        ["models[0].artefacts: found the precision fp32 more than once; each may stand once"],
    ),
    "absolute path": (
        SUITE,
        lambda c: c["data"].update(path="/etc/passwd"),
        ["data.path: found /etc/passwd, expected a path below the suite's folder, without .."],
    ),
    "path above": (
        SUITE,
        lambda c: c["data"].update(path="tiny/../../x.npz"),
        ["data.path: found tiny/../../x.npz, expected a path below the suite's folder, without .."],
    ),
    "no protocol": (
        SUITE,
        lambda c: c["protocol"].pop("quick"),
        ["protocol.quick: is missing; give a mapping (with `--quick`: a look, not a result)"],
    ),
    "share above one": (
        SUITE,
        lambda c: c["protocol"]["full"].update(coverage=1.5),
        ["protocol.full.coverage: found the number 1.5, expected a number from 0 up to 1"],
    ),
}


@pytest.mark.parametrize(("name", "how", "expected"), CASES.values(), ids=CASES)
def test_fault_is_a_sentence(
    spoil: Spoil, name: str, how: Callable[[Content], object], expected: list[str]
) -> None:
    """Each fault says where it is, what was found and what was expected."""
    assert expected == faults(spoil(name, how))


def test_not_a_number_is_refused(workspace: Path) -> None:
    """A value that is not finite is no measure of anything."""
    path = workspace / DEVICE
    path.write_text(path.read_text().replace('"shunt_ohm": 0.01', '"shunt_ohm": .nan'))

    assert ["meter.shunt_ohm: found the number nan, expected a number above 0 up to 1000"] == faults(path)


def test_board_that_is_nowhere_is_a_fault_of_the_device(spoil: Spoil) -> None:
    """A device whose board cannot be read says so at its key `board`."""
    path = spoil(DEVICE, lambda c: c.update(board="other"))

    (fault,) = faults(path)

    assert fault.startswith("board: ")
    assert "other.yaml" in fault


def test_missing_artefact_is_a_fault(workspace: Path) -> None:
    """A file that a suite names must be there, whatever is done with the suite."""
    (workspace / "suites/tiny/int8.onnx").unlink()

    (fault,) = faults(workspace / SUITE)

    assert fault.startswith("models[0].artefacts[1].path: found tiny/int8.onnx, expected a file")


def test_link_out_of_the_folder_is_refused(workspace: Path) -> None:
    """A link that leads out of the suite's folder is not followed."""
    artefact = workspace / "suites/tiny/int8.onnx"
    artefact.unlink()
    artefact.symlink_to(workspace / DEVICE)

    (fault,) = faults(workspace / SUITE)

    assert "a link that leaves the suite's folder" in fault


def test_loop_of_links_is_refused(workspace: Path) -> None:
    """Links that lead to each other are a fault, not a hang."""
    artefact = workspace / "suites/tiny/int8.onnx"
    artefact.unlink()
    artefact.symlink_to("int8.onnx")

    (fault,) = faults(workspace / SUITE)

    assert fault.startswith("models[0].artefacts[1].path: ")


def test_changed_artefact_is_refused_for_a_run(workspace: Path) -> None:
    """A run refuses a file whose digest differs and names both; a look at the suite does not hash."""
    (workspace / "suites/tiny/int8.onnx").write_bytes(b"other")
    suite = read_suite(workspace / SUITE)

    (fault,) = faults(workspace / SUITE, verify=True)

    assert fault.startswith(
        f"models[0].artefacts[1].sha256: expected {suite.models[0].artefacts[1].sha256}, found d9298a10d1b07358"
    )


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)  # JSON itself refuses to write much longer ones
    | st.integers(min_value=10**5000, max_value=10**5001).map(hex)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["local", "ina226", "cpu", "..", "/dev/i2c-1", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(content: Any) -> list[tuple[Any, Any]]:
    """Every (mapping or list, key or index) of some content."""
    if not isinstance(content, (dict, list)):
        return []
    entries = content.items() if isinstance(content, dict) else enumerate(content)
    return [place for key, value in list(entries) for place in [(content, key), *places(value)]]


HEALTH = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
"""What is not asked for: the workspace lasts on purpose, and how fast the machine is says nothing of the reader."""


@settings(max_examples=60, suppress_health_check=HEALTH)
@given(data=st.data(), name=st.sampled_from([BOARD, DEVICE, SUITE]))
def test_any_change_gives_a_value_or_faults(lasting_workspace: Path, data: st.DataObject, name: str) -> None:
    """Whatever one place of a valid file is changed to, reading gives a value or faults that name the file."""
    path = lasting_workspace / name
    valid = path.read_text(encoding="utf-8")
    content = json.loads(valid)
    within, key = data.draw(st.sampled_from(places(content)))
    match data.draw(st.sampled_from(["replace", "remove", "add"])):
        case "replace":
            within[key] = data.draw(plain)
        case "remove":
            del within[key]
        case _ if isinstance(within, dict):
            within[data.draw(st.text(max_size=8))] = data.draw(plain)
    path.write_text(json.dumps(content), encoding="utf-8")
    found = outcome(path)
    path.write_text(valid, encoding="utf-8")

    assert not isinstance(found, FileError) or found.faults
    assert all(fault.startswith(str(path)) for fault in getattr(found, "faults", ()))


@settings(max_examples=30, suppress_health_check=HEALTH)
@given(content=st.dictionaries(st.text(max_size=5), plain, max_size=4))
def test_any_mapping_gives_faults(lasting_workspace: Path, content: Content) -> None:
    """A mapping that is no board's file is refused with faults, never with another error."""
    path = lasting_workspace / "devices/boards/random.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")

    with pytest.raises(FileError):
        read_board(path)
