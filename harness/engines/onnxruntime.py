"""This module runs ONNX models on ONNX Runtime, bound to buffers that are made once."""

import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from harness.engines import EngineError, Inspection, Wanted

KEPT_OUTPUTS = 16
"""Outputs kept apart within a cycle: each inference writes to its own buffer, in turn."""

# These derive from plain Exception, so neither `except RuntimeError` nor ORT's own fallback sees them.
REFUSALS = (
    state.Fail,
    state.InvalidArgument,
    state.NoSuchFile,
    state.InvalidProtobuf,
    state.InvalidGraph,
    state.NotImplemented,
    state.EPFail,
    RuntimeError,
    ValueError,
)


class OnnxRuntime:
    """ONNX Runtime as the harness uses it: strict about where nodes run, quiet, without telemetry."""

    def versions(self) -> Mapping[str, str]:
        """Version of ONNX Runtime and its build's providers."""
        return {"onnxruntime": ort.__version__, "providers": ",".join(ort.get_available_providers())}

    def load(self, path: Path, wanted: Wanted) -> "OnnxSession":
        """Load a model and run it once on zeros.

        Raises:
            EngineError: a provider is not in this build, the model does not load, or its input is another one.
        """
        ort.disable_telemetry_events()
        ort.set_default_logger_severity(3)
        missing = [name for name in wanted.providers if name not in ort.get_available_providers()]
        present = [name for name in wanted.providers if name not in missing]
        if missing and not (wanted.allow_fallback and present):
            raise EngineError(
                f"onnxruntime {ort.__version__} has no {', '.join(missing)}; this build has "
                f"{', '.join(ort.get_available_providers())}. Install the build for this device, or set "
                "allow_fallback: true with a provider that is there"
            )
        return OnnxSession(path, wanted, present)


class OnnxSession:
    """One model in one inference session, its input and outputs bound to buffers made once."""

    def __init__(self, path: Path, wanted: Wanted, providers: Sequence[str]) -> None:
        self._path = path
        self._wanted = wanted
        self._providers = list(providers)
        self._bindings: list[Any] = []
        self._outputs: list[NDArray[Any]] = []
        self._last = 0
        self.load_s = 0.0
        self.first_inference_s = 0.0

    def __enter__(self) -> Self:
        before_ns = time.monotonic_ns()
        self._session = self._open(self._options())
        loaded_ns = time.monotonic_ns()
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise EngineError(
                f"{self._path.name} has {len(inputs)} inputs; the harness feeds models with one"
            )
        self._input = np.zeros(tuple(self._wanted.shape), self._wanted.dtype)
        before_first_ns = time.monotonic_ns()
        try:
            results = self._session.run(None, {inputs[0].name: self._input})
        except REFUSALS as refusal:
            raise EngineError(f"{self._path.name} refuses its input: {refusal}") from refusal
        self.first_inference_s = (time.monotonic_ns() - before_first_ns) * 1e-9
        self.load_s = (loaded_ns - before_ns) * 1e-9
        self._bind(inputs[0].name, results)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bindings.clear()
        self._outputs.clear()
        with contextlib.suppress(AttributeError):
            del self._session

    def feed(self, tensor: NDArray[Any]) -> None:
        """Copy the input into the bound buffer and blank the outputs, so that a stale one cannot pass.

        Raises:
            EngineError: the input has another shape or type than the model was loaded for.
        """
        if (tensor.shape, tensor.dtype) != (self._input.shape, self._input.dtype):
            raise EngineError(
                f"{self._path.name} was loaded for an input {self._input.dtype} {list(self._input.shape)}, "
                f"found {tensor.dtype} {list(tensor.shape)}"
            )
        self._input[...] = tensor
        for output in self._outputs:
            output.fill(np.nan if output.dtype.kind == "f" else 0)

    def runs(self, repeats: int) -> Sequence[Callable[[], object]]:
        """`repeats` calls, each of one inference on the bound buffers."""
        calls = [partial(self._session.run_with_iobinding, binding) for binding in self._bindings]
        self._last = (repeats - 1) % len(calls)
        return list(islice(cycle(calls), repeats))

    def outputs(self) -> Sequence[NDArray[Any]]:
        """Copies of the outputs that were written, the latest last."""
        turned = self._outputs[self._last + 1 :] + self._outputs[: self._last + 1]
        return [output.copy() for output in turned]

    def inspect(self) -> Inspection:
        """Node placement by ONNX Runtime's own record, and the optimised graph."""
        options = self._options()
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "optimised.onnx"
            options.optimized_model_filepath = str(written)
            session = self._open(options)
            optimised = written.read_bytes()
        placed: Counter[str] = Counter()
        if hasattr(session, "get_provider_graph_assignment_info"):
            for part in session.get_provider_graph_assignment_info():
                placed[part.ep_name] += len(part.get_nodes())
        return Inspection(providers=dict(placed), optimised=optimised)

    def _open(self, options: Any) -> Any:
        try:
            return ort.InferenceSession(
                str(self._path), options, providers=self._providers, enable_fallback=0
            )
        except REFUSALS as refusal:
            raise EngineError(f"{self._path.name} does not load on {self._providers}: {refusal}") from refusal

    def _options(self) -> Any:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._wanted.threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry(
            "session.intra_op.allow_spinning", "1" if self._wanted.spinning else "0"
        )
        if not self._wanted.allow_fallback and "CPUExecutionProvider" not in self._providers:
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        return options

    def _bind(self, name: str, results: Sequence[NDArray[Any]]) -> None:
        fed = ort.OrtValue.ortvalue_from_numpy(self._input)
        outputs = self._session.get_outputs()
        others = [np.empty_like(result) for result in results[1:]]
        for _ in range(KEPT_OUTPUTS):
            first = np.empty_like(results[0])
            binding = self._session.io_binding()
            binding.bind_ortvalue_input(name, fed)
            for output, buffer in zip(outputs, [first, *others], strict=True):
                binding.bind_ortvalue_output(output.name, ort.OrtValue.ortvalue_from_numpy(buffer))
            self._bindings.append(binding)
            self._outputs.append(first)
