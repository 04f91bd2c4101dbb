"""What holds for every engine: feed, run, fetch; refuse what cannot run as wanted; say what runs."""

import json
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from harness.catalog import load_suite
from harness.data import load_data
from harness.engines import Engine, EngineError, Loaded, Wanted
from harness.engines.onnxruntime import OnnxRuntime
from harness.evidence import read_executed
from harness.shipped import shipped_path

from .fake_engine import FakeEngine, weights

SUITE = load_suite(str(shipped_path("suites/digits.yaml")))
DATA = load_data(SUITE.data)
ARTEFACTS = {
    f"{model.id}/{artefact.precision}": artefact for model in SUITE.models for artefact in model.artefacts
}
WANTED = Wanted(
    providers=("CPUExecutionProvider",),
    allow_fallback=False,
    threads=1,
    spinning=False,
    dtype="float32",
    shape=(1, 1, 8, 8),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """One engine with a model and what is known of it.

    Attributes:
        engine: under test.
        path: of the model.
        wanted: how it is to run.
        plain: the first output by the shortest way there is.
    """

    engine: Engine
    path: Path
    wanted: Wanted
    plain: Callable[[NDArray[Any]], NDArray[Any]]


def onnxruntime_rig(_: Path) -> Rig:
    """ONNX Runtime with the digits network of the most kinds of layers."""
    path = ARTEFACTS["digits-cnn/fp32"].path
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return Rig(
        engine=OnnxRuntime(),
        path=path,
        wanted=WANTED,
        plain=lambda tensor: session.run(None, {name: tensor})[0],
    )


def fake_rig(folder: Path) -> Rig:
    """The engine of the tests."""
    path = folder / "model.json"
    path.write_text(json.dumps({"seed": 3}), encoding="utf-8")
    return Rig(
        engine=FakeEngine(),
        path=path,
        wanted=replace(WANTED, providers=("FakeProvider",)),
        plain=lambda tensor: tensor.reshape(1, -1) @ weights({"seed": 3}, tensor.size).T,
    )


@pytest.fixture(params=[onnxruntime_rig, fake_rig], ids=["onnxruntime", "fake"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """Each engine in turn."""
    return request.param(tmp_path)


@pytest.fixture
def loaded(rig: Rig) -> Iterator[Loaded]:
    """Its model, ready to run."""
    with rig.engine.load(rig.path, rig.wanted) as model:
        yield model


def run(model: Loaded, tensor: NDArray[Any], repeats: int = 1) -> Sequence[NDArray[Any]]:
    """Outputs of some inferences of one input."""
    model.feed(tensor)
    for call in model.runs(repeats):
        call()
    return model.outputs()


class TestContract:
    """Every engine, real or fake."""

    def test_all_digits(self, rig: Rig, loaded: Loaded) -> None:
        """540 inputs fed, run and fetched give what the plain call gives."""
        assert 540 == len(DATA.items)
        for item in DATA.items:
            tensor = DATA.input(item)

            assert np.array_equal(rig.plain(tensor), run(loaded, tensor)[-1])

    @pytest.mark.parametrize("repeats", [1, 2, 5, 16, 17, 100])
    def test_repeats_write_to_outputs_of_their_own(self, rig: Rig, loaded: Loaded, repeats: int) -> None:
        """The latest outputs, as many as are kept apart or were run, are equal and right."""
        tensor = DATA.input(DATA.items[0])
        outputs = run(loaded, tensor, repeats)
        written = outputs[-repeats:]

        assert len(written) == min(repeats, len(outputs))
        assert all(np.array_equal(rig.plain(tensor), output) for output in written)
        assert all(np.isnan(output).all() for output in outputs[: len(outputs) - len(written)])

    def test_outputs_are_copies(self, rig: Rig, loaded: Loaded) -> None:
        """What was fetched stays as it was when the next input is fed and run."""
        first, second = (DATA.input(item) for item in DATA.items[:2])
        kept = run(loaded, first)[-1]
        run(loaded, second)

        assert np.array_equal(rig.plain(first), kept)

    def test_input_is_copied(self, rig: Rig, loaded: Loaded) -> None:
        """What happens to the tensor after feeding it does not reach the engine."""
        tensor = DATA.input(DATA.items[0])
        expected = rig.plain(tensor)
        loaded.feed(tensor)
        tensor.fill(1.0)
        loaded.runs(1)[0]()

        assert np.array_equal(expected, loaded.outputs()[-1])

    def test_stale_output_cannot_pass(self, loaded: Loaded) -> None:
        """After an input is fed no output of an earlier one can be fetched."""
        tensor = DATA.input(DATA.items[0])
        run(loaded, tensor, 100)
        loaded.feed(tensor)

        assert all(np.isnan(output).all() for output in loaded.outputs())

    @pytest.mark.parametrize(
        "tensor",
        [
            np.zeros((1, 1, 8, 7), np.float32),
            np.zeros((8, 8), np.float32),
            np.zeros((), np.float32),
            np.zeros((1, 1, 8, 8), np.float64),
        ],
        ids=lambda tensor: f"{tensor.dtype}{list(tensor.shape)}",
    )
    def test_wrong_input_is_refused(self, loaded: Loaded, tensor: NDArray[Any]) -> None:
        """An input of another shape is neither stretched nor cut, one of another type not converted."""
        with pytest.raises(EngineError):
            loaded.feed(tensor)

    def test_wrong_shape_fails_the_load(self, rig: Rig) -> None:
        """A model that takes another shape than the suite says does not load."""
        with (
            pytest.raises(EngineError),
            rig.engine.load(rig.path, replace(rig.wanted, shape=(3, 8))),
        ):
            pytest.fail("loaded")

    def test_missing_provider(self, rig: Rig) -> None:
        """A provider that is not there fails the load, and the error names those that are."""
        wanted = replace(rig.wanted, providers=("NoSuchProvider", *rig.wanted.providers))
        with pytest.raises(EngineError, match=f"NoSuchProvider.*{rig.wanted.providers[0]}"):
            rig.engine.load(rig.path, wanted)

    def test_allowed_fallback(self, rig: Rig) -> None:
        """Where falling back is allowed the next provider of the list runs the model, and says so."""
        wanted = replace(rig.wanted, providers=("NoSuchProvider", *rig.wanted.providers), allow_fallback=True)
        tensor = DATA.input(DATA.items[0])
        with rig.engine.load(rig.path, wanted) as model:
            assert np.array_equal(rig.plain(tensor), run(model, tensor)[-1])
            assert {rig.wanted.providers[0]} == set(model.inspect().providers)

    def test_no_provider_to_fall_back_to(self, rig: Rig) -> None:
        """To be allowed to fall back does not mean to run on a provider that is not in the list."""
        wanted = replace(rig.wanted, providers=("NoSuchProvider",), allow_fallback=True)
        with pytest.raises(EngineError, match=f"NoSuchProvider.*{rig.wanted.providers[0]}"):
            rig.engine.load(rig.path, wanted)

    def test_noise_is_no_model(self, rig: Rig, tmp_path: Path) -> None:
        """A file that is not a model is refused."""
        noise = tmp_path / "noise"
        noise.write_bytes(b"\x07noise")
        with pytest.raises(EngineError, match="noise"), rig.engine.load(noise, rig.wanted):
            pytest.fail("loaded")

    def test_closing_twice(self, rig: Rig) -> None:
        """A model can be closed twice, and opened again after."""
        model = rig.engine.load(rig.path, rig.wanted)
        tensor = DATA.input(DATA.items[0])
        for _ in range(2):
            with model:
                assert np.array_equal(rig.plain(tensor), run(model, tensor, 20)[-1])
            model.__exit__(None, None, None)

    def test_stages_and_versions(self, rig: Rig, loaded: Loaded) -> None:
        """Loading and the first inference took time, and the engine knows its version."""
        assert loaded.load_s > 0
        assert loaded.first_inference_s > 0
        assert all(rig.engine.versions().values())

    def test_inspection_leaves_the_model_as_it_is(self, rig: Rig, loaded: Loaded) -> None:
        """A model can be inspected and goes on running; its nodes are where they were wanted."""
        tensor = DATA.input(DATA.items[0])
        found = loaded.inspect()

        assert {rig.wanted.providers[0]} == set(found.providers)
        assert np.array_equal(rig.plain(tensor), run(loaded, tensor)[-1])


@pytest.mark.parametrize("name", ARTEFACTS)
def test_executed_precision(name: str) -> None:
    """The executed precision of each shipped model is told by its optimised graph; its accuracy is as good."""
    with OnnxRuntime().load(ARTEFACTS[name].path, WANTED) as model:
        found = model.inspect()
        right = sum(
            int(run(model, DATA.input(item))[-1].argmax()) == DATA.label(item) for item in DATA.items[:100]
        )
    executed = read_executed(found.optimised)

    assert executed is not None
    assert found.providers["CPUExecutionProvider"] > 0
    assert right >= 95
    assert executed.evidence
    precision = ARTEFACTS[name].precision
    # Whether the engine computes in half precision depends on the processor; a type it has none of is never told.
    acceptable = {
        "fp32": {"fp32"},
        "fp16": {"fp32", "fp16", "fp16+fp32", "fp32+fp16"},
        "int8": {"int8"},
        "int4": {"int4 weights", "fp32+int4 weights", "int4 weights+fp32"},
    }
    assert executed.precision in acceptable[precision]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="on other processors the evidence alone knows")
def test_fp16_computes_in_fp32_on_x86() -> None:
    """Half precision is storage only on an x86-64."""
    with OnnxRuntime().load(ARTEFACTS["digits-mlp/fp16"].path, WANTED) as model:
        executed = read_executed(model.inspect().optimised)

    assert executed is not None
    assert "fp32" == executed.precision


def test_no_graph_no_evidence() -> None:
    """Where an engine cannot show what it runs the executed precision is absent."""
    assert read_executed(b"") is None


def test_a_graph_without_layers_tells_nothing() -> None:
    """A model without a layer that holds weights has no executed precision."""
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value], [result])

    assert read_executed(onnx.helper.make_model(graph).SerializeToString()) is None


def test_model_of_two_inputs_is_refused(tmp_path: Path) -> None:
    """A model that takes two inputs is refused, not fed with half of them."""
    values = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1]) for n in "xyz"]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "y"], ["z"])], "g", values[:2], values[2:]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    path = tmp_path / "two.onnx"
    onnx.save(model, path)
    wanted = replace(WANTED, shape=(1,))
    with pytest.raises(EngineError, match="2 inputs"), OnnxRuntime().load(path, wanted):
        pytest.fail("loaded")
