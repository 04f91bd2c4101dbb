"""This module takes programs and kernels out of Debian packages, into a cache and never into the system.

Neither root nor an installation is needed: packages are downloaded by apt's own client, which checks their
signatures, and unpacked in the cache.
"""

import fcntl
import lzma
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

DOWNLOAD_S = 240
"""For one download; a slower network counts as none."""


class MissingError(Exception):
    """Something that is needed is not there; the text names it."""


def default_cache() -> Path:
    """Folder of this machine for what can be made anew, outside the checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "pareto-harness" / "kernel"


def require(*programs: str) -> None:
    """See that programs are installed.

    Raises:
        MissingError: one is not; it is named.
    """
    for program in programs:
        if shutil.which(program) is None:
            raise MissingError(f"{program} is missing")


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Keep other runners out of the cache; they wait."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Packages:
    """Debian packages of this machine's architecture.

    Args:
        cache: folder they are kept in.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._debs = cache / "packages"

    def fetch(self, name: str, version: str | None = None) -> Path:
        """File of a package, downloaded once.

        Args:
            name: of the package.
            version: exactly this one; None for the one apt would install.

        Raises:
            MissingError: it cannot be had.
        """
        require("apt-get", "dpkg-deb")
        self._debs.mkdir(parents=True, exist_ok=True)
        pattern = f"{name}_*.deb" if version is None else f"{name}_{quote(version, safe='+~-.')}_*.deb"
        if not (found := sorted(self._debs.glob(pattern))):
            self._download(name if version is None else f"{name}={version}")
            found = sorted(self._debs.glob(pattern))
        if not found:
            raise MissingError(f"the package {name} cannot be had from apt (apt-get update?)")
        return found[-1]

    def unpack(self, name: str, folder: Path, version: str | None = None) -> Path:
        """Content of a package below a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        checked("dpkg-deb", "-x", self.fetch(name, version), folder)
        return folder

    def depends(self, name: str) -> Sequence[str]:
        """Names of the packages a package needs directly."""
        listed = checked("dpkg-deb", "-f", self.fetch(name), "Depends")
        return re.findall(r"(?:^|, |\| )([a-z0-9][a-z0-9.+-]+)", listed)

    def source(self, series: str, version: str, wanted: Sequence[str], folder: Path) -> Path:
        """Files of a kernel's source package below a folder; returns the root of its tree.

        Args:
            series: such as 6.1.
            version: of the kernel, such as 6.1.176; the newest Debian revision of it is taken.
            wanted: regular expressions of paths below the root of the tree.
            folder: where the tree is made.

        Raises:
            MissingError: the archive no longer has that version.
        """
        name = f"linux-source-{series}"
        listed = re.findall(rf"\| *({re.escape(version)}-\S+) *\|", checked("apt-cache", "madison", name))
        if not listed:
            raise MissingError(f"{name} {version} is gone from the archive (apt-get update?)")
        package = self.fetch(name, listed[0])
        chosen = re.compile("|".join(f"(?:{pattern})" for pattern in wanted))
        with subprocess.Popen(
            [shutil.which("dpkg-deb") or "dpkg-deb", "--fsys-tarfile", package],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as outer:
            assert outer.stdout is not None
            with tarfile.open(fileobj=outer.stdout, mode="r|") as archive:
                inner = next(member for member in archive if member.name.endswith(f"/{name}.tar.xz"))
                stream = archive.extractfile(inner)
                assert stream is not None
                with lzma.open(stream) as plain, tarfile.open(fileobj=plain, mode="r|") as tree:
                    for member in tree:
                        if chosen.match(member.name.partition("/")[2]):
                            tree.extract(member, folder, filter="fully_trusted")
            outer.kill()
        package.unlink()  # 140 MB, for a few files
        return folder / name

    def build_tools(self) -> Mapping[str, str]:
        """Environment in which bc, flex and bison run, from the system or else from the cache."""
        environment = dict(os.environ)
        if all(map(shutil.which, ("bc", "flex", "bison"))):
            return environment
        tools = self._cache / "tools"
        if not (tools / "stamp").exists():
            for name in ("bc", "flex", "bison", "m4"):
                self.unpack(name, tools)
            (tools / "stamp").touch()
        environment |= {
            "PATH": f"{tools}/usr/bin:{environment['PATH']}",
            "M4": f"{tools}/usr/bin/m4",
            "BISON_PKGDATADIR": f"{tools}/usr/share/bison",
        }
        return environment

    def _download(self, package: str) -> None:
        # The user's own name: apt's usual one may not write here.
        user = checked("id", "-un").strip()
        command = ["apt-get", "-q", "-o", f"APT::Sandbox::User={user}", "download", package]
        try:
            done = subprocess.run(
                command, cwd=self._debs, capture_output=True, text=True, timeout=DOWNLOAD_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise MissingError(f"the package {package} did not arrive within {DOWNLOAD_S} s") from error
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise MissingError(f"the package {package} cannot be had from apt: {last}")


def checked(*command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Output of a program that must succeed.

    Raises:
        MissingError: it is not installed, or fails.
    """
    try:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise MissingError(f"{command[0]} is missing") from error
    if done.returncode:
        last = " ".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise MissingError(f"{' '.join(map(str, command[:3]))} failed: {last}")
    return done.stdout
