"""The catalogue: runs are listed newest first and found by name, path or as the latest."""

from pathlib import Path

import pytest
from records import run_start, run_stop

from harness.errors import FileError
from harness.store import RunWriter, find_run, runs


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """Three runs, oldest first, the last two within one second."""
    paths = []
    starts = [
        ("2026-01-02T03:04:05+00:00", 9),
        ("2026-01-02T03:04:06+00:00", 1),
        ("2026-01-02T03:04:06+00:00", 2),
    ]
    for utc, monotonic_ns in starts:
        with RunWriter.create(tmp_path, run_start(utc=utc, monotonic_ns=monotonic_ns)) as writer:
            if utc.endswith("05+00:00"):
                writer.stop(run_stop())
        paths.append(writer.path)
    return paths


def test_runs_are_listed_newest_first(tmp_path: Path, three: list[Path]) -> None:
    """The newest run stands first, within one second too; each tells its status."""
    listed = runs(tmp_path)

    assert three[::-1] == [entry.path for entry in listed]
    assert ["recovered", "recovered", "complete"] == [entry.status for entry in listed]
    assert three[0].name == listed[-1].run


def test_no_folder_is_no_runs(tmp_path: Path) -> None:
    """Where nothing was measured yet there are no runs, and no error."""
    assert [] == runs(tmp_path / "results")


def test_broken_runs_are_listed_with_a_sentence(tmp_path: Path, three: list[Path]) -> None:
    """A directory that cannot be read is listed by its name's time with what is wrong; others go on."""
    broken = tmp_path / "runs" / "20270101T000000Z-abcdef"
    broken.mkdir()
    (tmp_path / "runs" / "some folder").mkdir()
    first, *rest = runs(tmp_path)

    assert (broken, "unreadable", None) == (first.path, first.status, first.start)
    assert first.fault.startswith(f"{broken / 'manifest.json'}: cannot be read")
    assert three[::-1] == [entry.path for entry in rest]
    assert three[-1] == find_run(tmp_path, "latest")


def test_a_run_is_found_by_name_and_by_path(tmp_path: Path, three: list[Path]) -> None:
    """A run's name, and any path to its directory, are the run."""
    assert three[0] == find_run(tmp_path, three[0].name) == find_run(tmp_path / "elsewhere", str(three[0]))


def test_a_wrong_name_is_told_the_nearest(tmp_path: Path, three: list[Path]) -> None:
    """A name that is no run is told the nearest that is."""
    wrong = three[0].name[:-1] + "x"

    with pytest.raises(FileError, match=f"{wrong}: is not a run; did you mean {three[0].name}"):
        find_run(tmp_path, wrong)


def test_the_latest_of_none_is_refused(tmp_path: Path) -> None:
    """Without any run there is no latest, and what to do is said."""
    with pytest.raises(FileError, match="holds no run yet; measure one with `harness run`"):
        find_run(tmp_path, "latest")
