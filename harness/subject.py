"""This module asks the worker on a device in the words of the field: load this case, observe this input."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.cycle import Observation
from harness.errors import FileError
from harness.evidence import Executed, read_executed
from harness.frames import Frame
from harness.plan import Case
from harness.targets import Target

Answer = Callable[[NDArray[Any]], int | None]
"""The class in an output; None where the output holds none."""


def most_likely(output: NDArray[Any]) -> int | None:
    """The place of the largest value; None for an output that is empty or not finite throughout."""
    readable = output.size > 0 and bool(np.isfinite(output).all())
    return int(output.argmax()) if readable else None


class Subject:
    """One case on one target.

    Args:
        target: open.
        case: what is loaded.
        dtype, shape: of one input.
        reply_s: how long one answer may take, on top of the inferences asked for.
        answer: what finds the class in an output.
    """

    def __init__(
        self,
        target: Target,
        case: Case,
        *,
        dtype: str,
        shape: tuple[int, ...],
        reply_s: float,
        answer: Answer = most_likely,
    ) -> None:
        self._target = target
        self._case = case
        self._dtype = dtype
        self._shape = shape
        self._reply_s = reply_s
        self._answer = answer

    @property
    def requested(self) -> Mapping[str, Any]:
        """What the suite asks for, as it goes to the worker."""
        engine = self._case.engine
        return {
            "engine": engine.kind,
            "precision": self._case.artefact.precision,
            "providers": list(engine.providers),
            "allow_fallback": engine.allow_fallback,
            "threads": engine.threads,
            "spinning": engine.spinning,
        }

    def load(self) -> Mapping[str, Any]:
        """Load the model; the stages of the cold start and the versions of the engine.

        Raises:
            FileError: the model's file cannot be read.
        """
        path = self._case.artefact.path
        try:
            model = path.read_bytes()
        except OSError as error:
            raise FileError(f"{path}: cannot be read: {error.strerror}; restore the file") from error
        wanted = {key: self.requested[key] for key in ("providers", "allow_fallback", "threads", "spinning")}
        header = {
            "verb": "load",
            "engine": self._case.engine.kind,
            "sha256": self._case.artefact.sha256,
            "name": path.name,
            "wanted": {**wanted, "dtype": self._dtype, "shape": list(self._shape)},
        }
        reply = self._target.ask(Frame(header=header, body=model), reply_s=self._reply_s)
        stages = {key: value for key, value in reply.header.items() if key.endswith("_s")}
        start = {"start_s": self._target.hello["start_s"]} if "start_s" in self._target.hello else {}
        return {"cold_start": {**start, **stages}, "versions": reply.header["versions"]}

    def observe(
        self,
        item: int,
        label: int,
        tensor: NDArray[Any],
        *,
        repeats: int,
        lead: int = 0,
        tail: int = 0,
        gap_s: float = 0.0,
        inference_s: float = 0.0,
    ) -> Observation:
        """One cycle on the device.

        Args:
            item: row of the labelled input.
            label: what is right for it.
            tensor: the input.
            repeats: inferences in the window.
            lead: inferences before it.
            tail: inferences after it.
            gap_s: pause before all.
            inference_s: about how long one inference takes, for the time the answer may take.
        """
        header = {
            "verb": "cycle",
            "dtype": self._dtype,
            "shape": list(self._shape),
            "repeats": repeats,
            "lead": lead,
            "tail": tail,
            "gap_s": gap_s,
        }
        allowed_s = self._reply_s + 10 * inference_s * (repeats + lead + tail)
        reply = self._target.ask(Frame(header=header, body=tensor.tobytes()), reply_s=allowed_s)
        cut = 8 * (repeats + 1)
        output = reply.body[cut:]
        scores = np.frombuffer(output, reply.header["dtype"]).reshape(reply.header["shape"])
        return Observation(
            item=item,
            label=label,
            stamps_ns=np.frombuffer(reply.body[:cut], np.int64).tolist(),
            clock_uncertainty_ns=0,  # a local worker and the sampler share CLOCK_MONOTONIC
            predicted=self._answer(scores),
            output_sha256=sha256(output).hexdigest(),
            outputs_equal=bool(reply.header["outputs_equal"]),
        )

    def dead_time_s(self) -> float:
        """Median time between two stamps with nothing in between: the harness's own share of a latency."""
        reply = self._ask("idle_loop", repeats=2000)
        return float(np.median(np.diff(np.frombuffer(reply.body, np.int64)))) * 1e-9

    def inspect(self) -> tuple[Mapping[str, int], Executed | None]:
        """Nodes by provider, and the executed precision from the optimised graph."""
        reply = self._ask("inspect")
        return reply.header["providers"], read_executed(reply.body)

    def memory(self) -> Mapping[str, Any]:
        """Resident set of the worker in bytes, with the name of the counter."""
        return self._ask("memory").header

    def environment(self) -> Mapping[str, Any]:
        """Clocks, governor, temperature and load of the device."""
        return self._ask("environment").header

    def identity(self) -> Mapping[str, Any]:
        """What the device says of itself."""
        return self._ask("identify").header

    def _ask(self, verb: str, **header: object) -> Frame:
        return self._target.ask(Frame(header={"verb": verb, **header}), reply_s=self._reply_s)
