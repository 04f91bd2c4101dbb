"""What answers in place of an INA226 is told in words a person can act on."""

import pytest

from harness.meters.identity import is_ina226, misfit, swapped


@pytest.mark.parametrize("revision", range(16))
def test_any_revision_is_an_ina226(revision: int) -> None:
    """The low four bits of DIE ID are the revision."""

    assert is_ina226(0x5449, 0x2260 | revision)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((0x4954, 0x6022, 0x2741), "bytes of each word are swapped"),
        ((0xFFFF, 0xFFFF, 0xFFFF), "no chip drives them"),
        ((0x0000, 0x0000, 0x0000), "no chip drives them"),
        ((0x5449, 0x2270, 0x6127), "INA260"),
        ((0x5449, 0x3220, 0x7127), "INA3221"),
        ((0x399F, 0x399F, 0x399F), "INA219"),
        ((0x0000, 0x2260, 0x4127), "copy"),
        ((0x5449, 0x0000, 0x4127), "copy"),
        ((0x1234, 0x5678, 0x9ABC), "another chip"),
    ],
)
def test_what_answers_is_named(words: tuple[int, int, int], said: str) -> None:
    """Swapped bytes, dead lines, relatives, copies and strangers each have their own sentence."""

    assert not is_ina226(words[0], words[1])
    assert said in misfit(*words)


def test_swapping_twice_changes_nothing() -> None:
    """Bytes exchange places."""

    assert 0x4954 == swapped(0x5449)
    assert 0x5449 == swapped(swapped(0x5449))
