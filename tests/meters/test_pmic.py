"""The power management chip of a Raspberry Pi 5."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import MeterError
from harness.meters.pmic import Pmic, ask_pmic, rails_of

ANSWER = """\
   3V7_WL_SW_A current(0)=0.00390372A
   3V3_SYS_A current(1)=0.08882763A
     VDD_CORE_A current(7)=1.15930000A
   3V7_WL_SW_V volt(8)=3.71880500V
   3V3_SYS_V volt(9)=3.32600800V
     VDD_CORE_V volt(15)=0.73030430V
      EXT5V_V volt(24)=5.18516900V
       BATT_V volt(25)=0.00000000V
"""


def test_rails_are_pairs_by_name() -> None:
    """What has no current, as the 5 V input, is no rail."""
    assert {
        "3V7_WL_SW": (0.00390372, 3.718805),
        "3V3_SYS": (0.08882763, 3.326008),
        "VDD_CORE": (1.1593, 0.7303043),
    } == rails_of(ANSWER)


@given(st.text(max_size=200))
def test_any_other_answer_is_an_error(answer: str) -> None:
    """Text that is no answer of the chip gives a sentence, never a power."""
    with pytest.raises(MeterError, match="only a Raspberry Pi 5"):
        rails_of(answer)


def test_the_rails_are_named_in_the_configuration() -> None:
    """A reader of the record sees what was summed."""
    assert ["3V3_SYS", "3V7_WL_SW", "VDD_CORE"] == Pmic(lambda: ANSWER).open()["rails"]


def test_a_machine_without_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the command."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MeterError, match="vcgencmd, which this machine does not have"):
        ask_pmic()


def test_the_command_is_run_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name is called with one argument and its output taken."""
    program = tmp_path / "vcgencmd"
    program.write_text('#!/bin/sh\n[ "$1" = pmic_read_adc ] && echo "$# arguments"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert "1 arguments\n" == ask_pmic()


def test_a_command_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the group a user must be in."""
    program = tmp_path / "vcgencmd"
    program.write_text("#!/bin/sh\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(MeterError, match="group video") as caught:
        ask_pmic()
    assert isinstance(caught.value.__cause__, subprocess.CalledProcessError)
