"""The page on the run directory: its examples run."""

import re
import subprocess
import sys
from pathlib import Path

from records import CASES, cycle, run_start, run_stop

from harness.store import RunWriter

PAGE = Path(__file__).parents[2] / "docs" / "run-directory.md"


def test_the_examples_of_the_page_run(tmp_path: Path) -> None:
    """The page's Python runs in a complete run without the harness, and finds its case."""
    with RunWriter.create(tmp_path, run_start()) as writer:
        for seq in range(3):
            writer.cycle(cycle(seq))
        writer.stop(run_stop())
    checksum, table = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

    for example, expected in ((checksum, ""), (table, CASES[0])):
        command = [sys.executable, "-c", example]
        found = subprocess.run(command, cwd=writer.path, capture_output=True, text=True, check=True)

        assert expected in found.stdout
