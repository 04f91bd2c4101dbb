"""This module writes a judged run as JUnit XML (xunit1): one test case for each gate on each case.

A gate that fails is a failure, one that is not decided is skipped with what would decide it, a gate
whose figure the case lacks, or whose case is incomplete, is an error. A gate that only warns never fails its test: it
says so in the test's output.
"""

import re
from xml.etree import ElementTree as ET

from harness.judging.gate import Finding, Review, print_gate
from harness.judging.limits import Verdict
from harness.policy import Action

_ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for (section 2.2)."""


def render_junit(review: Review) -> str:
    """The XML document."""
    tests = [_test(finding) for finding in review.findings]
    suite = ET.Element(
        "testsuite",
        name=_text(review.policy.title),
        tests=str(len(tests)),
        failures=str(_count(tests, "failure")),
        errors=str(_count(tests, "error")),
        skipped=str(_count(tests, "skipped")),
    )
    properties = ET.SubElement(suite, "properties")
    facts = {
        "run": review.run,
        "baseline": review.baseline or "none",
        "origin of power": review.origin or "no meter",
        "policy sha256": review.policy.sha256,
    }
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=_text(value))
    suite.extend(tests)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _test(finding: Finding) -> ET.Element:
    test = ET.Element("testcase", classname=_text(finding.case.case), name=_text(finding.gate.name))
    evidence = _text(finding.evidence)
    message = f"{finding.verdict}: {_text(print_gate(finding.gate))}"
    if finding.verdict is Verdict.PASS:
        ET.SubElement(test, "system-out").text = f"{message}. {evidence}"
    elif finding.gate.action is Action.WARN:
        ET.SubElement(test, "system-out").text = f"WARNING: {message}. {evidence}"
    elif finding.incomplete:
        ET.SubElement(test, "error", type="incomplete", message=evidence)
    elif finding.verdict is Verdict.FAIL:
        ET.SubElement(test, "failure", type="gate", message=message).text = evidence
    else:
        ET.SubElement(test, "skipped", message=f"{message}. {evidence}")
    return test


def _count(tests: list[ET.Element], child: str) -> int:
    return sum(test.find(child) is not None for test in tests)


def _text(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
