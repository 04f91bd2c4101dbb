"""Kill the bench, the worker or the sampler of real runs at random moments, and show that nothing is lost.

    python benchmarks/kills.py [--rounds 50] [--seed 1] [--victim worker]

Each round starts one quick run of one case in a folder of its own. A random time after the first process of its
victim's kind has appeared, it kills the one of that moment. After the bench was killed the run is resumed; after the
worker or the sampler it must go on by itself. A round is good when the run ends complete, every line of the journal
that was there at the kill is still there unchanged, every planned item has its valid cycle or the end of the run tells
of those that have none, and what happened is in the records and in the report. Rounds in which the victim had already
ended are judged, and repeated.
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

from harness.lock import FOLDER_VARIABLE
from harness.store import Run, read_run

SELECT = "*/digits-mlp/fp32"
LONGEST_S = 120.0
LATEST_S = 2.4
"""A kill comes this long after the first such process has appeared, or sooner: most of a run on a quiet machine."""
KILLED = "killed"
UNTOLD = "no incident tells of the kill"
MODULES = {"worker": "harness.targets.worker", "sampler": "harness.meters.sampler"}

VICTIMS = ("bench", *MODULES)


def main() -> None:
    """Do the rounds, print one line for each kind of process, and fail if a round was bad."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--victim", choices=VICTIMS, action="append", help="of this kind only; repeatable")
    asked = parser.parse_args()
    bad = 0
    for victim in asked.victim or VICTIMS:
        moments = random.Random(f"{asked.seed}/{victim}")  # noqa: S311  moments, not secrets
        tally: Counter[str] = Counter()
        while tally[KILLED] < asked.rounds:
            with tempfile.TemporaryDirectory() as folder:
                outcome, fault = one_round(victim, moments.uniform(0.0, LATEST_S), Path(folder))
            tally[outcome] += 1
            if fault:
                bad += 1
                print(f"BAD {victim}: {fault}", flush=True)
            if tally.total() > 3 * asked.rounds:
                bad += 1
                print(f"BAD {victim}: it had mostly ended before it could be killed", flush=True)
                break
        told = ", ".join(f"{count} {outcome}" for outcome, count in tally.most_common())
        print(f"{victim}: {told}", flush=True)
    print(f"{bad} bad rounds")
    sys.exit(1 if bad else 0)


def one_round(victim: str, after_s: float, folder: Path) -> tuple[str, str]:
    """Start a run, kill one of its processes so many seconds after the first appeared, let the run come to its end.

    Returns:
        What the kill met, in words, and what is wrong afterwards; empty for nothing.
    """
    run = start(folder, "run", "digits", "--quick", "--select", SELECT)
    appeared(victim, run, folder)
    time.sleep(after_s)
    pid = appeared(
        victim, run, folder
    )  # the one of that moment: a run has several workers, one after the other
    if pid is None:
        return "had ended", judge(folder, b"", killed=None, code=run.wait(LONGEST_S))
    os.kill(pid, signal.SIGKILL)
    code = run.wait(LONGEST_S)
    journal = read_journal(folder)
    if victim == "bench":
        if any(folder.glob("results/runs/*/SHA256SUMS")):
            return "had sealed the run", judge(folder, b"", killed=None, code=0)
        code = start(folder, "run", "--resume", "latest").wait(LONGEST_S)
    fault = judge(folder, journal, killed=victim, code=code)
    if fault == UNTOLD and not judge(folder, journal, killed=None, code=code):
        return (
            "killed when its work was done",
            "",
        )  # it was being closed: nothing was lost, so nothing is told
    return KILLED, fault


def start(folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start the command `harness` in a folder, which holds its locks too: other runs of this machine do not matter."""
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *arguments],
        cwd=folder,
        env={**os.environ, FOLDER_VARIABLE: str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def appeared(victim: str, run: "subprocess.Popen[bytes]", folder: Path) -> int | None:
    """Wait for a process of a run; None where the run ended without it."""
    while run.poll() is None:
        if victim != "bench":
            pid = child(run.pid, MODULES[victim])
            if pid is not None:
                return pid
        elif any(folder.glob("results/runs/*/manifest.json")):
            return run.pid
        time.sleep(0.005)
    return None


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
    told = run.stop.reason if run.stop else ""
    if missing and f"{len(missing)} of {len(run.start.items['1'])} items have no valid cycle" not in told:
        return f"{len(missing)} items have no valid cycle, and the end of the run says {told!r}"
    if killed in MODULES and not any("SIGKILL" in incident.what for incident in run.incidents):
        return UNTOLD
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
