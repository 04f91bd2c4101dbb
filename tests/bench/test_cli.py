"""The command line says what there is, refuses what is wrong, and loads only what it needs."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.__main__ import main

COMMANDS = ("init", "devices", "suites", "plan", "run", "report", "rank", "doctor")


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


Harness = Callable[..., Done]


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Harness:
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("signal.signal", lambda *_: None)  # the command's process is that of the tests

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        said = capsys.readouterr()
        return Done(exit_.value.code or 0, said.out, said.err)

    return run


@pytest.mark.parametrize("arguments", [["--help"], []], ids=["--help", "nothing"])
def test_help_lists_all_commands(harness: Harness, arguments: list[str]) -> None:
    """Help, and nothing at all, list every command."""
    done = harness(*arguments)
    text = done.out + done.err

    assert all(f"  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(harness: Harness, name: str) -> None:
    """Every command says what it does and what it takes."""
    done = harness(name, "--help")

    assert 0 == done.code
    assert f"Usage: harness {name}" in done.out


def test_help_loads_nothing_heavy() -> None:
    """Help in a fresh process loads neither numpy nor a reader of files nor pandas."""
    code = (
        "import contextlib, sys; sys.argv = ['harness', '--help']\n"
        "from harness.__main__ import main\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "print('LOADED', *sys.modules)"
    )
    baseline = "import sys, typer; print('LOADED', *sys.modules)"
    loaded = {
        text: {
            name.partition(".")[0]
            for name in subprocess.run(
                [sys.executable, "-c", text], check=True, capture_output=True, text=True
            )
            .stdout.rpartition("LOADED")[2]
            .split()
        }
        for text in (code, baseline)
    }
    ours = loaded[code] - loaded[baseline]

    assert "harness" in ours
    assert set() == ours & {"pydantic", "ruamel", "numpy", "pandas", "onnxruntime", "matplotlib", "pyarrow"}
    assert "numpy" not in loaded[code]
    assert "ruamel" not in loaded[code]
    assert "pandas" not in loaded[code]


def test_version(harness: Harness) -> None:
    """The version is printed and nothing else."""
    done = harness("--version")

    assert (0, "harness 0.1.0\n") == (done.code, done.out)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["plan", "--device", "hots"], "did you mean host?"),
        (["plan", "digit"], "did you mean digits?"),
        (["plan", "--select", "*/int9"], "--select */int9: matches no case; "),
        (["plan", "--select", "int8"], "did you mean '*int8*'?"),
        (["plan", "--quick", "--full"], "--quick and --full exclude each other"),
        (["plan", "--device", "host", "--device", "host"], "a device is named twice"),
        (["plan", "nowhere/suite.yaml"], "nowhere/suite.yaml"),
        (["run", "--device", "hots"], "did you mean host?"),
        (["run", "digit"], "did you mean digits?"),
        (["run", "--quick", "--full"], "--quick and --full exclude each other"),
        (
            ["plan", "--device", "raspberry-pi-5"],
            "is a board, not a device; name a device that is one: rpi5-a",
        ),
        (["plan", "--device", "stm32h743"], "is a board, not a device; describe yours in devices/NAME.yaml"),
        (["run", "--resume", "latest"], "holds no run yet"),
        (["run", "--resume", "latest", "--quick", "--select", "*"], "leave out --select, --quick"),
        (["rank", "--mix", "orign"], "--mix orign: is no field to be mixed; did you mean origin?"),
        (
            ["report", "--mix", "foo"],
            "--mix foo: is no field to be mixed; known: meter, origin, protocol, suite",
        ),
        (["run", "--resume", "20260101T000000Z-abcdef"], "is not a run"),
        (["rank", "--limit", "nonsense"], "nonsense"),
        (["rank", "--limit", "latency_p98_s < 1"], "latency_p9"),
        (["rank"], "holds no run yet"),
        (["report"], "holds no run yet"),
        (["report", "nothing"], "is not a run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_arguments(harness: Harness, tmp_path: Path, arguments: list[str], sentence: str) -> None:
    """What is written wrong exits with 2, says what was meant, and nothing is made."""
    done = harness(*arguments)

    assert 2 == done.code
    assert done.err.startswith("harness: ")
    assert sentence in done.err
    assert "" == done.out
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [["pln"], ["plan", "--nonsense"], ["plan", "--seed", "one"]], ids=" ".join
)
def test_wrong_usage(harness: Harness, arguments: list[str]) -> None:
    """What the command line does not know exits with 2 as well."""
    assert 2 == harness(*arguments).code


@pytest.mark.parametrize("quick", [True, False], ids=["quick", "standard"])
def test_plan(harness: Harness, tmp_path: Path, quick: bool) -> None:
    """A plan lists every sitting, is the same each time, and touches nothing."""
    arguments = ["plan", "--json", *(["--quick"] if quick else [])]
    (plan,) = json.loads(harness(*arguments).out)
    items = [item for sitting in plan["items"].values() for item in sitting]

    assert [plan] == json.loads(harness(*arguments).out)
    assert 8 == len(plan["cases"])
    assert len(plan["order"]) == 8 * (1 if quick else 3)
    assert len(items) == len(set(items))
    assert [] == list(tmp_path.iterdir())


def edited_suite(folder: Path, old: str, new: str) -> None:
    """The digits in a workspace of their own, with one text of the suite's file replaced."""
    path = folder / "suites" / "digits.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def lab(harness: Harness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A workspace, where the commands run."""
    harness("init", "lab")
    monkeypatch.chdir(tmp_path / "lab")
    return Path()


def test_stopping_before_a_run_shows_the_runs_before_it(
    harness: Harness, lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while a device is asked who it is still ranks and reports what was finished, and exits with 130."""
    assert lab
    shown = []

    def stopped(_bench: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.bench.Bench.start", stopped)
    monkeypatch.setattr("harness.cli.running._show", lambda *_: shown.append(True))

    assert 130 == harness("run", "--quick").code
    assert [True] == shown


@pytest.mark.parametrize("command", [["plan"], ["run", "--quick"]], ids=["plan", "run"])
@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("kind: onnxruntime", "kind: litert", "engines[0].kind: found litert, no engine of this version"),
        (
            "CPUExecutionProvider",
            "CPUExecutonProvider",
            "engines[0].providers[0]: found CPUExecutonProvider, no provider of onnxruntime; did you mean CPU",
        ),
    ],
    ids=["engine", "provider"],
)
def test_unknown_engine_is_a_fault_of_the_suite(  # noqa: PLR0917  three of them are one case
    harness: Harness, lab: Path, command: list[str], old: str, new: str, sentence: str
) -> None:
    """An engine or a provider of an unknown name is told with its key, by the plan already, and nothing is made."""
    edited_suite(lab, old, new)
    done = harness(*command)

    assert 2 == done.code
    assert f"suites/digits.yaml: {sentence}" in done.err
    assert [] == list(Path("results").iterdir())


def test_nothing_to_measure_makes_no_run(harness: Harness, lab: Path) -> None:
    """Where no case can be loaded each is told with its file, the exit code is 4, and there is no run."""
    edited_suite(lab, "dtype: float32", "dtype: float64")
    done = harness("run", "--quick", "--select", "*/digits-mlp/int8")

    assert 4 == done.code
    assert (
        "host/onnxruntime/digits-mlp/int8 (digits/mlp-int8.onnx): mlp-int8.onnx refuses its input" in done.err
    )
    assert [] == [*Path("results").iterdir(), *Path("reports").iterdir()]


def test_plan_for_people(harness: Harness) -> None:
    """A plan for people has a line for each sitting, and its digest depends on the seed."""
    first = harness("plan", "--select", "*/int8")
    second = harness("plan", "--select", "*/int8", "--seed", "2")

    assert 0 == first.code
    assert 2 * 3 == first.out.count("  sitting ")
    assert "2 cases, 3 sittings each, protocol standard" in first.out
    assert first.out.splitlines()[1] != second.out.splitlines()[1]


def test_devices(harness: Harness) -> None:
    """The shipped devices are listed with where their power comes from."""
    found = {each["device"]: each for each in json.loads(harness("devices", "--json").out)["found"]}

    assert "simulated" == found["host"]["power"]
    assert "measured" == found["rpi5-a"]["power"]
    assert all(name in harness("devices").out for name in found)


def test_suites(harness: Harness) -> None:
    """The shipped suites are listed with their precisions."""
    found = json.loads(harness("suites", "--json").out)

    assert [] == found["faults"]
    assert "fp32, fp16, int8, int4" == found["found"][0]["precisions"]
    assert "digits" in harness("suites").out


def test_broken_file_is_told(harness: Harness, tmp_path: Path) -> None:
    """A file that cannot be read is told beside those that can."""
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "bad.yaml").write_text("id: bad\nid: worse\n", encoding="ascii")
    done = harness("devices", "--json")
    found = json.loads(done.out)

    assert "host" in {each["device"] for each in found["found"]}
    assert any("devices/bad.yaml" in fault for fault in found["faults"])


def test_workspace(harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new workspace has all that a plan needs, and its own files are the ones used."""
    done = harness("init", "lab")
    monkeypatch.chdir(tmp_path / "lab")
    listed = json.loads(harness("devices", "--json").out)["found"]
    plan = harness("plan", "--quick")

    assert 0 == done.code
    assert "Next: cd lab && harness plan" in done.out
    assert {"devices", "suites", "results", "reports"} == {path.name for path in Path().iterdir()}
    assert all(each["path"].startswith("devices/") for each in listed)
    assert 0 == plan.code
    assert 8 == plan.out.count("  sitting ")


def test_workspace_needs_an_empty_folder(harness: Harness, tmp_path: Path) -> None:
    """A folder that holds something, and a file, are left as they are; an empty folder is taken."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    (tmp_path / "empty").mkdir()

    assert 2 == harness("init", "full").code
    assert 2 == harness("init", "full/mine").code
    assert ["mine"] == [path.name for path in (tmp_path / "full").iterdir()]
    assert 0 == harness("init", "empty").code


def test_workspace_that_cannot_be_written(harness: Harness) -> None:
    """A workspace where nothing can be written is a bench error that names it."""
    done = harness("init", "/proc/lab")

    assert 3 == done.code
    assert "/proc/lab: cannot be made" in done.err


def test_doctor(harness: Harness, tmp_path: Path) -> None:
    """The doctor looks at Python, engine, packages, processors and the place for results, and writes nothing."""
    done = harness("doctor", "--json")
    found = {each["what"]: each for each in json.loads(done.out)}

    assert 0 == done.code
    assert {"python", "onnxruntime", "engine onnxruntime", "results", "processors", "i2c buses"} <= set(found)
    assert all(each["advice"] for each in found.values() if each["ok"] is False)
    assert [] == list(tmp_path.iterdir())
    assert len(found) == len(harness("doctor").out.splitlines())


def test_doctor_finds_what_is_in_the_way(harness: Harness) -> None:
    """A place where results cannot be written is in the way of measuring: exit 3."""
    done = harness("doctor", "--results", "/proc/results")

    assert 3 == done.code
    assert "in the way of measuring: results" in done.err
    assert "LOOK  results: /proc/results" in done.out
