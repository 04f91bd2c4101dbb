"""This module holds what a suite asks for: models, engines, labelled data, protocol and limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A model file at one precision.

    Attributes:
        precision: nominal precision, the last segment of a case's id; what is executed is found out by running.
        path: the file.
        sha256: its digest as the suite states it; a file that differs is refused.
        recipe: how it was made, in words.
    """

    precision: str
    path: Path
    sha256: str
    recipe: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A network in one or more precisions.

    Attributes:
        id: the third segment of a case's id.
        macs: multiply-accumulates of one inference, counted on the fp32 parent; None where not counted.
        parameters: weights and biases, counted on the fp32 parent; None where not counted.
        artefacts: at least one.
    """

    id: str
    macs: int | None
    parameters: int | None
    artefacts: Sequence[Artefact]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """An engine and how it is to run.

    Attributes:
        id: the second segment of a case's id.
        kind: name in the registry of engines.
        providers: where nodes may run, in order of priority.
        allow_fallback: let nodes run on a later provider of the list; otherwise that fails the load.
        threads: of one inference.
        spinning: let idle threads spin; it changes power, not only latency.
    """

    id: str
    kind: str
    providers: Sequence[str]
    allow_fallback: bool
    threads: int
    spinning: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Labelled inputs in one `.npz` file without pickles.

    Attributes:
        path, sha256: the file and its digest as the suite states it.
        inputs, labels: names of the arrays; one row an item.
        subset: name of an array of row numbers that are the items; None for all rows.
        dtype: what the model takes, such as `float32`.
        scale: factor from stored to fed values.
        shape: of one input as the model takes it, batch included.
        licence, attribution: as the licence of the data asks.
    """

    path: Path
    sha256: str
    inputs: str
    labels: str
    subset: str | None
    dtype: str
    scale: float
    shape: Sequence[int]
    licence: str
    attribution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How long and how often.

    Attributes:
        name: `standard`, `quick` or `full`.
        sittings: measurements from scratch of each case; the replicate of all statistics.
        items: labelled items measured in all; None for every one.
        items_per_sitting: `all` (each sitting sees every item) or `share` (the sittings divide them).
        warmup_s: least duration of inference before the first counted cycle of a sitting.
        window_s: least duration of a cycle's window.
        samples: least number of the meter's samples in a window.
        block_s: least duration of the counted cycles of a sitting; items are gone through again until then;
            0 for once through.
        idle_s: idle power is taken this long before and after the counted cycles.
        cooldown_s: pause before a sitting.
        preflight_items: labelled items run before measuring; 0 for none.
        preflight_accuracy: least share of them that must be right.
        coverage: least share of a window that conversion intervals must cover.
        remeasure: how often a void cycle's item is measured again.
        idle_drift: idle power may change by this share over a sitting; beyond it no energy above idle is given.
    """

    name: str
    sittings: int
    items: int | None
    items_per_sitting: str
    warmup_s: float
    window_s: float
    samples: int
    block_s: float
    idle_s: float
    cooldown_s: float
    preflight_items: int
    preflight_accuracy: float
    coverage: float
    remeasure: int
    idle_drift: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A hard limit on a quantity, in its SI unit: `latency_p99_s < 0.150`.

    Attributes:
        quantity: name in `harness.quantities`.
        comparison: `<`, `<=`, `>` or `>=`.
        bound: in the unit of the quantity's name.
    """

    quantity: str
    comparison: str
    bound: float

    def __str__(self) -> str:
        return f"{self.quantity} {self.comparison} {self.bound:.9g}"


SCORES = ("equal", "flops-latency-accuracy")
"""Names of the policies that scores are made by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indifference:
    """What makes no difference: figures of a quantity in one box of this width count as equal.

    Attributes:
        quantity: name in `harness.quantities`.
        width: above 0; in the unit of the quantity, or a share of the figure.
        relative: it is a share.
    """

    quantity: str
    width: float
    relative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The ends of the scale on which a score places a quantity; declared, never taken from the cases.

    Attributes:
        quantity: name in `harness.quantities`.
        best: no case is better; 0 on the scale.
        worst: what is hardly worth having, such as a limit; 1 on the scale, and a case may be beyond it.
    """

    quantity: str
    best: float
    worst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Models x precisions x engines x labelled data x protocol: `suites/*.yaml`.

    Attributes:
        id: stable name, the file's stem.
        title: one line for a report's head.
        models, engines: at least one each.
        data: labelled inputs.
        metric: `top1`.
        postprocess: `argmax` over the last axis of the first output.
        protocols: by name; `standard`, `quick` and `full` are always there.
        limits: hard limits.
        path, sha256: the file and its digest.
        looks: how often the verdicts of repeated runs may be looked at; each bound is made surer by it.
        indifference: what counts as equal on the front; empty for nothing.
        bounds: scales of the quantities that scores are made of; empty for no scores.
        score: policy of `SCORES` that reports show the scores of; None for none.
        objectives: quantities of the front, all better smaller; empty for the usual ones.
        items_at_most: name of a protocol to the most items it takes, in place of its `items`; all of fewer.
    """

    id: str
    title: str
    models: Sequence[Model]
    engines: Sequence[EngineChoice]
    data: Data
    metric: str
    postprocess: str
    protocols: Mapping[str, Protocol]
    limits: Sequence[Limit]
    path: Path
    sha256: str
    looks: int = 3
    indifference: Sequence[Indifference] = ()
    bounds: Sequence[Bounds] = ()
    score: str | None = None
    items_at_most: Mapping[str, int] = field(default_factory=dict)
    objectives: Sequence[str] = ()
