"""Settings of the chip: their register words, and the choice among them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.conversions import AVERAGES, CLOCK_TOLERANCE, CONVERSIONS_US, READING_S, Config
from harness.datasheet import SHUNT_LSB_V
from harness.errors import MeterError


@pytest.mark.parametrize(
    ("word", "config"),
    [
        (0x4127, Config(1, 1100, 1100, 7)),
        (0x4027, Config(1, 140, 1100, 7)),
        (0x4025, Config(1, 140, 1100, 5)),
        (0x4005, Config(1, 140, 140, 5)),
        (0x4527, Config(16, 1100, 1100, 7)),
    ],
)
def test_published_config_words(word: int, config: Config) -> None:
    """CONFIG words of the data sheet, of TI's examples and of the kernel's driver."""

    assert word == config.encode()
    assert config == Config.decode(word)


@given(
    st.builds(
        Config,
        st.sampled_from(AVERAGES),
        st.sampled_from(CONVERSIONS_US),
        st.sampled_from(CONVERSIONS_US),
        st.integers(0, 7),
    )
)
def test_config_survives_its_register(config: Config) -> None:
    """Every setting comes back from its register value, whose bit 14 is 1 and whose void bits are 0."""
    word = config.encode()

    assert config == Config.decode(word)
    assert word & 0xF000 == 0x4000


@pytest.mark.parametrize(
    "config", [Config(2, 140, 140), Config(1, 150, 140), Config(1, 140, 0), Config(1, 140, 140, 8)]
)
def test_settings_the_chip_lacks_are_refused(config: Config) -> None:
    """A setting outside the chip's tables is an error that lists the tables."""
    with pytest.raises(MeterError, match="the chip can do"):
        config.encode()


@pytest.mark.parametrize(
    ("rate_hz", "shunt_us"), [(0.1, 8244), (100, 8244), (200, 4156), (700, 1100), (800, 588), (1248, 588)]
)
def test_a_rate_is_reached_with_the_longest_look_at_the_current(rate_hz: float, shunt_us: int) -> None:
    """The bus conversion is the shortest, nothing is averaged, and the shunt has the rest of the time."""

    assert Config(1, 140, shunt_us) == Config.for_rate(rate_hz)


@given(st.floats(0.01, 1248))
def test_the_slowest_chip_reaches_the_rate_and_the_fastest_can_be_read(rate_hz: float) -> None:
    """A chip 10 % slow gives the results asked for; one 10 % fast leaves time to look twice and read its results."""
    config = Config.for_rate(rate_hz)

    assert 1 / (config.period_s * (1 + CLOCK_TOLERANCE)) >= rate_hz
    assert config.period_s * (1 - CLOCK_TOLERANCE) > READING_S


@pytest.mark.parametrize("rate_hz", [1249, 3000, 1e9, 0, -1, math.inf])
def test_a_rate_that_cannot_be_had_is_refused(rate_hz: float) -> None:
    """The message says what can be had; 332 us of current are over before they are read at 400 kHz."""
    with pytest.raises(MeterError, match="up to 1249"):
        Config.for_rate(rate_hz)


def test_a_faster_reader_reaches_more() -> None:
    """Where reading takes no time the chip's own limit is the limit; where it takes too long, nothing can be had."""

    assert Config(1, 140, 140) == Config.for_rate(3246, reading_s=0)
    with pytest.raises(MeterError, match="up to 0"):
        Config.for_rate(1, reading_s=1)


@given(st.floats(1e-6, 100e-6), st.floats(0.8e-6, 200e-6))
def test_a_resolution_is_kept_by_the_fastest_setting(noise_v: float, shunt_v: float) -> None:
    """The setting chosen scatters by no more than asked for, and no faster one does so."""

    def scatter_v(config: Config) -> float:
        seen = config.average * config.shunt_conversion_us / 1100
        return math.hypot(noise_v / math.sqrt(seen), SHUNT_LSB_V / math.sqrt(12))

    everything = [Config(average, 140, us) for average in AVERAGES for us in CONVERSIONS_US]
    readable = [config for config in everything if config.period_s * (1 - CLOCK_TOLERANCE) > READING_S]
    fine = [config.period_s for config in readable if scatter_v(config) <= shunt_v]
    if fine:
        config = Config.for_resolution(shunt_v, noise_v=noise_v)

        assert scatter_v(config) <= shunt_v
        assert min(fine) == config.period_s
    else:
        with pytest.raises(MeterError, match="larger shunt"):
            Config.for_resolution(shunt_v, noise_v=noise_v)


def test_nothing_is_finer_than_the_step_of_the_register() -> None:
    """A chip without noise still has its step of 2.5 uV, with a deviation of 0.72 uV."""

    assert Config(1, 140, 140) == Config.for_resolution(0.73e-6, noise_v=0.0, reading_s=0)
    with pytest.raises(MeterError, match=r"7\.22e-07"):
        Config.for_resolution(0.71e-6, noise_v=0.0)


def test_a_coarse_resolution_is_no_reason_to_convert_faster_than_can_be_read() -> None:
    """One chip is read every 728 us at 400 kHz, three in turn every 1.888 ms; if that takes longer, none is fine."""

    assert Config(1, 140, 588) == Config.for_resolution(1.0, noise_v=0.0)
    assert Config(4, 140, 332) == Config.for_resolution(1.0, noise_v=0.0, reading_s=3 * READING_S)
    with pytest.raises(MeterError, match="cannot be had"):
        Config.for_resolution(1.0, noise_v=0.0, reading_s=60.0)
