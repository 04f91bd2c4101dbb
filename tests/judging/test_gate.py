"""Tests of gates, of the file of a policy, and of what is written of a judged run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from judging.runs import Behaviour, slowed, write_run
from judging.tables import at, case_result
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import FileError, GateError, MeasurementError, StoreError
from harness.judging.compare import compare
from harness.judging.gate import Finding, Review, print_gate, review
from harness.judging.limits import Verdict
from harness.outputs import write_output
from harness.outputs.bencher import render_bencher
from harness.outputs.github_action import render_github_action
from harness.outputs.junit import render_junit
from harness.outputs.markdown import escape, render_comparison, render_review
from harness.policy import Action, Gate, Kind, Policy
from harness.schema import read_policy
from harness.store import Run

FP32 = "bench-a/onnxruntime/digits-cnn/fp32"
HOSTILE = (
    "<script>alert(1)</script>",
    "a|b`c`",
    "[x](http://e.vil) @team #1",
    "\x1b[2J\x00",
    "![x](y)",
    "=cmd|x",
)
EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "gates.yaml"


def gate(kind: Kind, quantity: str, amount: float, **changes: Any) -> Gate:
    """A gate that blocks on every case."""
    values: dict[str, Any] = {
        "name": f"{kind} of {quantity}",
        "kind": kind,
        "quantity": quantity,
        "amount": amount,
        "relative": True,
        "comparison": "",
        "cases": ("*",),
        "action": Action.BLOCK,
    }
    return Gate(**(values | changes))


def policy(*gates: Gate, title: str = "Gates") -> Policy:
    """A policy of some gates."""
    return Policy(title=title, gates=gates, path=Path("gates.yaml"), sha256="0" * 64)


def run_of(results: Path, latency_s: float = 1e-3, wrong: Sequence[int] = (), **changes: Any) -> Run:
    """A run of one case in five sittings of 200 items."""
    behaviour = Behaviour(case=FP32, latency_s=latency_s, wrong=wrong, spread=0.002)
    return write_run(results, [behaviour], **{"sittings": 5, "items": 200, **changes})


def verdict(run: Run, baseline: Run | None, one: Gate) -> Verdict:
    """Of one gate on the one case."""
    (finding,) = review(run, policy(one), baseline).findings
    return finding.verdict


def suite_of(judged: Review) -> Element:
    """The suite in the JUnit document of a judged run."""
    root = fromstring(render_junit(judged))  # noqa: S314  our own document
    return root.find("testsuite")


@pytest.mark.parametrize(
    ("kind", "quantity", "amount", "relative", "expected"),
    [
        (Kind.MAX_DEGRADATION, "latency_p50_s", 0.15, True, Verdict.PASS),  # it is 10 % slower
        (Kind.MAX_DEGRADATION, "latency_p50_s", 0.05, True, Verdict.FAIL),
        (Kind.MAX_DEGRADATION, "latency_p50_s", 0.10, True, Verdict.INCONCLUSIVE),
        (Kind.MAX_DEGRADATION, "latency_p50_s", 2e-4, False, Verdict.PASS),
        (Kind.MAX_DEGRADATION, "latency_p50_s", 5e-5, False, Verdict.FAIL),
        (Kind.MIN_IMPROVEMENT, "latency_p50_s", 0.0, True, Verdict.FAIL),
        (Kind.THRESHOLD, "latency_p50_s", 1.2, True, Verdict.PASS),
        (Kind.THRESHOLD, "latency_p50_s", 1.05, True, Verdict.FAIL),
        (Kind.MAX_DEGRADATION, "accuracy", 0.2, False, Verdict.PASS),  # it has lost 10 points of 95
        (Kind.MAX_DEGRADATION, "accuracy", 0.02, False, Verdict.FAIL),
        (Kind.MAX_DEGRADATION, "accuracy", 0.1, False, Verdict.INCONCLUSIVE),
        (Kind.MAX_DEGRADATION, "accuracy", 0.2, True, Verdict.PASS),
        (Kind.MIN_IMPROVEMENT, "accuracy", 0.01, False, Verdict.FAIL),
        (Kind.THRESHOLD, "accuracy", 0.80, True, Verdict.PASS),
        (Kind.THRESHOLD, "accuracy", 0.98, True, Verdict.FAIL),
    ],
)
def test_what_got_worse(  # noqa: PLR0917  pytest names them
    tmp_path: Path, kind: Kind, quantity: str, amount: float, relative: bool, expected: Verdict
) -> None:
    """A case 10 % slower that lost 10 points is judged by the bounds of its change, absolute or in percent."""
    baseline = run_of(tmp_path, wrong=range(10))
    run = run_of(tmp_path, latency_s=1.1e-3, wrong=range(30))

    assert expected is verdict(run, baseline, gate(kind, quantity, amount, relative=relative))


@pytest.mark.parametrize(
    ("kind", "quantity", "amount", "expected"),
    [
        (Kind.MIN_IMPROVEMENT, "latency_p50_s", 0.05, Verdict.PASS),
        (Kind.MIN_IMPROVEMENT, "latency_p50_s", 0.15, Verdict.FAIL),
        (Kind.MIN_IMPROVEMENT, "energy_per_inference_j", 0.05, Verdict.PASS),
        (Kind.MAX_DEGRADATION, "energy_per_inference_j", 0.0, Verdict.PASS),
        (Kind.MIN_IMPROVEMENT, "accuracy", 0.02, Verdict.PASS),
    ],
)
def test_what_got_better(tmp_path: Path, kind: Kind, quantity: str, amount: float, expected: Verdict) -> None:
    """A case 10 % faster that won 10 points passes what it was to improve, and no more than that."""
    baseline = run_of(tmp_path, wrong=range(30))
    run = run_of(tmp_path, latency_s=0.9e-3, wrong=range(10))

    assert expected is verdict(run, baseline, gate(kind, quantity, amount))


def test_thresholds_are_limits(tmp_path: Path) -> None:
    """An absolute threshold needs no baseline and is judged as a hard limit."""
    run = run_of(tmp_path)
    passed = gate(Kind.THRESHOLD, "latency_p50_s", 2e-3, relative=False, comparison="<")
    failed = gate(Kind.THRESHOLD, "accuracy", 1.1, relative=False, comparison=">=")

    assert (Verdict.PASS, Verdict.FAIL) == (verdict(run, None, passed), verdict(run, None, failed))


def test_only_blocking_findings_stop(tmp_path: Path) -> None:
    """A gate that warns stops nothing; an undecided one stops unless it is allowed."""
    baseline, run = run_of(tmp_path), run_of(tmp_path, latency_s=1.1e-3)
    warns = gate(Kind.MAX_DEGRADATION, "latency_p50_s", 0.01, action=Action.WARN)
    undecided = gate(Kind.MAX_DEGRADATION, "latency_p50_s", 0.1)
    judged = review(run, policy(warns, undecided), baseline)

    assert [Verdict.FAIL, Verdict.INCONCLUSIVE] == [finding.verdict for finding in judged.findings]
    assert [undecided] == [finding.gate for finding in judged.blocking()]
    assert [] == judged.blocking(allow_inconclusive=True)
    assert "more sittings" in judged.findings[1].evidence


def test_an_incomplete_case_blocks_always(tmp_path: Path) -> None:
    """What was not measured is not allowed as merely undecided."""
    run = write_run(tmp_path, [Behaviour(case=FP32, unmeasured=[3])])
    judged = review(run, policy(gate(Kind.THRESHOLD, "latency_p50_s", 1, relative=False, comparison="<")))

    assert 1 == len(judged.blocking(allow_inconclusive=True))
    assert "1" == suite_of(judged).get("errors")


def test_a_throttled_case_passes_no_gate_on_time(tmp_path: Path) -> None:
    """Against a baseline a case does not pass by the figures of before it was throttled."""
    baseline, run = (write_run(tmp_path, [Behaviour(case=FP32)], items=300, repeats=4) for _ in range(2))
    allowed = gate(Kind.MAX_DEGRADATION, "latency_p50_s", 0.5)
    [finding] = review(slowed(run, FP32, 1), policy(allowed), baseline).findings

    assert Verdict.PASS is verdict(run, baseline, allowed)
    assert Verdict.INCONCLUSIVE is finding.verdict
    assert "throttled" in finding.evidence


def test_a_new_case_is_undecided(tmp_path: Path) -> None:
    """A case the baseline has not is neither better nor worse."""
    other = FP32.replace("cnn", "mlp")
    baseline = write_run(tmp_path, [Behaviour(case=FP32)])
    run = write_run(tmp_path, [Behaviour(case=FP32), Behaviour(case=other)])
    judged = review(run, policy(gate(Kind.MAX_DEGRADATION, "accuracy", 0.5, cases=("*mlp*",))), baseline)

    assert [(Verdict.INCONCLUSIVE, "The baseline has no such case.")] == [
        (finding.verdict, finding.evidence) for finding in judged.findings
    ]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (gate(Kind.THRESHOLD, "accuracy", 0.1, cases=("*/int9",)), "gates[0].cases: match no case"),
        (gate(Kind.MAX_DEGRADATION, "accuracy", 0.1), "needs a baseline"),
        (gate(Kind.MAX_DEGRADATION, "idle_power_w", 0.1), "not compared with a baseline"),
    ],
)
def test_gates_that_judge_nothing_are_faults(tmp_path: Path, one: Gate, words: str) -> None:
    """A gate that could never stop anything is a fault of the policy, not a pass."""
    with pytest.raises(FileError) as fault:
        review(run_of(tmp_path), policy(one))

    assert words in str(fault.value)


def test_incomparable_baseline_is_refused(tmp_path: Path) -> None:
    """A baseline of another origin is refused, as in every comparison."""
    one = gate(Kind.MAX_DEGRADATION, "latency_p50_s", 0.1)
    baseline = run_of(tmp_path, origin="measured")

    with pytest.raises(MeasurementError, match="origin"):
        review(run_of(tmp_path), policy(one), baseline)
    assert review(run_of(tmp_path), policy(one), baseline, mix=["origin"]).mixed


def test_the_example_is_read() -> None:
    """The example of the documentation is a policy, and its gates read as sentences."""
    example = read_policy(EXAMPLE)

    assert [
        "latency p99 < 150 ms",
        "latency p50 at most 5 % worse than the baseline",
        "accuracy at most 1 point worse than the baseline",
        "energy per inference at least 2 % better than the baseline",
    ] == [print_gate(each) for each in example.gates]
    assert [False, True, True, True] == [each.needs_baseline for each in example.gates]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"percent": 5}, "gates[0]: gives both of value and percent"),
        ({"value": None}, "gates[0]: gives neither of value and percent"),
        ({"quantity": "latency_p98_s"}, "gates[0].quantity: latency_p98_s: is not a published quantity"),
        ({"quantity": "duration_s"}, "better neither smaller nor larger"),
        ({"kind": "max-degradation", "comparison": "<"}, "comparison belongs to a threshold"),
        ({"kind": "min-improvement", "value": -1.0}, "expected 0 or more"),
        ({"kind": "least"}, "gates[0].kind: found the text 'least', expected one of threshold"),
        ({"treshold": 1}, "gates[0].treshold: is not a known key"),
        ({"value": float("nan")}, "gates[0].value"),
        (
            {"quantity": "accuracy", "value": 90},
            "found the value 90 for accuracy, expected a share from 0 to 1; did",
        ),
    ],
)
def test_faults_of_a_policy(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    """Each fault of the file is told with its key."""
    section = {"name": "a", "kind": "threshold", "quantity": "latency_p99_s", "value": 0.1} | changes
    path = tmp_path / "gates.yaml"
    text = json.dumps({"schema": 1, "title": "t", "gates": [section]}).replace("NaN", ".nan")
    path.write_text(text, encoding="utf-8")

    with pytest.raises(FileError) as fault:
        read_policy(path)

    assert words in str(fault.value)


def hostile_review() -> Review:
    """A judged run whose every text means harm."""
    findings = [
        Finding(
            gate=gate(Kind.THRESHOLD, "latency_p99_s", 1, relative=False, comparison="<", name=text),
            case=case_result(FP32, incomplete=text if number == 1 else ""),
            verdict=list(Verdict)[number % 3],
            evidence=text,
        )
        for number, text in enumerate(HOSTILE)
    ]
    return Review(
        policy=policy(title=HOSTILE[0]),
        run=HOSTILE[1],
        baseline=HOSTILE[2],
        origin="simulated",
        cases=[],
        findings=findings,
        mixed=HOSTILE,
    )


def test_junit_counts_and_escapes() -> None:
    """FAIL is a failure, INCONCLUSIVE is skipped, incomplete an error; any text keeps the document whole."""
    suite = suite_of(hostile_review())
    found = {kind: len(suite.findall(f"testcase/{kind}")) for kind in ("failure", "error", "skipped")}

    assert {"failure": 2, "error": 1, "skipped": 1} == found
    assert ("6", "2", "1", "1") == tuple(suite.get(key) for key in ("tests", "failures", "errors", "skipped"))
    assert HOSTILE[0] == suite.get("name")
    assert "simulated" in {each.get("value") for each in suite.iter("property")}


def test_a_warning_fails_no_test() -> None:
    """A gate that warns leaves its test passed and says so."""
    one = gate(Kind.THRESHOLD, "latency_p99_s", 1, relative=False, comparison="<", action=Action.WARN)
    finding = Finding(gate=one, case=case_result(FP32), verdict=Verdict.FAIL, evidence="too slow")
    judged = Review(
        policy=policy(one), run="r", baseline=None, origin=None, cases=[], findings=[finding], mixed=()
    )
    suite = suite_of(judged)

    assert ("0", "0", "0") == tuple(suite.get(key) for key in ("failures", "errors", "skipped"))
    assert suite.findtext("testcase/system-out").startswith("WARNING: FAIL")
    assert "passed" in render_review(judged).splitlines()[0]


def test_markdown_escapes_every_text() -> None:
    """No text opens HTML, a cell, code, a link or a mention, and each row has its four cells."""
    page = render_review(hostile_review())
    rows = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]

    assert [5] * 7 == [row.count("|") for row in rows]
    assert not {"<", "`", "@", "\x1b", "\x00"} & set(page)
    assert "](" not in page
    assert "http://" not in page
    assert "SIMULATED" in page


def test_markdown_shows_twenty_rows() -> None:
    """Of many findings twenty are shown, what blocks first, and the rest is counted."""
    one = gate(Kind.THRESHOLD, "latency_p99_s", 1, relative=False, comparison="<")
    verdicts = [Verdict.PASS] * 29 + [Verdict.FAIL]
    findings = [
        Finding(gate=one, case=case_result(FP32), verdict=each, evidence="x" * 900) for each in verdicts
    ]
    page = render_review(
        Review(policy=policy(one), run="r", baseline=None, origin=None, cases=[], findings=findings, mixed=())
    )

    assert "10 more rows are left out." in page
    assert page.splitlines()[7].startswith("| FAIL")
    assert len(page) < 65_536
    assert "…" in escape("x" * 900)


def test_bencher_and_github_action() -> None:
    """Both hold values and intervals in SI; simulated power is named so, absent and incomplete are left out."""
    cases = [
        at("a", 1e-3, 5e-3, 95),
        at("b", 1e-3, 5e-3, 95, origin="measured"),
        at("c", 1, 1, 1, incomplete="no meter"),
    ]
    bencher = json.loads(render_bencher(cases))
    entries = json.loads(render_github_action(cases))
    first = bencher["bench-a/onnxruntime/a/fp32"]

    assert ["bench-a/onnxruntime/a/fp32", "bench-a/onnxruntime/b/fp32"] == list(bencher)
    assert {
        "value": 5e-3,
        "lower_value": pytest.approx(4.95e-3),
        "upper_value": pytest.approx(5.05e-3),
    } == first["energy_per_inference_j-simulated"]
    assert "energy_per_inference_j" in bencher["bench-a/onnxruntime/b/fp32"]
    assert {"value": 1e8} == first["memory_peak_bytes"]
    assert pytest.approx(0.05) == first["error"]["value"]
    assert 12 == len(entries)
    assert all({"name", "unit", "value", "extra"} <= entry.keys() for entry in entries)
    assert "0.00099 to 0.00101" == next(
        e["range"] for e in entries if e["name"].endswith("a/fp32 latency_p99_s")
    )


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is not there is told by its path."""
    with pytest.raises(StoreError, match="missing/out"):
        write_output(tmp_path / "missing" / "out", "")


def test_the_command_blocks_and_writes(tmp_path: Path) -> None:
    """`harness gate` writes every output, prints each finding and fails with the gate's name."""
    baseline, run = run_of(tmp_path), run_of(tmp_path, latency_s=1.3e-3)
    text = EXAMPLE.read_text(encoding="utf-8").replace("*/int8", "*/fp32")
    (tmp_path / "gates.yaml").write_text(text, encoding="utf-8")
    outputs = {name: tmp_path / name for name in ("junit", "markdown", "bencher", "github-action-benchmark")}
    arguments = [
        *("gate", str(run.path), "--policy", str(tmp_path / "gates.yaml"), "--baseline", str(baseline.path)),
        *(word for name, path in outputs.items() for word in (f"--{name}", str(path))),
    ]
    done = CliRunner().invoke(app, arguments)

    assert isinstance(done.exception, GateError)
    assert "no slower" in str(done.exception)
    assert "FAIL" in done.output
    assert "FAIL (warns)" in done.output
    assert all(path.stat().st_size for path in outputs.values())


def test_the_command_compares(tmp_path: Path) -> None:
    """`harness compare` prints sentences or JSON, takes cases by pattern, and fails only when asked to."""
    behaviours = [Behaviour(case=FP32), Behaviour(case=FP32.replace("fp32", "int8"), latency_s=2e-3)]
    run = write_run(tmp_path, behaviours, sittings=5)
    sides = ["compare", f"{run.path}:*fp32", f"{run.path}:*int8", "--margin", "accuracy=50%"]
    plain = CliRunner().invoke(app, [*sides, "--markdown", str(tmp_path / "page.md")])
    checked = CliRunner().invoke(app, [*sides, "--check"])
    found = json.loads(CliRunner().invoke(app, [*sides, "--json"]).output)
    wrong = CliRunner().invoke(app, [*sides, "--margin", "accuracy"])

    assert 0 == plain.exit_code, plain.output
    assert "latency p50" in plain.output
    assert isinstance(checked.exception, GateError)
    assert "same within the margin" in {each["outcome"] for each in found["pairs"][0]["changes"]}
    assert isinstance(wrong.exception, FileError)
    assert render_comparison(compare(run, run)).count("\n|") == 2 + 14
