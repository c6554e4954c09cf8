"""QEMU's Xtensa cores that stand in for boards: where their memory and UART lie, and the command that runs a program.

In: a program for the core. Out: a command; the linker script for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

QEMU = "qemu-system-xtensa"
INSTRUCTIONS_PER_S = 1_000_000_000  # of the board's time where they are counted: -icount shift=0, 1 ns an instruction


@dataclass(frozen=True, slots=True)
class Emulator:
    """A core of QEMU's kc705 boards."""

    machine: str  # this and the next in QEMU's words
    cpu: str
    uart: int  # this and the next two are addresses
    flash: int
    ram: int
    tick: int  # instructions in a tick of CCOUNT
    mac16: bool = False  # it has an ESP32's multiply-accumulate unit and hardware loops, and the C is to use them

    def command(
        self, program: Path, serial: Sequence[str], counted: Literal["no", "asleep", "awake"] = "no"
    ) -> list[str]:
        """The command that runs a program whose UART leads to `serial` (QEMU's options).

        `counted`: whether instructions are counted, so that runs are repeatable, and whether QEMU sleeps while the
        program waits (a firmware) or hastens to its end (a benchmark).
        """
        count = {"no": [], "asleep": ["-icount", "shift=0,sleep=on"], "awake": ["-icount", "shift=0,sleep=off"]}
        return [
            QEMU, "-M", self.machine, "-cpu", self.cpu, "-display", "none", "-monitor", "none", "-semihosting",
            *count[counted], *serial, "-kernel", str(program),
        ]  # fmt: skip

    def linker_script(self, folder: Path) -> str:
        """The script of `folder` (firmware/boards/emulated), which is written for DE212, with this core's addresses."""
        text = (folder / "board.ld").read_text()
        for address, own in ((DE212.flash, self.flash), (DE212.ram, self.ram)):
            text = text.replace(f"{address:#x}", f"{own:#x}")
        return text

    def c_flags(self, folder: Path) -> tuple[str, ...]:
        """What generated C is compiled with for this core; `folder` as above."""
        return ("-DEDGEKIT_MAC16=1", "-include", str(folder / "mac16_as.h")) if self.mac16 else ()


DE212 = Emulator("kc705-nommu", "de212", 0x9D050020, 0x60000000, 0x60400000, 25)
# Its MMU maps every address to itself after reset; RAM begins at 0.
DC233C = Emulator("kc705", "dc233c", 0xFD050020, 0x2000, 0x800000, 100, mac16=True)
