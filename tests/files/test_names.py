"""Unknown names come with the known ones that are nearest."""

import re

import pytest

from harness.names import DEVICE_ID, ID, hint


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("fp61", ["fp16", "fp32", "int8"], "did you mean fp16?"),
        ("zebra", ["b", "a"], "known: a, b"),
        ("zebra", [], "none is known"),
        (
            "zebra",
            [f"n{n:02}" for n in range(14)],
            f"known: {', '.join(f'n{n:02}' for n in range(12))} and 2 more",
        ),
    ],
)
def test_hint_ends_a_sentence(name: str, known: list[str], expected: str) -> None:
    """A hint names what is near, else what is known, else says that nothing is."""
    assert expected == hint(name, known)


@pytest.mark.parametrize("name", ["", ".", "..", "-x", "a/b", "a b", "a\n", "é", ".hidden"])
def test_ids_are_no_paths_and_no_options(name: str) -> None:
    """No id is a path, a hidden file, an option or more than one word."""
    assert re.fullmatch(ID, name) is None
    assert re.fullmatch(DEVICE_ID, name) is None
