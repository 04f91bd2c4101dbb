"""What holds for every meter beside the INA226, whatever stands behind it."""
# ruff: noqa: ARG002 -- each build takes of the contract's arguments what it needs

import json
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from harness.instruments import (
    HwmonMeter,
    IioMeter,
    Ina219Meter,
    Ina3221Meter,
    Instrument,
    NvmlMeter,
    PmicMeter,
    RaplMeter,
    ReplayMeter,
    ScpiMeter,
    instrument_from,
)
from harness.meters import Raw, Remote, Stream
from harness.meters.counter import Counted
from harness.meters.hwmon import open_hwmon
from harness.meters.iio import Iio
from harness.meters.ina219 import Ina219
from harness.meters.ina3221 import open_ina3221
from harness.meters.intervals import trace_of
from harness.meters.nvml import open_nvml
from harness.meters.pmic import open_pmic
from harness.meters.polled import Polled
from harness.meters.rapl import open_rapl
from harness.meters.replay import Replay
from harness.meters.scpi import open_scpi
from harness.meters.stream import SAMPLE
from harness.meters.word import readout_from
from harness.profile import Origin
from harness.registry import METERS, find_meter

from .fake_nvml import FakeNvml
from .fake_visa import FakeVisa
from .rigs import steady
from .simulated_ina219 import SimulatedIna219
from .trees import LivingClock, hwmon, plant, rapl

POWER_W = 5.0
SAMPLES = 30


class Contract:
    """A stream of a load of 5 W in virtual time; subclasses say what stands behind it."""

    meter: Instrument
    origin = Origin.MEASURED

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """The stream, not yet opened."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> LivingClock:
        """Virtual time."""
        return LivingClock()

    @pytest.fixture
    def stream(self, tmp_path: Path, clock: LivingClock) -> Stream:
        """The stream on the virtual clock, not yet opened."""
        stream = self.build(tmp_path, clock)
        if isinstance(stream, Polled | Counted | Replay):
            stream._clock, stream._sleep = clock, clock.sleep
        return stream

    @pytest.fixture
    def opened(self, stream: Stream) -> Iterator[Stream]:
        """The stream, open."""
        with stream:
            yield stream

    def test_known_watts_come_out(self, opened: Stream) -> None:
        """The load's power is what samples and readout say together."""
        samples = np.array([tuple(opened.next()) for _ in range(SAMPLES)], SAMPLE)
        readout = readout_from(opened.configuration()["watts"])
        trace = trace_of(
            samples, readout, period_ns=float(np.median(np.diff(samples["ready_ns"]))), lag_ns=0.0
        )

        assert POWER_W == pytest.approx(
            np.average(trace.power_w, weights=trace.end_ns - trace.begin_ns), rel=2e-3
        )

    def test_stamps_rise_on_the_given_clock(self, opened: Stream, clock: LivingClock) -> None:
        """Each sample is later than the one before it, and none is of the future."""
        stamps = [opened.next().ready_ns for _ in range(SAMPLES)]

        assert all(np.diff(stamps) > 0)
        assert stamps[-1] <= clock()

    def test_samples_fit_the_ring(self, opened: Stream) -> None:
        """A sample is five integers that the ring's entry takes."""
        raw = opened.next()

        assert isinstance(raw, Raw)
        assert 0 <= raw.delay_ns < 2**31
        assert -(2**15) <= raw.shunt < 2**15
        assert 0 <= raw.bus < 2**16

    def test_the_configuration_is_plain_json(self, opened: Stream) -> None:
        """What was read back survives the pipe, and holds what the bench needs."""
        configuration = json.loads(json.dumps(dict(opened.configuration())))

        assert {"watts", "period_s", "lag_s"} <= set(configuration)
        assert configuration["period_s"] > 0

    def test_the_uncertainty_of_the_stamps_is_stated(self, opened: Stream) -> None:
        """A meter not stamped sharply says by how much; a recording, or a chip whose flag is seen, has none to say."""
        if isinstance(opened, Replay | Ina219):
            assert not isinstance(opened, Remote)
        else:
            assert isinstance(opened, Remote)
            assert opened.link.clock_uncertainty_ns > 0

    def test_closing_twice_is_harmless(self, stream: Stream) -> None:
        """As is closing what was never opened."""
        stream.__exit__(None, None, None)
        with stream:
            stream.next()

        assert stream.__exit__(None, None, None) is None

    def test_the_origin_is_told(self, stream: Stream) -> None:
        """A figure says where it comes from, before and after opening."""
        assert self.origin is stream.origin is self.meter.origin

    def test_the_profile_survives_the_pipe(self) -> None:
        """The value taken apart to JSON is put together the same."""
        assert self.meter == instrument_from(json.loads(json.dumps(asdict(self.meter))))

    def test_the_registry_knows_it(self) -> None:
        """What the profile names is found."""
        assert callable(find_meter(self.meter.kind))


def counting(path: Path, unit_j: float, span: int) -> Callable[[int], None]:
    """A change of the world: the count of a constant power, in a file, begun anew at the span."""

    def change(now_ns: int) -> None:
        count = round((now_ns - 10**9) * 1e-9 * POWER_W / unit_j)
        path.write_text(f"{count % span}\n")

    return change


HWMON = HwmonMeter(
    kind="hwmon",
    chip="ina226",
    device="1-0040",
    power="power1_input",
    energy=None,
    current=None,
    voltage=None,
    period_s=None,
    boundary="-",
)


class TestHwmonPower(Contract):
    """Power of a chip behind the kernel's driver."""

    meter = HWMON

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """A chip of 10 mohm."""
        hwmon(root, 0, "ina226", "1-0040", power1_input=5_000_000, update_interval=35, shunt_resistor=10_000)
        return open_hwmon(HWMON, root)


class TestHwmonPair(Contract):
    """Current and voltage of a chip behind the kernel's driver."""

    meter = HwmonMeter(**{**asdict(HWMON), "power": None, "current": "curr1_input", "voltage": "in1_input"})

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """A chip at 5 V and 1 A."""
        hwmon(root, 0, "ina226", "1-0040", curr1_input=1000, in1_input=5000, update_interval=35)
        return open_hwmon(self.meter, root)


class TestHwmonEnergy(Contract):
    """The counter of a chip that has one."""

    meter = HwmonMeter(
        **{**asdict(HWMON), "chip": "ina238", "power": None, "energy": "energy1_input", "period_s": 0.01}
    )

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """A chip whose counter rises."""
        folder = hwmon(root, 0, "ina238", "1-0040", energy1_input=0)
        clock.change = counting(folder / "energy1_input", 1e-6, 2**60)
        return open_hwmon(self.meter, root)


class TestRapl(Contract):
    """A counter of the processor that wraps many times meanwhile."""

    origin = Origin.ESTIMATED
    meter = RaplMeter(kind="rapl", zone="package-0", period_s=0.005, origin=Origin.ESTIMATED, boundary="-")

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """A zone that wraps every 40 ms."""
        folder = rapl(root, "intel-rapl:0", "package-0", span=200_000)
        clock.change = counting(folder / "energy_uj", 1e-6, 200_000)
        return open_rapl(self.meter, root)


class TestIna3221(Contract):
    """One rail of a Jetson."""

    meter = Ina3221Meter(kind="ina3221", rails=("VDD_IN",), period_s=None, boundary="-")

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """A rail at 5 V and 1 A."""
        files = {"in1_label": "VDD_IN", "in1_input": 5000, "curr1_input": 1000, "update_interval": 20}
        hwmon(root, 1, "ina3221", "1-0040", **files)
        return open_ina3221(self.meter, root)


class TestIna219(Contract):
    """An INA219 on a bus of this machine, modelled register by register."""

    meter = Ina219Meter(
        kind="ina219",
        path="/dev/i2c-1",
        address=0x40,
        shunt_ohm=0.1,
        shunt_range_v=0.16,
        shunt_conversion_s=532e-6,
        bus_conversion_s=532e-6,
        boundary="-",
    )

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """5 W at 5 V through 100 mohm."""
        model = SimulatedIna219(steady(POWER_W), clock)
        return Ina219(self.meter, model, clock=clock, sleep=clock.sleep)


class TestIio(Contract):
    """A chip behind the kernel's industrial I/O driver: a buffer of records of 16 bytes."""

    meter = IioMeter(
        kind="iio",
        chip="ina226",
        device=None,
        shunt_ohm=None,
        vbus_tap="load",
        shunt_conversion_s=1.1e-3,
        bus_conversion_s=140e-6,
        average=1,
        boundary="-",
    )

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """1 A through 10 mohm are 4000 counts, 5 V are 4000 counts of the bus."""
        plant_iio(root, [(4000, 4000, 10**9 + k * 1_240_000) for k in range(SAMPLES + 10)])
        clock.now_ns += 100_000_000
        return Iio(self.meter, root, clock=clock)


def plant_iio(root: Path, records: list[tuple[int, int, int]]) -> Path:
    """A device of the driver ina2xx-adc with records of shunt, bus and stamp in its buffer."""
    files: dict[str, object] = {
        "name": "ina226",
        "current_timestamp_clock": "realtime",
        "in_allow_async_readout": 0,
        "in_oversampling_ratio": 4,
        "in_voltage0_integration_time": "0.001100",
        "in_voltage1_integration_time": "0.001100",
        "in_voltage0_scale": "0.002500000",
        "in_voltage1_scale": "1.250000000",
        "in_shunt_resistor": "0.010000000",
        "buffer/enable": 0,
        "buffer/length": 2,
    }
    channels = ("in_voltage0", "in_voltage1", "in_power2", "in_current3", "in_timestamp")
    for index, channel in enumerate(channels):
        files[f"scan_elements/{channel}_en"] = int(channel == "in_power2")
        files[f"scan_elements/{channel}_index"] = index
        files[f"scan_elements/{channel}_type"] = "le:s64/64>>0" if index == 4 else "le:u16/16>>0"
    folder = plant(root / "sys/bus/iio/devices/iio:device0", files)
    (root / "dev").mkdir()
    (root / "dev/iio:device0").write_bytes(b"".join(struct.pack("<HH4xq", *record) for record in records))
    return folder


class TestNvmlEnergy(Contract):
    """The counter of a GPU, renewed every tenth of a second and looked at every 20 ms."""

    meter = NvmlMeter(kind="nvml", gpu=0, read="energy", period_s=0.02, boundary="-")

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """A GPU of 5 W."""
        return open_nvml(self.meter, FakeNvml(clock=clock, power_w=POWER_W))


class TestNvmlPower(TestNvmlEnergy):
    """The power reading of a GPU."""

    meter = NvmlMeter(kind="nvml", gpu="GPU-0", read="power", period_s=0.1, boundary="-")


class TestPmic(Contract):
    """The power management chip of a Raspberry Pi 5."""

    meter = PmicMeter(kind="pmic", period_s=0.2, boundary="-")

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """Two rails, and what is no pair."""
        answer = (
            " VDD_CORE_A current(7)=2.00000000A\n 3V3_SYS_A current(1)=1.00000000A\n"
            " VDD_CORE_V volt(15)=0.85000000V\n 3V3_SYS_V volt(9)=3.30000000V\n EXT5V_V volt(24)=5.1V\n"
        )
        return open_pmic(self.meter, lambda: answer)


class TestScpi(Contract):
    """A bench instrument."""

    meter = ScpiMeter(
        kind="scpi", resource="TCPIP::fake::INSTR", query="MEAS:POW?", period_s=0.1, boundary="-"
    )

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """An instrument that says 5 W."""
        return open_scpi(self.meter, FakeVisa(answers={"*IDN?": "x", "MEAS:POW?": "5.0"}))


class TestReplay(Contract):
    """A trace of another tool."""

    origin = Origin.REPLAYED
    meter = ReplayMeter(
        kind="replay",
        path="trace.csv",
        case=None,
        sitting=1,
        part=1,
        time="t_ms",
        time_unit_s=1e-3,
        power=None,
        voltage="V",
        current="A",
        boundary="-",
    )

    def build(self, root: Path, clock: LivingClock) -> Stream:
        """5 V and 1 A, each millisecond."""
        path = root / "trace.csv"
        path.write_text("t_ms,V,A\n" + "".join(f"{k},5.0,1.0\n" for k in range(1, 12)))
        return Replay(ReplayMeter(**{**asdict(self.meter), "path": str(path)}))


def test_every_kind_keeps_the_contract() -> None:
    """No meter of the registry is without its class here."""
    kinds = {case.meter.kind for case in Contract.__subclasses__()}

    assert set(METERS) == kinds


def test_the_registrys_openers_are_context_managers() -> None:
    """What an opener gives opens nothing before `with`."""
    stream = find_meter("rapl")(TestRapl.meter)

    assert isinstance(stream, AbstractContextManager)
