"""A stand-in for the module `pynvml`: one GPU that takes constant power, renewed every tenth of a second."""

from collections.abc import Callable
from dataclasses import dataclass


class NVMLError(Exception):
    """Base of the library's errors."""


class NVMLError_NotSupported(NVMLError):  # noqa: N801, N818 -- the library's name
    """This GPU cannot do that."""


class NVMLError_InvalidArgument(NVMLError):  # noqa: N801, N818 -- the library's name
    """There is no such GPU."""


@dataclass(kw_only=True)
class FakeNvml:
    """The functions of NVML that the harness uses.

    Attributes:
        clock: nanoseconds.
        power_w: of the only GPU, which has the number 0.
        architecture: number of its generation; 7 is Ampere.
        missing: functions the GPU does not support.
        is_driver_loaded: without it nothing works.
        opened: times it was opened and not closed.
    """

    clock: Callable[[], int]
    power_w: float = 50.0
    architecture: int = 7
    missing: tuple[str, ...] = ()
    is_driver_loaded: bool = True
    opened: int = 0

    NVMLError = NVMLError
    NVMLError_NotSupported = NVMLError_NotSupported

    def nvmlInit(self) -> None:  # noqa: N802 -- the library's names, here and below
        """Open the library."""
        if not self.is_driver_loaded:
            raise NVMLError("NVML Shared Library Not Found")
        self.opened += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        """Close the library."""
        self.opened -= 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        """Handle of a GPU by its number."""
        if index:
            raise NVMLError_InvalidArgument("Invalid Argument")
        return "GPU-0"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        """Handle of a GPU by its UUID."""
        if uuid != "GPU-0":
            raise NVMLError_InvalidArgument("Invalid Argument")
        return uuid

    def nvmlDeviceGetName(self, handle: str) -> str:  # noqa: N802
        """Name of a GPU."""
        return f"fake {handle}"

    def nvmlDeviceGetUUID(self, handle: str) -> str:  # noqa: N802
        """UUID of a GPU."""
        return handle

    def nvmlDeviceGetArchitecture(self, handle: str) -> int:  # noqa: N802
        """Number of the generation of a GPU."""
        self._must_support("architecture", handle)
        return self.architecture

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        """Version of the driver."""
        return "0.0"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        """Energy in mJ."""
        self._must_support("energy", handle)
        return round(self.clock() // 100_000_000 * 0.1 * self.power_w * 1e3)

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:  # noqa: N802
        """Power in mW."""
        self._must_support("power", handle)
        return round(self.power_w * 1e3)

    def _must_support(self, what: str, handle: str) -> None:
        assert handle == "GPU-0"
        if what in self.missing:
            raise NVMLError_NotSupported("Not Supported")
