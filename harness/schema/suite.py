"""This module is the form of a suite's file."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, FiniteFloat, ValidationInfo, field_validator

from harness.errors import FileError
from harness.quantities import QUANTITIES, Direction, find_quantity, parse_limit
from harness.schema.fields import (
    Amount,
    Count,
    Digest,
    Id,
    PositiveSeconds,
    Seconds,
    Section,
    Share,
    Text,
    Version,
    each_once,
    is_stem,
    reading,
)
from harness.suite import Artefact, Bounds, Data, EngineChoice, Indifference, Model, Protocol, Suite


def _inside(value: str, info: ValidationInfo) -> str:
    """Check that a path names a file in or below the suite's folder, links followed."""
    folder = reading(info).path.parent
    if Path(value).is_absolute() or ".." in Path(value).parts:
        raise ValueError(f"found {value}, expected a path below the suite's folder, without ..")
    try:
        target = (folder / value).resolve()
        outside = not target.is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:  # a loop of links
        raise ValueError(f"found {value}, which cannot be followed: {error}") from error
    if outside:
        raise ValueError(f"found {value}, a link that leaves the suite's folder; put the file itself there")
    if not target.is_file():
        raise ValueError(f"found {value}, expected a file; {folder / value} is none")
    return value


def _matches(value: str, info: ValidationInfo) -> str:
    """Check the digest of the file whose path stands above it; only where a run asks for it."""
    circumstances = reading(info)
    if not circumstances.verify or "path" not in info.data:
        return value
    path = circumstances.path.parent / info.data["path"]
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    if found != value:
        raise ValueError(
            f"expected {value}, found {found} in {path}; restore the file, or state the new digest"
        )
    return value


FilePath = Annotated[Text, AfterValidator(_inside)]
FileDigest = Annotated[Digest, AfterValidator(_matches)]


class ArtefactSection(Section):
    """A model file at one precision."""

    precision: Id = Field(description="nominal precision, the last part of a case's id")
    path: FilePath = Field(description="the file, relative to the suite's file and not outside its folder")
    sha256: FileDigest = Field(description="digest of the file; one that differs is not run")
    recipe: Text = Field(description="how it was made, in words")


class ModelSection(Section):
    """A network in one or more precisions."""

    id: Id = Field(description="the third part of a case's id")
    macs: Amount | None = Field(
        default=None,
        description="multiply-accumulates of one inference of the fp32 parent; null: not counted",
    )
    parameters: Amount | None = Field(
        default=None, description="weights and biases of the fp32 parent; null: not counted"
    )
    artefacts: list[ArtefactSection] = Field(min_length=1, description="model files, one for each precision")

    @field_validator("artefacts")
    @classmethod
    def _precisions_differ(cls, artefacts: list[ArtefactSection]) -> list[ArtefactSection]:
        return each_once(artefacts, lambda artefact: artefact.precision, "precision")


class EngineSection(Section):
    """An engine and how it is to run."""

    id: Id = Field(description="the second part of a case's id")
    kind: Id = Field(description="name of the engine in the harness, such as `onnxruntime`")
    providers: list[Text] = Field(min_length=1, description="where nodes may run, in order of priority")
    allow_fallback: bool = Field(
        default=False, description="let nodes run on a later provider of the list; otherwise the load fails"
    )
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(default=1, description="threads of one inference")
    spinning: bool = Field(default=False, description="let idle threads spin; it changes power and latency")


class DataSection(Section):
    """Labelled inputs in one `.npz` file without pickles."""

    path: FilePath = Field(description="the file, relative to the suite's file and not outside its folder")
    sha256: FileDigest = Field(description="digest of the file; one that differs is not used")
    inputs: Text = Field(description="name of the array of inputs; one row an item")
    labels: Text = Field(description="name of the array of labels, whole numbers")
    subset: Text | None = Field(
        default=None, description="name of the array of row numbers that are the items; null for all rows"
    )
    dtype: Literal["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64"] = Field(
        description="type of one input as the model takes it"
    )
    scale: FiniteFloat = Field(default=1.0, description="factor from stored to fed values")
    shape: list[Annotated[int, Field(ge=1, le=1_000_000)]] = Field(
        min_length=1, max_length=8, description="of one input as the model takes it, batch included"
    )
    licence: Text = Field(description="of the data")
    attribution: Text = Field(description="as the licence of the data asks")


class ProtocolSection(Section):
    """How long and how often."""

    sittings: Annotated[int, Field(ge=1, le=1000)] = Field(
        description="measurements from scratch of each case; at least 3 for an interval between sittings"
    )
    items: Count | None = Field(
        default=None, description="labelled items measured in all, drawn by the seed; null for every one"
    )
    items_per_sitting: Literal["share", "all"] = Field(
        description="`share`: the sittings divide the items; `all`: each sitting sees every item"
    )
    warmup_s: Seconds = Field(description="least duration of inference before the first counted cycle")
    window_s: PositiveSeconds = Field(default=0.01, description="least duration of a cycle's window")
    samples: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10, description="least number of the meter's samples in a window"
    )
    block_s: Seconds = Field(
        default=0.0, description="least duration of the counted cycles of a sitting; 0 for once through"
    )
    idle_s: Seconds = Field(description="idle power is taken this long before and after the counted cycles")
    cooldown_s: Seconds = Field(default=0.0, description="pause before a sitting")
    preflight_items: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=50, description="labelled items run before measuring; 0 for none"
    )
    preflight_accuracy: Share = Field(description="least share of the preflight items that must be right")
    coverage: Share = Field(
        default=0.9, description="least share of a window that the meter's conversions must cover"
    )
    remeasure: Annotated[int, Field(ge=0, le=100)] = Field(
        default=2, description="how often a void cycle's item is measured again"
    )
    idle_drift: Share = Field(
        default=0.1,
        description="idle power may change by this share over a sitting; beyond it no energy above idle is given",
    )


class ProtocolsSection(Section):
    """The three protocols of a suite."""

    standard: ProtocolSection = Field(description="what runs when nothing is said")
    quick: ProtocolSection = Field(description="with `--quick`: a look, not a result")
    full: ProtocolSection = Field(description="with `--full`: for publication")


_LOOK = ProtocolSection(
    sittings=1, items_per_sitting="share", warmup_s=0.05, idle_s=0.2, preflight_accuracy=0.0
)
USUAL = ProtocolsSection(
    standard=_LOOK.model_copy(update={"sittings": 3, "warmup_s": 0.1}),
    quick=_LOOK,
    full=_LOOK.model_copy(
        update={
            "sittings": 5,
            "items_per_sitting": "all",
            "warmup_s": 2.0,
            "window_s": 0.05,
            "block_s": 10.0,
            "idle_s": 2.0,
            "cooldown_s": 10.0,
        }
    ),
)
"""What holds for a suite that says nothing of it."""

QUICK_ITEMS = 60
"""The usual quick protocol takes so many items at most: it is a look."""


def _limit(text: str) -> str:
    try:
        parse_limit(text)
    except FileError as error:
        raise ValueError(str(error)) from error
    return text


def _published(names: Iterable[str]) -> None:
    try:
        for name in names:
            find_quantity(name)
    except FileError as error:
        raise ValueError(str(error)) from error


_SHARE = re.compile(r"([0-9]+(?:\.[0-9]*)?) ?%")


def _width(quantity: str, value: float | str) -> Indifference:
    """A number in the unit of the quantity, or a text such as `1 %`."""
    share = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, str) and share is None:
        raise ValueError(f"{quantity}: found {value}, expected a number above 0 or a text such as 1 %")
    width = float(share[1]) / 100 if share else float(value)
    if not width > 0:
        raise ValueError(f"{quantity}: found {value}, expected a number above 0 or a text such as 1 %")
    return Indifference(quantity=quantity, width=width, relative=share is not None)


class BoundsSection(Section):
    """The ends of a quantity's scale in scores."""

    best: FiniteFloat = Field(description="no case is better; a case that is, is refused a score")
    worst: FiniteFloat = Field(description="hardly worth having, such as a limit; a case may be beyond it")

    @field_validator("worst")
    @classmethod
    def _ends_differ(cls, worst: float, info: ValidationInfo) -> float:
        if worst == info.data.get("best"):
            raise ValueError("found worst equal to best; a scale needs two ends")
        return worst


class SuiteFile(Section):
    """Models, engines, labelled data, protocols and limits."""

    schema_: Version = Field(alias="schema", description="version of this form of file")
    id: Annotated[Id, AfterValidator(is_stem)] = Field(description="stable name, the file's stem")
    title: Text = Field(description="one line for a report's head")
    models: list[ModelSection] = Field(min_length=1, description="networks")
    engines: list[EngineSection] = Field(min_length=1, description="engines; each runs every model")
    data: DataSection = Field(description="labelled inputs")
    metric: Literal["top1"] = Field(
        default="top1", description="`top1`: the share of items whose class is right"
    )
    postprocess: Literal["argmax"] = Field(
        default="argmax", description="`argmax`: the class is the largest of the first output's last axis"
    )
    protocol: ProtocolsSection = Field(
        default=USUAL,
        description="how long and how often, three times; without it `standard` has 3 sittings that share the items, "
        "`quick` has one of at most 60 items, `full` has 5 of all items and at least 10 s",
    )
    limits: list[Annotated[Text, AfterValidator(_limit)]] = Field(
        default=[], description="hard limits such as `latency_p99_s < 0.150`, in the unit of the name"
    )
    objectives: list[Id] = Field(
        default=[],
        description="quantities of the front, all better smaller; without them latency_p99_s, "
        "energy_per_inference_j and error, and no energy where no device of the runs has a meter",
    )
    looks: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3,
        description="how often verdicts of repeated runs may be looked at; each bound is made surer by it",
    )
    indifference: dict[Id, FiniteFloat | Text] = Field(
        default={},
        description="quantity to what makes no difference on the front: a number in its unit, or a text such as `1 %`",
    )
    bounds: dict[Id, BoundsSection] = Field(
        default={}, description="quantity to the ends of its scale in scores; without it there are none"
    )
    score: Literal["equal", "flops-latency-accuracy"] | None = Field(
        default=None,
        description="policy that reports show the scores of; it needs the bounds of its quantities",
    )

    @field_validator("objectives")
    @classmethod
    def _smaller_is_better(cls, objectives: list[str]) -> list[str]:
        _published(objectives)
        for name in objectives:
            if QUANTITIES[name].direction is not Direction.SMALLER:
                raise ValueError(f"{name} is not better smaller; take another, such as error for accuracy")
        return each_once(objectives, lambda name: name, "objective")

    @field_validator("indifference")
    @classmethod
    def _widths_are_widths(cls, widths: dict[str, float | str]) -> dict[str, float | str]:
        _published(widths)
        for quantity, value in widths.items():
            _width(quantity, value)
        return widths

    @field_validator("bounds")
    @classmethod
    def _scales_are_published(cls, bounds: dict[str, BoundsSection]) -> dict[str, BoundsSection]:
        _published(bounds)
        return bounds

    @field_validator("models")
    @classmethod
    def _models_differ(cls, models: list[ModelSection]) -> list[ModelSection]:
        return each_once(models, lambda model: model.id, "model")

    @field_validator("engines")
    @classmethod
    def _engines_differ(cls, engines: list[EngineSection]) -> list[EngineSection]:
        return each_once(engines, lambda engine: engine.id, "engine")

    def suite(self, path: Path, sha256: str) -> Suite:
        """The frozen value."""
        folder = path.parent
        data = {**dict(self.data), "path": folder / self.data.path, "shape": tuple(self.data.shape)}
        return Suite(
            id=self.id,
            title=self.title,
            models=tuple(_model(model, folder) for model in self.models),
            engines=tuple(
                EngineChoice(**{**dict(engine), "providers": tuple(engine.providers)})
                for engine in self.engines
            ),
            data=Data(**data),
            metric=self.metric,
            postprocess=self.postprocess,
            protocols=dict(_protocols(self.protocol)),
            limits=tuple(parse_limit(limit) for limit in self.limits),
            path=path,
            sha256=sha256,
            looks=self.looks,
            indifference=tuple(_width(*each) for each in self.indifference.items()),
            bounds=tuple(Bounds(quantity=name, **dict(ends)) for name, ends in self.bounds.items()),
            score=self.score,
            objectives=tuple(self.objectives),
            items_at_most={} if "protocol" in self.model_fields_set else {"quick": QUICK_ITEMS},
        )


def _model(model: ModelSection, folder: Path) -> Model:
    artefacts = tuple(
        Artefact(**{**dict(artefact), "path": folder / artefact.path}) for artefact in model.artefacts
    )
    return Model(**{**dict(model), "artefacts": artefacts})


def _protocols(protocols: ProtocolsSection) -> Iterable[tuple[str, Protocol]]:
    for name, protocol in protocols:
        yield name, Protocol(name=name, **dict(protocol))
