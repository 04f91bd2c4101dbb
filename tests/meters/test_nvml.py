"""A GPU through NVML: against the fake, and the fake's names against the real library."""

import inspect

import pynvml
import pytest

from harness.errors import MeterError
from harness.instruments import NvmlMeter
from harness.meters.nvml import open_nvml
from harness.meters.virtual import VirtualClock

from .fake_nvml import FakeNvml

METER = NvmlMeter(kind="nvml", gpu=0, read="energy", period_s=0.02, boundary="the GPU")

FUNCTIONS = [name for name in vars(FakeNvml) if name.startswith("nvml")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_fake_has_the_librarys_functions(name: str) -> None:
    """Each function of the fake exists in nvidia-ml-py and can be called with the same number of arguments."""
    ours = [
        parameter
        for parameter in inspect.signature(getattr(FakeNvml, name)).parameters
        if parameter != "self"
    ]
    theirs = inspect.signature(getattr(pynvml, name))

    assert theirs.bind(*ours)


@pytest.mark.parametrize("name", ["NVMLError", "NVMLError_NotSupported"])
def test_the_fake_has_the_librarys_errors(name: str) -> None:
    """The errors the driver tells apart are those of the library."""
    assert issubclass(getattr(pynvml, name), pynvml.NVMLError)
    assert issubclass(getattr(FakeNvml, name), FakeNvml.NVMLError)


def test_the_energy_of_the_fake_is_renewed_every_tenth_of_a_second() -> None:
    """50 W make 5 J in a tenth of a second, and nothing in between."""
    clock = VirtualClock()
    nvml = FakeNvml(clock=clock)
    seen = []
    for now_ns in (0, 99_999_999, 100_000_000):
        clock.now_ns = now_ns
        seen.append(nvml.nvmlDeviceGetTotalEnergyConsumption("GPU-0"))

    assert [0, 0, 5000] == seen


def test_without_a_driver_the_reason_is_told() -> None:
    """A machine without NVIDIA's driver gets a sentence that also names the way for a Jetson."""
    with (
        pytest.raises(MeterError, match=r"Not Found.*ina3221"),
        open_nvml(METER, FakeNvml(clock=VirtualClock(), is_driver_loaded=False)),
    ):
        pass


@pytest.mark.parametrize(("read", "other"), [("energy", "power"), ("power", "energy")])
def test_a_reading_the_gpu_lacks_names_the_other(read: str, other: str) -> None:
    """A GPU without a counter is no zero: the message names what to try, and the library is closed again."""
    nvml = FakeNvml(clock=VirtualClock(), missing=(read,))
    meter = NvmlMeter(kind="nvml", gpu=0, read=read, period_s=0.02, boundary="the GPU")

    with pytest.raises(MeterError, match=f"no reading of {read}; try {other}"), open_nvml(meter, nvml):
        pass
    assert 0 == nvml.opened


def test_an_unknown_gpu_is_told() -> None:
    """The message names the GPU and how to list them."""
    meter = NvmlMeter(kind="nvml", gpu="GPU-7", read="energy", period_s=0.02, boundary="the GPU")
    with (
        pytest.raises(MeterError, match=r"GPU-7.*nvidia-smi -L"),
        open_nvml(meter, FakeNvml(clock=VirtualClock())),
    ):
        pass


def test_the_real_library_is_asked_where_none_is_given() -> None:
    """On a machine without a GPU the real library's own error is told; with one the meter opens."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        with pytest.raises(MeterError, match=str(error)), open_nvml(METER):
            pass
    else:
        pynvml.nvmlShutdown()
        with open_nvml(METER) as stream:
            assert "energy" == stream.configuration()["read"]


@pytest.mark.parametrize(
    ("number", "missing", "name"),
    [(2, (), "Kepler"), (7, (), "Ampere"), (99, (), None), (2, ("architecture",), None)],
    ids=["old", "newer", "of the future", "not told"],
)
def test_the_generation_is_kept(number: int, missing: tuple[str, ...], name: str | None) -> None:
    """NVIDIA states the accuracy of some generations; one that is not known is None and no error."""
    nvml = FakeNvml(clock=VirtualClock(), architecture=number, missing=missing)
    meter = NvmlMeter(kind="nvml", gpu=0, read="power", period_s=0.1, boundary="the GPU")
    with open_nvml(meter, nvml) as stream:
        assert name == stream.configuration()["architecture"]
