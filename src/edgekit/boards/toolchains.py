"""The cross compilers of this computer: commands that compile C, C++ and assembly for a core, and what C weighs there.

In: sources. Out: commands, or `Sizes`. Nothing here is needed to flash a board: PlatformIO has its own compiler.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import EdgekitError

_DEBIAN = {"g++": "build-essential", "qemu-system-xtensa": "qemu-system-misc"}  # program -> packages that bring it


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A cross compiler."""

    prefix: str  # of its programs, `xtensa-lx106-elf-` for xtensa-lx106-elf-gcc
    flags: tuple[str, ...]  # of every compilation, besides the optimization
    library: str  # folder of its C library
    packages: str  # Debian's that bring it

    @property
    def gcc(self) -> str:
        """The program that compiles C and links."""
        return self.prefix + "gcc"

    def compile_command(self, source: str | Path, *options: str, optimize: str = "-O2") -> list[str]:
        """The command that compiles a .c, .cc or .S file; `-o` is left to the caller."""
        program, standard = {
            ".c": ("gcc", ("-std=c99", "-isystem", f"{self.library}/include")),
            ".cc": ("g++", ("-std=c++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics")),
            ".S": ("gcc", ()),
        }[Path(source).suffix]
        return [self.prefix + program, optimize, *self.flags, *standard, *options, "-c", str(source)]

    def link_command(self, objects: Sequence[str | Path], script: Path, program: Path, *libraries: str) -> list[str]:
        """The command that links a bare-metal program; gcc does it, for this compiler brings no C++ library."""
        return [
            self.gcc, *map(str, objects), "-nostartfiles", "-nostdlib", "-T", str(script),
            "-Wl,--gc-sections,--no-warn-rwx-segments", f"-L{self.library}/lib/release",
            *libraries, "-lc", "-lgcc", "-o", str(program),
        ]  # fmt: skip

    def need(self, tool: str = "gcc") -> str:
        """The path of one of its programs. Raises as `need` does."""
        return need(self.prefix + tool, self.packages)

    def installed(self) -> bool:
        """Whether it is on this computer."""
        return shutil.which(self.gcc) is not None


LX106 = Toolchain(
    prefix="xtensa-lx106-elf-",
    flags=("-ffreestanding", "-mlongcalls", "-ffunction-sections", "-fdata-sections"),
    library="/usr/lib/xtensa-lx106-elf",
    packages="gcc-xtensa-lx106 binutils-xtensa-lx106 picolibc-xtensa-lx106-elf",
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of machine code (literals among it) and of constants; `compiler` names what made them."""

    code_bytes: int
    constant_bytes: int
    compiler: str


_MEMORY = {"dram": "RAM", "flash": "flash"}  # by the regions of boards/emulated/board.ld


def need(program: str, packages: str = "") -> str:
    """The path of a program. `packages`: Debian's that bring it, where this module does not know.
    Raises EdgekitError: it is not installed; says how to get it."""
    found = shutil.which(program)
    if found is None:
        packages = packages or _DEBIAN.get(program, program)
        raise EdgekitError(
            f"{program} is not installed.", f"On Debian or Ubuntu: apt-get install --no-install-recommends {packages}"
        )
    return found


def run_compiler(command: Sequence[str], what: str, board: str, packages: str = "") -> None:
    """Runs a compiler or a linker.

    Args:
        what: is being built, to begin a sentence with.
        board: whose room it must fit into.
        packages: as in `need`.

    Raises:
        EdgekitError: it is not installed, there is not enough room, or it fails: then with its words.
    """
    need(command[0], packages)
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return
    if overflow := re.search(r"region `?(\w+)'? overflowed by (\d+)", done.stderr):
        memory, there = _MEMORY[overflow[1]], _room(command, overflow[1])
        raise EdgekitError(
            f"{what} does not fit: it takes {there + int(overflow[2]):,} bytes of {memory}, and a {board} leaves "
            f"{there:,}.",
            "Build the model with fewer channels or a smaller input.",
        )
    lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.splitlines()
    raise EdgekitError(
        f"{command[0]} failed: {lines[0] if lines else f'exit status {done.returncode}'}",
        "If you changed the firmware, mend it; otherwise this is a bug worth reporting, with this message.",
    )


def _room(command: Sequence[str], region: str) -> int:
    """Bytes of a region of memory, by the linker script that a command names."""
    script = Path(command[command.index("-T") + 1]).read_text(encoding="utf-8")
    found = re.search(rf"^\s*{region}\b.*LENGTH = (\w+)", script, re.MULTILINE)
    assert found is not None  # the linker has just found it there
    return int(found[1], 0)


def sizes_of(files: Mapping[str, str], toolchain: Toolchain = LX106) -> Sizes | None:
    """What the C files of `files` (text by file name) weigh together; None where the compiler is not installed.
    Raises EdgekitError: the compiler refuses the C."""
    if not toolchain.installed():
        return None
    sources = [file for file in files if file.endswith(".c")]
    with tempfile.TemporaryDirectory() as name:
        for file, text in files.items():
            (Path(name) / file).write_text(text, encoding="utf-8")
        command = toolchain.compile_command(sources[0]) + sources[1:]
        done = subprocess.run(command, cwd=name, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            said = done.stderr.strip()[:300]
            raise EdgekitError(f"{toolchain.gcc} refuses the C: {said}", "This is a bug worth reporting.")
        return sizes_in([Path(name) / file.replace(".c", ".o") for file in sources], toolchain)


def sizes_in(objects: Sequence[Path], toolchain: Toolchain = LX106) -> Sizes:
    """What object files that the compiler made weigh together; code that is copied to RAM is code."""
    command = [toolchain.prefix + "size", "-A", *map(str, objects)]
    table = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout
    code, constants = (
        sum(map(int, re.findall(rf"^\.(?:{names})\S*\s+(\d+)", table, re.MULTILINE)))
        for names in ("text|literal|iram1", "rodata|data")
    )
    return Sizes(code, constants, f"{toolchain.gcc} -O2")
