"""This module is the worker on the device: it loads one model and runs cycles, asked in frames.

`python -m harness.targets.worker` speaks on its standard input and output; whatever an engine prints goes to
standard error. It imports numpy and the engine, and nothing else that is heavy. It ends when its input
does, so it never outlives the bench.

| request | answer |
| --- | --- |
| `identify` | what the device says of itself |
| `load` engine, name, wanted; body: the model | stages of the cold start, versions |
| `cycle` repeats, lead, tail, gap_s; body: the input | body: stamps as int64, then the output |
| `idle_loop` repeats | body: stamps of a window with nothing in it |
| `inspect` | nodes by provider; body: the optimised model |
| `memory`, `environment` | readings of this moment |
"""

import time

STARTED_NS = time.monotonic_ns()

# ruff: noqa: E402  the first stamp comes before the imports that it measures
import contextlib
import gc
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np

from harness.cycle import observe
from harness.engines import EngineError, Loaded, Wanted
from harness.environment import read_environment, read_identity
from harness.errors import HarnessError
from harness.frames import Frame, FrameError, receive, send
from harness.registry import find_engine

PROTOCOL = 1
READY_NS = time.monotonic_ns()
"""Numpy and the worker's own modules are imported."""


class Worker:
    """One model on one engine, for as long as the bench asks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: Loaded | None = None
        self._closing = contextlib.ExitStack()
        self._memory: dict[str, int] = {}
        self.verbs: Mapping[str, Callable[[Frame], Frame]] = {
            "identify": lambda _: Frame(header=read_identity()),
            "load": self.load,
            "cycle": self.cycle,
            "idle_loop": self.idle_loop,
            "inspect": self.inspect,
            "memory": self.memory,
            "environment": lambda _: Frame(header=read_environment()),
        }

    def close(self) -> None:
        """Free the model; closing twice is harmless."""
        self._closing.close()
        self._loaded = None

    def load(self, frame: Frame) -> Frame:
        """Load the model in the body; the cold start is timed stage by stage."""
        self.close()
        digest = sha256(frame.body).hexdigest()
        if digest != frame.header["sha256"]:
            raise EngineError(f"the model arrived with sha256 {digest}, expected {frame.header['sha256']}")
        path = (
            self._folder / Path(frame.header.get("name", f"{digest}.onnx")).name
        )  # told where it is refused
        path.write_bytes(frame.body)
        before_ns = time.monotonic_ns()
        engine = find_engine(frame.header["engine"])()
        import_s = (READY_NS - STARTED_NS + time.monotonic_ns() - before_ns) * 1e-9
        _reset_peak()
        self._memory["after_import"] = _status_bytes("VmRSS")
        wanted = Wanted(**frame.header["wanted"])
        self._loaded = self._closing.enter_context(engine.load(path, wanted))
        self._memory["after_load"] = _status_bytes("VmRSS")
        gc.collect()
        gc.freeze()
        return Frame(
            header={
                "import_s": import_s,
                "load_s": self._loaded.load_s,
                "first_inference_s": self._loaded.first_inference_s,
                "versions": dict(engine.versions()),
            }
        )

    def cycle(self, frame: Frame) -> Frame:
        """One cycle on the device: gap, lead, window, tail."""
        loaded, asked = self._model(), frame.header
        loaded.feed(np.frombuffer(frame.body, asked["dtype"]).reshape(asked["shape"]))
        shoulder = loaded.runs(max(asked["lead"], asked["tail"], 1))
        runs = loaded.runs(asked["repeats"])
        time.sleep(asked["gap_s"])
        for run in shoulder[: asked["lead"]]:
            run()
        stamps = observe(runs, time.monotonic_ns)
        outputs = loaded.outputs()
        for run in shoulder[: asked["tail"]]:
            run()
        written = outputs[-asked["repeats"] :]
        equal = all(np.array_equal(output, written[-1], equal_nan=False) for output in written)
        return Frame(
            header={"outputs_equal": equal, "dtype": written[-1].dtype.str, "shape": written[-1].shape},
            body=np.asarray(stamps, np.int64).tobytes() + written[-1].tobytes(),
        )

    def idle_loop(self, frame: Frame) -> Frame:
        """A window with nothing to infer: what is left between two stamps is the harness's own time."""
        stamps = observe([int] * frame.header["repeats"], time.monotonic_ns)
        return Frame(header={}, body=np.asarray(stamps, np.int64).tobytes())

    def inspect(self, _: Frame) -> Frame:
        """Evidence of the executed precision and placement."""
        found = self._model().inspect()
        return Frame(header={"providers": dict(found.providers)}, body=found.optimised)

    def memory(self, _: Frame) -> Frame:
        """Resident set of this process in bytes: now, at its peak since before the load, and at its stages."""
        return Frame(
            header={
                **self._memory,
                "now": _status_bytes("VmRSS"),
                "peak": _status_bytes("VmHWM"),
                "counter": "VmHWM of the worker process, reset before the load",
            }
        )

    def _model(self) -> Loaded:
        if self._loaded is None:
            raise EngineError("no model is loaded: ask for `load` first")
        return self._loaded


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer frames until the source ends."""
    with tempfile.TemporaryDirectory(prefix="harness-worker-") as folder:
        worker = Worker(Path(folder))
        with contextlib.closing(worker):
            send(
                sink,
                Frame(header={"protocol": PROTOCOL, "pid": os.getpid(), "started_ns": STARTED_NS}),
            )
            while (frame := receive(source)) is not None:
                send(sink, _answer(worker, frame))


def _answer(worker: Worker, frame: Frame) -> Frame:
    verb = str(frame.header.get("verb"))
    if verb not in worker.verbs:
        return Frame(header={"error": f"the worker has no verb {verb!r}; it has {', '.join(worker.verbs)}"})
    try:
        return worker.verbs[verb](frame)
    except (EngineError, HarnessError) as refusal:
        return Frame(header={"error": str(refusal)})
    except Exception as error:  # noqa: BLE001  whatever an engine throws is told to the bench, not lost with us
        return Frame(header={"error": f"{verb} failed with {type(error).__name__}: {error}"})


def _reset_peak() -> None:
    """Restart the kernel's peak counter of this process (proc(5), clear_refs, value 5)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _status_bytes(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise EngineError(f"/proc/self/status has no {key}: memory cannot be measured on this kernel")


def main() -> None:
    """Serve standard input; what engines print to standard output is turned to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the bench's to handle
    gc.disable()  # no collection may fall into a window
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(BrokenPipeError), sink:
        try:
            serve(sys.stdin.buffer, sink)
        except FrameError as error:
            sys.stderr.write(f"worker: {error}\n")
            sys.exit(1)


if __name__ == "__main__":
    main()
