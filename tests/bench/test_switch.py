"""The power of a device is cycled by the command of its file after a bench error, and no password is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.bench import Bench
from harness.errors import BenchError, TargetError
from harness.profile import PowerCycle
from harness.switch import cycle_power, find_program

from .fake_switch import COMMAND, asked, switch
from .test_bench import Lab, planned_items, valid_items
from .values import device

PASSWORD = "hunter2 $(touch stolen)"  # noqa: S105  of nobody
FILE = Path("devices/bench-1.yaml")


def how(folder: Path, behaviour: str = "works", **changes: Any) -> PowerCycle:
    """The fake switch as a device's file has it."""
    values: dict[str, Any] = {
        "command": (*COMMAND, str(folder / "asked"), behaviour, PASSWORD),
        "settle_s": 0.0,
        "limit_s": 60.0,
    }
    return PowerCycle(**(values | changes))


def test_fake_switch_does_what_it_is_told(tmp_path: Path) -> None:
    """The fake works, fails, or works the second time, and writes each time down."""
    path = tmp_path / "asked"

    assert [0, 1, 1, 0] == [
        switch(path, "works", "a"),
        switch(path, "fails"),
        switch(tmp_path / "other", "recovers"),
        switch(tmp_path / "other", "recovers"),
    ]
    assert [["a"], []] == asked(path)


def test_command_is_run_and_settles(tmp_path: Path) -> None:
    """The arguments arrive as they stand in the file, no shell sees them, and the settling is waited for."""
    waited: list[float] = []
    said = cycle_power(how(tmp_path, settle_s=7.5), FILE, sleep=waited.append)

    assert [[PASSWORD]] == asked(tmp_path / "asked")
    assert ["asked"] == [path.name for path in tmp_path.iterdir()]
    assert [7.5] == waited
    assert said.startswith("the power was cycled by python")
    assert said.endswith(", 7.5 s were given to settle")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"behaviour": "fails"}, r"python\S* ended with exit code 1, expected 0; run the command"),
        ({"behaviour": "hangs", "limit_s": 0.5}, r"python\S* did not end within 0.5 s and was ended"),
        (
            {"command": ("no-such-switch", PASSWORD)},
            "there is no program 'no-such-switch' on the search path",
        ),
        ({"command": ("./no-such", PASSWORD)}, "there is no program './no-such' beside the file"),
        ({"command": ("sh", "-c", "kill -9 $$", PASSWORD)}, "sh was killed by SIGKILL, expected 0"),
    ],
    ids=["fails", "hangs", "missing", "missing beside", "killed"],
)
def test_bad_command_is_told(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    """A command that is not there, fails or does not end is an error of the bench, without its arguments."""
    with pytest.raises(
        BenchError, match=rf"^devices/bench-1.yaml: power_cycle.command: {sentence}"
    ) as caught:
        cycle_power(how(tmp_path, **changes), FILE)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_damaged_program_is_told(tmp_path: Path) -> None:
    """What may be run but cannot is told by the words of the system."""
    path = tmp_path / "switch"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)

    with pytest.raises(BenchError, match="switch cannot be run: Exec format error"):
        cycle_power(how(tmp_path, command=("./switch",)), tmp_path / "bench-1.yaml")


def test_program_beside_the_file_is_found(tmp_path: Path) -> None:
    """A program with a slash is relative to the folder of the device's file."""
    path = tmp_path / "switch.sh"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)

    assert str(path) == find_program(how(tmp_path, command=("./switch.sh",)), tmp_path / "bench-1.yaml")


def test_value_does_not_show_its_arguments(tmp_path: Path) -> None:
    """The value as text, in a traceback or a log, holds no argument."""

    assert "hunter2" not in repr(device(power_cycle=how(tmp_path)))


def broken(tmp_path: Path, behaviour: str, retries: int = 2, times: int = 1) -> tuple[Lab, Bench]:
    """A lab whose worker dies so many times at the sixth item, on a device with a switch."""
    lab = Lab(tmp_path, device={"power_cycle": how(tmp_path, behaviour), "retries": retries})
    error = {lab.plan.items[1][5]: TargetError("the worker was killed by SIGKILL")}
    return lab, lab.bench(*[error] * times)


def test_power_is_cycled_before_the_next_attempt(tmp_path: Path) -> None:
    """After a bench error the power is cycled, its outcome is an incident, and the sitting goes on."""
    lab, bench = broken(tmp_path, "works")
    with lab.begin(bench) as writer:
        bench.run(writer)
    run = lab.read()

    assert 1 == len(asked(tmp_path / "asked"))
    assert planned_items(lab.plan) == valid_items(run)
    assert "complete" == run.status
    assert [3, 0] == [each.exit_code for each in run.incidents]
    assert run.incidents[1].what.startswith("bench-1: after that the power was cycled by python")


def test_power_is_cycled_after_the_last_attempt_too(tmp_path: Path) -> None:
    """Whoever comes next, another test or another run, finds the device in a known state."""
    lab, bench = broken(tmp_path, "works", retries=1, times=2)
    with lab.begin(bench) as writer, pytest.raises(TargetError, match=r"^the worker was killed by SIGKILL$"):
        bench.run(writer)

    assert 2 == len(asked(tmp_path / "asked"))
    assert [3, 0, 3, 0] == [each.exit_code for each in lab.read().incidents]


def test_failing_switch_ends_the_run(tmp_path: Path) -> None:
    """Where the power cannot be cycled nothing is known of the device, so that no further attempt is made."""
    lab, bench = broken(tmp_path, "fails")
    with (
        lab.begin(bench) as writer,
        pytest.raises(BenchError, match="then the power could not be cycled") as caught,
    ):
        bench.run(writer)
    run = lab.read()

    assert str(caught.value).startswith("the worker was killed by SIGKILL; then")
    assert "aborted" == run.status
    assert ["the worker was killed by SIGKILL", str(caught.value)] == [each.what for each in run.incidents]
    assert 1 == len(run.opened)


def test_fault_of_the_case_cycles_nothing(tmp_path: Path) -> None:
    """A model that does not load is no fault of the device."""
    lab = Lab(tmp_path, ["refused"], device={"power_cycle": how(tmp_path)})
    bench = lab.bench()
    with lab.begin(bench) as writer:
        bench.run(writer)

    assert [] == asked(tmp_path / "asked")


def test_missing_program_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    """A switch that is not installed is told when the run begins, not when it is needed."""
    lab = Lab(tmp_path, device={"power_cycle": how(tmp_path, command=("no-such-switch",))})
    bench = lab.bench()

    with pytest.raises(BenchError, match="no program 'no-such-switch'"):
        bench.start()
    assert [] == bench.opened


class MuteBench(Bench):
    """A bench whose device does not answer so many times."""

    left = 1

    def open_target(self) -> Any:
        """No worker, then one that answers."""
        if self.left:
            self.left -= 1
            raise TargetError("the device is silent")
        return self.then.open_target()

    then: Bench


def test_silent_device_is_cycled_and_asked_again(tmp_path: Path) -> None:
    """A device that does not say who it is is switched off and on; an incident of the run says so."""
    lab = Lab(tmp_path, device={"power_cycle": how(tmp_path)})
    bench = MuteBench(plan=lab.plan, data=lab.data, watcher=lab.bench().watcher)
    bench.then = lab.bench()
    with lab.begin(bench) as writer:
        bench.run(writer)
    [incident] = lab.read().incidents

    assert incident.what.startswith(
        "asking the device who it is: the device is silent; bench-1: after that the power was cycled by python"
    )
    assert 1 == len(asked(tmp_path / "asked"))


def test_no_file_of_a_run_holds_an_argument(tmp_path: Path) -> None:
    """What is kept of the command is the name of its program."""
    lab, bench = broken(tmp_path, "recovers", times=2)
    with lab.begin(bench) as writer, pytest.raises(BenchError):
        bench.run(writer)
    kept = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]

    assert kept
    assert [] == [path for path in kept if b"hunter2" in path.read_bytes()]
    told = lab.read().start.device["power_cycle"]
    assert Path(COMMAND[0]).name == told["command"][0]
    assert 1 == len(told["command"])
    assert "hunter2" not in json.dumps(bench.start().found)
