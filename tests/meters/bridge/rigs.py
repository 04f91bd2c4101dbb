"""Boards, cables and meters that the tests of the bridge share."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from meters.rigs import METER, chip

from harness.meters.bridge import Bridge
from harness.meters.simulated import SimulatedIna226
from harness.meters.virtual import VirtualClock
from harness.profile import Bus, ChipErrors, Ina226Meter

from .board import TICKS, Board
from .cable import Cable

WIRE_S = 60e-6


def on_bridge(path: str = "/dev/ttyACM0", meter: Ina226Meter = METER) -> Ina226Meter:
    """The meter of the tests behind a bridge."""
    return replace(meter, bus=Bus(kind="bridge", path=path, baud=460_800))


@dataclass(frozen=True)
class Rig:
    """A bridge in virtual time, from the chip to the host."""

    clock: VirtualClock
    chip: SimulatedIna226
    board: Board
    cable: Cable
    bridge: Bridge


def rig(
    meter: Ina226Meter | None = None,
    *,
    power_w: float = 5.0,
    slow: float = 0.03,
    drift: float = 40e-6,
    spoil: Callable[[bytes], bytes] = bytes,
    seed: int = 0,
) -> Rig:
    """A board whose microseconds turn over soon, on a cable, and the meter's stream; nothing is opened yet."""
    clock = VirtualClock(10**9)
    model = chip(clock, power_w, errors=ChipErrors(clock=slow), wire_s=WIRE_S)
    board = Board(model, clock=clock, drift=drift, ticks=TICKS - 200_000)
    cable = Cable(board, clock, seed=seed, spoil=spoil)
    bridge = Bridge(
        meter or on_bridge(),
        open_port=cable.open_port,
        clock=clock,
        sleep=cable.sleep,
        dither=random.Random(seed).random,  # noqa: S311  chance, not a secret
    )
    return Rig(clock, model, board, cable, bridge)
