"""This module holds what is kept of a run: its start, sittings, cycles, incidents and stop.

Records hold what happened, raw and with its circumstances. Statistics are computed when read, never stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SCHEMA_VERSION = 1
"""Of every file of a run directory. History: 1 (0.1.0) first form. Fields are only added, never re-typed."""


class Void(StrEnum):
    """Why a cycle counts for nothing."""

    TOO_FEW_SAMPLES = "too_few_samples"
    GAP = "gap"
    LOW_COVERAGE = "low_coverage"
    SATURATED = "saturated"
    METER_RESET = "meter_reset"
    CLOCK_UNSURE = "clock_unsure"
    WRONG_IDENTITY = "wrong_identity"
    OUTPUT_DIFFERS = "output_differs"
    THROTTLED = "throttled"
    NOT_JOINED = "not_joined"


class Phase(StrEnum):
    """What a cycle was run for; only `measure` counts."""

    WARMUP = "warmup"
    MEASURE = "measure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One labelled input, its back-to-back inferences, one window; latency, power and verdict of that window.

    Attributes:
        seq: number of the record in its run, without holes.
        case: id of the case.
        sitting: 1 to the protocol's number of sittings.
        part: 1, or more where the sitting was broken off and gone on with.
        phase: warm-up or counted.
        item: row of the labelled input in the data file.
        label: what is right.
        begin_ns, end_ns: the window on the bench's monotonic clock.
        clock_uncertainty_ns: of both stamps against the meter's clock; 0 where they share it.
        latencies_ns: of each inference, in order; they add up to the window.
        energy_j: of the whole window; None where there is no meter or nothing was seen.
        samples, coverage, lost, saturated: as `harness.trace.WindowPower` has them; of several channels of a meter
            the least samples and coverage of any, lost and saturated ones of all.
        predicted: the class found in the output; None where the output has none.
        output_sha256: digest of the first output's bytes after the last inference.
        void: reasons; empty for a valid cycle.
        channels: of each channel of a meter that has several, by its name: `energy_j`, `coverage`, `samples`, `lost`,
            `saturated`; `energy_j` of the cycle is the sum over those that count. None of a meter that has just one.
    """

    seq: int
    case: str
    sitting: int
    part: int
    phase: Phase
    item: int
    label: int
    begin_ns: int
    end_ns: int
    clock_uncertainty_ns: int
    latencies_ns: Sequence[int]
    energy_j: float | None
    samples: int
    coverage: float
    lost: int
    saturated: int
    predicted: int | None
    output_sha256: str
    void: Sequence[Void] = ()
    channels: Mapping[str, Any] | None = None

    @property
    def valid(self) -> bool:
        """The cycle counts."""
        return not self.void

    @property
    def repeats(self) -> int:
        """Inferences in the window."""
        return len(self.latencies_ns)

    @property
    def duration_s(self) -> float:
        """Length of the window."""
        return (self.end_ns - self.begin_ns) * 1e-9

    @property
    def power_mean_w(self) -> float | None:
        """Mean power over the window; None where the energy is."""
        return None if self.energy_j is None else self.energy_j / self.duration_s

    @property
    def energy_per_inference_j(self) -> float | None:
        """Energy of one inference; None where the energy is."""
        return None if self.energy_j is None else self.energy_j / self.repeats

    @property
    def correct(self) -> bool | None:
        """The verdict on this window's output; None where it held no class."""
        return None if self.predicted is None else self.predicted == self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class SittingOpened:
    """The circumstances of a sitting, known before its first cycle.

    Attributes:
        case, sitting, part: which one.
        utc: ISO 8601 time of day.
        opened_ns: the same on the bench's monotonic clock.
        requested: engine, providers, precision, threads as the suite asked.
        executed: what really runs: `precision`, `precision_evidence`, `providers`, `nodes` (provider to count),
            `versions`.
        cold_start: durations of the stages: `start_s`, `import_s`, `load_s`, `first_inference_s`.
        meter: configuration as read back from the chip, with `origin`, and the `calibration` in force, by channel
            where there are several; None without a meter.
        period_ns: measured conversion period, of the slowest channel; None without a meter.
        lag_ns: shift of a sample's interval against its stamp, the largest of any channel; None without a meter.
        watts: factors from raw integers to watts, as `harness.meters` describes them; None without a meter, and where
            `channels` has them.
        idle_before_w: mean power with the model loaded and nothing running; None where not taken.
        inference_s: latency used to choose the repeats.
        repeats, lead, tail: inferences in the window, before it and after it.
        beat: "p/q" where the inference and the meter's period are nearly in step; None otherwise.
        preflight_correct, preflight_items: of the gate before measuring.
        environment: clocks, governor, temperature, throttling, load, time that the inferring thread ran and waited.
        whole_windows: the source of an imported sitting tells windows of several inferences and no single latency;
            `latencies_ns` of its cycles are then even parts of the window, and no latency is estimated from them.
        channels: of each channel of a meter that has several, by its name: `channel` (its number in the raw samples),
            `period_ns`, `lag_ns`, `watts` and `in_total` (its energy is part of that of the device). None of a meter
            that has just one.
    """

    case: str
    sitting: int
    part: int
    utc: str
    opened_ns: int
    requested: Mapping[str, Any]
    executed: Mapping[str, Any]
    cold_start: Mapping[str, float]
    meter: Mapping[str, Any] | None
    period_ns: float | None
    lag_ns: float | None
    watts: Mapping[str, Any] | None
    idle_before_w: float | None
    inference_s: float
    repeats: int
    lead: int
    tail: int
    beat: str | None
    preflight_correct: int
    preflight_items: int
    environment: Mapping[str, Any]
    whole_windows: bool = False
    channels: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SittingClosed:
    """What is known of a sitting only at its end.

    Attributes:
        case, sitting, part: which one.
        utc: ISO 8601 time of day.
        idle_after_w: mean power after the last cycle, model loaded; None where not taken.
        memory: bytes: `peak`, `after_import`, `after_load` of the worker's resident set; `counter` names the source.
        samples, lost: of the meter over the whole sitting.
        link: of the way from the meter, at the end, as `harness.meters.Link` names it: `clock_uncertainty_ns`,
            `clock_rate_ppb`, `clock_residual_ns`, `damaged`, `reopened`; None without a meter.
        sampler_on_s, sampler_off_s: median latency with the sampler running and paused, interleaved; None
            where not taken.
        dead_time_s: of the harness between two inferences of one window.
        environment: as at the opening.
    """

    case: str
    sitting: int
    part: int
    utc: str
    idle_after_w: float | None
    memory: Mapping[str, Any]
    samples: int
    lost: int
    sampler_on_s: float | None
    sampler_off_s: float | None
    dead_time_s: float | None
    environment: Mapping[str, Any]
    link: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something went wrong at the bench; what was measured before it is kept.

    Attributes:
        utc: ISO 8601 time of day.
        case, sitting, part: where; part is the attempt that ended, or the latest one before where none had begun: 0
            for none yet.
        what: a sentence.
        exit_code: as `harness.errors` has it; 0 for what was done about the incident before, such as cycling the power.
    """

    utc: str
    case: str
    sitting: int
    part: int
    what: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCase:
    """What another tool says of one case; no cycle of the harness is behind it.

    Attributes:
        case: id, as made from the source.
        board: id of the board; empty where the source names none.
        figures: quantity to value, in the SI unit its name ends in.
        place: where in the source it stands, such as `line 8`.
    """

    case: str
    board: str
    figures: Mapping[str, Any]
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """Everything known before the first cycle.

    Attributes:
        schema_version: of this run directory.
        run: id, the directory's name.
        utc, monotonic_ns, boot_id: one instant on three clocks.
        suite, device: the values of the files as read, with their digests; plain JSON.
        protocol: the one chosen, plain JSON.
        cases: ids in the order of the plan.
        order: the sittings as (case, sitting) in the order they are measured.
        items: rows of the data file in the order of each sitting, by sitting number as text.
        limits: as text, such as `latency_p99_s < 0.15`.
        origin: of the power figures; None without a meter.
        seed: of orders and dither.
        plan_sha256: digest of everything the plan was made of.
        provenance: versions, git, host, command line.
        found: `hw_revision`, `firmware`, `identity` as the device says them, beside `expected`.
        shortlist_of: id of the run whose best cases this one measures afresh; empty for none.
    """

    schema_version: int
    run: str
    utc: str
    monotonic_ns: int
    boot_id: str
    suite: Mapping[str, Any]
    device: Mapping[str, Any]
    protocol: Mapping[str, Any]
    cases: Sequence[str]
    order: Sequence[tuple[str, int]]
    items: Mapping[str, Sequence[int]]
    limits: Sequence[str]
    origin: str | None
    seed: int
    plan_sha256: str
    provenance: Mapping[str, Any]
    found: Mapping[str, Any]
    shortlist_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStop:
    """How a run ended.

    Attributes:
        utc: ISO 8601 time of day.
        status: `complete`, `aborted` (an error), `interrupted` (the user) or `recovered` (found broken off).
        reason: why it ended, or what a complete run lacks; empty for nothing.
        recovered_lines: damaged lines dropped from the end of the journals.
    """

    utc: str
    status: str
    reason: str = ""
    recovered_lines: int = 0
