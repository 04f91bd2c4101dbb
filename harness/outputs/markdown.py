"""This module writes judgements as Markdown for a pull request or a step's summary.

Every text is escaped: a name can open no table cell, no code, no link, no mention and no HTML. What does not
fit is left out, and says so: a comment takes 65,536 characters.
"""

import re
from collections.abc import Iterable, Sequence

from harness.judging.compare import Change, Comparison, Outcome, Pair, print_effect
from harness.judging.gate import Finding, Review, print_gate
from harness.judging.limits import Verdict
from harness.policy import Action
from harness.quantities import QUANTITIES, print_value

ROWS = 20
"""Shown of a table; the rest is counted."""

LONGEST = 300
"""Characters of one cell."""

_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+!|~$<>&@:-])")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;", "|": "&#124;", ":": "&#58;", "`": "&#96;"}

ORDER = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)


def render_review(review: Review, *, allow_inconclusive: bool = False) -> str:
    """A judged run: the answer first, then what is not passed, then the rest."""
    blocking = review.blocking(allow_inconclusive=allow_inconclusive)
    passed = sum(each.verdict is Verdict.PASS for each in review.findings)
    answer = f"BLOCKED by {len(blocking)} of {len(review.findings)}" if blocking else "passed"
    lines = [
        f"### {escape(review.policy.title)}: {answer}",
        "",
        f"Run {escape(review.run)}, baseline {escape(review.baseline or 'none')}.",
        f"Power: {_origin(review.origin)}. {passed} of {len(review.findings)} gates passed.",
        *(f"Mixed as asked: {escape(line)}." for line in review.mixed),
        "",
    ]
    ordered = sorted(review.findings, key=lambda each: (not _told(each), ORDER.index(each.verdict)))
    rows = [
        (
            each.verdict if each.gate.action is Action.BLOCK else f"{each.verdict} (warns)",
            each.case.case,
            print_gate(each.gate),
            each.evidence,
        )
        for each in ordered
    ]
    return "\n".join([*lines, *_table(("verdict", "case", "gate", "evidence"), rows)]) + "\n"


def render_comparison(comparison: Comparison) -> str:
    """Two runs compared: what is worse first."""
    found = [(pair, change) for pair in comparison.pairs for change in pair.changes]
    counts = [f"{sum(c.outcome is outcome for _, c in found)} {outcome}" for outcome in Outcome]
    lines = [
        f"### {escape(comparison.base)} against {escape(comparison.candidate)}: {', '.join(counts)}",
        "",
        *(f"- {escape(line)}" for line in (*comparison.mixed, *comparison.differs)[:ROWS]),
        "",
    ]
    order = (Outcome.WORSE, Outcome.BETTER, Outcome.SAME, Outcome.UNSURE)
    found.sort(key=lambda each: order.index(each[1].outcome))
    heads = ("answer", "case", "quantity", "base", "candidate", "change", "95 % interval", "p (Holm)")
    return "\n".join([*lines, *_table(heads, [_row(*each) for each in found])]) + "\n"


def escape(text: str) -> str:
    """Text that Markdown and HTML take for nothing but text, in one line."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    cut = plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"
    return _ACTIVE.sub(lambda match: _ENTITIES.get(match[1], "\\" + match[1]), cut)


def _told(finding: Finding) -> bool:
    return finding.gate.action is Action.BLOCK and finding.verdict is not Verdict.PASS


def _row(pair: Pair, change: Change) -> Sequence[str]:
    name, effect = change.quantity, change.effect
    ids = dict.fromkeys((pair.base.case, pair.candidate.case))
    bounds = (effect.lo, effect.hi)
    interval = [print_effect(name, bound) for bound in bounds if bound is not None]
    return (
        change.outcome,
        " against ".join(ids),
        QUANTITIES[name].title,
        print_value(name, change.base),
        print_value(name, change.candidate),
        effect.reason if effect.value is None else print_effect(name, effect.value),
        " to ".join(interval) or effect.reason,
        "" if change.p_family is None else f"{change.p_family:.2g}",
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "| " + " | ".join("---" for _ in heads) + " |"
    for row in rows[:ROWS]:
        yield "| " + " | ".join(escape(cell) for cell in row) + " |"
    if len(rows) > ROWS:
        yield ""
        yield f"{len(rows) - ROWS} more rows are left out."


def _origin(origin: str | None) -> str:
    if origin is None:
        return "no meter"
    return origin if origin == "measured" else f"**{escape(origin.upper())}**"
