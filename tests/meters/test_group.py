"""Several chips on one bus: each sample is of one chip, energies add up, and what befalls one chip is told of it alone.

The driver runs through an adapter to modelled chips whose loads have an exact integral; the bus takes its wire time.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import MeterError
from harness.meters import Flag, Raw
from harness.meters.bus import open_buses
from harness.meters.group import GroupStream
from harness.meters.i2c import RegisterBus
from harness.meters.ina226 import CONFIG, POWER_ON_CONFIG, lag_s
from harness.meters.intervals import trace_of
from harness.meters.opening import meter_from, open_stream
from harness.meters.scale import Scale
from harness.meters.simulated import WIRE_400_KHZ_S, SimulatedIna226
from harness.meters.stream import SAMPLE, conversion_period_ns
from harness.meters.virtual import VirtualClock
from harness.meters.waveforms import Level, PiecewiseWaveform
from harness.profile import Bus, ChipErrors, Ina226Group, Ina226Meter, Origin
from harness.trace import Traces

from .adapter import BOTH, WORDS_ONLY, Adapter
from .rigs import METER, OWN_PID, WAVEFORM

ADDRESSES = {"core": 0x40, "io": 0x44}
SHUNTS = {"core": 0.01, "io": 0.05}
RAILS = {"core": 5.0, "io": 12.0}
SECOND_NS = 10**9


def load(seed: int) -> PiecewiseWaveform:
    """Levels of other lengths than any conversion, over and over."""
    rng = np.random.default_rng(seed)
    levels = [
        Level(duration_s=float(length), power_w=float(power))
        for length, power in zip(rng.uniform(2e-4, 6e-3, 40), rng.uniform(0.5, 9.0, 40), strict=True)
    ]
    return PiecewiseWaveform(levels, periodic=True)


def group(*, bus: Bus | None = None, total: tuple[str, ...] = ("core", "io")) -> Ina226Group:
    """Two chips with shunts of their own."""
    chips = {
        name: Ina226Meter(
            kind="ina226",
            bus=bus or Bus(kind="i2c", path="/dev/i2c-1"),
            address=address,
            shunt_ohm=SHUNTS[name],
            vbus_tap="load",
            shunt_conversion_s=METER.shunt_conversion_s,
            bus_conversion_s=METER.bus_conversion_s,
            average=1,
            boundary=name,
        )
        for name, address in ADDRESSES.items()
    }
    return Ina226Group(kind="ina226-group", channels=chips, total=total, boundary="both")


class AddressedAdapter(Adapter):
    """An adapter whose wire also tells the address, on a line before each transfer."""

    def _chip(self, address: int) -> RegisterBus:
        self.wire.append(f"@{address:02x}")
        return super()._chip(address)


class Rig:
    """Two modelled chips on one bus, on one clock, and the stream that reads them."""

    def __init__(self, *, clocks: Mapping[str, float], settings: Mapping[str, object], wire_s: float) -> None:
        self.clock = VirtualClock(SECOND_NS)
        self.loads = {name: load(seed) for seed, name in enumerate(ADDRESSES)}
        self.chips = {
            name: SimulatedIna226(
                self.loads[name],
                rail_v=RAILS[name],
                shunt_ohm=SHUNTS[name],
                errors=ChipErrors(clock=clocks[name]),
                clock=self.clock,
                wire_s=wire_s,
                sleep=self.clock.sleep,
            )
            for name in ADDRESSES
        }
        by_address = {ADDRESSES[name]: chip for name, chip in self.chips.items()}
        self.adapter = AddressedAdapter(by_address, **settings)
        self.group = group()

    def take(self, stream: GroupStream, count: int) -> NDArray[np.void]:
        """So many samples."""
        return np.array([tuple(stream.next()) for _ in range(count)], SAMPLE)

    def traces(self, samples: NDArray[np.void]) -> Traces:
        """Their intervals, by channel."""
        found = {}
        for number, (name, chip) in enumerate(self.group.channels.items()):
            own = samples[samples["channel"] == number]
            period_ns = conversion_period_ns(own["ready_ns"])
            lag_ns = lag_s(chip, period_ns * 1e-9) * 1e9
            found[name] = trace_of(own, Scale.of(chip), period_ns=period_ns, lag_ns=lag_ns)
        return Traces(channels=found, total=self.group.total)


@contextmanager
def running(
    monkeypatch: pytest.MonkeyPatch,
    *,
    core: float = 0.031,
    io: float = -0.047,
    wire_s: float = WIRE_400_KHZ_S,
    **settings: object,
) -> Iterator[tuple[Rig, GroupStream]]:
    """A rig whose chips run at clocks of their own, with its stream open."""
    rig = Rig(clocks={"core": core, "io": io}, settings=settings, wire_s=wire_s)
    rig.adapter.install(monkeypatch)
    with (
        open_buses(rig.group, None) as buses,
        GroupStream(rig.group, buses, clock=rig.clock, sleep=rig.clock.sleep) as stream,
    ):
        yield rig, stream


def test_every_conversion_of_every_chip_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two chips that are not in step, on a bus at 400 kHz: both are read at their own rate, and none is lost."""
    with running(monkeypatch) as (rig, stream):
        rig.take(stream, 200)  # both rhythms are learnt
        samples = rig.take(stream, 2000)

    for number, slow in enumerate((1.031, 0.953)):
        own = samples[samples["channel"] == number]
        steps = np.diff(own["ready_ns"])
        assert 1.24e6 * slow == pytest.approx(conversion_period_ns(own["ready_ns"]), rel=2e-4)
        assert (steps < 1.5 * 1.24e6 * slow).all()
        assert not (own["flags"] & Flag.MISSED).any()
    assert 0.953 / 1.031 == pytest.approx(
        (samples["channel"] == 0).sum() / (samples["channel"] == 1).sum(), rel=0.01
    )


def test_energies_of_a_window_add_up_to_the_true_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The summed energy of windows is the exact integral of both loads, with other shunts, rails and clocks.

    Of one window it is off by what a chip does not see while it converts the voltage, and by rounding; over many the
    first averages out.
    """
    with running(monkeypatch, wire_s=0.0) as (rig, stream):
        samples = rig.take(stream, 4000)
    traces = rig.traces(samples)
    first = int(samples["ready_ns"][200])
    windows = [(first + k * 41_000_003, first + k * 41_000_003 + 40_000_000) for k in range(50)]
    seen = [traces.window(*window) for window in windows]
    true = {
        name: sum(chip.energy_j(end) - chip.energy_j(begin) for begin, end in windows)
        for name, chip in rig.loads.items()
    }

    assert all(power.coverage == 1.0 for power in seen)
    for name, energy_j in true.items():
        assert energy_j == pytest.approx(sum(power.channels[name].energy_j for power in seen), rel=3e-3)
    assert sum(true.values()) == pytest.approx(sum(power.energy_j for power in seen), rel=3e-3)
    assert {power.energy_j for power in seen} == {
        power.channels["core"].energy_j + power.channels["io"].energy_j for power in seen
    }


def test_a_steady_load_comes_out_to_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of steady loads that are whole counts the sum is exact, however the conversions of both chips lie."""
    with running(monkeypatch, wire_s=0.0) as (rig, stream):
        rig.chips["core"]._load = PiecewiseWaveform([Level(duration_s=1.0, power_w=5.0)], periodic=True)
        rig.chips["io"]._load = PiecewiseWaveform([Level(duration_s=1.0, power_w=2.4)], periodic=True)
        samples = rig.take(stream, 400)
    traces = rig.traces(samples)
    begin_ns = int(samples["ready_ns"][100]) + 12_345
    power = traces.window(begin_ns, begin_ns + 50_000_000)

    assert 7.4 * 0.05 == pytest.approx(power.energy_j, rel=1e-12)
    assert 5.0 * 0.05 == pytest.approx(power.channels["core"].energy_j, rel=1e-12)


def test_a_chip_that_does_not_acknowledge_loses_its_own_samples_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one chip is gone its samples are lost and said to be lost; the other goes on without a gap."""
    with running(monkeypatch) as (rig, stream):
        rig.take(stream, 400)
        gone = dict(rig.adapter.chips)
        rig.adapter.chips = {0x40: gone[0x40]}
        begin_ns = rig.clock()
        during = rig.take(stream, 30)
        rig.adapter.chips = gone
        after = rig.take(stream, 400)
    samples = np.concatenate([during, after])
    traces = rig.traces(samples)
    window = traces.window(begin_ns + 5_000_000, begin_ns + 35_000_000)

    assert {0} == set(during["channel"].tolist())
    assert not (samples["flags"][samples["channel"] == 0] & Flag.MISSED).any()
    assert samples["flags"][samples["channel"] == 1][0] & Flag.MISSED
    assert window.channels["core"].coverage == 1.0
    assert 0 == window.channels["core"].lost
    assert window.channels["io"].coverage == 0.0
    assert window.coverage == 0.0
    assert window.energy_j is None


def test_a_silent_chip_ends_the_stream_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chip that stays away is an error that names its address, though the other still answers."""
    with running(monkeypatch) as (rig, stream):
        rig.take(stream, 400)
        rig.adapter.chips = {0x40: rig.adapter.chips[0x40]}
        with pytest.raises(MeterError, match="INA226 at 0x44 on /dev/i2c-1: no conversion within 1 s"):
            rig.take(stream, 5000)


def test_a_reset_chip_is_set_anew_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chip that lost its supply for a moment is set up again and flagged; the other is not touched."""
    with running(monkeypatch) as (rig, stream):
        rig.take(stream, 400)
        rig.chips["io"].brown_out()
        rig.adapter.wire.clear()
        samples = rig.take(stream, 400)
        wire = list(rig.adapter.wire)
    written = [line for line in pairwise(wire) if "write" in line[1]]

    assert [("@44", "write 00:4027")] == written
    assert 1 == ((samples["flags"] & Flag.RESET) != 0).sum()
    assert 1 == samples["channel"][(samples["flags"] & Flag.RESET) != 0][0]


def test_a_pause_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """After nobody asked for a minute the stream goes on: no chip is blamed for what was not looked at."""
    with running(monkeypatch) as (rig, stream):
        rig.take(stream, 400)
        rig.clock.sleep(60.0)
        samples = rig.take(stream, 400)

    assert {0, 1} == set(samples["channel"].tolist())
    assert all(samples["flags"][samples["channel"] == number][0] & Flag.MISSED for number in (0, 1))


@pytest.mark.parametrize(
    ("settings", "results"),
    [
        ({}, ["read 01:{shunt} 02:{bus}"]),
        ({"functions": BOTH, "most_reads": 1}, ["read 01:{shunt}", "read 02:{bus}"]),
        ({"functions": WORDS_ONLY}, ["word 01:{shunt}", "word 02:{bus}"]),
    ],
    ids=["batch", "single", "words"],
)
def test_the_words_of_two_chips_on_the_wire(
    monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, object], results: list[str]
) -> None:
    """Each chip is identified and set at its own address; its flag and both results are never mixed with the other's.

    No transfer has two addresses: a bus with one address in each transfer is enough.
    """
    with running(monkeypatch, wire_s=0.0, **settings) as (rig, stream):
        rig.chips["core"]._load = PiecewiseWaveform([Level(duration_s=1.0, power_w=5.0)], periodic=True)
        rig.chips["io"]._load = PiecewiseWaveform([Level(duration_s=1.0, power_w=2.4)], periodic=True)
        opening = list(rig.adapter.wire)
        rig.take(stream, 8)
        rig.adapter.wire.clear()
        rig.take(stream, 40)
    kind = "word" if "word" in results[0] else "read"
    # 5 W of 5 V at 10 mOhm: 4000 counts of 2.5 uV; 2.4 W of 12 V at 50 mOhm: 4000 as well; 4000 and 9600 of 1.25 mV
    wanted = {
        "@40": [line.format(shunt="0fa0", bus="0fa0") for line in results],
        "@44": [line.format(shunt="0fa0", bus="2580") for line in results],
    }
    wire = rig.adapter.wire[:-4]  # without the two that are given back
    transfers = list(zip(wire[::2], wire[1::2], strict=True))
    flagged = [place for place, (_, line) in enumerate(transfers) if line == f"{kind} 06:0008"]

    for address in ("@40", "@44"):
        assert (address, f"{kind} fe:5449") in zip(opening[::2], opening[1::2], strict=True)
        assert (address, "write 00:4027") in zip(opening[::2], opening[1::2], strict=True)
    assert {"@40", "@44"} == {transfers[place][0] for place in flagged}
    for place in flagged:
        address = transfers[place][0]
        assert [(address, line) for line in wanted[address]] == transfers[
            place + 1 : place + 1 + len(results)
        ]
    assert ["@40", "@44"] == sorted(rig.adapter.wire[-4::2])
    assert ["write 00:4127"] * 2 == rig.adapter.wire[-3::2]


def test_the_bus_is_opened_once_and_the_chips_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """One descriptor serves all chips; on leaving each has the setting it was found with, and the bus is closed."""
    with running(monkeypatch) as (rig, stream):
        configuration = stream.configuration()
        assert 0 == rig.adapter.closed

    assert 1 == rig.adapter.closed
    assert [POWER_ON_CONFIG] * 2 == [chip.read_u16(CONFIG) for chip in rig.chips.values()]
    assert "2 INA226" == configuration["chip"]
    assert {"core": "0x40", "io": "0x44"} == {
        name: found["address"] for name, found in configuration["channels"].items()
    }


def test_a_missing_chip_leaves_the_other_as_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one chip does not answer, opening says which, and nothing was changed on the bus."""
    rig = Rig(clocks={"core": 0.0, "io": 0.0}, settings={}, wire_s=0.0)
    rig.adapter.chips = {0x40: rig.chips["core"]}
    rig.adapter.install(monkeypatch)

    with pytest.raises(MeterError, match="nothing answers at 0x44"), open_stream(rig.group, None):
        pass
    assert 1 == rig.adapter.closed
    assert POWER_ON_CONFIG == rig.chips["core"].read_u16(CONFIG)
    assert not [line for line in rig.adapter.wire if line.startswith("write")]


def test_three_chips_share_the_bus() -> None:
    """Three chips read every 1.89 ms at 400 kHz lose nothing, whatever their clocks."""
    clock = VirtualClock(SECOND_NS)
    whole = group()
    chips = {f"rail-{number}": whole.channels["core"] for number in range(3)}
    three = Ina226Group(
        kind="ina226-group",
        channels={
            name: Ina226Meter(
                kind="ina226",
                bus=chip.bus,
                address=0x40 + number,
                shunt_ohm=0.01,
                vbus_tap="load",
                shunt_conversion_s=2.116e-3,
                bus_conversion_s=140e-6,
                average=1,
                boundary=name,
            )
            for number, (name, chip) in enumerate(chips.items())
        },
        total=tuple(chips),
        boundary="all",
    )
    buses = {
        name: SimulatedIna226(
            load(number),
            rail_v=5.0,
            shunt_ohm=0.01,
            errors=ChipErrors(clock=error),
            clock=clock,
            wire_s=WIRE_400_KHZ_S,
            sleep=clock.sleep,
        )
        for number, (name, error) in enumerate(zip(chips, (0.1, -0.1, 0.0003), strict=True))
    }
    with GroupStream(three, buses, clock=clock, sleep=clock.sleep) as stream:
        for _ in range(400):
            stream.next()
        raws: list[Raw] = [stream.next() for _ in range(3000)]

    assert {0, 1, 2} == {raw.channel for raw in raws}
    assert 0 == sum(bool(raw.flags & Flag.MISSED) for raw in raws)


def test_a_group_survives_the_way_through_a_pipe() -> None:
    """What the sampler is sent is the group again, and a simulated one is marked as such."""
    measured = group(total=("core",))
    simulated = group(bus=Bus(kind="simulated", waveform=WAVEFORM, chip=ChipErrors()))

    assert measured == meter_from(json.loads(json.dumps(asdict(measured))))
    assert simulated == meter_from(json.loads(json.dumps(asdict(simulated))))
    assert Origin.MEASURED == measured.origin
    assert Origin.SIMULATED == simulated.origin


def test_simulated_chips_are_opened_without_a_bus() -> None:
    """On a simulated bus each chip is a model of its own, fed by the same process."""
    with open_stream(
        group(bus=Bus(kind="simulated", waveform=WAVEFORM, chip=ChipErrors())), OWN_PID
    ) as stream:
        numbers = {stream.next().channel for _ in range(20)}

    assert {0, 1} == numbers
