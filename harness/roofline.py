"""This module estimates the least an inference takes, from its work and a board's published peak and bandwidth.

The roofline is the time a device would take at its published peak and memory bandwidth (S. Williams, A. Waterman
and D. Patterson, Communications of the ACM 52, 2009). Most are far slower; a small model that stays in the caches
between two inferences need not be read again and may be faster than its bandwidth says.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.claims import Claim, largest, no_claim, published
from harness.macs import Work
from harness.profile import Board, Origin
from harness.quantities import print_value

PRECISIONS: Mapping[str, float] = {"fp32": 4.0, "fp16": 2.0, "int8": 1.0, "int4": 0.5}
"""Bytes of one weight."""

PEAKS: Mapping[str, Mapping[str, float]] = {
    "fp32": {"peak_fp32_tops": 1e12, "peak_fp32_gflops": 1e9},
    "fp16": {"peak_fp16_tops": 1e12, "peak_fp16_tflops": 1e12},
    "int8": {"peak_int8_tops": 1e12},
}
"""Facts that hold the peak of a precision, in operations a second; a multiply-accumulate is two operations."""

EFFICIENCIES: Mapping[str, Mapping[str, float]] = {"int8": {"peak_int8_tops_per_w": 1e12}}
BANDWIDTH = {"memory_bandwidth_gb_per_s": 1e9}
MODEL_MEMORY = {"memory_for_models_gb": 1e9}
MEMORY = {"memory_gb": 1e9, "memory_mb": 1e6}
FLASH = {"flash_mb": 1e6}


CALL_S = 1e-6
"""No call into an engine is faster than this: an estimate below it says nothing but that the work is not what counts.

ONNX Runtime takes about 5 µs for the smallest network of the digits suite on an x86-64 processor.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """The least one inference takes at one precision, by published facts.

    Attributes:
        precision: of the weights.
        macs: multiply-accumulates.
        weight_bytes: of the artefact; scaled from another precision where `scaled`.
        activation_bytes: that pass between nodes; of the counted file.
        scaled: there is no artefact of this precision.
        memory_bytes: weights and the activations alive together: the least that must fit.
        fits: `yes`, `no`, `by some sources` or `not known`.
        fits_why: against what.
        compute_s: multiply-accumulates at the published peak.
        transfer_s: weights and activations once over the published bandwidth.
        latency_s: the larger of both.
        energy_j: operations at the published operations per joule.
        origin: always estimated.
    """

    precision: str
    macs: int
    weight_bytes: float
    activation_bytes: int
    scaled: bool
    memory_bytes: float
    fits: str
    fits_why: str
    compute_s: Claim
    transfer_s: Claim
    latency_s: Claim
    energy_j: Claim
    origin: Origin = Origin.ESTIMATED

    @property
    def below_call(self) -> bool:
        """By every source the work takes less time than calling an engine does."""
        return self.latency_s.greatest is not None and self.latency_s.greatest < CALL_S


def roof_of(board: Board, precision: str, works: Mapping[str, Work]) -> Roof:
    """What one inference takes at one precision, by what is published of the board.

    Args:
        board: with its facts.
        precision: one of `PRECISIONS`.
        works: precision to what was counted in its file; others are scaled from the first.
    """
    name, parent = next(iter(works.items()))
    work = works.get(precision, parent)
    scaled = precision not in works
    weight_bytes = (
        parent.weight_bytes * PRECISIONS[precision] / PRECISIONS[name] if scaled else work.weight_bytes
    )
    peak = (
        published(board, PEAKS.get(precision, {}))
        if precision in PEAKS
        else no_claim("int4 is a form of the weights; what computes with them is not said")
    )
    compute_s = peak.map(lambda rate: 2 * work.macs / rate)
    transfer_s = published(board, BANDWIDTH).map(lambda rate: (weight_bytes + work.activation_bytes) / rate)
    rates = EFFICIENCIES.get(precision)
    fits, why = _fits(board, weight_bytes, work.peak_bytes)
    return Roof(
        precision=precision,
        macs=work.macs,
        weight_bytes=weight_bytes,
        activation_bytes=work.activation_bytes,
        scaled=scaled,
        memory_bytes=weight_bytes + work.peak_bytes,
        fits=fits,
        fits_why=why,
        compute_s=compute_s,
        transfer_s=transfer_s,
        latency_s=largest([compute_s, transfer_s]),
        energy_j=published(board, rates).map(lambda rate: 2 * work.macs / rate)
        if rates
        else no_claim(f"nothing is published of the operations per joule in {precision}"),
    )


def _fits(board: Board, weight_bytes: float, peak_bytes: int) -> tuple[str, str]:
    """Weights in flash and activations in memory where a board has flash of its own, else both in memory."""
    flash, memory = published(board, FLASH), largest([published(board, MODEL_MEMORY)])
    if memory.least is None:
        memory = published(board, MEMORY)
    needs = (
        [(weight_bytes, flash), (peak_bytes, memory)]
        if flash.least
        else [(weight_bytes + peak_bytes, memory)]
    )
    answers = []
    for need, room in needs:
        if room.least is None or room.greatest is None:
            return "not known", room.reason
        answers.append("yes" if need <= room.least else "by some sources" if need <= room.greatest else "no")
    worst = max(answers, key=("yes", "by some sources", "no").index)
    rooms = "; ".join(f"{_bytes(need)} of {_room(room)}" for need, room in needs)
    return worst, f"{rooms}; the engine itself and the system are not counted"


def _room(claim: Claim) -> str:
    return " to ".join(dict.fromkeys(_bytes(end) for end in (claim.least, claim.greatest)))


def _bytes(value: float | None) -> str:
    return print_value("memory_peak_bytes", value)
