"""The board's whole chip in its vendor's QEMU: `--port qemu-esp32`.

In: what PlatformIO built for the board. Out: the `socket://` port of the chip's UART for as long as the block lasts.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgekit.boards.board import ESP32, Board
from edgekit.boards.emulators import QEMU
from edgekit.device.images import flash_contents, newest_build, plan
from edgekit.device.processes import started
from edgekit.errors import EdgekitError

_ASKING_LIMIT_S = 20.0


@contextmanager
def running_chip(board: Board = ESP32, build: Path | None = None) -> Iterator[str]:
    """The board's chip in its vendor's QEMU, with a build of PlatformIO's in its flash (the newest if left out); yields
    its port. Raises EdgekitError: nothing built, or what `vendor_qemu` and `started` raise."""
    with _with_flash(flash_contents(plan(build or newest_build(board), board), board), board) as port:
        yield port


@contextmanager
def chip_in_loader(board: Board = ESP32) -> Iterator[str]:
    """The same with an erased flash, waiting in the ROM's loader to be flashed."""
    with _with_flash(b"\xff" * board.flashing.flash_bytes, board, in_loader=True) as port:
        yield port


@contextmanager
def _with_flash(content: bytes, board: Board, in_loader: bool = False) -> Iterator[str]:
    emulator, program = board.chip_emulator, vendor_qemu(board)
    with tempfile.TemporaryDirectory() as folder:
        flash = Path(folder) / "flash.bin"
        flash.write_bytes(content)
        with started(
            lambda serial: emulator.command(program, flash, serial, in_loader),
            f"This is {_version(program)}: get {emulator.vendor}'s newest. {emulator.install}",
        ) as port:
            yield port


def vendor_qemu(board: Board = ESP32) -> str:
    """The first QEMU on the PATH that has the board's chip among its machines.
    Raises EdgekitError: there is no QEMU, or it has no such machine; says how to get one."""
    emulator = board.chip_emulator
    folders = dict.fromkeys(os.get_exec_path())
    found = [program for folder in folders if (program := shutil.which(QEMU, path=folder)) is not None]
    for program in found:
        if re.search(rf"^{emulator.machine}\s", _said(program, "-machine", "help"), re.MULTILINE):
            return program
    if not found:
        raise EdgekitError(f"There is no {QEMU} on the PATH, {emulator.vendor}'s or another.", emulator.install)
    raise EdgekitError(
        f"{found[0]} ({_version(found[0])}) has no machine {emulator.machine}: it is not {emulator.vendor}'s QEMU.",
        f"{emulator.install}. Or: --port emulator.",
    )


def _version(program: str) -> str:
    return (_said(program, "--version").splitlines() or [f"{program}, which does not say its version"])[0]


def _said(program: str, *words: str) -> str:
    try:
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, errors="replace", timeout=_ASKING_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
