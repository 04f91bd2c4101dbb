"""Kill the bench, the worker or the sampler of real runs at random moments, and show that nothing is lost.

    python benchmarks/kills.py [--rounds 50] [--seed 1]

Each round starts one quick run of one case in a folder of its own and kills one process with SIGKILL. After the
bench was killed the run is resumed; after the worker or the sampler it must go on by itself. A round is good when
the run ends complete, every line of the journal that was there at the kill is still there unchanged, every
planned item has its cycle, and what happened is in the records and in the report.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from harness.store import Run, read_run

SELECT = "*/digits-mlp/fp32"
LONGEST_S = 60.0
MODULES = {"worker": "harness.targets.worker", "sampler": "harness.meters.sampler"}


def main() -> None:
    """Do the rounds, print one line for each kind of process, and fail if a round was bad."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    bad = 0
    for victim in ("bench", *MODULES):
        moments = random.Random(f"{asked.seed}/{victim}")  # noqa: S311  moments, not secrets
        tally: Counter[str] = Counter()
        for _ in range(asked.rounds):
            with tempfile.TemporaryDirectory() as folder:
                outcome, fault = one_round(victim, moments.uniform(0.2, 2.6), Path(folder))
            tally[outcome] += 1
            if fault:
                bad += 1
                print(f"BAD {victim}: {fault}", flush=True)
        told = ", ".join(f"{count} {outcome}" for outcome, count in tally.most_common())
        print(f"{victim}: {asked.rounds} kills: {told}", flush=True)
    print(f"{bad} bad rounds")
    sys.exit(1 if bad else 0)


def one_round(victim: str, after_s: float, folder: Path) -> tuple[str, str]:
    """Start a run, kill one of its processes after so many seconds, let it come to its end.

    Returns:
        What the kill met, in words, and what is wrong afterwards; empty for nothing.
    """
    run = start(folder, "run", "digits", "--quick", "--select", SELECT)
    time.sleep(after_s)
    pid = run.pid if victim == "bench" else child(run.pid, MODULES[victim])
    if pid is None or run.poll() is not None:
        run.wait(LONGEST_S)
        return "no such process then", judge(folder, b"", killed=None, code=run.returncode)
    os.kill(pid, signal.SIGKILL)
    code = run.wait(LONGEST_S)
    journal = read_journal(folder)
    if victim == "bench":
        if not any(folder.glob("results/runs/*/manifest.json")):
            return "before the run began", ""
        if any(folder.glob("results/runs/*/SHA256SUMS")):
            return "after the run was complete", judge(folder, b"", killed=None, code=0)
        code = start(folder, "run", "--resume", "latest").wait(LONGEST_S)
    return f"{victim} killed", judge(folder, journal, killed=victim, code=code)


def start(folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start the command `harness` in a folder."""
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def child(parent: int, module: str) -> int | None:
    """A child process that runs a module; None where there is none at this moment."""
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split():
        try:
            if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return int(pid)
        except OSError:
            continue
    return None


def read_journal(folder: Path) -> bytes:
    """Whole lines of the cycle journal as they stand."""
    content = b"".join(path.read_bytes() for path in sorted(folder.glob("results/runs/*/cycles-*.jsonl")))
    return content[: content.rfind(b"\n") + 1]


def judge(folder: Path, journal: bytes, *, killed: str | None, code: int | None) -> str:
    """What is wrong with the run in a folder; empty for nothing."""
    if code != 0:
        return f"the run ended with exit code {code}"
    run = read_run(next(iter(folder.glob("results/runs/*"))))
    if run.status != "complete":
        return f"the run is {run.status}"
    kept = sum(1 for _ in journal.splitlines())
    if kept > len(run.cycles) or not same_beginning(run, journal):
        return f"{kept} lines were in the journal at the kill, they are not all in the run"
    measured = run.cycles[(run.cycles["phase"] == "measure") & (run.cycles["void"] == "")]
    missing = set(run.start.items["1"]) - set(measured["item"])
    if missing:
        return f"{len(missing)} of {len(run.start.items['1'])} items have no valid cycle"
    if killed in MODULES and not any("SIGKILL" in incident.what for incident in run.incidents):
        return "no incident tells of the kill"
    page = next(iter(folder.glob("reports/*.html"))).read_text(encoding="utf-8")
    return "" if killed not in MODULES or "SIGKILL" in page else "the report does not tell of the kill"


def same_beginning(run: Run, journal: bytes) -> bool:
    """The run's first cycles are those of the journal, by number, item and stamps."""
    import json  # noqa: PLC0415  the only place

    for position, line in enumerate(journal.splitlines()):
        cycle, row = json.loads(line), run.cycles.iloc[position]
        if any(cycle[name] != row[name] for name in ("seq", "item", "begin_ns", "end_ns")):
            return False
    return True


if __name__ == "__main__":
    main()
