"""Benchmarks of what does not depend on the machine hold what they promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import harness as package

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.mark.parametrize(("script", "promises"), [("energy_truth.py", 4), ("estimators.py", 0)])
def test_a_benchmark_in_virtual_time_meets_its_goals(script: str, promises: int) -> None:
    """The table comes out whole, and each figure with a goal meets it."""
    # A benchmark imports what lies beside it, which tox's PYTHONSAFEPATH forbids.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script)],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "PYTHONPATH": str(Path(package.__file__).parents[1])},
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert (promises, 0) == (done.stdout.count(" met\n"), done.stdout.count("MISSED"))
