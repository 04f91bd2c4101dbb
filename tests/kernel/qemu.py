"""This module makes and runs the QEMU guest: Debian's own kernel in an emulated machine, without root or KVM.

Debian's kernel brings i2c-stub and the industrial I/O driver; the hwmon driver is in no Debian kernel and is built
against its headers. The kernel is handed over unpacked, which saves the emulator its own unpacking (4 to 7 s).
"""

import lzma
import os
import platform
import re
import shutil
import struct
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from guest import Ended, Guest
from packages import MissingError, Packages, checked, require

HERE = Path(__file__).resolve().parent
SERIES = "6.1"
META = "linux-image-amd64"
"""Of Debian 12, whose kernel is 6.1."""
EARLY = ("virtio_pci", "9pnet_virtio", "9p", "i2c-dev", "i2c-stub", "regmap-i2c")
IIO = ("ina2xx-adc",)
ARGUMENTS = {"i2c_stub": "chip_addr=0x40,0x41,0x44"}
SUCCESS = 85
"""QEMU's exit status after the guest wrote byte 42 to isa-debug-exit: 0 also follows a panic."""
CONSOLE = (
    "console=ttyS0 quiet panic=-1 mitigations=off rodata=off cryptomgr.notests lsm= apparmor=0 audit=0 tsc=reliable "
    "no_timer_check nr_cpus=1 ipv6.disable=1 i8042.noaux i8042.nokbd i8042.nopnp random.trust_cpu=on"
)


def prepare(packages: Packages, cache: Path) -> Guest:
    """The guest, made on the first call.

    Raises:
        MissingError: a program or a package is not to be had.
    """
    if platform.machine() != "x86_64":
        raise MissingError(f"the emulated machine is made for x86_64 hosts, this is {platform.machine()}")
    folder = cache / "qemu"
    if not (folder / "stamp").exists():
        require("gcc", "make", "strip")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _fill(packages, folder)
        (folder / "stamp").touch()
    return Guest(way="qemu", kernel=(folder / "version").read_text(), folder=folder)


def run(guest: Guest, out: Path, scratch: Path, timeout_s: float) -> Ended:
    """Boot the guest, which runs `out/command`, and wait for its end.

    Raises:
        MissingError: the emulator does not start.
    """
    folder = guest.folder
    program, environment = _emulator(folder)
    command = [
        *program,
        *("-M", "pc,usb=off,smbus=off,vmport=off,hpet=off", "-accel", "tcg", "-cpu", "max", "-smp", "1"),
        *(
            "-m",
            "512",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-serial",
            "stdio",
            "-no-reboot",
        ),
        *("-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
        *("-kernel", str(folder / "vmlinux"), "-initrd", str(folder / "initrd")),
        *("-append", f"{CONSOLE} HARNESS_KERNEL={folder}"),
        *("-fsdev", "local,id=h,path=/,security_model=none,readonly=on,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=h,mount_tag=host"),
        *("-fsdev", f"local,id=o,path={out},security_model=none"),
        *("-device", "virtio-9p-pci,fsdev=o,mount_tag=out"),
    ]
    ended = guest.watch(command, environment, scratch, timeout_s)
    if ended.code is None and "guest: up" not in ended.console:
        raise MissingError(f"QEMU does not run here ({ended.last_words})")
    return ended


def proven(ended: Ended) -> bool:
    """The guest itself said that it succeeded."""
    return ended.status == SUCCESS


def _emulator(folder: Path) -> tuple[Sequence[str], Mapping[str, str]]:
    own = folder / "emulator"
    if not own.exists():
        return ["qemu-system-x86_64"], os.environ
    libraries = f"{own}/usr/lib/x86_64-linux-gnu:{own}/lib/x86_64-linux-gnu"
    program = [
        f"{own}/usr/bin/qemu-system-x86_64",
        "-L",
        f"{own}/usr/share/qemu",
        "-L",
        f"{own}/usr/share/seabios",
    ]
    return program, os.environ | {"LD_LIBRARY_PATH": libraries}


def _fill(packages: Packages, folder: Path) -> None:
    if shutil.which("qemu-system-x86_64") is None:
        planned = checked("apt-get", "-s", "install", "--no-install-recommends", "qemu-system-x86")
        names = re.findall(r"^Inst (\S+)", planned, re.MULTILINE)
        for name in names:
            packages.unpack(name, folder / "emulator")
    image = next(name for name in packages.depends(META) if name.startswith(f"linux-image-{SERIES}"))
    unpacked = packages.unpack(image, folder / "image")
    version = image.removeprefix("linux-image-")
    (folder / "version").write_text(version)
    (folder / "vmlinux").write_bytes(plain_kernel((unpacked / f"boot/vmlinuz-{version}").read_bytes()))
    shipped = {
        path.name.partition(".ko")[0].replace("-", "_"): path
        for path in (unpacked / "lib/modules" / version).rglob("*.ko*")
    }
    modules = folder / "modules"
    modules.mkdir()
    early = _ordered(EARLY, shipped, [])
    for name in (late := _ordered(IIO, shipped, early)):
        (modules / f"{name}.ko").write_bytes(_module(shipped[name]))
    (modules / "iio.order").write_text("".join(f"{name}.ko\n" for name in late))
    _initial_files(packages, folder, {name: _module(shipped[name]) for name in early})
    _build_driver(packages, folder, version, modules)
    shutil.rmtree(unpacked)


def plain_kernel(image: bytes) -> bytes:
    """The ELF kernel packed in a bzImage (Documentation/x86/boot.rst: setup_sects, payload_offset and _length).

    Raises:
        MissingError: it is packed in another way than Debian's.
    """
    setup = ((image[0x1F1] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", image, 0x248)
    payload = image[setup + offset : setup + offset + length]
    if not payload.startswith(b"\xfd7zXZ\0"):
        raise MissingError(f"the kernel is packed in an unknown way ({payload[:6].hex()})")
    return lzma.LZMADecompressor().decompress(payload)


def _module(path: Path) -> bytes:
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def _ordered(names: Sequence[str], shipped: Mapping[str, Path], loaded: Sequence[str]) -> list[str]:
    """Modules and what they need, in the order of loading; those built into the kernel are not shipped."""
    order: list[str] = []
    for name in (name.replace("-", "_") for name in names):
        if name not in shipped or name in loaded or name in order:
            continue
        needs = re.search(rb"\0depends=([^\0]*)\0", _module(shipped[name]))
        needed = [other for other in (needs[1].decode() if needs else "").split(",") if other]
        order += _ordered(needed, shipped, [*loaded, *order])
        order.append(name)
    return order


def _initial_files(packages: Packages, folder: Path, early: Mapping[str, bytes]) -> None:
    root = folder / "initial"
    for name in ("dev", "proc", "sys", "modules"):
        (root / name).mkdir(parents=True)
    box = packages.unpack("busybox-static", folder / "box") / "bin/busybox"
    shutil.copy(box, root / "busybox")
    shutil.copy(HERE / "qemu_init.sh", root / "init.sh")
    (root / "init").write_text("#!/busybox sh\n. /init.sh\n")
    (root / "init").chmod(0o755)
    for name, content in early.items():
        (root / "modules" / f"{name}.ko").write_bytes(content)
    lines = (f"{name}.ko {ARGUMENTS.get(name, '')}".strip() for name in early)
    (root / "modules/order").write_text("".join(f"{line}\n" for line in lines))
    listing = "".join(f"{path.relative_to(root)}\n" for path in sorted(root.rglob("*")))
    archive = subprocess.run(
        [box, "cpio", "-o", "-H", "newc", "-R", "0:0"],
        cwd=root,
        input=listing.encode(),
        capture_output=True,
        check=True,
    )
    (folder / "initrd").write_bytes(archive.stdout)


def _build_driver(packages: Packages, folder: Path, version: str, modules: Path) -> None:
    build = folder / "build"
    headers = f"linux-headers-{version}"
    names = [
        headers,
        *(name for name in packages.depends(headers) if re.match("linux-(headers|kbuild)-", name)),
    ]
    for name in names:
        packages.unpack(name, build)
    tree = build / "usr/src" / headers
    makefile = tree / "Makefile"
    makefile.write_text(makefile.read_text().replace("include /usr/src/", f"include {build}/usr/src/"))
    driver = build / "driver"
    driver.mkdir()
    released = checked("dpkg-deb", "-f", packages.fetch(f"linux-image-{version}"), "Version").partition("-")[
        0
    ]
    source = packages.source(SERIES, released, [r"drivers/hwmon/ina2xx\.c$"], build / "source")
    shutil.copy(source / "drivers/hwmon/ina2xx.c", driver)
    (driver / "Makefile").write_text("obj-m := ina2xx.o\n")
    compiler = shutil.which("gcc-12") or "gcc"
    checked(
        "make", "-s", "-C", tree, f"M={driver}", f"CC={compiler}", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"
    )
    checked("strip", "--strip-debug", driver / "ina2xx.ko", "-o", modules / "ina2xx.ko")
    shutil.rmtree(build)
