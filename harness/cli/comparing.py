"""This module compares runs and judges them by a policy from the command line."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import typer

from harness.errors import FileError, GateError
from harness.judging.compare import Comparison, Pair, compare, print_effect, sentence
from harness.judging.gate import Review, print_gate, review
from harness.judging.limits import Verdict
from harness.judging.stats import CONFIDENCE
from harness.names import hint
from harness.outputs import write_output
from harness.outputs.bencher import render_bencher
from harness.outputs.github_action import render_github_action
from harness.outputs.junit import render_junit
from harness.outputs.markdown import render_comparison, render_review
from harness.policy import Action
from harness.quantities import counted
from harness.schema import read_policy
from harness.store import Run, find_run, read_run


def print_comparison(
    base: str,
    candidate: str,
    *,
    results: Path,
    mix: Sequence[str] | None,
    margins: Sequence[str] | None,
    markdown: Path | None,
    as_json: bool,
    check: bool,
) -> None:
    """Compare two runs, or two cases, and print the answers.

    Raises:
        GateError: something is worse and `check` asks to fail then.
    """
    (first, cases), (second, others) = (_side(results, text) for text in (base, candidate))
    comparison = compare(first, second, (cases, others), mix=mix or (), margins=_margins(margins or ()))
    if markdown is not None:
        write_output(markdown, render_comparison(comparison))
    if as_json:
        typer.echo(json.dumps(_as_data(comparison), indent=2, allow_nan=False))
    else:
        for line in _lines(comparison):
            typer.echo(_plain(line))
    if check and comparison.worse:
        named = ", ".join(f"{pair.candidate.case} {change.quantity}" for pair, change in comparison.worse)
        raise GateError(f"{comparison.candidate} is worse than {comparison.base}: {named}")


def judge_run(
    name: str,
    *,
    policy: Path,
    baseline: str | None,
    results: Path,
    mix: Sequence[str] | None,
    allow_inconclusive: bool,
    outputs: Mapping[str, Path | None],
) -> None:
    """Judge a run by a policy, print each finding and write what is asked for.

    Args:
        name: of the run.
        policy: path of its file.
        baseline: name of the run that changes are counted from; None for none.
        results: where runs are kept.
        mix: fields in which run and baseline may differ.
        allow_inconclusive: what is not decided does not block.
        outputs: `junit`, `markdown`, `bencher` and `github-action-benchmark` to the file to write.

    Raises:
        GateError: a gate blocks.
    """
    gates = read_policy(policy)
    run = read_run(find_run(results, name))
    against = read_run(find_run(results, baseline)) if baseline is not None else None
    judged = review(run, gates, against, mix=mix or ())
    texts = {
        "junit": lambda: render_junit(judged),
        "markdown": lambda: render_review(judged, allow_inconclusive=allow_inconclusive),
        "bencher": lambda: render_bencher(judged.cases),
        "github-action-benchmark": lambda: render_github_action(judged.cases),
    }
    for kind, path in outputs.items():
        if path is not None:
            write_output(path, texts[kind]())
    for line in _findings(judged):
        typer.echo(_plain(line))
    blocking = judged.blocking(allow_inconclusive=allow_inconclusive)
    if blocking:
        raise GateError(
            f"{judged.run}: {len(blocking)} of {len(judged.findings)} gates block: "
            + ", ".join(dict.fromkeys(finding.gate.name for finding in blocking))
        )


def _side(results: Path, text: str) -> tuple[Run, list[str] | None]:
    """A run, and the cases of it that are meant: `RUN`, or `RUN:GLOB`."""
    name, colon, pattern = text.partition(":")
    run = read_run(find_run(results, name))
    if not colon:
        return run, None
    cases = [case for case in run.start.cases if fnmatchcase(case, pattern)]
    if not cases:
        raise FileError(f"{text}: {pattern}: matches no case of the run; {hint(pattern, run.start.cases)}")
    return run, cases


def _margins(texts: Iterable[str]) -> dict[str, float]:
    """`QUANTITY=SHARE` or `QUANTITY=PERCENT%`."""
    margins: dict[str, float] = {}
    for text in texts:
        name, equals, amount = (part.strip() for part in text.partition("="))
        try:
            value = float(amount.removesuffix("%")) / (100 if amount.endswith("%") else 1)
        except ValueError:
            value = -1.0
        if not equals or not 0 < value < 1:
            raise FileError(f"--margin {text}: expected a quantity, = and a share, such as latency_p99_s=2%")
        margins[name] = value
    return margins


def _as_data(comparison: Comparison) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "base": comparison.base,
        "candidate": comparison.candidate,
        "mixed": list(comparison.mixed),
        "differs": list(comparison.differs),
        "alone": list(comparison.alone),
        "confidence": CONFIDENCE,
        "pairs": [
            {
                "base": pair.base.case,
                "candidate": pair.candidate.case,
                "origin": pair.candidate.origin,
                "items": None if pair.table is None else asdict(pair.table),
                "detectable": pair.detectable,
                "changes": [
                    {**asdict(change), "outcome": change.outcome.value, "sentence": sentence(change)}
                    for change in pair.changes
                ],
            }
            for pair in comparison.pairs
        ],
    }


def _lines(comparison: Comparison) -> Iterable[str]:
    yield f"base {comparison.base}, candidate {comparison.candidate}"
    if all(
        (pair.base.run, pair.base.case) == (pair.candidate.run, pair.candidate.case)
        for pair in comparison.pairs
    ):
        yield "both are the same run: there is no difference to be found"
    for line in comparison.mixed:
        yield f"mixed as asked: {line}"
    for line in comparison.differs:
        yield f"not the same: {line}"
    for pair in comparison.pairs:
        yield from _pair_lines(pair)
    for case in comparison.alone:
        yield f"{case}: only one run has it"
    if not any(change.margin for pair in comparison.pairs for change in pair.changes):
        yield "to have sameness shown, say what counts as the same, such as: --margin latency_p99_s=2%"
    many = len(comparison.pairs) != 1
    yield (
        f"p by Holm over {len(comparison.pairs)} case{'s' * many} for each quantity; intervals are of one figure alone."
    )


def _pair_lines(pair: Pair) -> Iterable[str]:
    yield " against ".join(dict.fromkeys((pair.base.case, pair.candidate.case)))
    for side, case in (("base", pair.base), ("candidate", pair.candidate)):
        if case.incomplete:
            yield f"  incomplete in the {side}, {case.run}: {case.incomplete}"
    for change in pair.changes:
        yield f"  {sentence(change)}"
    if pair.table is not None:
        table = pair.table
        detectable = (
            ""
            if pair.detectable is None
            else (
                f"; a difference of {print_effect('accuracy', pair.detectable)} would be found 4 times of 5"
            )
        )
        yield (
            f"  Of {counted(table.items, 'item')} right only in the base: {table.lost}, only in the candidate: "
            f"{table.won}, in both: {table.both}, in neither: {table.neither}{detectable}."
        )


def _findings(judged: Review) -> Iterable[str]:
    yield f"run {judged.run}, baseline {judged.baseline or 'none'}, power: {judged.origin or 'no meter'}"
    for line in judged.mixed:
        yield f"mixed as asked: {line}"
    for finding in judged.findings:
        warns = (
            " (warns)" if finding.gate.action is Action.WARN and finding.verdict is not Verdict.PASS else ""
        )
        yield f"{finding.verdict}{warns}  {finding.case.case}  {finding.gate.name}: {print_gate(finding.gate)}"
        if finding.verdict is not Verdict.PASS:
            yield f"      {finding.evidence}"


def _plain(text: str) -> str:
    """Text without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
