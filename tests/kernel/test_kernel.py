"""The driver inside real kernels: each guest boots once, runs the tests in `inside`, and is believed on proof only."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SKIP = 77
LIMIT_S = 900
"""The first call also downloads and builds."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session", params=["uml", "qemu"])
def cases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, lacking: Callable[[str], None]
) -> Mapping[str, str]:
    """Cases that ran inside a guest, and what each failed or was skipped with; empty for a pass."""
    out = tmp_path_factory.mktemp(request.param)
    done = subprocess.run(
        [
            *(sys.executable, HERE / "run_guest.py", "--way", request.param, "--out", out, "--"),
            *("pytest", "-q", "--junitxml=/run/out/junit.xml", HERE / "inside"),
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode == SKIP:
        lacking(f"{request.param}: {done.stdout.strip().splitlines()[-1].removeprefix('SKIP: ')}")
    report = out / "junit.xml"
    assert report.exists(), done.stdout + done.stderr
    found = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest's own file
        trouble = [child for child in case if child.tag in {"failure", "error", "skipped"}]
        name = f"{case.get('classname')}::{case.get('name')}"
        found[name] = "\n".join(child.get("message") or child.tag for child in trouble)
    assert done.returncode == 0 or any(found.values()), done.stdout + done.stderr
    return found


def test_every_case_passed_and_none_was_skipped(cases: Mapping[str, str]) -> None:
    """Inside the guest nothing failed and nothing was left out."""

    assert {} == {name: trouble for name, trouble in cases.items() if trouble}


@pytest.mark.parametrize("part", ["test_driver", "test_hwmon", "test_iio"])
def test_no_part_is_missing(cases: Mapping[str, str], part: str) -> None:
    """The driver, the kernel's hwmon driver and its industrial I/O driver were all met."""

    assert any(f"{part}::" in name or f"{part}." in name for name in cases)
