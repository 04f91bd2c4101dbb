"""The wheel carries what a checkout has, and the first command copes with a bare machine."""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import harness
from harness.shipped import shipped_path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def start() -> ModuleType:
    """The script start.py as a module."""
    spec = importlib.util.spec_from_file_location("start", ROOT / "start.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def lonely(tmp_path: Path) -> Path:
    """A copy of start.py in a folder where nothing else is."""
    return Path(shutil.copy(ROOT / "start.py", tmp_path))


def call(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a person would."""
    return subprocess.run([sys.executable, script, *arguments], check=False, capture_output=True, text=True)


def test_version_is_stated_once() -> None:
    """The package and pyproject.toml agree on the version."""

    assert PROJECT["version"] == harness.__version__


@pytest.mark.skipif(
    "PYTHONSAFEPATH" not in os.environ, reason="tox sets PYTHONSAFEPATH; the checkout is meant here"
)
def test_wheel_is_under_test() -> None:
    """Under tox the package comes from the built wheel, not from the checkout."""

    assert not Path(harness.__file__).is_relative_to(ROOT / "harness")
    assert PROJECT["version"] == importlib.metadata.version(PROJECT["name"])


@pytest.mark.parametrize("folder", ["devices", "suites"])
def test_shipped_files_are_whole(folder: str) -> None:
    """Every board, device and suite file of the checkout is shipped byte for byte."""
    files = [
        path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    differing = [
        path.name
        for path in files
        if shipped_path(str(path.relative_to(ROOT))).read_bytes() != path.read_bytes()
    ]

    assert files
    assert [] == differing


def test_package_is_typed() -> None:
    """The package carries the marker of PEP 561."""

    assert Path(harness.__file__).with_name("py.typed").is_file()


def test_start_refuses_foreign_folder(lonely: Path) -> None:
    """A `.venv` that is no environment of Python is named and left alone."""
    kept = lonely.with_name(".venv") / "mine.txt"
    kept.parent.mkdir()
    kept.write_text("precious", encoding="utf-8")
    done = call(lonely)

    assert 1 == done.returncode
    assert "is no environment of Python" in done.stderr
    assert "precious" == kept.read_text(encoding="utf-8")


def test_start_refuses_unknown_job(lonely: Path) -> None:
    """A misspelt job is refused with exit code 2 before anything is made."""
    done = call(lonely, "tests")

    assert 2 == done.returncode
    assert "invalid choice: 'tests'" in done.stderr
    assert [lonely] == list(lonely.parent.iterdir())


def test_start_needs_room(start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is too full is told in gigabytes before anything is made."""
    monkeypatch.setattr(start, "ROOT", tmp_path)
    monkeypatch.setattr(start, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(start, "PYTHON", tmp_path / ".venv/bin/python")
    monkeypatch.setattr(start, "DISK_BYTES", 1 << 80)

    with pytest.raises(start.NotReadyError, match="GB free"):
        start.ready_venv()
    assert [] == list(tmp_path.iterdir())


def test_bootstrap_checks_digest(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pip that is not the known one is refused before it is run."""
    listing = json.dumps({"files": [{"filename": start.PIP_WHEEL, "url": "../files/pip.whl"}]}).encode()
    asked: list[str] = []

    def fetch(url: str, *, accept: str = "") -> bytes:
        asked.append(url)
        return listing if accept else b"another wheel"

    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple/")
    monkeypatch.setattr(start, "fetch", fetch)

    with pytest.raises(start.NotReadyError, match=f"expected {start.PIP_SHA256}"):
        start.bootstrap_pip()
    assert ["https://index.example/simple/pip/", "https://index.example/simple/files/pip.whl"] == asked


@pytest.mark.parametrize("listing", [b"<html>", b'{"files": []}', b"{}"], ids=["html", "without it", "other"])
def test_bootstrap_names_way_out(start: ModuleType, monkeypatch: pytest.MonkeyPatch, listing: bytes) -> None:
    """An index that cannot give the known pip leads to the system's python3-venv."""
    monkeypatch.setattr(start, "fetch", lambda *_, **__: listing)

    with pytest.raises(start.NotReadyError, match="install the package python3-venv"):
        start.bootstrap_pip()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://index.example/pip", "pip"])
def test_fetch_refuses_other_schemes(start: ModuleType, url: str) -> None:
    """Only http and https addresses are fetched."""

    with pytest.raises(start.NotReadyError, match="expected https"):
        start.fetch(url)


def test_fetch_names_address(start: ModuleType) -> None:
    """An address out of reach is named in the sentence."""

    with pytest.raises(start.NotReadyError, match=r"http://127\.0\.0\.1:9/ cannot be fetched"):
        start.fetch("http://127.0.0.1:9/")


def test_digest_follows_sources(start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed, renamed or added source is installed anew; a compiled file is not a source."""
    monkeypatch.setattr(start, "ROOT", tmp_path)
    module = tmp_path / "harness" / "front.py"
    module.parent.mkdir()
    module.write_text("a", encoding="utf-8")
    seen = [start.sources_digest()]
    (tmp_path / "harness" / "__pycache__").mkdir()
    (tmp_path / "harness" / "__pycache__" / "front.pyc").write_bytes(b"x")

    assert seen[0] == start.sources_digest()
    module.write_text("b", encoding="utf-8")
    seen.append(start.sources_digest())
    module.rename(module.with_name("back.py"))
    seen.append(start.sources_digest())
    module.write_text("", encoding="utf-8")
    seen.append(start.sources_digest())
    assert len(set(seen)) == len(seen)
