"""The firmware, as it is on the board, under CPython."""

import runpy
import sys
from itertools import pairwise
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meters.rigs import chip

from harness.meters.bridge_frames import BridgeFlag, FrameParser, HelloFrame, SampleFrame, configure
from harness.meters.virtual import VirtualClock

from .board import TICKS, Board
from .firmware import FOLDER, load


def board(wire_s: float = 60e-6, **settings: object) -> tuple[Board, VirtualClock]:
    """A board whose chip has a load of 5 W."""
    clock = VirtualClock(10**9)
    return Board(chip(clock, wire_s=wire_s), clock=clock, **settings), clock


def run(bench: Board, clock: VirtualClock, duration_s: float) -> list[SampleFrame | HelloFrame]:
    """Let the firmware run, and read what it sent."""
    until_ns = clock() + round(duration_s * 1e9)
    while clock() < until_ns:
        clock.sleep(20e-6)
        bench.run()
    parser = FrameParser()
    frames = [frame for frame, _ in parser.feed(bytes(bench.outgoing), 0, silent=True)]
    bench.outgoing.clear()
    return frames


def test_every_conversion_is_sent_with_the_time_of_its_end() -> None:
    """806 conversions in a second, numbered one after the other, stamped at the edges of ALERT."""
    bench, clock = board(ticks=TICKS - 300_000)
    frames = run(bench, clock, 1.0)

    assert len(bench.edges_ns) - 1 <= len(frames) <= len(bench.edges_ns)
    assert list(range(len(frames))) == [frame.seq for frame in frames]
    assert {1239, 1240, 1241} >= {after.t_us - before.t_us for before, after in pairwise(frames)}
    assert {(4000, 4000, 0)} == {frame[2:] for frame in frames}


@given(st.lists(st.integers(0, TICKS // 2 - 1), max_size=30), st.integers(0, TICKS - 1))
def test_microseconds_are_counted_on_over_the_turns_of_the_counter(steps: list[int], begin: int) -> None:
    """Time modulo 2**32 is right however often the counter of 2**30 turned over."""

    def difference(later: int, earlier: int) -> int:
        return (later - earlier + TICKS // 2) % TICKS - TICKS // 2

    time, passed = load("protocol").Microseconds(begin, difference), 0
    for step in steps:
        passed += step
        time.advance((begin + passed) % TICKS)

    assert passed % 2**32 == time.low | time.high << 16


def test_a_marker_is_echoed_once_by_the_first_conversion_that_ends_after_it() -> None:
    """MARKED stands in one sample, whose conversion ended after the marker came, and not in the one before."""
    bench, clock = board()
    run(bench, clock, 0.05)
    came_us = bench.ticks_us()
    bench.incoming.append(ord("M"))
    frames = run(bench, clock, 0.01)
    ends = {bool(frame.flags & BridgeFlag.MARKED): frame.t_us for frame in reversed(frames)}

    assert 1 == sum(bool(frame.flags & BridgeFlag.MARKED) for frame in frames)
    assert came_us < ends[True] < came_us + 2 * 1240


@given(st.binary(max_size=60))
def test_commands_are_found_in_noise(noise: bytes) -> None:
    """Whatever came before it, a command is obeyed at the latest when it is said twice."""
    commands = load("protocol").Commands()
    taken = [commands.take(byte) for byte in noise.replace(b"C", b"c") + configure(0x4127)]

    assert ord("C") == taken[-1]
    assert 0x4127 == commands.config
    assert {0, ord("M"), ord("?")} >= set(taken[:-1])


def test_a_damaged_setting_is_not_obeyed() -> None:
    """A CONFIGURE with a wrong checksum changes nothing and is not answered."""
    bench, clock = board()
    bench.incoming.extend(configure(0x4127)[:4] + b"\0")
    frames = run(bench, clock, 0.02)

    assert 0x4027 == bench.chip.read_u16(0)
    assert [] == [frame for frame in frames if isinstance(frame, HelloFrame)]


def test_a_setting_is_answered_with_what_the_chip_says() -> None:
    """The hello after CONFIGURE holds CONFIG as read back."""
    bench, clock = board()
    bench.incoming.extend(configure(0x4127))
    [hello] = [frame for frame in run(bench, clock, 0.02) if isinstance(frame, HelloFrame)]

    assert HelloFrame(1, 1, 0x5449, 0x2260, 0x4127, 0x40, 400) == hello


def test_what_was_read_too_late_is_not_sent() -> None:
    """A reading that may be of the next conversion is left out, and the next sample says MISSED."""
    bench, clock = board()
    run(bench, clock, 0.01)
    clock.sleep(2.6e-3)
    bench.run()
    late = bytes(bench.outgoing)
    frames = run(bench, clock, 0.01)

    assert b"" == late
    assert frames[0].flags & BridgeFlag.MISSED
    assert {0} == {frame.flags for frame in frames[1:]}


@pytest.mark.parametrize("name", ["protocol", "chip", "bridge", "main"])
def test_the_firmware_needs_nothing_of_the_host(name: str) -> None:
    """No module of the firmware imports the harness."""

    assert "harness" not in (FOLDER / f"{name}.py").read_text(encoding="utf-8").split()


class Pin:
    """A pin of the board; GP22 is at ground."""

    IN, PULL_UP, PULL_DOWN, IRQ_FALLING = range(4)

    def __init__(self, number: int, *_: int) -> None:
        self._number = number

    def value(self) -> int:
        """Level."""
        return int(self._number != 22)


def test_main_stays_at_the_prompt_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With GP22 at ground the board does not bridge, so that another firmware can be loaded."""
    monkeypatch.setitem(sys.modules, "machine", SimpleNamespace(Pin=Pin, I2C=None))
    monkeypatch.setitem(sys.modules, "micropython", ModuleType("micropython"))
    load("bridge")
    names = runpy.run_path(str(FOLDER / "main.py"), run_name="__main__")

    assert callable(names["run"])


def test_main_wires_the_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` sets up bus, pins and interrupt, sends a hello when asked, and goes on."""
    bench, clock = board()
    sent = bytearray()
    asked = list(b"?")
    wired: dict[str, object] = {}

    class EnoughError(Exception):
        """The loop of the firmware has no end of its own."""

    class WiredPin(Pin):
        def irq(self, handler: object, trigger: int, *, hard: bool) -> None:
            wired[f"irq of {self._number}"] = (handler.__name__, trigger, hard)

    class Poll:
        def register(self, *_: object) -> None:
            """Everything is polled."""

        def ipoll(self, _: int) -> list[int]:
            clock.sleep(1e-3)
            if clock() > 2 * 10**9:
                raise EnoughError
            return [1] if asked else []

    class Stdin:
        buffer = SimpleNamespace(readinto=lambda into: into.__setitem__(0, asked.pop()))

    def i2c(number: int, *, sda: Pin, scl: Pin, freq: int) -> Board:
        wired["i2c"] = (number, sda._number, scl._number, freq)
        return bench

    micropython = SimpleNamespace(
        kbd_intr=lambda code: wired.update(kbd_intr=code), alloc_emergency_exception_buf=lambda _: None
    )
    for name, module in {
        "machine": SimpleNamespace(Pin=WiredPin, I2C=i2c),
        "micropython": micropython,
        "select": SimpleNamespace(poll=Poll, POLLIN=1),
        "time": SimpleNamespace(ticks_us=bench.ticks_us, ticks_diff=lambda later, earlier: later - earlier),
        "sys": SimpleNamespace(
            stdin=Stdin, stdout=SimpleNamespace(buffer=SimpleNamespace(write=sent.extend))
        ),
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    load("bridge")
    names = runpy.run_path(str(FOLDER / "main.py"), run_name="main")
    with pytest.raises(EnoughError):
        names["run"]()
    monkeypatch.undo()

    assert {
        "i2c": (0, 4, 5, 400_000),
        "irq of 6": ("on_alert", Pin.IRQ_FALLING, True),
        "kbd_intr": -1,
    } == wired
    assert [HelloFrame(1, 1, 0x5449, 0x2260, 0x4027, 0x40, 400)] == [
        frame for frame, _ in FrameParser().feed(bytes(sent), 0, silent=True)
    ]
