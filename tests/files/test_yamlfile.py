"""YAML files are read as a person reads them, and whatever could be misread is refused."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import FileError
from harness.yamlfile import SIZE_LIMIT_BYTES, read_yaml


def write(folder: Path, content: bytes | str) -> Path:
    """A file with that content."""
    path = folder / "file.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def outcome(path: Path) -> object:
    """The content of a file, or the fault it has."""
    try:
        return read_yaml(path).content
    except FileError as error:
        return error


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("140e-6", 140e-6),
        ("0x40", 64),
        ("010", 10),
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("true", True),
        ("null", None),
        ('"1.0"', "1.0"),
        ("[a, b]", ["a", "b"]),
    ],
)
def test_values_read_as_written(tmp_path: Path, text: str, value: object) -> None:
    """A plain value means what YAML 1.2 says it means."""
    content = read_yaml(write(tmp_path, f"key: {text}\n")).content

    assert {"key": value} == content


def test_json_is_yaml(tmp_path: Path) -> None:
    """A JSON file is read, tabs and all."""
    content = read_yaml(write(tmp_path, '{\n\t"a": 1,\n\t"b": [1.5, null]\n}')).content

    assert {"a": 1, "b": [1.5, None]} == content


def test_digest_is_of_the_bytes(tmp_path: Path) -> None:
    """The digest is that of the file as it lies on the disk, byte order mark included."""
    data = b"\xef\xbb\xbfa: 1\n"
    file = read_yaml(write(tmp_path, data))

    assert hashlib.sha256(data).hexdigest() == file.sha256
    assert {"a": 1} == file.content


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", 3, 'duplicate key "a"', id="key twice"),
        pytest.param("a: &x 1\n", 1, "anchors (&) and aliases (*)", id="anchor"),
        pytest.param("a: 1\nb: *x\n", 2, "anchors (&) and aliases (*)", id="alias"),
        pytest.param("a: !!python/object:os.system x\n", 1, "could not determine a constructor", id="tag"),
        pytest.param("a: 1\n---\nb: 2\n", 2, "but found another document", id="two documents"),
        pytest.param("%YAML 1.1\n---\na: no\n", 2, "another version than YAML 1.2", id="version"),
        pytest.param("a: [1\nb: 2\n", 2, "", id="open bracket"),
        pytest.param("a: 1\n\tb: 2\n", 2, "", id="tab"),
        pytest.param("- 1\n", 1, "found a list, expected a mapping", id="list"),
        pytest.param("", 1, "found nothing, expected a mapping", id="empty"),
        pytest.param(b"a: 1\nb: \xe4\n", 2, "0xe4 is not UTF-8", id="latin-1"),
        pytest.param("a: 1\nb: \x07\n", 2, "special characters are not allowed", id="control character"),
    ],
)
def test_fault_names_its_line(tmp_path: Path, content: bytes | str, line: int, words: str) -> None:
    """A fault of syntax is one sentence that an editor can jump to."""
    path = write(tmp_path, content)

    with pytest.raises(FileError) as caught:
        read_yaml(path)

    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert words in str(caught.value)
    assert 1 == len(str(caught.value).splitlines())


@pytest.mark.parametrize("text", ["a: 2026-13-45", "a: !!int x", "a: " + "9" * 5000, "a: " + "[" * 2_000])
def test_value_without_meaning_is_a_fault(tmp_path: Path, text: str) -> None:
    """A value that Python cannot hold is a fault of the file."""
    with pytest.raises(FileError, match=r"file\.yaml"):
        read_yaml(write(tmp_path, text))


def test_page_of_aliases_is_not_expanded(tmp_path: Path) -> None:
    """Aliases that stand for a billion values are refused before any is made."""
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    with pytest.raises(FileError, match="aliases"):
        read_yaml(write(tmp_path, "\n".join(lines)))


def test_large_file_is_refused(tmp_path: Path) -> None:
    """A file above the limit is not parsed."""
    with pytest.raises(FileError, match=f"larger than {SIZE_LIMIT_BYTES} bytes"):
        read_yaml(write(tmp_path, "a: 1\n#" + "x" * SIZE_LIMIT_BYTES))


def test_missing_file_says_so(tmp_path: Path) -> None:
    """A path that leads nowhere is a fault with the system's reason."""
    with pytest.raises(FileError, match="No such file"):
        read_yaml(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_only_files_are_read(tmp_path: Path, make: Any) -> None:
    """A folder or a pipe is refused without waiting for it."""
    make(tmp_path / "thing.yaml")

    with pytest.raises(FileError, match="is not a file"):
        read_yaml(tmp_path / "thing.yaml")


@given(
    st.binary(max_size=200) | st.text(alphabet="ab:-[]{},&*!|>'\"#%\n\t 01.~", max_size=80).map(str.encode)
)
def test_any_bytes_give_a_mapping_or_a_fault(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Whatever a file holds, reading it gives a mapping or a `FileError` that names the file."""
    path = write(tmp_path_factory.getbasetemp(), data)
    found = outcome(path)

    assert isinstance(found, dict) or str(found).startswith(str(path))
