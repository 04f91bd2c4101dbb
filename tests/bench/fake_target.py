"""This module is a target for tests: it answers like a worker, in virtual time, as the loaded model says.

The content of the model names the behaviour: `good` answers the class that the input carries, `wrong` another
one, `refused` does not load. Inputs are those of `values.labelled`: class, row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np

from harness.errors import RefusalError, TargetError
from harness.frames import Frame
from harness.meters.virtual import VirtualClock

from .values import CLASSES


@dataclass(kw_only=True)
class FakeTarget:
    """One worker that infers in constant time.

    Attributes:
        clock: passes by what the worker does.
        inference_ns: time of one inference.
        errors: row to an error raised when that row is fed in a window of more than one inference.
        drifting: rows whose repeats give different outputs.
        identity: what the device says of itself.
        verbs: asked so far, in order.
        windows: row, begin and end of every window so far.
        is_open: between entry and exit.
        temperature_c: of its one sensor; None for no sensor.
    """

    clock: VirtualClock
    inference_ns: int = 1_000_000
    errors: Mapping[int, BaseException] = field(default_factory=dict)
    drifting: frozenset[int] = frozenset()
    identity: Mapping[str, Any] = field(default_factory=lambda: {"machine": "fake"})
    verbs: list[str] = field(default_factory=list)
    windows: list[tuple[int, int, int]] = field(default_factory=list)
    is_open: bool = False
    hello: Mapping[str, Any] = field(default_factory=lambda: {"start_s": 0.02})
    subject_pid: int | None = None
    temperature_c: Callable[[], float] | None = None
    _model: str = ""

    def __enter__(self) -> Self:
        self.is_open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_open = False

    def ask(self, frame: Frame, *, reply_s: float) -> Frame:
        """Answer at once."""
        if not self.is_open:
            raise TargetError("the worker is not running")
        assert reply_s > 0
        verb = frame.header["verb"]
        self.verbs.append(verb)
        answers: Mapping[str, Callable[[Frame], Frame]] = {
            "load": self._load,
            "cycle": self._cycle,
            "idle_loop": lambda _: Frame(header={}, body=np.arange(3, dtype=np.int64).tobytes()),
            "inspect": lambda _: Frame(header={"providers": {"FakeProvider": 1}}),
            "memory": lambda _: Frame(header={"peak": 1 << 20, "counter": "fake"}),
            "environment": lambda _: Frame(header=self._environment()),
            "identify": lambda _: Frame(header=self.identity),
        }
        return answers[verb](frame)

    def _environment(self) -> Mapping[str, Any]:
        sensors = {} if self.temperature_c is None else {"temperature_c": {"zone0 soc": self.temperature_c()}}
        return {"load_1min": 0.0, **sensors}

    def _load(self, frame: Frame) -> Frame:
        self._model = frame.body.decode()
        if self._model == "refused":
            raise RefusalError("the fake worker refuses this model")
        return Frame(
            header={"import_s": 0.1, "load_s": 0.01, "first_inference_s": 0.001, "versions": {"fake": "1"}}
        )

    def _cycle(self, frame: Frame) -> Frame:
        asked = frame.header
        found, row = (int(value) for value in np.frombuffer(frame.body, asked["dtype"]))
        if asked["repeats"] > 3 and row in self.errors:
            raise self.errors[row]
        self.clock.sleep(asked["gap_s"] + asked["lead"] * self.inference_ns * 1e-9)
        stamps = self.clock() + self.inference_ns * np.arange(asked["repeats"] + 1, dtype=np.int64)
        self.clock.sleep((asked["repeats"] + asked["tail"]) * self.inference_ns * 1e-9)
        self.windows.append((row, int(stamps[0]), int(stamps[-1])))
        output = np.zeros((1, CLASSES), np.float32)
        output[0, (found + (self._model == "wrong")) % CLASSES] = 1.0
        return Frame(
            header={"outputs_equal": row not in self.drifting, "dtype": "<f4", "shape": output.shape},
            body=stamps.tobytes() + output.tobytes(),
        )
