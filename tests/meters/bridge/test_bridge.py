"""An INA226 behind a bridge is a meter like others; what the line loses is told."""

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from meters.rigs import METER

from harness.errors import MeterError
from harness.meters import Flag, Raw, Remote
from harness.meters.clockmap import UNSURE_NS
from harness.meters.scale import Scale
from harness.meters.stream import conversion_period_ns
from harness.profile import Origin

from .rigs import Rig, on_bridge, rig


def taken(bench: Rig, samples: int) -> list[Raw]:
    """That many samples."""
    return [bench.bridge.next() for _ in range(samples)]


def off_ns(bench: Rig, raws: list[Raw]) -> np.ndarray:
    """How far each stamp is from the true end of a conversion."""
    stamps, edges = np.array([raw.ready_ns for raw in raws]), np.array(bench.board.edges_ns)
    return np.abs(stamps[:, None] - edges[None, :]).min(axis=1)


def test_known_watts_come_out() -> None:
    """The load's power is what the samples say, to the counts of the chip."""
    bench = rig()
    with bench.bridge:
        raws = taken(bench, 20)

    scale = Scale.of(METER)
    assert {5.0} == {round(scale.watts(raw.shunt, raw.bus), 9) for raw in raws}
    assert {0} == {raw.flags for raw in raws}


def test_stamps_rise_by_the_chips_own_period() -> None:
    """The measured period is the chip's, 3 % slow, not the nominal one."""
    bench = rig()
    with bench.bridge:
        stamps = np.array([raw.ready_ns for raw in taken(bench, 800)])

    assert pytest.approx(1.03 * 1.24e6, rel=1e-3) == conversion_period_ns(stamps)
    assert (np.diff(stamps) > 0).all()


@pytest.mark.parametrize("drift", [-150e-6, 0.0, 150e-6])
def test_stamps_are_off_by_no_more_than_is_said(drift: float) -> None:
    """Every stamp lies within the uncertainty from the true end, for seconds, over a turn of the board's counter."""
    bench = rig(drift=drift)
    with bench.bridge:
        for _ in range(20):
            raws = taken(bench, 200)

            assert (off_ns(bench, raws) <= bench.bridge.link.clock_uncertainty_ns).all()
            assert bench.bridge.link.clock_uncertainty_ns < 800_000


def test_the_configuration_is_read_back() -> None:
    """Settings come from the chip, with the bridge's account of itself and the map of its clock."""
    bench = rig()
    with bench.bridge:
        configuration = bench.bridge.configuration()

    assert ("0x4027", "0x40", "bridge") == tuple(
        configuration[key] for key in ("config", "address", "access")
    )
    assert {"protocol": 1, "firmware": 1, "i2c_hz": 400_000, "baud": 460_800} == configuration["bridge"]
    assert {"rate", "offset_ns", "residual_ns", "uncertainty_ns", "rtt_limit_ns", "echoes"} == set(
        configuration["clock"]
    )


def test_the_chip_is_set_as_asked_and_left_as_found() -> None:
    """The bridge's chip works with the profile's setting, and after closing, also twice, with its old one."""
    bench = rig(on_bridge(meter=replace(METER, shunt_conversion_s=588e-6)))
    with bench.bridge:
        asked = bench.chip.read_u16(0)
    bench.bridge.__exit__(None, None, None)
    bench.cable.let_pass(1e-3)
    for _ in range(100):
        bench.cable.let_pass(1e-4)

    assert (0x401F, 0x4027) == (asked, bench.chip.read_u16(0))
    assert 1 == bench.cable.closed


def test_it_says_what_it_is() -> None:
    """A bridge measures, and has a clock of its own."""
    bench = rig()

    assert Origin.MEASURED is bench.bridge.origin
    with bench.bridge as opened:
        assert isinstance(opened, Remote)


def test_the_tag_pin_stays_with_its_sample() -> None:
    """Samples whose conversion ended while the pin was high carry TAG."""
    bench = rig()
    with bench.bridge:
        taken(bench, 10)
        bench.board.tag = 1
        high = taken(bench, 10)[5:]
        bench.board.tag = 0
        low = taken(bench, 10)[5:]

    assert {Flag.TAG} == {raw.flags for raw in high}
    assert {0} == {raw.flags for raw in low}


def test_saturation_is_told() -> None:
    """A load beyond the shunt's range is flagged."""
    bench = rig(power_w=50.0)
    with bench.bridge:
        raw = bench.bridge.next()

    assert (0x7FFF, Flag.SATURATED) == (raw.shunt, raw.flags)


def lossy(share: float, seed: int) -> Callable[[bytes], bytes]:
    """A line on which some frames lose a byte, gain one, have bits flipped or do not arrive."""
    dice = random.Random(seed)  # noqa: S311  chance, not a secret

    def spoil(data: bytes) -> bytes:
        if dice.random() > share:
            return data
        at = dice.randrange(len(data))
        return dice.choice(
            [
                b"",
                data[:at] + data[at + 1 :],
                data[:at] + dice.randbytes(1) + data[at:],
                data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :],
            ]
        )

    return spoil


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_line_costs_samples_and_nothing_else(seed: int) -> None:
    """Of a line that spoils one frame in twenty every sample is true, and every gap is flagged."""
    bench = rig(spoil=lossy(0.05, seed), seed=seed)
    with bench.bridge:
        raws = taken(bench, 1500)
        link = bench.bridge.link

    gaps = np.rint(np.diff([raw.ready_ns for raw in raws]) / (1.03 * 1.24e6)) > 1
    flagged = np.array([bool(raw.flags & Flag.MISSED) for raw in raws[1:]])
    assert {raws[0][2:4]} == {raw[2:4] for raw in raws}
    assert gaps.any()
    assert (gaps == flagged).all()
    assert (off_ns(bench, raws) <= link.clock_uncertainty_ns).all()
    assert link.damaged > 0


def test_a_brown_out_of_the_chip_is_repaired_and_told() -> None:
    """The bridge sets a chip that lost its settings up again; the next sample carries RESET."""
    bench = rig()
    with bench.bridge:
        taken(bench, 10)
        bench.chip.brown_out()
        raws = taken(bench, 80)

    assert 1 == sum(bool(raw.flags & Flag.RESET) for raw in raws)
    assert 0x4027 == bench.chip.read_u16(0)


def test_failed_transfers_of_the_bridge_are_missed_samples() -> None:
    """Where the chip does not answer the bridge for a moment, samples are missed, and told."""
    bench = rig()
    with bench.bridge:
        taken(bench, 10)
        bench.board.refuse = 4
        raws = taken(bench, 10)

    assert 1 <= sum(bool(raw.flags & Flag.MISSED) for raw in raws)


def test_a_pulled_cable_is_waited_for() -> None:
    """A cable pulled for two seconds costs these, and the sample after it says that all began anew."""
    bench = rig()
    with bench.bridge:
        before = taken(bench, 10)
        bench.cable.plugged = False
        sleep, pulled_ns = bench.cable.sleep, bench.clock()

        def plug_in_later(duration_s: float) -> None:
            sleep(duration_s)
            bench.cable.plugged = bench.clock() - pulled_ns > 2e9

        bench.bridge._sleep = plug_in_later
        after = taken(bench, 10)
        link = bench.bridge.link

    assert Flag.RESET | Flag.MISSED == after[0].flags
    assert 2e9 < after[0].ready_ns - before[-1].ready_ns < 4e9
    assert {0} == {raw.flags for raw in after[1:]}
    assert 1 == link.reopened
    assert (off_ns(bench, after) <= link.clock_uncertainty_ns).all()


def test_a_cable_that_stays_pulled_is_an_error() -> None:
    """After ten seconds the wait is over."""
    bench = rig()
    with bench.bridge:
        taken(bench, 10)
        bench.cable.plugged = False
        pulled_ns = bench.clock()

        with pytest.raises(MeterError, match=r"line was lost .*Input/output error.*within 10 s.*cable"):
            bench.bridge.next()
        assert 10e9 <= bench.clock() - pulled_ns < 12e9


def test_a_bridge_that_starts_again_is_set_up_again() -> None:
    """A bridge that lost its power for a moment, on a line that stays, comes back with RESET and its setting."""
    bench = rig(on_bridge(meter=replace(METER, shunt_conversion_s=588e-6)))
    with bench.bridge:
        taken(bench, 20)
        board = bench.board
        board.__init__(board.chip, clock=bench.clock, drift=40e-6)
        after = taken(bench, 40)

        assert 0x401F == bench.chip.read_u16(0)
    assert [Flag.RESET | Flag.MISSED] == [raw.flags for raw in after if raw.flags]
    assert 1 == bench.bridge.link.reopened


def test_a_silent_chip_is_an_error() -> None:
    """Where no conversions come any more, the message says that the bridge itself is there."""
    bench = rig()
    with bench.bridge:
        taken(bench, 10)
        bench.board._look_at_alert = lambda: None

        with pytest.raises(MeterError, match=r"/dev/ttyACM0: no conversion within 1 s; .*ALERT wire"):
            taken(bench, 10)


def test_a_silent_bridge_is_an_error() -> None:
    """Where nothing comes any more, the message says so."""
    bench = rig()
    with bench.bridge:
        taken(bench, 10)
        bench.board.run = lambda: None

        with pytest.raises(MeterError, match="no conversion within 1 s"):
            taken(bench, 10)


def refused(bench: Rig) -> str:
    """What is said of a bridge that cannot be opened; its line is closed."""
    with pytest.raises(MeterError) as told, bench.bridge:
        pass
    assert 1 == bench.cable.closed
    return str(told.value)


def test_a_dead_line_is_told() -> None:
    """Nothing comes: power, firmware, wires."""
    bench = rig(spoil=lambda _: b"")

    assert "nothing came from it" in refused(bench)


def test_a_wrong_rate_is_told() -> None:
    """Bytes come, but no frame: the rate of the line."""
    bench = rig(spoil=lambda data: bytes(len(data)))

    assert "no frame; compare meter.bus.baud" in refused(bench)


def test_a_deaf_bridge_is_told() -> None:
    """Samples come, but no answer: the wire to the bridge."""
    bench = rig()
    bench.cable.write = lambda _: None

    assert "answers no question" in refused(bench)


def test_another_address_is_told() -> None:
    """A bridge with its chip at another address is another bridge."""
    bench = rig(on_bridge(meter=replace(METER, address=0x44)))

    assert "its chip is at 0x40, meter.address is 0x44" in refused(bench)


def test_a_bridge_without_its_chip_is_told() -> None:
    """A bridge that reaches no chip says hello with zeros."""
    bench = rig()
    bench.board.refuse = 10**9

    assert "no chip answers the bridge" in refused(bench)


def test_a_bridge_without_alert_is_told() -> None:
    """A bridge that answers but sends no samples lacks the ALERT wire."""
    bench = rig()
    bench.board._look_at_alert = lambda: None

    assert "no conversions come; look at the chip's supply and its ALERT wire" in refused(bench)


def test_a_bridge_that_echoes_nothing_is_told() -> None:
    """Without echoes the clock is unknown, and nothing is measured."""
    bench = rig()
    write = bench.cable.write
    bench.cable.write = lambda data: None if data == b"M" else write(data)

    assert "of the markers were echoed" in refused(bench)


def test_lost_echoes_widen_the_uncertainty() -> None:
    """When markers no longer arrive, the uncertainty grows as clocks may part, and samples still come."""
    bench = rig()
    with bench.bridge:
        taken(bench, 100)
        before_ns = bench.bridge.link.clock_uncertainty_ns
        write = bench.cable.write
        bench.cable.write = lambda data: None if data == b"M" else write(data)
        raws = taken(bench, 4000)
        after_ns = bench.bridge.link.clock_uncertainty_ns

        assert before_ns < after_ns < UNSURE_NS
        assert (off_ns(bench, raws[-100:]) <= after_ns).all()


def test_a_reader_that_slept_long_goes_on_with_a_gap() -> None:
    """What waited while nobody read is thrown away, and the next sample says that some were missed."""
    bench = rig()
    with bench.bridge:
        before = taken(bench, 50)
        bench.cable.sleep(2.0)
        after = taken(bench, 20)
        uncertainty_ns = bench.bridge.link.clock_uncertainty_ns

    assert after[0].flags & Flag.MISSED
    assert after[0].ready_ns - before[-1].ready_ns > 1.9e9
    assert (off_ns(bench, after) <= uncertainty_ns).all()


def test_a_sample_is_believed_only_in_its_place() -> None:
    """A whole frame with a right checksum, but of nowhere, is not handed on."""
    foreign = bytes.fromhex("a55a 0000 70110100 ffff 7025 01 b34e")

    def insert(data: bytes) -> bytes:
        return data + (foreign if next(left, 0) else b"")

    left = iter([0] * 100 + [1] + [0] * 10**6)
    bench = rig(spoil=insert)
    with bench.bridge:
        raws = taken(bench, 200)
        damaged = bench.bridge.link.damaged

    assert -1 not in {raw.shunt for raw in raws}
    assert 1 == damaged
