"""What is installed and connected, and what to do about what is not.

In: this computer. Out: `Finding`s. Nothing is changed, no heavy package is imported, no port is opened.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit import __version__
from edgekit.boards import counting
from edgekit.boards.board import BOARDS, usb_name
from edgekit.boards.emulators import QEMU
from edgekit.boards.toolchains import need
from edgekit.device import firmware, project
from edgekit.device.chip import vendor_qemu
from edgekit.device.link import CHIP_PORT, Port, board_ports, join_group, ports
from edgekit.errors import EdgekitError
from edgekit.extras import install
from edgekit.report.document import Code

_OF_TFLM = (
    install() if (sys.platform, platform.machine()) == ("linux", "x86_64")
    else "Nothing: it has wheels for x86-64 Linux alone. A C compiler makes what stands in for it, else LiteRT."
)  # fmt: skip
PACKAGES = (
    ("numpy", "numpy", "everything", install()),
    ("pyserial", "serial", "serial ports", install()),
    ("esptool", "esptool", "edgekit flash", install()),
    ("tflite-micro", "tflite_micro", "the desktop's golden outputs", _OF_TFLM),
    ("torch", "torch", "edgekit build-model", install("train")),
    ("tensorflow", "tensorflow", "edgekit build-model", install("convert")),
    ("platformio", "platformio", "pio run -d firmware", "pip install platformio"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `advice` is empty where nothing is to be done; `needed_for` says what it serves."""

    name: str
    ok: bool
    found: str
    needed_for: str = ""
    advice: str = ""


def doctor(
    usb_devices: Path = Path("/sys/bus/usb/devices"), found: list[Port] | None = None
) -> tuple[Finding, ...]:  # fmt: skip
    """Looks at everything. `usb_devices`: where Linux lists USB devices; `found`: serial ports, not this computer's."""
    toolchains = {board.toolchain.prefix: board.toolchain for board in BOARDS.values()}
    python = f"{platform.python_version()}, edgekit {__version__}"
    findings = [
        Finding(
            "python",
            sys.version_info >= (3, 11),
            python,
            advice="Use Python 3.11 or 3.12 (without the extra convert also 3.13).",
        ),
        *(_package(*row) for row in PACKAGES),
        _program("g++", "--port native"),
        *(_program(f"{one.prefix}g++", "--port emulator", one.packages) for one in toolchains.values()),
        _emulator(),
        *_chip_emulators(),
        _vendor_toolchain(),
        _firmware(),
        *_older_settings(),
        *_permission(),
        *_boards(ports() if found is None else found, usb_devices),
    ]
    return tuple(replace(f, advice="") if f.ok else f for f in findings)


def _package(name: str, module: str, needed_for: str, advice: str) -> Finding:
    installed = importlib.util.find_spec(module) is not None
    try:
        found = importlib.metadata.version(name) if installed else "not installed"
    except importlib.metadata.PackageNotFoundError:
        found = "installed"
    return Finding(name, installed, found, needed_for, advice)


def _program(name: str, needed_for: str, packages: str = "") -> Finding:
    try:
        path = need(name, packages)
    except EdgekitError as error:
        return Finding(name, False, "not installed", needed_for, error.hint)
    said = subprocess.run([path, "--version"], capture_output=True, text=True, errors="replace", check=False).stdout
    return Finding(name, True, said.splitlines()[0] if said else path, needed_for)


def _emulator() -> Finding:
    """Of boards' cores; one that takes no plugin runs firmware, and counts no cycles."""
    found = _program(QEMU, "--port emulator")
    if not found.ok:
        return found
    try:
        counting.interface()
    except EdgekitError as error:
        return Finding(QEMU, False, error.message, "estimated milliseconds of edgekit profile", error.hint)
    return found


def _chip_emulators() -> list[Finding]:
    """Of each board's chip, in its vendor's QEMU."""
    findings = []
    for board in BOARDS.values():
        name, advice = f"{board.chip_emulator.vendor}'s QEMU", board.chip_emulator.install
        try:
            findings.append(Finding(name, True, vendor_qemu(board), f"--port {CHIP_PORT}"))
        except EdgekitError as error:
            findings.append(Finding(name, False, error.message, f"--port {CHIP_PORT}", advice))
    return findings


def _vendor_toolchain() -> Finding:
    """What PlatformIO keeps of Espressif's toolchain; `pio run -d firmware` downloads it the first time."""
    core = Path(os.environ.get("PLATFORMIO_CORE_DIR", os.path.expanduser("~/.platformio")))  # noqa: PTH111  # no home
    patterns = {board.vendor_toolchain for board in BOARDS.values()}
    found = sorted(path.name for pattern in patterns for path in core.glob(f"packages/{pattern}"))
    advice = "Nothing, where the computer is online: pio run -d firmware downloads it (about 1 GB)."
    return Finding("Espressif's toolchain", bool(found), ", ".join(found) or "not there", "real boards", advice)


def _permission() -> list[Finding]:
    """On Linux: whether this user is in the group that serial devices belong to, before a board is plugged in."""
    if sys.platform != "linux" or os.geteuid() == 0:
        return []
    import grp

    for name in ("dialout", "uucp"):  # Debian's and Fedora's; Arch's
        with contextlib.suppress(KeyError):
            inside = grp.getgrnam(name).gr_gid in os.getgroups()
            found = f"you are {'' if inside else 'not '}in it"
            return [Finding(f"group {name}", inside, found, "real boards", join_group(name))]
    return []


def _firmware() -> Finding:
    try:
        folder = project.folder()
    except EdgekitError as error:
        return Finding("firmware", False, "no project to build for a board", "flashing", error.hint)
    sha256 = firmware.model_in(folder)
    if sha256 is not None:
        return Finding("firmware", True, f"{folder}, model {sha256[:12]}")
    advice = "Write one into it: edgekit firmware [--model FILE.tflite]"
    return Finding("firmware", False, f"{folder}, without a model", "pio run -d firmware", advice)


def _older_settings() -> list[Finding]:
    """Of ESP-IDF's, which an earlier build has left and which win over the project's own."""
    try:
        folder = project.folder()
    except EdgekitError:
        return []
    findings = []
    for environment in (each for board in BOARDS.values() for each in board.environments):
        if names := project.older_settings(folder, environment):
            left = folder / f"sdkconfig.{environment}"
            findings.append(
                Finding(
                    left.name,
                    False,
                    f"left by an earlier build, wins over sdkconfig.defaults; they differ in {', '.join(names)}",
                    f"pio run -d firmware -e {environment}",
                    f"Unless you want these settings, remove {left}",
                )
            )
    return findings


def _boards(found: list[Port], usb_devices: Path) -> list[Finding]:
    boards = board_ports(found)
    findings = [_port(port) if port in boards else _other_port(port) for port in found]
    unbound = Counter(_usb_chips(usb_devices)) - Counter(port.chip for port in boards if port.chip)
    if unbound:
        advice = "Load the driver (modprobe cp210x ch341 ftdi_sio); on Ubuntu remove brltty, which takes CH340 chips."
        without = f"{', '.join(unbound.elements())} on USB without a serial port"
        findings.append(Finding("driver", False, without, "real boards", advice))
    if not boards:
        advice = "Connect one with a data cable, or use --port emulator."
        findings.append(Finding("board", False, "none found on USB", "real boards", advice))
    return findings


def _port(port: Port) -> Finding:
    what = f"{port.chip} board"
    if os.name != "posix" or os.access(port.device, os.R_OK | os.W_OK):
        return Finding(port.device, True, what, "real boards")
    group = "dialout"
    with contextlib.suppress(OSError, KeyError):
        group = Path(port.device).group()
    return Finding(port.device, False, f"{what}, but you may not open it", "real boards", join_group(group))


def _other_port(port: Port) -> Finding:
    """A serial port of which nothing says that it leads to a board."""
    if port.chip:
        return Finding(port.device, True, f"the JTAG side of the {port.chip} board, which edgekit leaves alone")
    what = "a serial port without a USB chip that boards have" + (f" ({port.description})" * bool(port.description))
    return Finding(port.device, False, what, "", f"Nothing; if a board is wired to it, name it: --port {port.device}")


def _usb_chips(usb_devices: Path) -> list[str]:
    chips = []
    for vendor in sorted(usb_devices.glob("*/idVendor")):
        try:
            ids = int(vendor.read_text(), 16), int((vendor.parent / "idProduct").read_text(), 16)
        except (OSError, ValueError):
            continue
        chips.append(usb_name(*ids))
    return [chip for chip in chips if chip]


def findings_part(findings: Sequence[Finding]) -> Code:
    """What was found, a line each, and below it what to do; paths and commands stay whole in any terminal."""
    width = max(len(f.name) for f in findings)
    lines = []
    for f in findings:
        lines.append(f"{'ok' if f.ok else '--'}  {f.name:<{width}}  {f.found}")
        if not f.ok:
            lines += [f"      needed for: {f.needed_for}"] * bool(f.needed_for) + [f"      to do: {f.advice}"]
    return Code("\n".join(lines), caption="edgekit doctor")
