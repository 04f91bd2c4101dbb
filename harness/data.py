"""This module loads the labelled inputs of a suite and hands them over as the model takes them."""

import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import FileError
from harness.names import hint
from harness.suite import Data


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledData:
    """Labelled inputs in memory.

    Attributes:
        data: what the suite says of them.
        items: rows of the file that are the items, in the file's order.
        inputs, labels: the arrays of the file, all rows.
    """

    data: Data
    items: Sequence[int]
    inputs: NDArray[Any]
    labels: NDArray[Any]

    def input(self, row: int) -> NDArray[Any]:
        """One input as the model takes it: scaled, of the suite's type and shape, contiguous, its own memory."""
        scaled = self.inputs[row] * self.data.scale
        return np.array(scaled.reshape(self.data.shape), dtype=self.data.dtype, order="C")

    def label(self, row: int) -> int:
        """What is right for that row."""
        return int(self.labels[row])


def load_data(data: Data) -> LabelledData:
    """Load and check the `.npz` file of a suite; the digest is of the very bytes that are used.

    Raises:
        FileError: the file cannot be read, is not the one the suite states, or holds other arrays than it says.
    """
    arrays = _Arrays(data)
    inputs = arrays.read(data.inputs, "inputs")
    labels = arrays.read(data.labels, "labels")
    rows = len(inputs) if inputs.ndim else 0
    _expect(data, data.inputs, rows > 0, f"the shape {inputs.shape}", "at least one row")
    _expect(
        data,
        data.inputs,
        inputs.dtype.kind in "biuf" and bool(np.isfinite(inputs).all()),
        f"values of type {inputs.dtype}, or some that are not finite",
        "finite numbers",
    )
    size, wanted = math.prod(inputs.shape[1:]), math.prod(data.shape)
    _expect(
        data,
        data.inputs,
        size == wanted,
        f"{size} values in a row (shape {inputs.shape})",
        f"{wanted} for the input shape {list(data.shape)}",
    )
    _expect_whole(data, data.labels, labels)
    _expect(data, data.labels, len(labels) == rows, f"{len(labels)} labels", f"{rows}, one for each input")
    return LabelledData(data=data, items=_items(arrays, data, rows), inputs=inputs, labels=labels)


def _items(arrays: "_Arrays", data: Data, rows: int) -> Sequence[int]:
    if data.subset is None:
        return tuple(range(rows))
    subset = arrays.read(data.subset, "subset")
    _expect_whole(data, data.subset, subset)
    items = tuple(int(row) for row in subset)
    _expect(data, data.subset, len(items) > 0, "no rows", "at least one")
    _expect(
        data,
        data.subset,
        max(items, default=0) < rows,
        f"the row {max(items, default=0)}",
        f"rows from 0 to {rows - 1}",
    )
    _expect(data, data.subset, len(set(items)) == len(items), "a row twice", "each row once")
    return items


class _Arrays:
    """The named arrays of one file."""

    def __init__(self, data: Data) -> None:
        self._data = data
        try:
            content = data.path.read_bytes()
        except OSError as error:
            raise FileError(f"{data.path}: cannot be read: {error.strerror}; check the path") from error
        found = hashlib.sha256(content).hexdigest()
        if found != data.sha256:
            raise FileError(
                f"{data.path}: found the sha256 {found}, expected {data.sha256}; restore the file,"
                " or state the new digest in the suite"
            )
        try:
            self._archive = np.load(io.BytesIO(content), allow_pickle=False)
        except Exception as error:  # a damaged archive raises whatever its decoders do
            raise FileError(f"{data.path}: is not an .npz file: {error}") from error
        if not isinstance(self._archive, np.lib.npyio.NpzFile):
            raise FileError(f"{data.path}: found a single array, expected an .npz file of named arrays")

    def read(self, name: str, use: str) -> NDArray[Any]:
        """One array; `use` is the suite's key that names it."""
        if name not in self._archive.files:
            raise FileError(
                f"{self._data.path}: {name}: no such array (data.{use} of the suite);"
                f" {hint(name, self._archive.files)}"
            )
        try:
            array: NDArray[Any] = self._archive[name]
        except Exception as error:  # a damaged member raises whatever its decoders do
            raise FileError(
                f"{self._data.path}: {name}: cannot be read without pickles: {error};"
                " save plain numeric arrays"
            ) from error
        if not isinstance(array, np.ndarray):
            raise FileError(f"{self._data.path}: {name}: is not an array in the .npy format")
        return array


def _expect_whole(data: Data, name: str, array: NDArray[Any]) -> None:
    good = array.ndim == 1 and array.dtype.kind in "iu" and not (array < 0).any()
    found = f"the type {array.dtype} in the shape {array.shape}"
    _expect(data, name, bool(good), found, "a row of whole numbers from 0")


def _expect(data: Data, name: str, good: bool, found: str, expected: str) -> None:  # noqa: FBT001  the claim itself
    if not good:
        raise FileError(f"{data.path}: {name}: found {found}, expected {expected}")
