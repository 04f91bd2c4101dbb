"""This module is a run that tests take forward, case by case, and what can be read of it meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.bench import Bench
from harness.errors import BenchError, HarnessError, MeasurementError, StoreError
from harness.judging.cases import CaseResult, case_results
from harness.provenance import utc_now
from harness.record import RunStop
from harness.store import Run, RunWriter, read_run

ENDED_EARLY = "The pytest session ended before every case was measured."


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of one case.

    Attributes:
        result: its figures.
        run: the run they are in.
    """

    result: CaseResult
    run: Run


@dataclass(slots=True, kw_only=True)
class OpenRun:
    """A run that is being written.

    Attributes:
        bench: the device and the plan.
        writer: of the run.
        wanted: ids of the cases to be measured; others of the plan are left.
        failed: why a case could not be measured.
    """

    bench: Bench
    writer: RunWriter
    wanted: Sequence[str]
    failed: dict[str, HarnessError] = field(default_factory=dict)

    def measure(self, case_id: str) -> None:
        """Go on in the order of the plan until a case is complete; the last sitting of another is left to its own test.

        Raises:
            BenchError, MeasurementError, FileError: this case cannot be measured; another's fault is its own test's.
            StoreError: nothing can be written.
        """
        for planned, sitting in self.bench.plan.order:
            if self.is_over(case_id):
                break
            if planned not in self.wanted or planned in self.failed:
                continue
            if planned != case_id and sitting == self.bench.plan.protocol.sittings:
                continue
            try:
                self.bench.sit(self.writer, planned, sitting)
            except StoreError:
                raise
            except HarnessError as error:
                self.failed[planned] = error
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._broken_off(planned, sitting, error)
                raise
        if case_id in self.failed:
            raise self.failed[case_id]

    def _broken_off(self, case_id: str, sitting: int, error: BaseException) -> None:
        """A test that is timed out or stopped in a sitting must not cost the next one the same time again."""
        broken = BenchError(f"{case_id}: was broken off: {type(error).__name__}: {error}")
        self.failed[case_id] = broken
        if not isinstance(error, Exception):  # a test's own mistake leaves the device as it was
            self.bench.mishap(
                self.writer, case_id, sitting, max(1, self.writer.parts(case_id, sitting)), broken
            )

    def is_over(self, case_id: str) -> bool:
        """Nothing is left to do in any sitting of a case, or it cannot be measured."""
        sittings = [sitting for planned, sitting in self.bench.plan.order if planned == case_id]
        return case_id in self.failed or all(
            self.bench.is_over(self.writer, case_id, sitting) for sitting in sittings
        )

    def stop(self, *, early: bool) -> None:
        """Close the run: complete, aborted by the bench, or left early; without `early` only where no work is left."""
        left = [case for case in self.bench.plan.cases if not self.is_over(case.id)]
        refused = [str(error) for error in self.failed.values() if isinstance(error, MeasurementError)]
        broken = [str(error) for error in self.failed.values() if not isinstance(error, MeasurementError)]
        if left and not early:
            return
        if broken:
            stop = RunStop(utc=utc_now(), status="aborted", reason="; ".join(broken))
        elif left:
            stop = RunStop(utc=utc_now(), status="interrupted", reason=ENDED_EARLY)
        else:
            reasons = [*refused, *self.bench.shortfalls(self.writer, leave_out=self.failed)]
            stop = RunStop(utc=utc_now(), status="complete", reason="; ".join(reasons))
        self.writer.stop(stop)


def read_measured(path: Path, case_id: str) -> Measured:
    """What a run, which may still be going on, holds of a case."""
    run = read_run(path)
    [result] = [result for result in case_results(run) if result.case == case_id]
    return Measured(result=result, run=run)
