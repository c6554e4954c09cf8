"""What a C file weighs in a program for Xtensa, measured with the cross compiler. In: C by file name. Out: `Sizes`."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import EdgekitError

# As in env:emulated of firmware/platformio.ini, which an installed wheel does not have.
_CROSS = "xtensa-lx106-elf-"
_FLAGS = (
    "-std=c99", "-O2", "-ffreestanding", "-mlongcalls", "-ffunction-sections", "-fdata-sections",
    "-isystem", "/usr/lib/xtensa-lx106-elf/include",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of machine code (literals among it) and of constants; `compiler` names what made them."""

    code_bytes: int
    constant_bytes: int
    compiler: str


def measure(files: Mapping[str, str]) -> Sizes | None:
    """The sizes of the C files of `files` together; None where the cross compiler is not installed.

    Raises:
        EdgekitError: the compiler refuses the C.
    """
    if shutil.which(_CROSS + "gcc") is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text)
        sources = [file for file in files if file.endswith(".c")]
        compiled = subprocess.run(
            [_CROSS + "gcc", *_FLAGS, "-c", *sources], cwd=folder, capture_output=True, text=True, check=False
        )
        if compiled.returncode:
            raise EdgekitError(
                f"{_CROSS}gcc refuses the C: {compiled.stderr.strip()[:300]}", "This is a bug worth reporting."
            )
        objects = [file.replace(".c", ".o") for file in sources]
        table = subprocess.run(
            [_CROSS + "size", "-A", *objects], cwd=folder, capture_output=True, text=True, check=True
        )
    sections = re.findall(r"^\.(text|literal|rodata)\S*\s+(\d+)", table.stdout, re.MULTILINE)
    return Sizes(
        sum(int(size) for section, size in sections if section != "rodata"),
        sum(int(size) for section, size in sections if section == "rodata"),
        f"{_CROSS}gcc -O2",
    )
