"""This module advises before measuring: what can run, whether it fits, and the least it would take.

Everything in it follows from the model file and from published facts of the board; what was measured in earlier
runs stands beside it.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.claims import published
from harness.judging.cases import CaseResult
from harness.judging.limits import Verdict, judge_all
from harness.macs import Work, count, count_model, read_model
from harness.profile import Board
from harness.quantisation import Quantisation, objections, quantisation_of
from harness.roofline import PRECISIONS, Roof, roof_of
from harness.suite import Artefact, Limit, Model
from harness.support import ENGINES, FIRST_ON, Ability


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One engine with one precision on the board.

    Attributes:
        engine, precision: which.
        ability: whether and how it is executed.
        note: what a user must know.
        sources: of the statement.
        served: this installation can measure with the engine.
    """

    engine: str
    precision: str
    ability: Ability
    note: str
    sources: Sequence[str]
    served: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What was measured of a case, beside the estimate of its precision.

    Attributes:
        case: the measured figures.
        latency_ratio: measured median latency over the estimate, least and greatest; None where either is absent.
        macs_per_s: multiply-accumulates a second that were reached; None without a latency.
        undecided: sentences on limits that are INCONCLUSIVE.
    """

    case: CaseResult
    latency_ratio: tuple[float, float] | None
    macs_per_s: float | None
    undecided: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is known of a model on a board before it is measured.

    Attributes:
        model: its id or file.
        board: which.
        work: of one inference, counted in the file of the first precision.
        engine: the first choice by hardware, whether this installation has it or not.
        why: the reason for it.
        measured_with: the first choice among the engines this installation has; empty where it has none.
        shapes: what becomes of open dimensions in each engine; empty for a fixed shape.
        quantised: how each artefact is quantised that is, by its precision.
        options: every engine of the board with every precision.
        roofs: one for each precision.
        parameters: sentence on the published recommendation; empty where there is none.
        measured: cases of earlier runs.
        next_steps: what to measure.
    """

    model: str
    board: Board
    work: Work
    engine: str
    why: str
    measured_with: str
    shapes: Mapping[str, str]
    quantised: Mapping[str, Quantisation]
    options: Sequence[Option]
    roofs: Sequence[Roof]
    parameters: str
    measured: Sequence[Beside]
    next_steps: Sequence[str]


def advise(
    model: Model,
    board: Board,
    measured: Sequence[CaseResult] = (),
    limits: Sequence[Limit] = (),
    *,
    served: Collection[str] = tuple(ENGINES),
) -> Advice:
    """Advise on a model for a board.

    Args:
        model: its artefacts, the parent first.
        board: with its facts.
        measured: cases of earlier runs of this model on this board.
        limits: hard limits, to tell what is undecided.
        served: names of the engines this installation can measure with.

    Raises:
        FileError: an artefact cannot be counted.
    """
    files = {artefact.precision: (artefact.path, read_model(artefact.path)) for artefact in model.artefacts}
    works = {precision: count_model(proto, str(path)) for precision, (path, proto) in files.items()}
    found = {precision: quantisation_of(proto) for precision, (_, proto) in files.items()}
    quantised = {precision: each for precision, each in found.items() if each.tensors or each.fused}
    parent = next(iter(works.values()))
    engine, why = _choose(board, parent, served)
    ours = replace(board, engines=[name for name in board.engines if name in served])
    measured_with = engine if engine in served else _choose(ours, parent, served)[0] if ours.engines else ""
    options = [
        replace(
            _option(board, name, precision, works.get(precision, parent), quantised.get(precision)),
            served=name in served,
        )
        for name in board.engines
        for precision in PRECISIONS
    ]
    roofs = [roof_of(board, precision, works) for precision in PRECISIONS]
    beside = [_beside(case, roofs, parent, limits) for case in measured]
    return Advice(
        model=model.id,
        board=board,
        work=parent,
        engine=engine,
        why=why,
        measured_with=measured_with,
        shapes={name: ENGINES[name].dynamic for name in board.engines if name in ENGINES}
        if parent.dynamic
        else {},
        quantised=quantised,
        options=options,
        roofs=roofs,
        parameters=_parameters(board, model),
        measured=beside,
        next_steps=[
            *(
                step if engine in served else f"by hand: {step}"
                for step in _requantise(model, quantised, engine)
            ),
            *_next_steps(model, options, beside, measured_with),
        ],
    )


def lone_model(path: Path) -> Model:
    """A file that belongs to no suite, as a model of one artefact of its own precision.

    Raises:
        FileError: it cannot be counted.
    """
    precision = _precision_of(count(path))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    artefact = Artefact(precision=precision, path=path, sha256=sha256, recipe="not stated")
    return Model(id=path.name, macs=None, parameters=None, artefacts=(artefact,))


def _precision_of(work: Work) -> str:
    """Of a file, by the operators in it; a float file is taken for fp32."""
    if any(name.endswith("MatMulNBits") for name in work.operators):
        return "int4"
    quantised = {"DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"}
    return "int8" if quantised & work.operators.keys() else "fp32"


def _choose(board: Board, work: Work, served: Collection[str]) -> tuple[str, str]:
    """The first choice by hardware and by what the model is made of."""
    foreign = {name.partition(":")[0] for name in work.operators if ":" in name}
    for name in FIRST_ON:
        if name in board.engines and foreign <= set(ENGINES[name].domains):
            return (
                name,
                f"{board.title} has its hardware ({ENGINES[name].choose_when}); {ENGINES[name].model}",
            )
    if "openvino" in board.engines and "intel" in board.soc.lower():
        return "openvino", f"{board.title} has an Intel processor: {ENGINES['openvino'].model}"
    usable = [name for name in board.engines if name in ENGINES and foreign <= set(ENGINES[name].domains)]
    name = "onnxruntime" if "onnxruntime" in usable else next(iter(usable), board.engines[0])
    hint = (
        "; try OpenVINO too where the processor is Intel's"
        if "openvino" in {*board.engines} & {*served}
        else ""
    )
    title = ENGINES[name].title if name in ENGINES else name
    return name, f"{title} runs on hardware of several vendors and takes every shape{hint}"


def _option(
    board: Board, engine: str, precision: str, work: Work, quantised: Quantisation | None = None
) -> Option:
    support = ENGINES.get(engine)
    statement = support.precisions.get(precision) if support else None
    sources = support.sources if support else ()
    ability, note = (
        (statement.ability, statement.note) if statement else (Ability.UNKNOWN, "nothing is published")
    )
    foreign = {name.partition(":")[0] for name in work.operators if ":" in name}
    if support and not foreign <= set(support.domains) and ability is not Ability.NONE:
        ability, note = (
            Ability.NONE,
            f"the file holds operators of {', '.join(sorted(foreign))}: {support.model}",
        )
    elif support and support.symmetric and quantised and objections(quantised):
        ability, note = Ability.NONE, f"not this file: {', '.join(objections(quantised))}; {note}"
    elif ability in {Ability.NATIVE, Ability.PROVIDER} and precision not in board.precisions:
        ability, note = (
            Ability.STORED,
            f"the board does not execute {precision} natively; {note}".removesuffix("; "),
        )
    return Option(
        engine=engine, precision=precision, ability=ability, note=note, sources=sources, served=True
    )


def _parameters(board: Board, model: Model) -> str:
    advice = published(board, {"recommended_parameters": 1.0})
    if advice.greatest is None or model.parameters is None:
        return ""
    word = "within" if model.parameters <= advice.greatest else "beyond"
    sources = "; ".join(advice.sources)
    return f"{model.parameters:,} parameters are {word} the {advice.greatest:,.0f} recommended ({sources})"


def _beside(case: CaseResult, roofs: Sequence[Roof], work: Work, limits: Sequence[Limit]) -> Beside:
    latency_s = case.estimate("latency_p50_s").value
    roof = next((roof for roof in roofs if roof.precision == case.precision), None)
    ratio = None
    if latency_s and roof and roof.latency_s.least and roof.latency_s.greatest:
        ratio = (latency_s / roof.latency_s.greatest, latency_s / roof.latency_s.least)
    undecided = [j.evidence for j in judge_all(case, limits) if j.verdict is Verdict.INCONCLUSIVE]
    return Beside(
        case=case,
        latency_ratio=ratio,
        macs_per_s=work.macs / latency_s if latency_s else None,
        undecided=undecided,
    )


def _requantise(model: Model, quantised: Mapping[str, Quantisation], engine: str) -> list[str]:
    """What to make anew for the engine of first choice, and weights that could be kept more finely."""
    support = ENGINES.get(engine)
    steps = []
    for precision, each in quantised.items():
        refused = objections(each) if support and support.symmetric else []
        if refused and support:
            steps.append(
                f"quantise {model.id} {precision} anew for {support.title}: signed, every zero point 0, one scale for "
                "each activation, a scale for each channel of the weights, biases in float"
            )
        elif each.weights and all(tensor.scales == 1 for tensor in each.weights):
            steps.append(
                f"try {model.id} {precision} with a scale for each channel of the weights: now each has one for "
                "the whole tensor, which costs accuracy where channels differ"
            )
    return steps


def _next_steps(model: Model, options: Sequence[Option], beside: Sequence[Beside], engine: str) -> list[str]:
    able = {
        option.precision
        for option in options
        if option.engine == engine and option.ability is not Ability.NONE
    }
    done = {each.case.precision for each in beside if each.case.engine == engine}
    missing = [a.precision for a in model.artefacts if a.precision in able and a.precision not in done]
    steps = [f"measure {model.id} in {', '.join(missing)} with {engine}"] if missing else []
    if not engine:
        steps.append(
            "by hand: no engine of this version runs here; bring figures in with harness import table"
        )
    steps += [f"{each.case.case}: {sentence}" for each in beside for sentence in each.undecided]
    steps += [f"{each.case.case}: {each.case.incomplete}" for each in beside if each.case.incomplete]
    return steps
