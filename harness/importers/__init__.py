"""This module keeps what other tools found as runs of origin `imported`: figures with their source, no cycles.

An imported run lies among the others and is ranked and reported like them. It never shares a front with
measured cases unless the user asks by name.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.profile import Origin
from harness.provenance import clock_anchor, read_provenance, utc_now
from harness.record import SCHEMA_VERSION, ImportedCase, RunStart, RunStop
from harness.store import RunWriter
from harness.suite import Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where imported figures are from.

    Attributes:
        id, title: of the run they become.
        files: name of each file to its sha256.
        facts: what else is known of the source, such as its licence.
        objectives: of a front over its cases.
        limits: hard limits.
    """

    id: str
    title: str
    files: Mapping[str, str]
    facts: Mapping[str, Any]
    objectives: Sequence[str]
    limits: Sequence[Limit]


def keep(results: Path, source: Source, cases: Sequence[ImportedCase]) -> Path:
    """Write imported cases as a complete run.

    Args:
        results: results folder.
        source: where they are from.
        cases: their figures, each id once.

    Returns:
        The run directory.

    Raises:
        StoreError: it cannot be written.
    """
    digest = hashlib.sha256("".join(sorted(source.files.values())).encode()).hexdigest()
    start = RunStart(
        schema_version=SCHEMA_VERSION,
        run="",
        **clock_anchor(),
        suite={
            "id": source.id,
            "title": source.title,
            "sha256": digest,
            "files": dict(source.files),
            "objectives": list(source.objectives),
            **source.facts,
        },
        device={},
        protocol={"name": "imported"},
        cases=[case.case for case in cases],
        order=[],
        items={},
        limits=[str(limit) for limit in source.limits],
        origin=str(Origin.IMPORTED),
        seed=0,
        plan_sha256=digest,
        provenance=read_provenance(Path.cwd()),
        found={},
    )
    with RunWriter.create(results, start) as writer:
        for case in cases:
            writer.imported(case)
        writer.stop(RunStop(utc=utc_now(), status="complete"))
        return writer.path
