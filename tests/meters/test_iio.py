"""An INA226 behind the kernel's industrial I/O driver."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import MeterError
from harness.meters import Flag
from harness.meters.iio import Iio, layout
from harness.meters.virtual import VirtualClock
from harness.meters.word import readout_from

from .test_instruments import TestIio, plant_iio

METER = TestIio.meter
STEP_NS = 1_240_000


def regular(count: int = 5) -> list[tuple[int, int, int]]:
    """Records of 1 A and 5 V, one each conversion."""
    return [(4000, 4000, 10**9 + k * STEP_NS) for k in range(count)]


def iio(root: Path) -> Iio:
    """On a clock that stands after all records."""
    return Iio(METER, root, clock=VirtualClock(2 * 10**9))


def settings(folder: Path) -> dict[str, str]:
    """Every attribute of the device."""
    return {
        str(path.relative_to(folder)): path.read_text().strip()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_record_is_laid_out_by_index_and_size() -> None:
    """Two words, four bytes of padding, a stamp of eight."""
    elements, size = layout([(0, "le:u16/16>>0"), (1, "be:s12/16>>4"), (4, "le:s64/64>>0")])

    assert 16 == size
    assert [0, 2, 8] == [element.offset for element in elements]
    assert [0x1234, -2, -5] == [
        element.value(b"\x34\x12\xff\xef" + bytes(4) + (-5).to_bytes(8, "little", signed=True))
        for element in elements
    ]


def test_an_unknown_type_is_told() -> None:
    """A layout that is not understood is not guessed."""
    with pytest.raises(MeterError, match="'le:u16/16X2>>0'"):
        layout([(0, "le:u16/16X2>>0")])


def test_the_chip_is_set_and_given_back(tmp_path: Path) -> None:
    """While open it has the profile's setting and the monotonic clock; afterwards all is as it was."""
    folder = plant_iio(tmp_path, regular())
    before = settings(folder)
    with iio(tmp_path) as stream:
        during = settings(folder)
        configuration = stream.configuration()

    assert "monotonic" == during["current_timestamp_clock"] == configuration["clock"]
    assert ("1", "0.001100", "0.000140", "1") == tuple(
        during[name]
        for name in (
            "in_oversampling_ratio",
            "in_voltage0_integration_time",
            "in_voltage1_integration_time",
            "buffer/enable",
        )
    )
    assert "0" == during["scan_elements/in_power2_en"]
    assert before == settings(folder)


def test_the_shunts_sign_is_ours_to_see(tmp_path: Path) -> None:
    """The driver calls the register unsigned; 0x8300 is -80 mV (TI SBOS547B section 6.5)."""
    plant_iio(tmp_path, [(0x8300, 4000, 10**9)])
    with iio(tmp_path) as stream:
        raw = stream.next()

    assert -32000 == raw.shunt


def test_the_kernels_stamp_is_the_samples(tmp_path: Path) -> None:
    """The stamp is that of the record, the delay until it was read, and a hole between two is flagged."""
    records = regular()
    del records[2]
    plant_iio(tmp_path, records)
    with iio(tmp_path) as stream:
        raws = [stream.next() for _ in records]

    assert [stamp for _, _, stamp in records] == [raw.ready_ns for raw in raws]
    assert 10**9 == raws[0].delay_ns
    assert [0, 0, Flag.MISSED, 0] == [raw.flags for raw in raws]


def test_the_end_of_the_range_is_flagged(tmp_path: Path) -> None:
    """0x7FFF of the shunt is at least that much."""
    plant_iio(tmp_path, [(0x7FFF, 4000, 10**9)])
    with iio(tmp_path) as stream:
        assert stream.next().flags & Flag.SATURATED


@pytest.mark.parametrize("said", ["0.010000000", "10000"])
def test_the_kernels_shunt_is_read_in_ohms_or_micro_ohms(tmp_path: Path, said: str) -> None:
    """Newer kernels say ohms, older ones whole uohm."""
    folder = plant_iio(tmp_path, regular())
    (folder / "in_shunt_resistor").write_text(said)
    with iio(tmp_path) as stream:
        raw = stream.next()
        watts = readout_from(stream.configuration()["watts"]).watts(raw.shunt, raw.bus)

    assert 5.0 == pytest.approx(watts)


def test_a_buffer_that_ends_is_told(tmp_path: Path) -> None:
    """When the driver goes away there is an error, not an empty sample."""
    plant_iio(tmp_path, regular(1))
    with iio(tmp_path) as stream:
        stream.next()
        with pytest.raises(MeterError, match="the buffer has ended"):
            stream.next()


def test_a_device_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The message shows what the kernel has, and why there may be none."""
    plant_iio(tmp_path, regular())
    meter = replace(METER, chip="ina219")

    with (
        pytest.raises(
            MeterError, match="no IIO devices are called ina219; the kernel shows ina226 as iio:device0"
        ),
        Iio(meter, tmp_path),
    ):
        pass


def test_opening_that_fails_gives_everything_back(tmp_path: Path) -> None:
    """Without the device node the settings are as they were."""
    folder = plant_iio(tmp_path, regular())
    before = settings(folder)
    (tmp_path / "dev/iio:device0").unlink()

    with pytest.raises(MeterError, match="iio:device0 cannot be opened"), iio(tmp_path):
        pass
    assert before == settings(folder)
