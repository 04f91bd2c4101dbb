"""This module is a power switch for tests, a command of its own: it writes down that it was asked, and with what.

Its first argument is the file it writes to, its second what it does then: `works`, `fails`, `hangs`, or what makes it
work the second time it is asked, `recovers`. All others are written down, and said aloud.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

COMMAND = (sys.executable, "-P", str(Path(__file__).resolve()))


def asked(path: Path) -> list[Sequence[str]]:
    """The arguments of each time it was asked."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def switch(path: Path, behaviour: str, *arguments: str) -> int:
    """Write down the arguments, and behave; the exit code."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(arguments) + "\n")
    sys.stderr.write(" ".join(arguments))
    if behaviour == "hangs":
        sys.stderr.flush()
        time.sleep(600)
    return int(behaviour == "fails" or (behaviour == "recovers" and len(asked(path)) == 1))


if __name__ == "__main__":
    sys.exit(switch(Path(sys.argv[1]), *sys.argv[2:]))
