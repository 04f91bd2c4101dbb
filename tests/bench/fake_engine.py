"""This module is an engine for tests: a seeded matrix product, with the misdeeds its model asks for.

A model is a JSON object: `seed`, and any of `says` (printed at every step), `stale` (an inference writes
nothing), `drifts` (each inference gives another output), `raises` (an inference fails), `signal` (an inference
sends it to its own process).
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from harness.engines import EngineError, Inspection, Wanted

PROVIDER = "FakeProvider"
CLASSES = 10
KEPT_OUTPUTS = 4


def weights(model: Mapping[str, Any], size: int) -> NDArray[np.float32]:
    """The matrix of a model."""
    return np.random.default_rng(model["seed"]).normal(size=(CLASSES, size)).astype(np.float32)


class FakeEngine:
    """It knows one provider."""

    def versions(self) -> Mapping[str, str]:
        """Its only one."""
        return {"fake": "1"}

    def load(self, path: Path, wanted: Wanted) -> "FakeLoaded":
        """Read the model; refuse what is not one, and providers it does not know."""
        missing = [name for name in wanted.providers if name != PROVIDER]
        if missing and not (wanted.allow_fallback and PROVIDER in wanted.providers):
            raise EngineError(f"the fake engine has no {', '.join(missing)}; it has {PROVIDER}")
        try:
            model = json.loads(path.read_bytes())
        except ValueError as error:
            raise EngineError(f"{path.name} is not a model of the fake engine: {error}") from error
        return FakeLoaded(model, wanted)


class FakeLoaded:
    """One matrix, its input and its outputs kept apart."""

    def __init__(self, model: Mapping[str, Any], wanted: Wanted) -> None:
        self._model = model
        self._wanted = wanted
        self._ran = 0
        self.load_s = 1e-3
        self.first_inference_s = 1e-4

    def __enter__(self) -> Self:
        self._say()
        if len(self._wanted.shape) != 4:
            raise EngineError(f"the fake engine takes four dimensions, found {list(self._wanted.shape)}")
        self._input = np.zeros(tuple(self._wanted.shape), self._wanted.dtype)
        self._weights = weights(self._model, self._input.size)
        self._outputs = [np.zeros((1, CLASSES), np.float32) for _ in range(KEPT_OUTPUTS)]
        self._last = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._outputs = []

    def feed(self, tensor: NDArray[Any]) -> None:
        """Copy the input, blank the outputs."""
        if (tensor.shape, tensor.dtype) != (self._input.shape, self._input.dtype):
            raise EngineError(f"expected the shape {self._input.shape}, found {tensor.shape}")
        self._input[...] = tensor
        for output in self._outputs:
            output.fill(np.nan)

    def runs(self, repeats: int) -> Sequence[Callable[[], object]]:
        """Calls that write to the outputs in turn."""
        self._last = (repeats - 1) % KEPT_OUTPUTS
        return [lambda place=number % KEPT_OUTPUTS: self._run(place) for number in range(repeats)]

    def outputs(self) -> Sequence[NDArray[Any]]:
        """Copies, the latest last."""
        turned = self._outputs[self._last + 1 :] + self._outputs[: self._last + 1]
        return [output.copy() for output in turned]

    def inspect(self) -> Inspection:
        """One node; there is no graph."""
        return Inspection(providers={PROVIDER: 1}, optimised=b"")

    def _run(self, place: int) -> None:
        self._say()
        if "signal" in self._model:
            os.kill(os.getpid(), self._model["signal"])
        if self._model.get("raises"):
            raise ArithmeticError(self._model["raises"])
        if not self._model.get("stale"):
            self._outputs[place][...] = self._input.ravel() @ self._weights.T
        if self._model.get("drifts"):
            self._ran += 1
            self._outputs[place] += self._ran

    def _say(self) -> None:
        if "says" in self._model:
            os.write(1, self._model["says"].encode())
