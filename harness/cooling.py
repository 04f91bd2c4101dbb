"""This module lets a device cool down before a sitting, so that no case starts hotter than its file allows."""

from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import BenchError
from harness.profile import Device

LOOK_S = 1.0
"""Between two looks at the temperature."""


def cool_down(
    device: Device,
    environment: Callable[[], Mapping[str, Any]],
    *,
    clock: Callable[[], int],
    sleep: Callable[[float], None],
) -> None:
    """Wait until the hottest sensor of a device shows its `start_temperature_c` or less; at once where it states none.

    Args:
        device: states the temperature, and with `job_s` how long is waited.
        environment: asks the device for its circumstances, as `harness.environment` has them.
        clock: CLOCK_MONOTONIC in nanoseconds.
        sleep: waits that many seconds on the same clock.

    Raises:
        BenchError: the device shows no temperature, or does not get that cool.
    """
    wanted_c = device.start_temperature_c
    if wanted_c is None:
        return
    begin_ns = clock()
    while True:
        sensors = environment().get("temperature_c")
        if not sensors:
            raise BenchError(
                f"{device.path}: start_temperature_c: found no temperature sensor on {device.id}, so that "
                f"{wanted_c:g} °C cannot be kept; set null to measure at any temperature"
            )
        hottest = max(sensors, key=sensors.__getitem__)
        if sensors[hottest] <= wanted_c:
            return
        if (clock() - begin_ns) * 1e-9 > device.job_s:
            raise BenchError(
                f"{device.path}: start_temperature_c: {hottest} still shows {sensors[hottest]:.1f} °C after "
                f"job_s = {device.job_s:g} s, expected {wanted_c:g} °C or less; cool {device.id}, or raise the limit"
            )
        sleep(LOOK_S)
