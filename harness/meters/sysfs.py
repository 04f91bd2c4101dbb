"""This module reads what the kernel shows as small text files: attributes in sysfs and the tree of powercap."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from harness.errors import MeterError

ROOT = Path("/")
"""Above `sys` and `dev`; tests have a tree of their own."""

_TEXT_BYTES = 4096


def text(path: Path) -> str:
    """Content of an attribute without the newline.

    Raises:
        MeterError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise MeterError(f"{path} cannot be read: {_reason(error)}") from error


def text_or_none(path: Path) -> str | None:
    """Content of an attribute; None where it is absent or not to be read."""
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8").strip()
    return None


def number(path: Path) -> float:
    """Number in an attribute.

    Raises:
        MeterError: it cannot be read or holds something else.
    """
    return _number(path, text(path))


def write(path: Path, value: str) -> None:
    """Set an attribute.

    Raises:
        MeterError: it cannot be written, or the kernel refuses the value.
    """
    try:
        path.write_text(value, encoding="ascii")
    except OSError as error:
        raise MeterError(f"{path} cannot be set to {value}: {_reason(error)}") from error


def children(folder: Path, pattern: str) -> Iterator[Path]:
    """Entries of a folder that match, in order of their numbers; none where there is no such folder."""
    yield from sorted(folder.glob(pattern), key=lambda path: (len(path.name), path.name))


class Attribute:
    """An integer attribute that is read again and again; the file stays open.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def open(self) -> None:
        """Open the file.

        Raises:
            MeterError: it cannot be opened.
        """
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise MeterError(f"{self.path} cannot be opened: {_reason(error)}") from error

    def close(self) -> None:
        """Close the file; twice is harmless."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def read(self) -> int:
        """The integer as it is now.

        Raises:
            MeterError: the kernel cannot read it from the chip, or it is no integer.
        """
        try:
            content = os.pread(self._descriptor, _TEXT_BYTES, 0)
        except OSError as error:
            raise MeterError(f"{self.path} cannot be read: {_reason(error)}") from error
        try:
            return int(content)
        except ValueError:
            raise MeterError(f"{self.path}: found {content[:40]!r}, expected an integer") from None


def _number(path: Path, found: str) -> float:
    try:
        return float(found)
    except ValueError:
        raise MeterError(f"{path}: found {found[:40]!r}, expected a number") from None


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):
        return "it is no text"
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return "permission denied; run as root, or let a udev rule give the file to your group"
        case errno.ENOENT | errno.ENODEV:
            return "there is none; is the driver loaded and the device named rightly? `harness meter list` shows all"
        case errno.EBUSY:
            return "it is in use by another program"
        case errno.EIO | errno.EREMOTEIO | errno.ETIMEDOUT:
            return f"the chip does not answer the kernel ({error.strerror}); check wiring and supply"
        case _:
            return str(error.strerror)
