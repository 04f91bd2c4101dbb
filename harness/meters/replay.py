"""This module plays power that was recorded earlier as if it were measured now, at the pace it was recorded.

A recording is a part of a sitting of a run, a raw power file of `harness meter record`, or a CSV file of another
tool. Its first sample is played when the stream is opened; after its last one it begins again.
"""

import csv
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.errors import FileError, MeterError
from harness.instruments import ReplayMeter
from harness.meters import Flag, Raw
from harness.meters.word import SPAN, PowerWord, split
from harness.profile import Origin

UNITS_W = (1e-6, 1e-3, 1.0)
"""Of one count, the finest in which the largest power fits."""
LEAST_SAMPLES = 3
BESIDE = ".json"
"""Appended to the name of a raw power file for what it was recorded with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Samples of one meter with what is needed to read them.

    Attributes:
        samples: in order of time; stamps on the clock they were recorded with.
        watts: the readout's record.
        lag_s: of the intervals against the stamps.
        period_ns: typical step of the stamps; it also stands between the end and the new begin.
        source: what it was, in words.
    """

    samples: Sequence[Raw]
    watts: Mapping[str, Any]
    lag_s: float
    period_ns: int
    source: str


class Replay:
    """A recording as a stream.

    Args:
        meter: what is played.
        clock: CLOCK_MONOTONIC in nanoseconds.
        sleep: waits that many seconds on the same clock.
    """

    origin = Origin.REPLAYED

    def __init__(
        self,
        meter: ReplayMeter,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._meter = meter
        self._clock = clock
        self._sleep = sleep
        self._recording: Recording | None = None
        self._played: Iterator[Raw] = iter(())

    def __enter__(self) -> Self:
        try:
            self._recording = read_recording(self._meter)
        except FileError as error:
            raise MeterError(str(error)) from error
        self._played = self._play(self._recording, self._clock())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._recording = None

    def configuration(self) -> Mapping[str, Any]:
        """What is played, with `watts`, `period_s` and `lag_s`."""
        recording = self._opened()
        return {
            "chip": "recording",
            "path": self._meter.path,
            "source": recording.source,
            "samples": len(recording.samples),
            "watts": recording.watts,
            "period_s": recording.period_ns * 1e-9,
            "lag_s": recording.lag_s,
        }

    def next(self) -> Raw:
        """Wait for the time of the next sample and play it.

        Raises:
            MeterError: it is not open.
        """
        self._opened()
        raw = next(self._played)
        wait_s = (raw.ready_ns - self._clock()) * 1e-9
        if wait_s > 0:
            self._sleep(wait_s)
        return raw

    def _opened(self) -> Recording:
        if self._recording is None:
            raise MeterError(f"{self._meter.path}: the recording is not open")
        return self._recording

    def _play(self, recording: Recording, begin_ns: int) -> Iterator[Raw]:
        """Samples moved in time, round after round; where a round begins anew the first is flagged MISSED."""
        first_ns = recording.samples[0].ready_ns
        round_ns = recording.samples[-1].ready_ns - first_ns + recording.period_ns
        moved_ns = begin_ns - first_ns
        yield from (raw._replace(ready_ns=raw.ready_ns + moved_ns) for raw in recording.samples)
        while True:
            moved_ns += round_ns
            for index, raw in enumerate(recording.samples):
                flags = raw.flags if index else raw.flags | Flag.MISSED
                yield raw._replace(ready_ns=raw.ready_ns + moved_ns, flags=flags)


def read_recording(meter: ReplayMeter) -> Recording:
    """The recording a profile names.

    Raises:
        FileError: it cannot be read, or holds too little.
        StoreError: a run or a raw power file is damaged.
    """
    path = Path(meter.path)
    if path.is_dir():
        recording = _of_run(path, meter)
    elif path.suffix == ".csv":
        recording = _of_csv(path, meter)
    else:
        recording = _of_file(path, meter)
    if recording.watts.get("kind") == "energy":
        raise FileError(
            f"{path}: holds counts of energy, which cannot begin again from the start; a recording of power is needed"
        )
    return recording


def _of_run(path: Path, meter: ReplayMeter) -> Recording:
    from harness.store import read_run  # noqa: PLC0415 -- pandas, only where a run is played

    run = read_run(path)
    case = meter.case or run.start.cases[0]
    for record in run.opened:
        if (record.case, record.sitting, record.part) == (case, meter.sitting, meter.part):
            break
    else:
        raise FileError(
            f"{path}: has no part {meter.part} of sitting {meter.sitting} of {case}; "
            f"it has the cases {', '.join(run.start.cases)}"
        )
    source = f"{run.start.run} {case} sitting {meter.sitting} part {meter.part}"
    raw = run.power(case, meter.sitting, meter.part)
    channel = _channel_of(path, record.channels, meter.channel)
    if channel is not None:
        samples = raw[raw["channel"] == channel["channel"]]
        lag_s = float(channel["lag_ns"]) * 1e-9
        return _recording(path, samples, channel["watts"], lag_s, f"{source} {meter.channel}")
    if record.watts is None:
        raise FileError(f"{path}: was measured without a meter; there is no power to play")
    return _recording(path, raw, record.watts, (record.lag_ns or 0.0) * 1e-9, source)


def _channel_of(
    path: Path, channels: Mapping[str, Mapping[str, Any]] | None, wanted: str | None
) -> Mapping[str, Any] | None:
    """What is recorded of the channel that is played; None of a recording that has just one.

    Raises:
        FileError: it is not there, or none is named of several.
    """
    if not channels and wanted is None:
        return None
    if wanted is None or wanted not in (channels or {}):
        known = ", ".join(channels or ()) or "none, for it has just one"
        raise FileError(
            f"{path}: channel: found {wanted or 'nothing'}, expected one of its channels: {known}"
        )
    return (channels or {})[wanted]


def _of_file(path: Path, meter: ReplayMeter) -> Recording:
    """A raw power file, with what it was recorded with beside it."""
    from harness.store.power import read_chunks  # noqa: PLC0415 -- numpy, only where a recording is played

    beside = path.with_name(path.name + BESIDE)
    try:
        facts = json.loads(beside.read_text(encoding="utf-8"))
        channel = _channel_of(path, facts.get("channels"), meter.channel)
        factors = facts if channel is None else channel
        watts, lag_s, source = dict(factors["watts"]), float(factors["lag_s"]), str(facts["source"])
        number = 0 if channel is None else int(channel["channel"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(
            f"{beside}: expected what the samples were recorded with ({error}); copy it together with {path.name}"
        ) from error
    chunks = read_chunks(path, torn_end=True).chunks
    own = (chunk.samples[chunk.samples["channel"] == number] for chunk in chunks)
    samples = [sample for samples in own for sample in samples]
    return _recording(path, samples, watts, lag_s, source)


def _of_csv(path: Path, meter: ReplayMeter) -> Recording:
    ends_s, powers_w = [], []
    columns = (meter.time, *([meter.power] if meter.power else [meter.voltage, meter.current]))
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise FileError(
                    f"{path}: line 1: found the columns {', '.join(reader.fieldnames or ()) or 'none'}, "
                    f"expected {missing[0]}"
                )
            for row in reader:
                end, *factors = (_number(path, reader.line_num, name, row[str(name)]) for name in columns)
                ends_s.append(end * meter.time_unit_s)
                powers_w.append(math.prod(factors))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path}: cannot be read: {error}") from error
    largest_w = max(map(abs, powers_w), default=0.0)
    unit_w = next((unit for unit in UNITS_W if largest_w / unit < SPAN // 2 - 1), None)
    if unit_w is None:
        raise FileError(f"{path}: found {largest_w:g} W, expected watts")
    samples = [
        Raw(round(end_s * 1e9), 0, *split(round(power_w / unit_w)), 0)
        for end_s, power_w in zip(ends_s, powers_w, strict=True)
    ]
    return _recording(path, samples, PowerWord(unit_w=unit_w).as_record(), 0.0, f"{path.name}, {columns[1]}")


def _number(path: Path, line: int, column: str | None, found: str | None) -> float:
    try:
        value = float(found or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FileError(f"{path}: line {line}: {column}: found {(found or '')[:40]!r}, expected a number")
    return value


def _recording(
    path: Path, samples: Iterable[Any], watts: Mapping[str, Any], lag_s: float, source: str
) -> Recording:
    played = [Raw(*(int(value) for value in sample))._replace(channel=0) for sample in samples]
    if len(played) < LEAST_SAMPLES:
        raise FileError(f"{path}: holds {len(played)} samples, expected {LEAST_SAMPLES} or more")
    steps = [after.ready_ns - before.ready_ns for before, after in pairwise(played)]
    if min(steps) <= 0:
        raise FileError(
            f"{path}: sample {steps.index(min(steps)) + 2} is not later than the one before it; sort the recording"
        )
    return Recording(
        samples=played,
        watts=watts,
        lag_s=lag_s,
        period_ns=sorted(steps)[len(steps) // 2],
        source=source,
    )
