#!/usr/bin/env python3
"""This script is the first command: it makes `.venv` in the checkout and runs the harness from it.

    python3 start.py                       measure the digits suite on this machine
    python3 start.py -- plan digits        any other command of the harness
    python3 start.py test                  run all checks, as CI does
    python3 start.py test -- -e lint       run tox with arguments of your own

It needs Python 3.11 or later, the standard library and, on its first call, the network. Neither pip nor
ensurepip has to be there. It exits as the command it ran does; with 1 when `.venv` could not be made ready.
"""

from __future__ import annotations  # whoever has an older Python should read a sentence, not a traceback

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "harness.sha256"
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "harness", "devices", "suites")
DISK_BYTES = 1_500_000_000  # .venv (0.8 GB), pip's cache and its unpacking

# Only where the system's Python has no ensurepip (Debian without python3-venv).
PIP_WHEEL = "pip-25.3-py3-none-any.whl"
PIP_SHA256 = "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd"


class NotReadyError(Exception):
    """`.venv` cannot be made ready; the text is a sentence for a person."""


def main() -> None:
    """Make ready what is not, then become the command asked for."""
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    own, theirs = sys.argv[1:at], sys.argv[at + 1 :]
    parser = argparse.ArgumentParser(
        description="Make .venv in the checkout, install the harness into it and run it.",
        epilog="Arguments after -- go to the harness (without any: run) or, after `test`, to tox.",
    )
    parser.add_argument("job", nargs="?", choices=["run", "test"], default="run", help="default: run")
    job = parser.parse_args(own).job
    try:
        ready_venv()
        module = ready_tox() if job == "test" else ready_harness()
    except (NotReadyError, OSError) as error:
        sys.exit(f"start: {error}\nstart: nothing was run; cure it and give the same command again.")
    if job == "test":
        os.chdir(ROOT)
    else:
        theirs = theirs or ["run"]
    say(f"running {' '.join([module, *theirs])}")
    # -P: what is installed runs, also where the current folder has a folder of the same name.
    os.execv(PYTHON, [str(PYTHON), "-P", "-m", module, *theirs])  # noqa: S606 - no shell is wanted


def ready_venv() -> None:
    """Make `.venv` with a pip in it; an environment that is there stays as it is."""
    if not PYTHON.exists():
        if VENV.exists() and not (VENV / "pyvenv.cfg").exists():
            raise NotReadyError(f"{VENV} is there and is no environment of Python; move it away.")
        free_bytes = shutil.disk_usage(ROOT).free
        if free_bytes < DISK_BYTES:
            need = f"{DISK_BYTES / 1e9:.1f} GB are needed"
            raise NotReadyError(f"the disk of {ROOT} has {free_bytes / 1e9:.1f} GB free; {need}.")
        with step("made .venv"):
            run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV))
    if not succeeds(str(PYTHON), "-m", "pip", "--version"):
        with step("put pip into .venv"):
            if not succeeds(str(PYTHON), "-m", "ensurepip", "--default-pip"):
                bootstrap_pip()


def bootstrap_pip() -> None:
    """Install one known pip from the package index; its digest is checked."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    listing = fetch(index, accept="application/vnd.pypi.simple.v1+json")
    try:
        urls = {file["filename"]: file["url"] for file in json.loads(listing)["files"]}
        wheel = fetch(urljoin(index, urls[PIP_WHEEL]))
    except (ValueError, KeyError) as error:
        other = "install the package python3-venv of your system instead"
        raise NotReadyError(f"{index} does not list {PIP_WHEEL} as JSON ({error}); {other}.") from error
    found = hashlib.sha256(wheel).hexdigest()
    if found != PIP_SHA256:
        raise NotReadyError(f"{PIP_WHEEL} from {index} has SHA-256 {found}; expected {PIP_SHA256}.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, PIP_WHEEL)
        path.write_bytes(wheel)
        run(str(PYTHON), str(path / "pip"), "install", "--quiet", "--no-index", str(path))


def fetch(url: str, *, accept: str = "*/*") -> bytes:
    """Content of an address of the package index."""
    if not url.startswith(("https://", "http://")):  # http only where the user's own PIP_INDEX_URL says so
        raise NotReadyError(f"{url} is not an address that can be fetched; expected https://.")
    try:
        with urlopen(Request(url, headers={"Accept": accept}), timeout=60) as answer:  # noqa: S310 - see above
            content: bytes = answer.read()
    except OSError as error:
        raise NotReadyError(f"{url} cannot be fetched ({error}); is there a network or a proxy?") from error
    return content


def ready_harness() -> str:
    """Install the checkout, unless `.venv` holds it as it is now; gives the module to run."""
    digest = sources_digest()
    if not (STAMP.exists() and STAMP.read_text(encoding="ascii") == digest):
        STAMP.unlink(missing_ok=True)
        with step("installed the harness and the packages it needs"):
            pip("install", str(ROOT))
        STAMP.write_text(digest, encoding="ascii")
    return "harness"


def ready_tox() -> str:
    """Install tox, which makes an environment of its own for each check; gives the module to run."""
    if not succeeds(str(PYTHON), "-P", "-m", "tox", "--version"):
        with step("installed tox"):
            pip("install", "pip>=25.1")  # the first that knows --group
            pip("install", "--group", f"{ROOT / 'pyproject.toml'}:tox")
    return "tox"


def sources_digest() -> str:
    """Digest of every file that goes into the installed harness, by name and content."""
    digest = hashlib.sha256()
    for source in SOURCES:
        for path in sorted([ROOT / source, *(ROOT / source).rglob("*")]):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def pip(*arguments: str) -> None:
    """Run the pip of `.venv`; its warnings and errors stay visible."""
    run(str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)


def run(*command: str) -> None:
    """Run a command that has to succeed."""
    code = subprocess.run(command, check=False).returncode
    if code:
        often = (
            "most often the package index is out of reach (network, proxy, PIP_INDEX_URL) or the disk is full"
        )
        raise NotReadyError(f"`{' '.join(command)}` failed with {code}, see above; {often}.")


def succeeds(*command: str) -> bool:
    """Run a command that may fail, without a word."""
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say in one line what was done and how long it took."""
    begin_s = time.monotonic()
    yield
    say(f"{what} ({time.monotonic() - begin_s:.1f} s)")


def say(what: str) -> None:
    """One line, at once."""
    print(f"start: {what}", flush=True)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - this line is for whoever has an older one
        sys.exit(f"start: Python 3.11 or later is needed; {sys.executable} is {sys.version.split()[0]}.")
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
