"""How long `harness --help` takes in a fresh process, against an interpreter that does nothing.

    python benchmarks/startup.py [--runs 15]

Both alternate, so that a drift of the machine favours neither; medians. The page cache is warm.
"""

import argparse
import subprocess
import sys
import time
from statistics import median

GOAL_S = 0.25
NOTHING = [sys.executable, "-c", "pass"]
HELP = [sys.executable, "-m", "harness", "--help"]


def wall_s(command: list[str]) -> float:
    """Time from before the start of a process to after its end."""
    before_ns = time.monotonic_ns()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return (time.monotonic_ns() - before_ns) * 1e-9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    wall_s(HELP)  # compiles what was never imported
    pairs = [(wall_s(NOTHING), wall_s(HELP)) for _ in range(runs)]
    nothing_s, help_s = (median(side) for side in zip(*pairs, strict=True))
    verdict = "ok" if help_s <= GOAL_S else "MISSED"
    print(
        f"harness --help {help_s:.3f} s   goal <= {GOAL_S:g}  {verdict}   python -c pass {nothing_s:.3f} s, "
        f"ratio {help_s / nothing_s:.1f}, {runs} fresh processes each"
    )


if __name__ == "__main__":
    main()
