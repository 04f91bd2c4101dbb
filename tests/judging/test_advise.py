"""Tests of advice before measuring, of claims, and of its command."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from judging.runs import DEVICE, Behaviour, write_run
from judging.tables import around, case_result
from typer.testing import CliRunner

from harness.advise import Advice, advise, lone_model
from harness.catalog import load_board, load_suite
from harness.claims import Claim, largest, no_claim, published
from harness.cli import app
from harness.errors import FileError
from harness.profile import Board, Fact, Origin
from harness.quantities import parse_limit
from harness.shipped import shipped_path
from harness.suite import Model
from harness.support import ENGINES, Ability


def board(*facts: tuple[str, float | str], **changes: Any) -> Board:
    """A board of some facts."""
    values: dict[str, Any] = {
        "id": "bench-board",
        "title": "Bench board",
        "soc": "none",
        "architecture": "aarch64",
        "precisions": ("fp32", "int8"),
        "engines": ("onnxruntime",),
        "facts": [
            Fact(quantity=name, value=value, source=f"paper {n}") for n, (name, value) in enumerate(facts)
        ],
        "verified": "nothing yet",
        "path": Path("bench-board.yaml"),
        "sha256": "0" * 64,
    }
    return Board(**(values | changes))


def cnn() -> Model:
    """The digits CNN with its four artefacts."""
    return next(model for model in load_suite("digits").models if model.id == "digits-cnn")


def roof(advice: Advice, precision: str) -> Any:
    """The estimate of a precision."""
    return next(each for each in advice.roofs if each.precision == precision)


def abilities(advice: Advice, engine: str) -> dict[str, Ability]:
    """Precision to ability of an engine."""
    return {option.precision: option.ability for option in advice.options if option.engine == engine}


def test_the_slower_of_both_roofs_is_the_estimate() -> None:
    """337,536 MACs at 0.4 to 0.8 TOPS take 0.84 to 1.69 us, more than the bytes at 1000 GB/s."""
    facts = (("peak_int8_tops", 0.4), ("peak_int8_tops", 0.8), ("memory_bandwidth_gb_per_s", 1000))
    found = roof(advise(cnn(), board(*facts)), "int8")

    assert pytest.approx(2 * 337_536 / 0.8e12) == found.latency_s.least
    assert pytest.approx(2 * 337_536 / 0.4e12) == found.latency_s.greatest
    assert pytest.approx((found.weight_bytes + found.activation_bytes) / 1e12) == found.transfer_s.least
    assert ("paper 0", "paper 1", "paper 2") == found.latency_s.sources
    assert Origin.ESTIMATED is found.origin


def test_a_thin_memory_bounds() -> None:
    """At 1 GB/s the bytes decide."""
    found = roof(advise(cnn(), board(("peak_int8_tops", 20), ("memory_bandwidth_gb_per_s", 1))), "int8")

    assert found.latency_s.least == found.transfer_s.least > found.compute_s.least


def test_nothing_published_is_absent_with_its_reason() -> None:
    """No fact gives no estimate, never 0."""
    found = roof(advise(cnn(), board()), "int8")

    assert (None, None, None) == (found.latency_s.least, found.energy_j.least, found.compute_s.greatest)
    assert "nothing is published of peak_int8_tops" in found.latency_s.reason
    assert "not known" == found.fits


def test_energy_from_operations_per_joule() -> None:
    """1.2 TOPS/W is 1.2e12 operations a joule."""
    found = roof(advise(cnn(), board(("peak_int8_tops_per_w", 1.2))), "int8")

    assert pytest.approx(2 * 337_536 / 1.2e12) == found.energy_j.least


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([("memory_for_models_gb", 1)], "yes"),
        ([("memory_mb", 0.1)], "no"),
        ([("memory_gb", "0.0001, 4 or 8")], "by some sources"),
        ([("memory_mb", 0.1), ("flash_mb", 2)], "yes"),  # weights stay in flash
        ([("memory_mb", 0.1), ("flash_mb", 0.1)], "no"),
        ([("memory_gb", "plenty")], "not known"),
    ],
)
def test_memory_fit(facts: list[tuple[str, float | str]], expected: str) -> None:
    """153 kB of weights and 16 kB of activations fit or do not, by what is published."""
    assert expected == roof(advise(cnn(), board(*facts)), "fp32").fits


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        ("jetson-orin-nano", "tensorrt"),
        ("rk3588", "rknn"),
        ("atlas-300i", "ascend"),
        ("stm32h743", "mcu-firmware"),
        ("raspberry-pi-5", "onnxruntime"),
        ("x86-64", "onnxruntime"),
    ],
)
def test_the_engine_follows_the_hardware(name: str, engine: str) -> None:
    """Each shipped board gets the engine of its accelerator, else the one of several vendors."""
    assert engine == advise(cnn(), load_board(name)).engine


def test_an_intel_processor_takes_openvino() -> None:
    """Intel means OpenVINO, where the board has it."""
    intel = board(soc="Intel N100", engines=("onnxruntime", "openvino"))

    assert "openvino" == advise(cnn(), intel).engine


def test_what_can_run() -> None:
    """The table knows weights-only int4, fp16 that is only stored, and operators an engine has not."""
    found = advise(cnn(), board(engines=("onnxruntime", "tensorrt", "somebody")))

    assert {
        "fp32": Ability.NATIVE,
        "fp16": Ability.STORED,
        "int8": Ability.NATIVE,
        "int4": Ability.WEIGHTS,
    } == abilities(found, "onnxruntime")
    assert Ability.NONE is abilities(found, "tensorrt")["int4"]
    assert {Ability.UNKNOWN} == set(abilities(found, "somebody").values())
    assert {"onnxruntime": "full", "tensorrt": "with an explicit optimisation profile"} == found.shapes


def test_tensorrt_refuses_an_asymmetric_file_and_says_what_to_make() -> None:
    """The digits int8 file has unsigned activations: TensorRT cannot take it, ONNX Runtime can."""
    advice = advise(cnn(), load_board("jetson-orin-nano"))
    [option] = [each for each in advice.options if (each.engine, each.precision) == ("tensorrt", "int8")]

    assert Ability.NONE is option.ability
    assert "not this file: 7 of 7 activations are unsigned, 4 biases are quantised" in option.note
    assert Ability.NATIVE is abilities(advice, "onnxruntime")["int8"]
    assert "quantise digits-cnn int8 anew for TensorRT: signed, every zero point 0" in advice.next_steps[0]
    assert not any("int8" in step and "measure" in step for step in advice.next_steps)


def test_an_engine_that_quantises_itself_has_no_objection() -> None:
    """An NPU's own converter starts from the float model, so that zero points of a file are not its affair."""
    advice = advise(cnn(), load_board("rk3588"))

    assert Ability.NATIVE is abilities(advice, "rknn")["int8"]
    assert not any("anew" in step for step in advice.next_steps)


def test_every_statement_has_a_source() -> None:
    """No engine is described without saying who says so."""
    assert all(support.sources for support in ENGINES.values())


def test_every_engine_of_a_shipped_board_is_described() -> None:
    """The table covers the engines the boards name."""
    from harness.catalog import boards

    named = {engine for each in boards() if isinstance(each, Board) for engine in each.engines}

    assert set() == named - set(ENGINES)


def test_measured_stands_beside_the_estimate() -> None:
    """A measured median is told as a multiple of the estimate, with what is still undecided."""
    case = case_result("bench-a/onnxruntime/digits-cnn/int8", latency_p50_s=around(1e-3))
    limits = [parse_limit("latency_p99_s < 0.001")]
    (found,) = advise(cnn(), board(("peak_int8_tops", 0.4), ("peak_int8_tops", 0.8)), [case], limits).measured

    assert (pytest.approx(1e-3 / 1.68768e-6), pytest.approx(1e-3 / 0.84384e-6)) == found.latency_ratio
    assert pytest.approx(337_536e3) == found.macs_per_s
    assert 1 == len(found.undecided)


def test_next_steps_are_what_was_not_measured() -> None:
    """Precisions with a file and without a run come first."""
    case = case_result("bench-a/onnxruntime/digits-cnn/int8", incomplete="a sitting is missing")
    steps = advise(cnn(), board(), [case]).next_steps

    assert "measure digits-cnn in fp32, fp16, int4 with onnxruntime" == steps[0]
    assert steps[-1].endswith("a sitting is missing")


@pytest.mark.parametrize(
    ("name", "measured_with", "step"),
    [
        ("jetson-orin-nano", "onnxruntime", "measure digits-cnn in fp32, fp16, int8, int4 with onnxruntime"),
        ("raspberry-pi-5", "onnxruntime", "measure digits-cnn in fp32, fp16, int8, int4 with onnxruntime"),
        ("stm32h743", "", "by hand: no engine of this version runs here"),
    ],
)
def test_only_what_can_be_measured_is_recommended(name: str, measured_with: str, step: str) -> None:
    """The first choice by hardware is told, and to measure only an engine of this installation or to do it by hand."""
    advice = advise(cnn(), load_board(name), served=["onnxruntime"])

    assert measured_with == advice.measured_with
    assert advice.next_steps[-1].startswith(step)
    assert all("onnxruntime" in each or each.startswith("by hand: ") for each in advice.next_steps)
    assert {option.engine: option.engine == "onnxruntime" for option in advice.options} == {
        option.engine: option.served for option in advice.options
    }


def test_estimate_below_a_call_is_a_bound() -> None:
    """Work that takes less time than calling an engine is told as a bound, in time and in energy."""
    arguments = ["advise", "--model", "digits-mlp", "--device", "raspberry-pi-5"]
    text = CliRunner().invoke(app, arguments).output

    assert "latency below 1 \N{MICRO SIGN}s: calling the engine takes longer (estimated; " in text
    assert ": calling the engine takes more (estimated; " in text
    assert "litert        int8  native; no engine of this version" in text
    assert "e+0" not in text


@pytest.mark.parametrize("precision", ["fp32", "int8", "int4"])
def test_a_lone_file_tells_its_precision(precision: str) -> None:
    """The operators of a file say what it is."""
    path = shipped_path(f"suites/digits/cnn-{precision}.onnx")
    (artefact,) = lone_model(path).artefacts

    assert (precision, hashlib.sha256(path.read_bytes()).hexdigest()) == (artefact.precision, artefact.sha256)


def test_claims_keep_what_sources_disagree_on() -> None:
    """Least and greatest of all sources; a falling function turns them round; the absent is passed over."""
    claim = published(
        board(("memory_gb", "2, 4, 8 or 16"), ("memory_mb", 1000)), {"memory_gb": 1e9, "memory_mb": 1e6}
    )
    turned = claim.map(lambda x: 1 / x)

    assert (1e9, 16e9) == (claim.least, claim.greatest)
    assert (1 / 16e9, 1e-9) == (turned.least, turned.greatest)
    assert claim.least == largest([claim, no_claim("none")]).least
    assert Claim(least=None, greatest=None, sources=(), reason="a; b") == largest(
        [no_claim("a"), no_claim("b")]
    )


def test_the_command(tmp_path: Path) -> None:
    """`harness advise` marks its figures as estimated, finds runs of the same files, and prints JSON too."""
    path = shipped_path("suites/digits/cnn-int8.onnx")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    artefacts = [{"precision": "int8", "sha256": digest}]
    suite = {"id": "digits", "sha256": "0" * 64, "models": [{"id": "digits-cnn", "artefacts": artefacts}]}
    device = {**DEVICE, "board": {"id": "raspberry-pi-5"}}
    run = write_run(
        tmp_path, [Behaviour(case="bench-a/onnxruntime/digits-cnn/int8")], suite=suite, device=device
    )
    arguments = ["advise", "--model", "digits-cnn", "--device", "raspberry-pi-5", "--results", str(tmp_path)]
    text = CliRunner().invoke(app, arguments)
    data = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    lone = CliRunner().invoke(app, ["advise", "--model", str(path), "--device", "host"])

    assert 0 == text.exit_code, text.output
    assert "ESTIMATED" in text.output
    assert run.start.run in text.output
    assert "times the estimate" in text.output
    assert [run.start.run] == [each["run"] for each in data["measured"]]
    assert {"estimated"} == {each["origin"] for each in data["estimates"]}
    assert 0 == lone.exit_code, lone.output


@pytest.mark.parametrize(
    ("model", "device", "words"),
    [("digits-cmm", "host", "digits-cnn"), ("digits-cnn", "hosst", "no device of this name")],
)
def test_unknown_names(tmp_path: Path, model: str, device: str, words: str) -> None:
    """A misspelt model or device is told with the nearest name."""
    arguments = ["advise", "--model", model, "--device", device, "--results", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)

    assert isinstance(done.exception, FileError)
    assert words in str(done.exception)
