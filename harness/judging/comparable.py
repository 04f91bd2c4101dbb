"""This module says whether two runs may be compared, and what else differs between them.

Device, meter, protocol, data and origin must agree, or their difference would be taken for that of the cases.
Versions, artefacts and settings of engines may differ: they are what is compared.
"""

from collections.abc import Collection, Mapping
from typing import Any

from harness.errors import MeasurementError
from harness.store import Run

MIXABLE = ("origin", "device", "hw_revision", "meter", "calibration", "protocol", "data", "metric")
"""What must agree between two runs unless the user asks by name."""


def circumstances(run: Run) -> dict[str, str]:
    """All that must agree between two runs, flat: `meter.shunt_ohm` to `0.01`."""
    start = run.start
    device, data = start.device, start.suite.get("data")
    content = {
        "origin": start.origin or "no meter",
        "device": device.get("id"),
        "hw_revision": start.found.get("hw_revision") or device.get("hw_revision"),
        "calibration": _calibration(run),
        "meter": device.get("meter") or {},
        "protocol": start.protocol,
        "data": {
            key: data.get(key) for key in ("sha256", "inputs", "labels", "subset", "dtype", "scale", "shape")
        }
        if isinstance(data, Mapping)
        else {},
        "metric": {key: start.suite.get(key) for key in ("metric", "postprocess")},
    }
    return dict(_leaves(content))


def _calibration(run: Run) -> str | None:
    """Digests of the calibrations that were used; None for none. A new one under an old name is another one."""
    used = [(opened.meter or {}).get("calibration") for opened in run.opened]
    digests = dict.fromkeys(str(each["sha256"]) for each in used if isinstance(each, Mapping))
    return ", ".join(digests) or None


def refuse_to_mix(base: Run, candidate: Run, mix: Collection[str]) -> list[str]:
    """Sentences on the fields that differ and may.

    Args:
        base: one run.
        candidate: the other.
        mix: fields of `MIXABLE` that may differ.

    Raises:
        MeasurementError: a field differs that may not.
    """
    found = differences(circumstances(base), circumstances(candidate))
    refused = [line for line in found if line.partition(" ")[0].partition(".")[0] not in mix]
    if refused:
        fields = ", ".join(dict.fromkeys(line.partition(" ")[0].partition(".")[0] for line in refused))
        raise MeasurementError(
            f"{base.start.run} and {candidate.start.run} are not compared: {'; '.join(refused)}. "
            f"Measure both alike, or ask by name for what may differ: {fields}."
        )
    return found


def differences(base: Mapping[str, str], candidate: Mapping[str, str]) -> list[str]:
    """One sentence for each key whose values differ."""
    return [
        f"{key} differs: {base.get(key, 'not stated')} against {candidate.get(key, 'not stated')}"
        for key in dict.fromkeys((*base, *candidate))
        if base.get(key) != candidate.get(key)
    ]


def explanations(run: Run, cases: Collection[str]) -> dict[str, str]:
    """What may be behind a change: versions, host, sources, the artefacts and what really ran of the cases."""
    start = run.start
    content: dict[str, Any] = {key: start.provenance.get(key) or {} for key in ("versions", "host", "git")}
    content["found"] = {key: start.found.get(key) for key in ("firmware", "build_id")}
    content["engine"] = {str(engine.get("id")): engine for engine in start.suite.get("engines") or ()}
    content["artefact"] = {
        f"{model.get('id')}/{artefact.get('precision')}": artefact.get("sha256")
        for model in start.suite.get("models") or ()
        for artefact in model.get("artefacts") or ()
        if any(case.endswith(f"/{model.get('id')}/{artefact.get('precision')}") for case in cases)
    }
    content["executed"] = {
        record.case: record.executed.get("precision") for record in run.opened if record.case in cases
    }
    return dict(_leaves(content))


def _leaves(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Leaves of nested mappings that say something, keys joined by dots."""
    found: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            found += _leaves(value, f"{prefix}{key}.")
        elif value is not None:
            found.append((f"{prefix}{key}", str(value)))
    return found
