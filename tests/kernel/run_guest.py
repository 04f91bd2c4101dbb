"""Run a command inside a real Linux kernel that has an I2C bus and the kernel's own INA226 drivers.

    python tests/kernel/run_guest.py                                     the tests in tests/kernel/inside
    python tests/kernel/run_guest.py --way qemu -- pytest tests/kernel/inside -k hwmon
    python tests/kernel/run_guest.py -- python -m harness meter selftest ...

The guest sees the host's files, read-only, in the same working directory; `python` and `pytest` are those of the
interpreter that runs this script. The last line is PASS, FAIL or SKIP; the exit code 0, 1 or 77 (2: usage).
Nothing is installed and root is not needed: what the first call downloads and builds lies in the cache.
"""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

# With PYTHONSAFEPATH a script's own folder is not searched.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import qemu
import uml
from guest import Ended, Guest
from packages import MissingError, Packages, default_cache, locked

WAYS = {"uml": uml, "qemu": qemu}
TIMEOUT_S = {"uml": 200.0, "qemu": 300.0}
PASS, FAIL, SKIP = 0, 1, 77
INSIDE = Path(__file__).resolve().parent / "inside"


def main() -> int:
    """Boot once and tell how it went."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--way", choices=sorted(WAYS), default="uml", help="kernel as a process, or in an emulator"
    )
    parser.add_argument("--cache", type=Path, default=default_cache(), help="default: %(default)s")
    parser.add_argument("--timeout", type=float, help="seconds for the boot and the command")
    parser.add_argument("--out", type=Path, help="folder that gets the files the command leaves in /run/out")
    parser.add_argument("command", nargs="*", help="after --; default: pytest on the tests for the guest")
    chosen = parser.parse_args()
    command = chosen.command or ["pytest", "-q", str(INSIDE)]
    way = WAYS[chosen.way]
    try:
        began_s = time.monotonic()
        cache = chosen.cache.resolve()
        with locked(cache):
            guest = way.prepare(Packages(cache), cache)
        ready_s = time.monotonic() - began_s
        ended = boot(guest, command, chosen.timeout or TIMEOUT_S[chosen.way], chosen.out)
    except MissingError as error:
        print(f"SKIP: {error}")
        return SKIP
    print(ended.output, end="")
    print(
        f"{guest.way}: kernel {guest.kernel}, ready after {ready_s:.1f} s, "
        f"boot and command {ended.duration_s:.1f} s, load {os.getloadavg()[0]:.1f}"
    )
    if ended.code == 0 and way.proven(ended):
        print("PASS")
        return PASS
    print("\n".join(ended.console.splitlines()[-25:]))
    found = (
        "the command did not come to its end"
        if ended.code is None
        else f"the command ended with {ended.code}"
    )
    print(f"FAIL: {found}, the guest with {'no end in time' if ended.status is None else ended.status}")
    return FAIL


def boot(guest: Guest, command: Sequence[str], timeout_s: float, kept: Path | None) -> Ended:
    """Run a command in the guest."""
    with tempfile.TemporaryDirectory(prefix="harness-guest-") as folder:
        scratch = Path(folder)
        out = scratch / "out"
        out.mkdir()
        (out / "command").write_text(script(command))
        ended = WAYS[guest.way].run(guest, out, scratch, timeout_s)
        if kept is not None:
            shutil.copytree(out, kept, dirs_exist_ok=True)
        return ended


def script(command: Sequence[str]) -> str:
    """The shell script that is run in the guest; names and arguments are quoted."""
    words = {
        "python": [sys.executable],
        # The checkout is read-only in the guest.
        "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
    }
    exports = "".join(
        f"export {name}={shlex.quote(os.environ[name])}\n"
        for name in ("PYTHONPATH", "PYTHONSAFEPATH")
        if name in os.environ
    )
    full = [*words.get(command[0], [command[0]]), *command[1:]]
    return f"cd {shlex.quote(str(Path.cwd()))} || exit 1\n{exports}exec {shlex.join(full)}\n"


if __name__ == "__main__":
    sys.exit(main())
