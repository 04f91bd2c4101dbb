"""Labelled data is loaded without pickles, checked, and handed over as the model takes it."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import load_data
from harness.errors import FileError
from harness.suite import Data

ARRAYS: Mapping[str, Any] = {
    "images": np.arange(24, dtype=np.uint8).reshape(6, 2, 2),
    "labels": np.array([3, 1, 4, 1, 5, 9], dtype=np.uint8),
    "test": np.array([5, 0, 2], dtype=np.int16),
}


def stated(path: Path, **changes: object) -> Data:
    """What a suite says of that file, with some of it changed."""
    data = Data(
        path=path,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        inputs="images",
        labels="labels",
        subset="test",
        dtype="float32",
        scale=0.5,
        shape=(1, 1, 2, 2),
        licence="none",
        attribution="none",
    )
    return replace(data, **changes)


def saved(folder: Path, **arrays: object) -> Path:
    """A file of the arrays, some of them replaced or left out (None)."""
    path = folder / "data.npz"
    kept = {name: array for name, array in {**ARRAYS, **arrays}.items() if array is not None}
    np.savez_compressed(path, **kept)
    return path


def test_inputs_are_fed_as_the_model_takes_them(tmp_path: Path) -> None:
    """An input is scaled, typed, shaped, contiguous and its own memory."""
    data = load_data(stated(saved(tmp_path)))
    fed = data.input(1)

    assert [[[[2.0, 2.5], [3.0, 3.5]]]] == fed.tolist()
    assert (np.float32, True, True) == (fed.dtype, fed.flags.c_contiguous, fed.flags.owndata)


def test_labels_are_plain_numbers(tmp_path: Path) -> None:
    """A label is a Python integer, so that it can be written to a record."""
    label = load_data(stated(saved(tmp_path))).label(5)

    assert (9, int) == (label, type(label))


def test_subset_names_the_items(tmp_path: Path) -> None:
    """The items are the rows of the subset in the file's order, plain integers; all rows without one."""
    path = saved(tmp_path)

    assert (5, 0, 2) == load_data(stated(path)).items
    assert (0, 1, 2, 3, 4, 5) == load_data(stated(path, subset=None)).items


@given(st.sampled_from(["float16", "float32", "float64", "uint8", "int8", "int32"]), st.integers(0, 5))
def test_whole_numbers_survive_every_type(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, row: int
) -> None:
    """With scale 1 the fed values are the stored ones in every type."""
    path = saved(tmp_path_factory.getbasetemp())
    fed = load_data(stated(path, dtype=dtype, scale=1.0)).input(row)

    assert dtype == fed.dtype.name
    assert ARRAYS["images"][row].ravel().tolist() == fed.ravel().tolist()


@pytest.mark.parametrize(
    ("arrays", "changes", "words"),
    [
        pytest.param({}, {"inputs": "image"}, "image: no such array (data.inputs", id="misspelt"),
        pytest.param({}, {"inputs": "image"}, "did you mean images?", id="hint"),
        pytest.param({"test": None}, {}, "test: no such array (data.subset", id="no subset"),
        pytest.param({}, {"shape": (1, 5)}, "found 4 values in a row", id="shape"),
        pytest.param({"images": np.zeros((0, 2, 2))}, {}, "expected at least one row", id="no rows"),
        pytest.param({"images": np.float32(1)}, {}, "expected at least one row", id="scalar"),
        pytest.param({"images": np.full((6, 2, 2), np.nan)}, {}, "expected finite numbers", id="nan"),
        pytest.param({"images": np.full((6, 4), "x")}, {}, "expected finite numbers", id="text"),
        pytest.param({"images": np.full((6, 4), None)}, {}, "cannot be read without pickles", id="objects"),
        pytest.param({"labels": np.zeros(5, int)}, {}, "found 5 labels, expected 6", id="labels short"),
        pytest.param({"labels": np.zeros(6)}, {}, "labels: found the type float64", id="labels float"),
        pytest.param({"labels": np.full(6, -1)}, {}, "a row of whole numbers from 0", id="labels negative"),
        pytest.param({"test": np.array([6])}, {}, "found the row 6, expected rows from 0 to 5", id="row"),
        pytest.param({"test": np.array([-1])}, {}, "a row of whole numbers from 0", id="negative row"),
        pytest.param({"test": np.array([1, 1])}, {}, "expected each row once", id="row twice"),
        pytest.param({"test": np.array([], int)}, {}, "found no rows", id="empty subset"),
    ],
)
def test_fault_names_file_and_array(
    tmp_path: Path, arrays: dict[str, object], changes: dict[str, object], words: str
) -> None:
    """What does not fit the suite is told with the file, the array, what was found and expected."""
    path = saved(tmp_path, **arrays)

    with pytest.raises(FileError) as caught:
        load_data(stated(path, **changes))

    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


def test_other_file_is_refused(tmp_path: Path) -> None:
    """A file whose digest differs is refused before it is opened; both digests are told."""
    path = saved(tmp_path)

    with pytest.raises(FileError, match=r"expected 0{64}"):
        load_data(stated(path, sha256="0" * 64))


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there is told with the system's reason."""
    data = stated(saved(tmp_path))
    data.path.unlink()

    with pytest.raises(FileError, match="No such file"):
        load_data(data)


def test_single_array_is_refused(tmp_path: Path) -> None:
    """An `.npy` file has no names and is refused."""
    path = tmp_path / "data.npz"
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))

    with pytest.raises(FileError, match="found a single array"):
        load_data(stated(path))


@given(st.data())
def test_damaged_file_is_a_fault(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """A file with a changed byte or cut short loads the same or is a `FileError`, whatever the digest says."""
    path = saved(tmp_path_factory.getbasetemp())
    content = bytearray(path.read_bytes())
    where = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[where] ^= data.draw(st.integers(1, 255))
    else:
        del content[where:]
    path.write_bytes(content)
    try:
        items = load_data(stated(path)).items
    except FileError:
        return
    assert (5, 0, 2) == items
