"""This module writes judgements for other programs: JUnit, Markdown, Bencher and github-action-benchmark."""

from pathlib import Path

from harness.errors import StoreError

SERIES = (
    "latency_p50_s",
    "latency_p99_s",
    "energy_per_inference_j",
    "power_mean_w",
    "error",
    "memory_peak_bytes",
)
"""Quantities that are followed over commits; all are better smaller."""

OF_POWER = ("energy_per_inference_j", "power_mean_w")


def series_name(quantity: str, origin: str | None) -> str:
    """Name of a series; power that no meter measured says so in it, so that no two origins share a series."""
    marked = quantity in OF_POWER and origin != "measured"
    return f"{quantity}-{origin}" if marked else quantity


def write_output(path: Path, text: str) -> None:
    """Write a file whole, in UTF-8, its lines ended as they are.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written: {error.strerror}; name a file in a folder that exists"
        ) from error
