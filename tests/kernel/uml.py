"""This module makes and runs the User Mode Linux guest: the kernel as an ordinary process, without root.

Debian's `user-mode-linux` brings i2c-core, i2c-dev, i2c-stub and the industrial I/O core; the INA226 drivers are
built for it from the source package of exactly the same version.
"""

import gzip
import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

from guest import Ended, Guest
from packages import MissingError, Packages, checked, require

HERE = Path(__file__).resolve().parent
STUB = "i2c-stub.ko chip_addr=0x40,0x41,0x44"
BUILD_FILES = (
    r".*/(Kconfig|Makefile|Kbuild)[^/]*$",
    r"(Kconfig|Makefile|Kbuild|Documentation/Kconfig)$",
    r"(scripts|arch/um|arch/x86|include|tools/include|lib/vdso|security/selinux/include)/",
    r"kernel/(bounds\.c|time/timeconst\.bc)$",
    r"drivers/hwmon/(hwmon|ina2xx)\.c$",
    r"drivers/iio/adc/ina2xx-adc\.c$",
)
"""What `make modules_prepare` and the drivers need of the kernel's source."""


def prepare(packages: Packages, cache: Path) -> Guest:
    """The guest, made on the first call.

    Raises:
        MissingError: a program or a package is not to be had.
    """
    if platform.machine() != "x86_64":
        raise MissingError(f"User Mode Linux runs on x86_64 only, this is {platform.machine()}")
    folder = cache / "uml"
    if not (folder / "stamp").exists():
        require("gcc", "make", "strip")
        shutil.rmtree(folder, ignore_errors=True)
        _fill(packages, folder)
        (folder / "stamp").touch()
    return Guest(way="uml", kernel=(folder / "version").read_text(), folder=folder)


def run(guest: Guest, out: Path, scratch: Path, timeout_s: float) -> Ended:
    """Boot the guest, which runs `out/command`, and wait for its end.

    Raises:
        MissingError: the kernel does not run on this machine.
    """
    folder = guest.folder
    command = [
        str(folder / "usr/bin/linux.uml"),
        *("mem=384M", "hostfs=/", "rootfstype=hostfs", "root=/dev/root", "ro", "quiet", "panic=1"),
        # Loops per jiffy are given and RAID checksums not benchmarked: 1.2 s less.
        *("lpj=10000000", "initcall_blacklist=raid6_select_algo"),
        f"HARNESS_KERNEL={folder}",
        f"HARNESS_OUT={out}",
        *("con=null", "con0=null,fd:1", "con1=null", "ssl=null"),
        *(f"init={folder / 'busybox'}", "--", "sh", str(HERE / "uml_init.sh")),
    ]
    # User Mode Linux keeps sockets in ~/.uml.
    environment = {**os.environ, "HOME": str(scratch), "LD_PRELOAD": str(folder / "xstate.so")}
    ended = guest.watch(command, environment, scratch, timeout_s)
    if ended.code is None and "guest: up" not in ended.console:
        raise MissingError(f"User Mode Linux does not run here ({ended.last_words})")
    return ended


def _fill(packages: Packages, folder: Path) -> None:
    packages.unpack("user-mode-linux", folder)
    box = packages.unpack("busybox-static", folder / "box") / "bin/busybox"
    box.rename(folder / "busybox")
    [shipped] = (folder / "usr/lib/uml/modules").iterdir()
    version = shipped.name
    (folder / "version").write_text(version)
    checked("gcc", "-O2", "-shared", "-fPIC", "-o", folder / "xstate.so", HERE / "xstate.c")
    modules = folder / "modules"
    modules.mkdir()
    drivers = shipped / "kernel/drivers"
    for name in (
        *("i2c/i2c-core.ko", "i2c/i2c-dev.ko", "i2c/i2c-stub.ko", "base/regmap/regmap-i2c.ko"),
        *("iio/industrialio.ko", "iio/buffer/kfifo_buf.ko"),
    ):
        shutil.copy(drivers / name, modules)
    _build_drivers(packages, folder, version, modules)
    early = ("i2c-core.ko", "regmap-i2c.ko", "i2c-dev.ko", STUB, "hwmon.ko")
    (modules / "order").write_text("".join(f"{line}\n" for line in early))
    (modules / "iio.order").write_text("industrialio.ko\nkfifo_buf.ko\nina2xx-adc.ko\n")


def _build_drivers(packages: Packages, folder: Path, version: str, modules: Path) -> None:
    build = folder / "build"
    series = ".".join(version.split(".")[:2])
    tree = packages.source(series, version, BUILD_FILES, build)
    environment = packages.build_tools()
    config = (folder / "usr/share/doc/user-mode-linux/config.gz").read_bytes()
    (tree / ".config").write_bytes(gzip.decompress(config))
    drivers = build / "drivers"
    drivers.mkdir()
    sources = ("drivers/hwmon/hwmon.c", "drivers/hwmon/ina2xx.c", "drivers/iio/adc/ina2xx-adc.c")
    for source in sources:
        shutil.copy(tree / source, drivers)
    (drivers / "Makefile").write_text("obj-m := hwmon.o ina2xx.o ina2xx-adc.o\n")
    make: Sequence[str | Path] = ("make", "-s", "-C", tree, "ARCH=um", f"-j{os.cpu_count() or 1}")
    checked(*make, "olddefconfig", env=environment)
    checked(*make, "modules_prepare", env=environment)
    # The kernel's symbol versions are not in the package; the modules are for this very kernel.
    checked(*make, f"M={drivers}", "KBUILD_MODPOST_WARN=1", "modules", env=environment)
    for name in ("hwmon.ko", "ina2xx.ko", "ina2xx-adc.ko"):
        checked("strip", "--strip-debug", drivers / name, "-o", modules / name)
    shutil.rmtree(build)


def proven(ended: Ended) -> bool:
    """The kernel switched itself off."""
    return ended.status == 0
