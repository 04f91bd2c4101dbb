"""Energy counters of x86 processors."""

from pathlib import Path

import pytest

from harness.errors import MeterError
from harness.meters.rapl import PERMISSION, Rapl, open_rapl, zones
from harness.meters.sysfs import Attribute

from .test_instruments import TestRapl
from .trees import rapl

METER = TestRapl.meter


def test_zones_are_found_by_name(tmp_path: Path) -> None:
    """Parts stand with their package; the memory-mapped tree repeats the packages and is left out."""
    rapl(tmp_path, "intel-rapl:1", "package-0")
    rapl(tmp_path, "intel-rapl:1:0", "dram")
    rapl(tmp_path, "intel-rapl:0", "package-1")
    rapl(tmp_path, "intel-rapl-mmio:0", "package-0")

    assert ["package-0", "package-0/dram", "package-1"] == sorted(zone.name for zone in zones(tmp_path))


def test_the_span_counts_the_largest_value(tmp_path: Path) -> None:
    """A counter that goes to 999 begins anew after 1000 counts."""
    rapl(tmp_path, "intel-rapl:0", "package-0", span=1000)
    counter = Rapl(METER, tmp_path)
    counter.open()
    counter.close()

    assert 1000 == counter.span


def test_no_permission_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only root may read it, the message says since when, why, and what to do."""
    rapl(tmp_path, "intel-rapl:0", "package-0")

    def refuse(self: Attribute) -> None:
        raise MeterError(f"{self.path} cannot be opened") from PermissionError(13, "Permission denied")

    monkeypatch.setattr(Attribute, "open", refuse)
    with pytest.raises(MeterError, match="CVE-2020-8694") as caught, open_rapl(METER, tmp_path):
        pass

    assert PERMISSION in str(caught.value)


def test_a_machine_without_counters_is_told(tmp_path: Path) -> None:
    """The message says so, and does not guess."""
    with (
        pytest.raises(MeterError, match="no RAPL zone package-0; this machine has none"),
        open_rapl(METER, tmp_path),
    ):
        pass


def test_an_unknown_zone_is_told_with_the_known(tmp_path: Path) -> None:
    """The message names the zones there are."""
    rapl(tmp_path, "intel-rapl:0", "psys")

    with pytest.raises(MeterError, match=r"no RAPL zone package-0; .*psys"), open_rapl(METER, tmp_path):
        pass
