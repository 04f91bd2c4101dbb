"""One process at a time has a device, and nobody's death leaves it taken."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import BenchError
from harness.lock import THIS_MACHINE, DeviceLock, locks_folder, machine_turn

HOLDER = """
import sys, time
from pathlib import Path
from harness.lock import DeviceLock
with DeviceLock(sys.argv[1], who="a test", folder=Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path, device: str = "rpi5-a") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a device until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, device, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert "held\n" == process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_second_is_told_who_holds(tmp_path: Path) -> None:
    """A device that another process holds is refused with its name and its process."""
    with holder(tmp_path) as other:
        wanted = rf"rpi5-a: is held by a test \(process {other.pid}, since 20.*\)"

        with pytest.raises(BenchError, match=wanted), DeviceLock("rpi5-a", who="b", folder=tmp_path):
            pytest.fail("two processes held one device")


def test_other_device_is_free(tmp_path: Path) -> None:
    """Devices are held one by one."""

    with holder(tmp_path), DeviceLock("rpi5-b", who="b", folder=tmp_path) as lock:
        assert lock.path.is_file()


def test_killed_holder_frees(tmp_path: Path) -> None:
    """A holder that is killed frees its device, although its name still stands in the file."""
    with holder(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
    lock = DeviceLock("rpi5-a", who="b", folder=tmp_path)

    assert "a test" in lock.path.read_text()
    with lock:
        assert '"who": "b"' in lock.path.read_text()


def test_waits_for_holder(tmp_path: Path) -> None:
    """Whoever waits is told once of the holder and takes the device when it is free."""
    told: list[str] = []
    with holder(tmp_path) as other:

        def sleep(_: float) -> None:
            if len(told) == 1:
                other.kill()
                other.wait()

        with DeviceLock("rpi5-a", who="b", wait_s=9, waiting=told.append, folder=tmp_path, sleep=sleep):
            pass

    assert [True] == [line.startswith(f"a test (process {other.pid}") for line in told]


def test_waits_no_longer_than_asked(tmp_path: Path) -> None:
    """After the time it was given a wait ends with the name of the holder."""
    times = iter(range(100))
    with holder(tmp_path):
        lock = DeviceLock(
            "rpi5-a", who="b", wait_s=5, folder=tmp_path, clock=lambda: next(times), sleep=lambda _: None
        )

        with pytest.raises(BenchError, match="after 5 s of waiting"):
            lock.__enter__()
    assert 6 == next(times)


def test_same_process_excludes_itself(tmp_path: Path) -> None:
    """Two parts of one process cannot both hold a device; left, even twice, it can be taken again."""
    first = DeviceLock("rpi5-a", who="a", folder=tmp_path)
    with first, pytest.raises(BenchError, match="held by a"):
        DeviceLock("rpi5-a", who="b", folder=tmp_path).__enter__()
    first.__exit__(None, None, None)

    with first:
        pass


def test_machine_is_had_by_turns(tmp_path: Path) -> None:
    """Whoever waits for this machine has it before its holder has it once more, and is told once who that is."""
    waits, order, told = threading.Event(), [], []

    def other() -> None:
        with machine_turn("b", folder=tmp_path, waiting=lambda who: (told.append(who), waits.set())):
            order.append("b")

    thread = threading.Thread(target=other)
    for _ in range(2):
        with machine_turn("a", folder=tmp_path):
            order.append("a")
            if len(order) == 1:
                thread.start()
                assert waits.wait(60)
    thread.join(60)

    assert ["a", "b", "a"] == order
    assert [True] == [who.startswith("a (process ") for who in told]


def test_who_has_the_machine_keeps_it(tmp_path: Path) -> None:
    """A turn inside a turn waits for nobody, and the machine is free only after the outer one."""
    machine = DeviceLock(THIS_MACHINE, who="b", folder=tmp_path)
    with machine_turn("a", folder=tmp_path):
        with machine_turn("a", folder=tmp_path):
            pass
        with pytest.raises(BenchError, match="held by a"):
            machine.__enter__()

    with machine:
        pass


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"who": 1}', b"\xff\xfe", b'{"pid": "x", "who": "y", "utc": 1}']
)
def test_strange_holder_is_another_process(tmp_path: Path, content: bytes) -> None:
    """What cannot be read in a lock's file is no fault of whoever asks."""
    with holder(tmp_path):
        lock = DeviceLock("rpi5-a", who="b", folder=tmp_path)
        lock.path.write_bytes(content)

        with pytest.raises(BenchError, match="held by another process"):
            lock.__enter__()


def test_holder_is_shown_as_text(tmp_path: Path) -> None:
    """Control characters in a lock's file never reach a terminal."""
    with holder(tmp_path):
        lock = DeviceLock("rpi5-a", who="b", folder=tmp_path)
        lock.path.write_text('{"pid": 1, "who": "\\u001b[2J", "utc": "now"}')

        with pytest.raises(BenchError, match=r"held by \?\[2J"):
            lock.__enter__()


def test_link_is_no_lock(tmp_path: Path) -> None:
    """A link in the place of a lock's file is refused, and what it leads to is untouched."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    lock = DeviceLock("rpi5-a", who="b", folder=tmp_path)
    lock.path.symlink_to(victim)

    with pytest.raises(BenchError, match="cannot be locked"):
        lock.__enter__()
    assert "mine" == victim.read_text()


def test_folder_is_no_lock(tmp_path: Path) -> None:
    """A folder or a pipe in the place of a lock's file is refused and named."""
    lock = DeviceLock("rpi5-a", who="b", folder=tmp_path)
    lock.path.mkdir()

    with pytest.raises(BenchError, match="remove what lies there"):
        lock.__enter__()


def test_locks_lie_where_all_users_agree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder is the machine's, whoever asks and whatever TMPDIR says; only its own variable names another."""
    monkeypatch.setenv("HARNESS_LOCKS", str(tmp_path))
    named = locks_folder()
    monkeypatch.delenv("HARNESS_LOCKS")
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    assert tmp_path == named
    assert locks_folder() in {Path("/run/lock"), Path("/tmp")}  # noqa: S108  the folders themselves
