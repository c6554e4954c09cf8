"""What stands in for boards: Xtensa cores of QEMU's own boards, and whole chips in a QEMU of their vendor's.

In: a program for the core, or the flash of a chip. Out: a command; the linker script for the core.

MAC16 in QEMU 7.2 and 8.1, and nobody has looked at later ones: a fused load (mula.dd.*.ldinc) writes one of two
variables that stand for an m register, and within a translation block its operands are read from the other. A register
that is read, loaded and read again has its old value there, and code that loads ahead gives wrong bytes. Where each
instruction is a block of its own they are right, in several times the time: cores with MAC16 run like that.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from edgekit.boards.toolchains import need
from edgekit.errors import EdgekitError

QEMU = "qemu-system-xtensa"
_LACKS = re.compile("unsupported machine type|unable to find CPU model")
INSTRUCTIONS_PER_S = 1_000_000_000  # of the board's time where they are counted: -icount shift=0, 1 ns an instruction


@cache
def qemu_version() -> tuple[int, int]:
    """Major and minor. Raises EdgekitError: it is not installed, or does not say."""
    said = subprocess.run([need(QEMU), "--version"], capture_output=True, text=True, errors="replace", check=False)
    found = re.search(r"version (\d+)\.(\d+)", said.stdout)
    if found is None:
        raise EdgekitError(f"{QEMU} does not say which version it is.", "Install QEMU 7.2 or newer.")
    return int(found[1]), int(found[2])


def lacks_board(said: str) -> EdgekitError | None:
    """What to raise where a QEMU that has ended said that it lacks a core or the board around it; else None."""
    line = next((line for line in said.splitlines() if _LACKS.search(line)), None)
    if line is None:
        return None
    return EdgekitError(
        f"{shutil.which(QEMU) or QEMU} has not the board that edgekit runs: {line.strip()}",
        f"Put a QEMU that has it first on the PATH, such as Debian's qemu-system-misc ({QEMU} -machine help).",
    )


def _one_instruction_a_block() -> list[str]:
    return ["-accel", "tcg,one-insn-per-tb=on"] if qemu_version() >= (8, 1) else ["-singlestep"]


def _file(path: Path) -> str:
    return f"file={str(path).replace(',', ',,')}"  # QEMU's way to write a comma


@dataclass(frozen=True, slots=True)
class Emulator:
    """A core of QEMU's kc705 boards."""

    machine: str  # this and the next in QEMU's words
    cpu: str
    uart: int  # this and the next two are addresses
    flash: int
    ram: int
    tick: int  # instructions in a tick of CCOUNT
    partition: int = 0  # where a firmware looks for the model partition
    mac16: bool = False  # it has an ESP32's multiply-accumulate unit and hardware loops, and the C is to use them

    def command(
        self, program: Path, serial: Sequence[str], counted: Literal["no", "asleep", "awake"] = "no",
        partition: Path | None = None,
    ) -> list[str]:  # fmt: skip
        """The command that runs a program whose UART leads to `serial` (QEMU's options).

        `counted`: whether instructions are counted, so that runs are repeatable, and whether QEMU sleeps while the
        program waits (a firmware) or hastens to its end (a benchmark).
        `partition`: a file with what the model partition holds.
        """
        count = {"no": [], "asleep": ["-icount", "shift=0,sleep=on"], "awake": ["-icount", "shift=0,sleep=off"]}
        loaded = (
            [] if partition is None else ["-device", f"loader,addr={self.partition:#x},{_file(partition)},force-raw=on"]
        )
        return [
            QEMU, "-M", self.machine, "-cpu", self.cpu, "-display", "none", "-monitor", "none", "-semihosting",
            *count[counted], *(_one_instruction_a_block() if self.mac16 else ()), *serial, *loaded,
            "-kernel", str(program),
        ]  # fmt: skip

    def linker_script(self, folder: Path) -> str:
        """The script of `folder` (firmware/boards/emulated), which is written for DE212, with this core's addresses."""
        text = (folder / "board.ld").read_text(encoding="utf-8")
        for address, own in ((DE212.flash, self.flash), (DE212.ram, self.ram)):
            text = text.replace(f"{address:#x}", f"{own:#x}")
        return text

    def c_flags(self, folder: Path) -> tuple[str, ...]:
        """What generated C is compiled with for this core; `folder` as above."""
        return ("-DEDGEKIT_MAC16=1", "-include", str(folder / "mac16_as.h")) if self.mac16 else ()


@dataclass(frozen=True, slots=True)
class ChipEmulator:
    """A chip of a vendor's QEMU: its cores, ROM and flash. Its clock is the computer's."""

    vendor: str
    machine: str  # in QEMU's words
    options: tuple[str, ...]
    in_loader: tuple[str, ...]  # further options, with which the chip waits in its ROM's loader
    install: str  # how to get it

    def command(self, qemu: str, flash: Path, serial: Sequence[str], in_loader: bool = False) -> list[str]:
        """The command that starts the chip with a file as its flash, and its UART led to `serial` (QEMU's options)."""
        drive = f"{_file(flash)},if=mtd,format=raw"
        return [
            qemu, "-machine", self.machine, "-display", "none", "-monitor", "none", *self.options,
            *(self.in_loader if in_loader else ()), "-drive", drive, *serial,
        ]  # fmt: skip


DE212 = Emulator("kc705-nommu", "de212", 0x9D050020, 0x60000000, 0x60400000, 25, partition=0x60800000)
# Its MMU maps every address to itself after reset; RAM begins at 0.
DC233C = Emulator("kc705", "dc233c", 0xFD050020, 0x2000, 0x800000, 100, mac16=True)
# As ESP-IDF's own `idf.py qemu` starts it.
ESPRESSIF_ESP32 = ChipEmulator(
    vendor="Espressif",
    machine="esp32",
    options=("-global", "driver=timer.esp32.timg,property=wdt_disable,value=true"),
    in_loader=("-global", "driver=esp32.gpio,property=strap_mode,value=0x0f"),
    install="In a checkout of ESP-IDF: python tools/idf_tools.py install qemu-xtensa, then . ./export.sh",
)
