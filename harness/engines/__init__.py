"""This module says what an inference engine does for the harness.

An engine lives in the worker on the device. It loads one model, takes an input before the window, runs
inside it, and gives the outputs after it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray


class EngineError(Exception):
    """The engine is not there, refuses the model, or would run it elsewhere than asked; a whole sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a model is to run.

    Attributes:
        providers: where its nodes may run, in order of priority.
        allow_fallback: a node may run on a later provider of the list.
        threads: of one inference.
        spinning: idle threads spin.
        dtype, shape: of one input, batch included.
    """

    providers: Sequence[str]
    allow_fallback: bool
    threads: int
    spinning: bool
    dtype: str
    shape: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Evidence of what runs, taken apart from every timing.

    Attributes:
        providers: provider to number of nodes placed on it.
        optimised: the model as the engine runs it, serialised; empty where the engine cannot tell.
    """

    providers: Mapping[str, int]
    optimised: bytes


class Loaded(Protocol):
    """One model ready to run; a context manager that frees it."""

    load_s: float
    first_inference_s: float

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def feed(self, tensor: NDArray[Any]) -> None:
        """Take the input of the coming inferences; called before the window.

        Raises:
            EngineError: it has another shape or type than the model was loaded for.
        """

    def runs(self, repeats: int) -> Sequence[Callable[[], object]]:
        """`repeats` calls of one inference each, taking turns over the outputs kept apart."""

    def outputs(self) -> Sequence[NDArray[np.generic]]:
        """Copies of the first output of each inference kept apart, the latest last; called after the window."""

    def inspect(self) -> Inspection:
        """What runs and where; loads the model once more, so it is called outside of all measuring."""


class Engine(Protocol):
    """An inference runtime."""

    def versions(self) -> Mapping[str, str]:
        """Versions of the runtime and what it stands on."""

    def load(self, path: Path, wanted: Wanted) -> Loaded:
        """Load a model and run it once.

        Raises:
            EngineError: the model cannot run as wanted.
        """
