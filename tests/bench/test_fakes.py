"""The fakes of the bench behave like what they stand for."""

import numpy as np
import pytest

from harness.errors import MeterError, RefusalError, TargetError
from harness.frames import Frame
from harness.meters import Flag
from harness.meters.stream import Sampler
from harness.meters.virtual import VirtualClock
from harness.sitting import Journal
from harness.targets import Target

from .fake_sampler import FakeSampler
from .fake_target import FakeTarget
from .notebook import Notebook
from .values import METER, labelled


@pytest.mark.parametrize(
    ("fake", "real"),
    [(FakeTarget, Target), (FakeSampler, Sampler), (Notebook, Journal)],
    ids=["target", "sampler", "journal"],
)
def test_fakes_have_what_they_stand_for_has(fake: type, real: type) -> None:
    """Whatever can be asked of the real thing can be asked of the fake."""
    fields = {name for name in fake.__dataclass_fields__ if not name.startswith("_")}
    asked = {name for name in vars(real) if not name.startswith("_")}

    assert asked
    assert set() == asked - fields - set(dir(fake))


def cycle_frame(row: int, **shape: float) -> Frame:
    """A request for one cycle."""
    header = {"verb": "cycle", "dtype": "float32", "repeats": 4, "lead": 1, "tail": 1, "gap_s": 0.001}
    return Frame(header=header | shape, body=labelled(20).input(row).tobytes())


def loaded(**facts: object) -> FakeTarget:
    """An open target with the good model."""
    target = FakeTarget(clock=VirtualClock(), **facts)
    target.__enter__()
    target.ask(Frame(header={"verb": "load"}, body=b"good"), reply_s=1.0)
    return target


def test_target_passes_virtual_time() -> None:
    """A cycle of the fake target takes the gap, the lead, the window and the tail on its clock."""
    target = loaded(inference_ns=1000)
    answer = target.ask(cycle_frame(13), reply_s=1.0)
    stamps = np.frombuffer(answer.body[: 8 * 5], np.int64)
    scores = np.frombuffer(answer.body[8 * 5 :], np.float32)

    assert [1_001_000, 1_002_000, 1_003_000, 1_004_000, 1_005_000] == stamps.tolist()
    assert 1_006_000 == target.clock()
    assert [(13, 1_001_000, 1_005_000)] == target.windows
    assert 3 == scores.argmax()


def test_target_raises_at_its_rows() -> None:
    """The fake target fails at the rows it was told to, in windows only."""
    target = loaded(errors={5: TargetError("gone")})
    target.ask(cycle_frame(5, repeats=1), reply_s=1.0)

    with pytest.raises(TargetError, match="gone"):
        target.ask(cycle_frame(5), reply_s=1.0)


def test_target_refuses_and_closes() -> None:
    """The fake target refuses the model called refused, and answers nothing once closed."""
    target = loaded()
    with pytest.raises(RefusalError):
        target.ask(Frame(header={"verb": "load"}, body=b"refused"), reply_s=1.0)
    target.__exit__(None, None, None)

    with pytest.raises(TargetError):
        target.ask(cycle_frame(1), reply_s=1.0)


def test_sampler_makes_constant_watts() -> None:
    """The fake sampler gives one sample a period, of the power it was told."""
    clock = VirtualClock()
    with FakeSampler(meter=METER, clock=clock, period_ns=1000, power_w=6.0) as sampler:
        clock.now_ns = 3500
        samples = sampler.drain()

        assert [1000, 2000, 3000] == samples["ready_ns"].tolist()
        assert np.allclose(6.0, sampler.scale.watts(samples["shunt"], samples["bus"]), rtol=1e-3)
        assert 0 == len(sampler.drain())


def test_sampler_loses_flags_and_sleeps() -> None:
    """The fake sampler leaves out lost samples and those of a pause, and flags the others as told."""
    clock = VirtualClock()
    told = {2000: None, 3000: Flag.SATURATED}
    with FakeSampler(
        meter=METER, clock=clock, period_ns=1000, flags=lambda at: told.get(at, Flag(0))
    ) as sampler:
        sampler.wait_beyond(1500)
        assert 3000 == clock()
        sampler.pause()
        clock.now_ns = 5500
        assert [1000, 3000] == sampler.drain()["ready_ns"].tolist()
        sampler.resume()
        clock.now_ns = 6000

        assert [6000] == sampler.drain()["ready_ns"].tolist()


def test_sampler_is_silent_when_closed() -> None:
    """A closed fake sampler fails like a closed sampler."""
    with FakeSampler(meter=METER, clock=VirtualClock()) as sampler:
        pass

    with pytest.raises(MeterError):
        sampler.drain()


def test_notebook_counts() -> None:
    """An empty notebook expects cycle 0 and holds no samples."""
    notebook = Notebook()

    assert 0 == notebook.next_seq
    assert [] == notebook.stamps_ns.tolist()
