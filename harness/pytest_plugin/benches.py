"""This module is what the fixtures `bench` and `cycle` hand to a test: a bench for its case, one cycle at a time."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle as around
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import BenchError, StoreError
from harness.judging.cases import CaseResult
from harness.pytest_plugin.alone import Prepare, open_alone
from harness.pytest_plugin.collect import Wanted
from harness.pytest_plugin.measuring import Measuring
from harness.pytest_plugin.openrun import OpenRun, read_measured
from harness.pytest_plugin.rounds import is_asked_for, play
from harness.pytest_plugin.stash import CLOCK, MEASURED
from harness.record import Cycle
from harness.sitting import Attendance, Sitting
from harness.store import Run
from harness.subject import Answer, most_likely


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One cycle and what came out of it.

    Attributes:
        cycle: the record: latency, energy and verdict of one window.
        output: of the last inference in that window.
    """

    cycle: Cycle
    output: NDArray[Any]


class CaseBench:
    """The device of a test, ready to measure its case."""

    def __init__(self, item: pytest.Item, measuring: Measuring, wanted: Wanted) -> None:
        self._item = item
        self._measuring = measuring
        self._wanted = wanted

    @property
    def case(self) -> str:
        """Id of the case."""
        return self._wanted.case.id

    @property
    def run(self) -> Run:
        """The run the case was measured in; once it was.

        Raises:
            BenchError: nothing was measured yet.
        """
        if MEASURED not in self._item.stash:
            raise BenchError(f"{self._item.nodeid}: has measured nothing yet; call bench.measure() first")
        return self._item.stash[MEASURED].run

    def measure(
        self, *, prepare: Prepare | None = None, answer: Answer | None = None, benchmark: Any = None
    ) -> CaseResult:
        """Measure the case by the suite's protocol; what this session measured already is not measured again.

        Args:
            prepare: own pre-processing, from a stored input to one of the model; None for the suite's.
            answer: own post-processing, from an output to a class, or None where it holds none.
            benchmark: the fixture of pytest-benchmark, to show the cycles as its rounds.

        Raises:
            BenchError: the bench misbehaved.
            MeasurementError: the case cannot be measured.
        """
        own = [function for function in (prepare, answer) if function is not None]
        if own:
            with open_alone(
                self._measuring,
                self._wanted,
                self._item.nodeid,
                prepare=prepare,
                answer=answer or most_likely,
                own=own,
            ) as opened:
                opened.measure(self.case)
            measured = read_measured(opened.writer.path, self.case)
        else:
            measured = self._measuring.measure(self._wanted)
        self._item.stash[MEASURED] = measured
        if benchmark is not None:
            play(benchmark, self._item.stash[CLOCK], measured, shown=is_asked_for(self._item.config))
        return measured.result


class Cycling:
    """One cycle after the other on the device, in one sitting that opens with the first."""

    def __init__(self, item: pytest.Item, measuring: Measuring, wanted: Wanted) -> None:
        self._item = item
        self._measuring = measuring
        self._wanted = wanted
        self._run = ExitStack()
        self._sitting = ExitStack()
        self._open: tuple[OpenRun, Sitting, Attendance] | None = None
        self._answer: Answer = most_likely
        self._output: NDArray[Any] = np.empty(0)
        self._rows: Iterator[int] = iter(())
        self._own = 0

    def __call__(
        self, tensor: NDArray[Any] | None = None, *, label: int | None = None, answer: Answer = most_likely
    ) -> Seen:
        """One cycle; a void one is repeated as often as the suite's protocol allows, then given back void.

        Args:
            tensor: the input as the model takes it; None for the next item of the suite. Inputs of one's own are
                numbered on from the last of the data file, so that they are never taken for one of its items.
            label: what is right for an input of one's own.
            answer: from the output to a class, or None where it holds none.

        Raises:
            BenchError: the bench misbehaved.
            ValueError: an input without a label, or the other way round.
        """
        if (tensor is None) is not (label is None):
            raise ValueError(
                "cycle: expected an input and its label, or neither for the next item of the suite"
            )
        opened, sitting, attendance = self._open or self._begin()
        self._answer = answer
        item = next(self._rows) if tensor is None else self._own
        self._own += tensor is not None
        own = None if tensor is None else np.ascontiguousarray(tensor, dtype=opened.bench.data.data.dtype)
        try:
            for _ in range(opened.bench.plan.protocol.remeasure + 1):
                cycle = sitting.cycle(attendance, item, label=label, tensor=own)
                if cycle.valid:
                    break
        except BaseException as error:
            self._break_off(opened, error)
            raise
        if cycle.valid and CLOCK in self._item.stash:
            self._item.stash[CLOCK].advance(cycle.duration_s / cycle.repeats)
        return Seen(cycle=cycle, output=self._output)

    def close(self) -> None:
        """Close the sitting and its run, and keep what was measured for the marks; twice is harmless.

        Raises:
            BenchError: the bench misbehaved, now or in a cycle before.
        """
        if self._open is None:
            return
        opened, self._open = self._open[0], None
        with self._run:
            try:
                self._sitting.close()
            except BenchError as error:
                self._note(opened, error)
                raise
        self._item.stash[MEASURED] = read_measured(opened.writer.path, self._wanted.case.id)

    def _break_off(self, opened: OpenRun, error: BaseException) -> None:
        """Leave the sitting open as it broke; what was measured is kept."""
        self._open = None
        told = sys.exc_info()
        try:
            self._sitting.__exit__(*told)
            self._note(opened, error)
        finally:
            self._run.__exit__(*told)

    def _note(self, opened: OpenRun, error: BaseException) -> None:
        """Put an error of the bench down, or that the test was timed out, and bring the device to a known state."""
        case = self._wanted.case.id
        if not isinstance(error, Exception | KeyboardInterrupt):
            error = BenchError(f"{case}: was broken off: {type(error).__name__}: {error}")
        if isinstance(error, BenchError) and not isinstance(error, StoreError):
            opened.bench.mishap(opened.writer, case, 1, 1, error)

    def _begin(self) -> tuple[OpenRun, Sitting, Attendance]:
        with ExitStack() as run:
            opened = run.enter_context(
                open_alone(
                    self._measuring,
                    self._wanted,
                    self._item.nodeid,
                    answer=self._keep,
                    own=_own(self._item),
                    by_hand=True,
                )
            )
            self._rows = around(opened.bench.data.items)
            self._own = len(opened.bench.data.labels)
            case = opened.bench.plan.case(self._wanted.case.id)
            run.enter_context(opened.bench.turn())  # until the sitting is closed
            sitting = opened.bench.sitting(opened.writer, case, 1, 1, [])
            try:
                attendance = self._sitting.enter_context(sitting.attend())
            except BaseException as error:
                self._note(opened, error)
                raise
            self._run = run.pop_all()
        self._open = (opened, sitting, attendance)
        return self._open

    def _keep(self, output: NDArray[Any]) -> int | None:
        self._output = output
        return self._answer(output)


def _own(item: pytest.Item) -> list[Any]:
    """The function of a test: with `cycle` it is the pre- and post-processing."""
    return [item.obj] if isinstance(item, pytest.Function) else []
