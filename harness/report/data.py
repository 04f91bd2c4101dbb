"""This module gives a ranking as plain data for machines: JSON types only, no NaN, names with SI units."""

import json
import math
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from harness.judging.front import Placing, Ranking
from harness.judging.limits import Judgement
from harness.judging.membership import RESAMPLES, SEED, SURE, UNLIKELY
from harness.judging.precisions import PrecisionPair
from harness.judging.recommendation import recommend
from harness.judging.stats import CONFIDENCE, Estimate

SCHEMA_VERSION = 1
"""History: 1 (0.1.0) first form. Members are only added, never re-typed."""

SCHEMA_NAME = "report.schema.json"
"""JSON Schema (2020-12) of what `as_data` gives."""


def render_json(ranking: Ranking) -> str:
    """The ranking as JSON, one line a case."""
    data = as_data(ranking)
    cases = ",\n".join(json.dumps(case, ensure_ascii=False, allow_nan=False) for case in data.pop("cases"))
    rest = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return f'{rest[:-1]}, "cases": [\n{cases}\n]}}\n'


def schema_text() -> str:
    """The schema as it is published."""
    return files("harness.report").joinpath(SCHEMA_NAME).read_text(encoding="utf-8")


def as_data(ranking: Ranking) -> dict[str, Any]:
    """The ranking with all figures, verdicts and reasons; `json.dumps(..., allow_nan=False)` takes it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "objectives": list(ranking.objectives),
        "objectives_left_out": dict(ranking.left_out),
        "confidence": CONFIDENCE,
        "limits": [str(limit) for limit in ranking.limits],
        "mixed": list(ranking.mixed),
        "leader": ranking.leader.case.case if ranking.leader else None,
        "cases": [_case(placing) for placing in ranking.placings],
        "indifference": [_plain(each) for each in ranking.indifference],
        "resampling": {
            "resamples": RESAMPLES,
            "seed": SEED,
            "on_front_from": SURE,
            "dominated_below": UNLIKELY,
        },
        "precisions": [_precisions(pair) for pair in ranking.precisions],
        "looks": [_plain(look) for look in ranking.looks],
        "remeasured": dict(ranking.remeasured),
        "recommendation": _plain(recommend(ranking)),
        "scores": _plain(ranking.scoring) if ranking.scoring else None,
        "fit": _plain(ranking.fit) if ranking.fit else None,
    }


def _case(placing: Placing) -> dict[str, Any]:
    case = placing.case
    return {
        "case": case.case,
        "run": case.run,
        "device": case.device,
        "board": case.board or None,
        "engine": case.engine,
        "model": case.model,
        "precision": case.precision,
        "executed_precision": case.executed_precision or None,
        "origin": case.origin,
        "rank": placing.rank,
        "layer": placing.layer,
        "on_front": None if placing.rank is None else placing.on_front,
        "verdict": placing.verdict.value if placing.verdict else None,
        "incomplete": case.incomplete or None,
        "sittings": case.sittings,
        "parts": case.parts,
        "cycles": case.cycles,
        "items": case.items,
        "void": case.void,
        "void_reasons": dict(case.void_reasons),
        "figures": {name: _estimate(estimate) for name, estimate in case.estimates.items()},
        "limits": [_judgement(judgement) for judgement in placing.judgements],
        "front_class": placing.front_class.value if placing.front_class else None,
        "standing": _plain(placing.standing)
        | {"dominator": placing.dominator or None, "rival": placing.rival or None}
        if placing.standing
        else None,
        "steadiness": case.state.value if case.courses else None,
        "disturbed_share": case.disturbed_share,
        "courses": [_plain(course) for course in case.courses],
        "spreads": {name: _plain(each) for name, each in case.spreads.items()},
    }


def _precisions(pair: PrecisionPair) -> dict[str, Any]:
    return {
        "run": pair.run,
        "base": pair.base,
        "candidate": pair.candidate,
        **asdict(pair.table),
        "difference": _estimate(pair.shift.effect),
        "p": pair.shift.p,
        "p_family": pair.p_family,
        "detectable": pair.detectable,
        "margin": pair.margin,
        "not_inferior": pair.not_inferior,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": _finite(estimate.value),
        "lo": _finite(estimate.lo),
        "hi": _finite(estimate.hi),
        "lower": _finite(estimate.lower),
        "upper": _finite(estimate.upper),
        "method": estimate.method or None,
        "n": estimate.n,
        "unit": estimate.unit or None,
        "reason": estimate.reason or None,
        "confidence": estimate.confidence,
        "type_a": _finite(estimate.type_a),
        "type_b": _finite(estimate.type_b),
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "limit": str(judgement.limit),
        "verdict": judgement.verdict.value,
        "value": _finite(judgement.value),
        "evidence": judgement.evidence,
        "advice": judgement.advice or None,
    }


def _plain(record: Any) -> dict[str, Any]:
    """A frozen value as JSON has it: tuples are lists."""

    def plain(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: plain(inner) for key, inner in part.items()}
        if isinstance(part, list | tuple):
            return [plain(inner) for inner in part]
        return _finite(part) if isinstance(part, float) else part

    return {key: plain(inner) for key, inner in asdict(record).items()}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
