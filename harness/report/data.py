"""This module gives a ranking as plain data for machines: JSON types only, no NaN, names with SI units."""

import math
from typing import Any

from harness.front import OBJECTIVES, Placing, Ranking
from harness.limits import Judgement
from harness.stats import CONFIDENCE, Estimate

SCHEMA_VERSION = 1
"""History: 1 (0.1.0) first form. Members are only added, never re-typed."""


def as_data(ranking: Ranking) -> dict[str, Any]:
    """The ranking with all figures, verdicts and reasons; `json.dumps(..., allow_nan=False)` takes it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "objectives": list(OBJECTIVES),
        "confidence": CONFIDENCE,
        "limits": [str(limit) for limit in ranking.limits],
        "mixed": list(ranking.mixed),
        "leader": ranking.leader.case.case if ranking.leader else None,
        "cases": [_case(placing) for placing in ranking.placings],
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
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "limit": str(judgement.limit),
        "verdict": judgement.verdict.value,
        "value": _finite(judgement.value),
        "evidence": judgement.evidence,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
