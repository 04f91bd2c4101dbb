"""This module reads a GPU of NVIDIA through NVML, the library of its driver, by the package nvidia-ml-py.

NVML API reference, device queries: nvmlDeviceGetTotalEnergyConsumption counts mJ since the driver was loaded
(Volta and later), nvmlDeviceGetPowerUsage gives mW, a mean over a second on many boards since Ampere. Jetson
modules have neither: their rails are those of an INA3221.
"""

from collections.abc import Mapping
from typing import Any

from harness.errors import MeterError
from harness.instruments import NvmlMeter
from harness.meters import Stream
from harness.meters.counter import Counted
from harness.meters.polled import Polled
from harness.meters.word import PowerWord, Readout, split

UNIT_J = 1e-3
UNIT_W = 1e-3
ARCHITECTURES = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada",
    9: "Hopper",
}
"""NVML_DEVICE_ARCH_* of the API reference; what NVIDIA says of the power reading depends on it."""


def load_nvml() -> Any:
    """The module `pynvml`.

    Raises:
        MeterError: it is not installed.
    """
    try:
        import pynvml  # noqa: PLC0415 -- only where a profile names a GPU
    except ImportError as error:
        raise MeterError(
            "meter.kind: nvml needs nvidia-ml-py, which is not installed: pip install 'pareto-harness[nvml]'"
        ) from error
    return pynvml


class Gpu:
    """One GPU: what its energy counter and its power reading have in common.

    Args:
        meter: which.
        nvml: the library; None for the installed one.
    """

    def __init__(self, meter: NvmlMeter, nvml: Any = None) -> None:
        self._meter = meter
        self._nvml = nvml
        self._handle: Any = None

    def open(self) -> Mapping[str, Any]:
        """Load the library, find the GPU, and see that it answers the query."""
        nvml = self._nvml = self._nvml or load_nvml()
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            raise MeterError(
                f"NVML cannot be used: {error}; is there a GPU of NVIDIA with its driver? Jetson modules have "
                "none: use meter.kind ina3221 there"
            ) from error
        try:
            self._handle = self._find()
            settings = {
                "chip": str(nvml.nvmlDeviceGetName(self._handle)),
                "uuid": str(nvml.nvmlDeviceGetUUID(self._handle)),
                "driver": str(nvml.nvmlSystemGetDriverVersion()),
                "read": self._meter.read,
                "architecture": self._architecture(),
            }
            self.count()
        except BaseException:
            self.close()
            raise
        return settings

    def count(self) -> int:
        """MJ of the counter, or mW."""
        nvml = self._nvml
        query = (
            nvml.nvmlDeviceGetTotalEnergyConsumption
            if self._meter.read == "energy"
            else nvml.nvmlDeviceGetPowerUsage
        )
        try:
            return int(query(self._handle))
        except nvml.NVMLError_NotSupported as error:
            other = "power" if self._meter.read == "energy" else "energy"
            raise MeterError(
                f"meter.read: this GPU has no reading of {self._meter.read}; try {other}"
            ) from error
        except nvml.NVMLError as error:
            raise MeterError(f"GPU {self._meter.gpu} does not answer: {error}") from error

    def close(self) -> None:
        """Let go of the library."""
        if self._handle is not None:
            self._handle = None
            self._nvml.nvmlShutdown()

    def _architecture(self) -> str | None:
        """Name of the GPU's generation; None where the driver or this module does not know it."""
        try:
            return ARCHITECTURES.get(int(self._nvml.nvmlDeviceGetArchitecture(self._handle)))
        except (AttributeError, self._nvml.NVMLError):
            return None

    def _find(self) -> Any:
        nvml, gpu = self._nvml, self._meter.gpu
        try:
            if isinstance(gpu, str):
                return nvml.nvmlDeviceGetHandleByUUID(gpu)
            return nvml.nvmlDeviceGetHandleByIndex(gpu)
        except nvml.NVMLError as error:
            raise MeterError(
                f"meter.gpu: NVML finds no GPU {gpu} ({error}); `nvidia-smi -L` lists them"
            ) from error


class GpuEnergy(Gpu):
    """The counter of a GPU; a `Counter`."""

    span: int | None = None

    def read(self) -> int:
        """The count in mJ."""
        return self.count()


class GpuPower(Gpu):
    """The power reading of a GPU; a `Source`."""

    readout: Readout = PowerWord(unit_w=UNIT_W)
    update_s: float | None = None

    def read(self) -> tuple[int, int]:
        """Halves of the power in mW."""
        return split(self.count())


def open_nvml(meter: NvmlMeter, nvml: Any = None) -> Stream:
    """The stream of a GPU, not yet opened."""
    if meter.read == "energy":
        return Counted(GpuEnergy(meter, nvml), unit_j=UNIT_J, origin=meter.origin, period_s=meter.period_s)
    return Polled(GpuPower(meter, nvml), origin=meter.origin, period_s=meter.period_s)
