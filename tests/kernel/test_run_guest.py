"""The runner says what is missing, believes nothing but proof, and never leaves a guest behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def run(*arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    """The runner with a search path of its own."""
    return subprocess.run(
        [sys.executable, HERE / "run_guest.py", *arguments],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("way", ["uml", "qemu"])
def test_what_is_missing_is_named(way: str, tmp_path: Path) -> None:
    """Without a compiler and an empty cache the runner ends with 77 and names what it lacks."""
    done = run("--way", way, "--cache", str(tmp_path), path=str(tmp_path))

    assert (77, "SKIP: gcc is missing") == (done.returncode, done.stdout.strip())


def test_an_unknown_way_is_a_usage_error(tmp_path: Path) -> None:
    """A way that does not exist ends with 2."""
    assert 2 == run("--way", "bochs", path=str(tmp_path)).returncode


FAKES = {
    "a panic": ("echo 'Kernel panic - not syncing'; exit 0", 77, "panic"),
    "a hang": ("echo 'guest: up'; sleep 60", 1, "no end in time"),
    "a failure": ("echo 'guest: up'; echo 3 > $OUT/code; exit 0", 1, "the command ended with 3"),
    "a lie": ("echo 'guest: up'; echo 0 > $OUT/code; exit 1", 1, "the guest with 1"),
    "a success": ("echo 'guest: up'; echo fine > $OUT/output; echo 0 > $OUT/code; exit 0", 0, "PASS"),
}


@pytest.mark.parametrize("name", FAKES)
def test_only_proof_counts(name: str, tmp_path: Path) -> None:
    """A kernel that panics is one that does not run here; what came up must end itself, and its command with 0."""
    script, code, said = FAKES[name]
    folder = tmp_path / "uml"
    program = folder / "usr/bin/linux.uml"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!/bin/sh\nfor word; do case $word in HARNESS_OUT=*) OUT=${{word#*=}};; esac; done\n{script}\n"
    )
    program.chmod(0o755)
    (folder / "version").write_text("0")
    (folder / "stamp").touch()
    done = run("--cache", str(tmp_path), "--timeout", "1", "--", "true", path=os.environ["PATH"])

    assert code == done.returncode, done.stdout + done.stderr
    assert said in done.stdout
