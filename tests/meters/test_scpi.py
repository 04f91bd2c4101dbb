"""A bench instrument over VISA: against the fake, and the fake's names against pyvisa."""

import pytest
from pyvisa import ResourceManager
from pyvisa.resources import MessageBasedResource

from harness.errors import MeterError
from harness.instruments import ScpiMeter
from harness.meters.scpi import Instrument, load_visa, open_scpi
from harness.meters.word import PowerWord

from .fake_visa import FakeVisa

METER = ScpiMeter(
    kind="scpi", resource="TCPIP::fake::INSTR", query="MEAS:POW?", period_s=0.1, boundary="the supply"
)


def test_the_fake_has_pyvisas_names() -> None:
    """What is called of the fake exists in pyvisa."""
    assert callable(ResourceManager.open_resource)
    assert all(hasattr(MessageBasedResource, name) for name in ("query", "close", "timeout"))


def test_pyvisa_with_its_own_backend_is_loaded() -> None:
    """The manager comes from pyvisa-py, which needs no vendor's library."""
    manager = load_visa()
    try:
        assert isinstance(manager, ResourceManager)
    finally:
        manager.close()


def test_watts_are_what_the_instrument_says() -> None:
    """5.25 W is 5.25 W, and the instrument is named in the configuration."""
    with open_scpi(METER, FakeVisa()) as stream:
        raw = stream.next()
        configuration = stream.configuration()

    assert 5.25 == pytest.approx(PowerWord(unit_w=1e-6).watts(raw.shunt, raw.bus))
    assert "MAKER,MODEL,1,2" == configuration["chip"]


@pytest.mark.parametrize("answer", ["9.9E37", "nan", "ERROR 113", ""])
def test_a_mark_of_overload_is_no_power(answer: str) -> None:
    """What an instrument answers in place of a reading is an error that shows it."""
    source = Instrument(METER, FakeVisa(answers={"*IDN?": "x", "MEAS:POW?": answer}))
    source.open()

    with pytest.raises(MeterError, match="expected watts"):
        source.read()


def test_silence_is_told_with_the_query() -> None:
    """An instrument that does not know the query is named with it, and closed."""
    visa = FakeVisa(answers={"*IDN?": "x"})
    with pytest.raises(MeterError, match=r"does not answer MEAS:POW\?"), open_scpi(METER, visa) as stream:
        stream.next()
    assert 1 == visa.closed


def test_an_instrument_that_is_not_there_is_told() -> None:
    """The message names the resource."""
    meter = ScpiMeter(kind="scpi", resource="TCPIP::gone::INSTR", query="X?", period_s=0.1, boundary="-")
    with pytest.raises(MeterError, match="TCPIP::gone::INSTR"), open_scpi(meter, FakeVisa()):
        pass
