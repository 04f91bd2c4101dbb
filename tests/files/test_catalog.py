"""Boards, devices and suites are found by name or path, the workspace before what is shipped."""

from pathlib import Path

import pytest

from harness import catalog
from harness.errors import FileError
from harness.shipped import shipped_path


@pytest.fixture(autouse=True)
def _at_home(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test stands in the workspace."""
    monkeypatch.chdir(workspace)


def test_name_is_looked_up_in_the_workspace() -> None:
    """A name finds the file of the workspace, with its board."""
    device = catalog.load_device("bench-1")

    assert ("bench-1", "bench-board") == (device.id, device.board.id)


def test_shipped_is_found_from_anywhere() -> None:
    """What comes with the harness is found outside a checkout."""
    assert shipped_path("devices/host.yaml") == catalog.load_device("host").path
    assert shipped_path("suites/digits.yaml") == catalog.load_suite("digits").path
    assert "Raspberry Pi 5" == catalog.load_board("raspberry-pi-5").title


def test_workspace_stands_in_for_shipped(workspace: Path) -> None:
    """A file of the workspace is taken before a shipped one of the same name."""
    text = (workspace / "devices/bench-1.yaml").read_text()
    (workspace / "devices/host.yaml").write_text(text.replace('"bench-1"', '"host"'))

    assert Path("devices/host.yaml") == catalog.load_device("host").path


def test_path_is_taken_as_it_is(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path works from elsewhere, and the boards beside the device are found."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    device = catalog.load_device(str(workspace / "devices/bench-1.yaml"))

    assert workspace / "devices/boards/bench-board.yaml" == device.board.path


@pytest.mark.parametrize(
    ("load", "name", "words"),
    [
        (catalog.load_device, "bench-2", "there is no device of this name in devices"),
        (catalog.load_device, "bench-2", "did you mean bench-1?"),
        (catalog.load_suite, "digit", "did you mean digits?"),
        (catalog.load_board, "rk3589", "did you mean rk3588?"),
        (catalog.load_board, "..", "there is no board of this name"),
        (catalog.load_suite, "nowhere/mine.yaml", "No such file"),
    ],
)
def test_unknown_name_is_told_with_what_is_near(load: object, name: str, words: str) -> None:
    """An unknown name says where it was looked for and what is nearest."""
    with pytest.raises(FileError) as caught:
        load(name)

    assert words in str(caught.value)


def test_board_of_a_device_is_suggested(workspace: Path) -> None:
    """A misspelt board is told at the device's key, with the nearest board."""
    path = workspace / "devices/bench-1.yaml"
    path.write_text(path.read_text().replace("bench-board", "bench-bord"))

    with pytest.raises(FileError, match=r"bench-1.yaml: board: .*did you mean bench-board"):
        catalog.load_device("bench-1")


def test_lists_hold_broken_files_as_faults(workspace: Path) -> None:
    """A broken file does not hide the others: its fault stands in its place."""
    (workspace / "devices/broken.yaml").write_text("schema: [")

    found = list(catalog.devices())

    assert ["bench-1", FileError, "host", "rpi5-a"] == [
        FileError if isinstance(one, FileError) else one.id for one in found
    ]


def test_lists_join_workspace_and_shipped() -> None:
    """Lists hold what is in the workspace and what is shipped, by name."""
    assert {"bench-board", "x86-64"} <= {board.id for board in catalog.boards()}
    assert {"digits", "tiny"} == {suite.id for suite in catalog.suites()}


def test_digests_are_checked_when_asked(workspace: Path) -> None:
    """A suite is loaded for a run with the digests of its files checked."""
    (workspace / "suites/tiny/fp32.onnx").write_bytes(b"other")

    assert "tiny" == catalog.load_suite("tiny").id
    with pytest.raises(FileError, match="sha256: expected"):
        catalog.load_suite("tiny", verify=True)
