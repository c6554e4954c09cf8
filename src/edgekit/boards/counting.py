"""Runs a program on an emulated core and counts what takes time on the real one, step by step.

In: a program that stores to `edgekit_marks` (see counter.c, a plugin of QEMU). Out: `Counts` by step of each call. The
plugin is compiled with this computer's own compiler and kept in the user's cache.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from edgekit import files
from edgekit.boards.costs import Counts, FlashCache
from edgekit.boards.emulators import QEMU, Emulator, lacks_board, qemu_version
from edgekit.boards.toolchains import Toolchain
from edgekit.errors import EdgekitError

SOURCE = Path(__file__).with_name("counter.c")
MARKS, SHARES = "edgekit_marks", "edgekit_shares"
# QEMU's first release with each version of its plugins' interface; the least that it still takes is 2 from 9.0 on. The
# last: the first that takes a plugin's options by their own names.
_INTERFACES = (((10, 1), 5), ((9, 2), 4), ((9, 1), 3), ((9, 0), 2), ((6, 2), 1))
# where an ESP32 maps an application's constants and its code, behind the headers of the image
_CONSTANTS_AT, _CODE_AT = 0x3F400020, 0x400D0020
_COMPILERS = ("cc", "gcc", "clang")
RUN_LIMIT_S = 600


class PluginRefused(EdgekitError):
    """QEMU does not take the plugin."""


def interface() -> int:
    """The version of plugins' interface in this computer's QEMU. Raises EdgekitError: no QEMU, or too old a one."""
    version, oldest = qemu_version(), _INTERFACES[-1][0]
    if version < oldest:
        raise PluginRefused(
            f"{QEMU} {version[0]}.{version[1]} is too old to count cycles: it takes no such plugin before "
            f"{oldest[0]}.{oldest[1]}.",
            "Install QEMU 7.2, with which edgekit was tried, or a newer one.",
        )
    return next(number for since, number in _INTERFACES if version >= since)


def plugin() -> Path:
    """The plugin for the QEMU of this computer.
    Raises EdgekitError: no QEMU or too old a one, no compiler or one that refuses it."""
    api = interface()
    compiler = next(filter(shutil.which, _COMPILERS), None)
    if compiler is None:
        raise PluginRefused("There is no C compiler for QEMU's plugin.", "On Debian or Ubuntu: apt-get install gcc")
    key = files.key_of([files.file_sha256(SOURCE), api, compiler])[:16]
    kept = files.user_folder("cache") / "programs" / f"counter-{key}.so"
    if kept.is_file():
        return kept
    with files.failures_of(kept):
        kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".counter-") as folder:
        made = Path(folder) / kept.name
        command = [compiler, "-O2", "-shared", "-fPIC", f"-DAPI={api}", str(SOURCE), "-o", str(made)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            raise PluginRefused(
                f"{compiler} refuses QEMU's plugin: {done.stderr.strip()[:300]}", "This is a bug worth reporting."
            )
        made.replace(kept)
    return kept


def counted(
    program: Path, core: Emulator, toolchain: Toolchain, cache: FlashCache
) -> tuple[list[dict[int, Counts]], bytes]:
    """Runs a program to its end.

    Returns:
        counts by mark for each call, the first call left out because its cache is cold; what the UART said.

    Raises:
        PluginRefused: QEMU does not take the plugin.
        EdgekitError: no QEMU, or the program crashed, made fewer than two calls or did not come to its end.
    """
    with tempfile.TemporaryDirectory() as name:
        out, said = Path(name) / "counts", Path(name) / "uart"
        options = ["-plugin", ",".join([str(plugin()), *_options(program, toolchain, cache), f"out={out}"])]
        command = core.command(program, ("-serial", f"file:{said}", *options))
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=RUN_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise EdgekitError(f"It ran for {RUN_LIMIT_S} s without an end.", "Count fewer images.") from error
        if "plugin" in done.stderr and done.returncode:
            raise PluginRefused(f"{QEMU} refuses the plugin: {done.stderr.strip()[:300]}", "Try another release of it.")
        if done.returncode:
            raise lacks_board(done.stderr) or EdgekitError(
                f"The program ended with status {done.returncode} (128 + EXCCAUSE of a crash). {done.stderr[:300]}",
                "This is a bug worth reporting.",
            )
        calls = _calls(out.read_text())
        return calls[1:], said.read_bytes()


def _options(program: Path, toolchain: Toolchain, cache: FlashCache) -> list[str]:
    command = [toolchain.prefix + "nm", "-S", str(program)]
    table = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout
    address = {name: int(at, 16) for at, name in re.findall(r"^(\w+) (?:\w+ )?\w (\w+)$", table, re.MULTILINE)}
    size = re.search(rf"^\w+ (\w+) \w {MARKS}$", table, re.MULTILINE)
    if size is None:
        raise EdgekitError(f"{program.name} has no {MARKS}.", "Link it with firmware/boards/counted/count.c.")
    begin, constants, end = (address[f"__{name}"] for name in ("flash_start", "constants_start", "flash_end"))
    shares = [f"shares={address[SHARES]:x}"] if SHARES in address else []
    sets = cache.size_bytes // cache.line_bytes // cache.ways
    return [
        *shares,
        f"cache={sets}:{cache.ways}:{cache.line_bytes}",
        f"marks={address[MARKS]:x}", f"steps={int(size[1], 16)}",
        f"flash={begin:x}:{constants:x}:{_CODE_AT:x}", f"flash={constants:x}:{end:x}:{_CONSTANTS_AT:x}",
    ]  # fmt: skip


def _calls(text: str) -> list[dict[int, Counts]]:
    calls: dict[int, dict[int, Counts]] = {}
    for line in text.splitlines():
        call, step, *counts = map(int, line.split())
        calls.setdefault(call, {})[step] = Counts(*counts)
    return list(calls.values())
