"""The stand-ins of a bridge, and a bridge on a real terminal of the kernel with the real sampler."""

import os
import select
import time
from pathlib import Path

import numpy as np
import pytest
from meters.rigs import chip
from processes import PATIENCE_S

from harness.errors import MeterError
from harness.meters import Flag
from harness.meters.bridge import Bridge
from harness.meters.line import open_line
from harness.meters.stream import Sampler
from harness.meters.virtual import VirtualClock

from .board import CNVR, Board
from .cable import Cable
from .emulator import PtyBridge
from .rigs import on_bridge

HEAD = b"\xa5\x5a"


@pytest.fixture
def port(tmp_path: Path) -> Path:
    """Where the bridge's terminal will be found."""
    return tmp_path / "usb-bridge"


def read_some(path: Path, count: int) -> bytes:
    """That many bytes of a terminal, as they come."""
    descriptor, data = os.open(path, os.O_RDWR | os.O_NOCTTY), b""
    try:
        while len(data) < count:
            assert select.select([descriptor], (), (), PATIENCE_S)[0]
            data += os.read(descriptor, count)
    finally:
        os.close(descriptor)
    return data


def test_alert_falls_at_the_end_of_each_conversion_and_rises_when_asked() -> None:
    """The board's ALERT follows TI SBOS547B: low from the end of a conversion until MASK/ENABLE is read."""
    clock = VirtualClock(10**9)
    model = chip(clock)
    board = Board(model, clock=clock)
    begin_ns = model._started_ns
    board.firmware.step = lambda: None
    clock.sleep(3e-3)
    board.run()
    unread = list(board.edges_ns)
    board.readfrom_mem_into(0x40, 6, bytearray(2))
    clock.sleep(1e-3)
    board.run()

    assert CNVR == model.read_u16(6) & CNVR
    assert [begin_ns + 1_240_000] == unread
    assert [begin_ns + 1_240_000, begin_ns + 3 * 1_240_000] == board.edges_ns


def test_a_cable_delays_in_order_and_can_be_pulled() -> None:
    """Bytes come out as they went in, later; a pulled cable is an error of the line and of its port."""
    clock = VirtualClock(10**9)
    cable = Cable(Board(chip(clock), clock=clock), clock)
    line = cable.open_port("", 0)
    data = b"".join(line.read() for _ in range(40))
    cable.plugged = False

    assert HEAD == data[:2]
    assert [0] * (len(data) // 15) == [data[at] - 0xA5 for at in range(0, len(data), 15)]
    with pytest.raises(OSError, match="Input/output"):
        line.read()
    with pytest.raises(MeterError):
        cable.open_port("", 0)


def test_the_emulator_sends_frames_on_a_terminal(port: Path) -> None:
    """What a plain read of the terminal finds are the firmware's bytes, unchanged by the kernel."""
    with PtyBridge(port):
        data = read_some(port, 600)

    # A read may begin in the middle of a frame.
    assert max(data.count(HEAD), 0) >= 600 // 15 - 2
    assert not port.exists()


def test_a_terminal_is_opened_by_one_process_only(port: Path) -> None:
    """A second opening is refused with what to do; after closing it is free."""
    with PtyBridge(port):
        line = open_line(str(port), 460_800)
        with pytest.raises(MeterError, match="Another program holds it"):
            open_line(str(port), 460_800)
        line.close()
        line.close()
        open_line(str(port), 460_800).close()


def test_a_missing_port_is_told(port: Path) -> None:
    """A port that is not there is an error that says what to do."""
    with pytest.raises(MeterError, match=r"usb-bridge cannot be opened: .*No such file.* Plug the bridge in"):
        open_line(str(port), 460_800)


def test_stamps_lie_on_this_machines_clock(port: Path) -> None:
    """Over a terminal of the kernel, too, no stamp is further off than is said."""
    with PtyBridge(port) as emulated, Bridge(on_bridge(str(port))) as bridge:
        said_ns, raws = [], []
        for _ in range(400):
            raws.append(bridge.next())
            said_ns.append(bridge.link.clock_uncertainty_ns)
        edges = np.array(emulated.board.edges_ns)

    stamps = np.array([raw.ready_ns for raw in raws])
    assert (np.abs(stamps[:, None] - edges[None, :]).min(axis=1) <= said_ns).all()
    assert {4000} == {raw.shunt for raw in raws}


def test_the_sampler_reads_a_bridge(port: Path) -> None:
    """The same sampler, ring and scale serve a bridge; the uncertainty of its clock comes with the samples."""
    with (
        PtyBridge(port) as emulated,
        Sampler(on_bridge(str(port)), subject_pid=None, reply_s=PATIENCE_S) as sampler,
    ):
        begin_ns = time.monotonic_ns()
        sampler.wait_beyond(begin_ns + 100_000_000)
        samples = sampler.drain()
        link = sampler.link
        emulated.board.tag = 1
        sampler.wait_beyond(time.monotonic_ns() + 50_000_000)
        tagged = sampler.drain()

    assert {5.0} == set(np.round(sampler.scale.watts(samples["shunt"], samples["bus"]), 9))
    assert "bridge" == sampler.configuration["access"]
    assert 0 < link.clock_uncertainty_ns < 10**9
    assert tagged["flags"][-1] & Flag.TAG


def test_the_sampler_waits_for_a_bridge_that_was_pulled(port: Path) -> None:
    """A bridge pulled and plugged in again goes on in the same sampler, with RESET."""
    with (
        PtyBridge(port) as emulated,
        Sampler(on_bridge(str(port)), subject_pid=None, reply_s=PATIENCE_S) as sampler,
    ):
        sampler.wait_beyond(time.monotonic_ns())
        sampler.drain()
        emulated.pull()
        pulled_ns = time.monotonic_ns()
        emulated.plug_in()
        sampler.wait_beyond(pulled_ns + 50_000_000)
        after = sampler.drain()

    assert (after["flags"] & Flag.RESET).any()
    assert (np.diff(after["ready_ns"]) > 0).all()


def test_a_bridge_that_is_not_there_is_told_by_the_sampler(port: Path) -> None:
    """The sampler's sentence is raised by the bench."""
    with (
        pytest.raises(MeterError, match="usb-bridge cannot be opened"),
        Sampler(on_bridge(str(port)), subject_pid=None, reply_s=PATIENCE_S),
    ):
        pass
