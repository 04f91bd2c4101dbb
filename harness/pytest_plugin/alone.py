"""This module measures a case in a run of its own, where a test brings its own input or its own verdict.

What is the test's own is a part of what is measured: the source of its functions is in the digest of the suite
that the run states, so that such a run never shares a front with one of the suite's own.
"""

import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.bench import Bench
from harness.catalog import load_suite
from harness.data import LabelledData, load_data
from harness.errors import FileError
from harness.plan import make_plan
from harness.pytest_plugin.collect import Wanted
from harness.pytest_plugin.measuring import SEED, Measuring
from harness.pytest_plugin.openrun import OpenRun
from harness.store import RunWriter
from harness.subject import Answer, most_likely

Prepare = Callable[[NDArray[Any]], NDArray[Any]]
"""What makes an input of the model from a stored one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedData(LabelledData):
    """Labelled inputs with pre-processing of one's own.

    Attributes:
        prepare: what makes an input of the model from a stored one.
    """

    prepare: Prepare

    def input(self, row: int) -> NDArray[Any]:
        """One input as the test prepares it, of the suite's type and shape.

        Raises:
            FileError: the prepared input has another number of values.
        """
        prepared = np.asarray(self.prepare(self.inputs[row]))
        if prepared.size != int(np.prod(self.data.shape)):
            raise FileError(
                f"{self.data.path}: row {row}: was prepared to the shape {prepared.shape}, "
                f"expected {tuple(self.data.shape)}"
            )
        return np.array(prepared.reshape(self.data.shape), dtype=self.data.dtype, order="C")


@contextmanager
def open_alone(
    measuring: Measuring,
    wanted: Wanted,
    place: str,
    *,
    prepare: Prepare | None = None,
    answer: Answer = most_likely,
    own: Sequence[Callable[..., object]] = (),
    by_hand: bool = False,
) -> Iterator[OpenRun]:
    """Open a run for one case; it is stopped when it is left in good order.

    Args:
        measuring: the session's.
        wanted: the case.
        place: of the test.
        prepare: pre-processing; None for the suite's.
        answer: what finds the class in an output.
        own: functions whose source is a part of what is measured.
        by_hand: the test goes through the items itself, in one sitting.

    Raises:
        BenchError, StoreError, FileError: the bench, the results folder or a file of the suite is not in order.
    """
    device = wanted.case.device
    measuring.hold(device.id)
    suite = load_suite(wanted.suite.path, verify=True)
    data = load_data(suite.data)
    if prepare is not None:
        data = PreparedData(
            data=data.data, items=data.items, inputs=data.inputs, labels=data.labels, prepare=prepare
        )
    digest = hashlib.sha256("\n".join([suite.sha256, place, *map(_source, own)]).encode()).hexdigest()
    suite = replace(
        suite, limits=(), sha256=digest, postprocess=f"own: {place}", title=f"{suite.title}: {place}"
    )
    plan = make_plan(suite, device, measuring.settings.protocol, [wanted.case.id], SEED, data.items)
    if by_hand:
        plan = replace(
            plan, protocol=replace(plan.protocol, sittings=1), order=((wanted.case.id, 1),), items={1: ()}
        )
    bench = Bench(plan=plan, data=data, watcher=measuring.watcher, answer=answer)
    start = measuring.sign(bench.start(), digest[:16])
    with RunWriter.create(measuring.settings.results, start) as writer:
        opened = OpenRun(bench=bench, writer=writer, wanted=[wanted.case.id])
        yield opened
        opened.stop(early=True)


def _source(function: Callable[..., object]) -> str:
    """The source of a function; where it has none, its name."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return repr(getattr(function, "__qualname__", type(function).__qualname__))
