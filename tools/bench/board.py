"""The emulated core as a bench: C and C++ in, counts and bytes out. Every contender is built with FLAGS.

Object files are kept in the user's cache, by the content of their source and the flags: TFLM alone takes minutes.
"""

import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from edgekit import files
from edgekit.boards.board import ESP32
from edgekit.boards.costs import Counts
from edgekit.boards.counting import counted
from edgekit.boards.emulators import QEMU, Emulator
from edgekit.errors import EdgekitError

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BOARD = ROOT / "firmware/boards/emulated"
TOOLCHAIN = ESP32.toolchain
FLAGS = ("-O2", *TOOLCHAIN.flags)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to compile, with what it needs besides FLAGS: include folders, definitions."""

    path: Path
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A contender on the board.

    Attributes:
        memory_bytes: what it says of its working memory.
        counts: of each image: what one core does alone, and its share of what two do.
        shares: of each image, where two cores share work: that of the first core and that of the second.
        outputs: int8 [images, outputs].
        code_bytes: machine code and its literals, the harness and soft floats taken off.
        constant_bytes: the same of constants in flash: weights, tables, a .tflite.
        data_bytes: the same of what is copied from flash to RAM at the start.
    """

    memory_bytes: int
    counts: tuple[Counts, ...]
    shares: tuple[tuple[Counts, Counts], ...]
    outputs: NDArray[np.int8]
    code_bytes: int
    constant_bytes: int
    data_bytes: int


def run(
    sources: Sequence[Source], objects: Sequence[Path], generated: Mapping[str, str], images: NDArray[np.int8],
    outputs: int, base: tuple[int, int, int] | None, core: Emulator = ESP32.emulator, two_cores: bool = False,
) -> Run:  # fmt: skip
    """Links a contender with the harness and runs it.

    Args:
        sources: its own files, which may include `generated` and "images.h".
        objects: of what is kept between runs: a library.
        images: int8 [N, input bytes].
        base: code and constant bytes of the harness alone, from `harness_bytes`.

    Raises:
        EdgekitError: no compiler or emulator, it does not link or fit, it crashes.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        twice = np.concatenate([images[:1], images])  # the first run finds a cold cache, and does not count
        for path, text in (*generated.items(), ("images.h", _images(twice, outputs))):
            files.write_text(folder / path, text)
        harness = Source(HERE / "main.c", (f"-DBENCH_UART={core.uart:#x}",))
        own = [harness, *sources, *(Source(p, core.c_flags(BOARD)) for p in sorted(folder.rglob("*.c*")))]
        options = (f"-I{folder}", f"-I{HERE}", f"-DEDGEKIT_TWO_CORES={int(two_cores)}")
        built = compiled([Source(s.path, (*s.options, *options)) for s in own], folder / "own")
        files.write_text(folder / "board.ld", core.linker_script(BOARD))
        program = _linked([*built, *objects, *_common()], folder / "bench.elf", folder / "board.ld")
        sizes = _sizes(program)
        calls, line = counted(program, core, TOOLCHAIN, ESP32.costs.cache)
    (memory,) = struct.unpack_from("<i", line)
    if memory < 0 or len(line) != 4 + outputs * len(twice) or len(calls) != len(images):
        raise EdgekitError(f"The contender stopped with {memory} after {len(line)} bytes.", "Look at its bench_setup.")
    said = np.frombuffer(line[4:], np.int8).reshape(-1, outputs)[1:]
    own_sizes = [size - less for size, less in zip(sizes, base or (0, 0, 0), strict=True)]
    none = Counts()
    shares = tuple((call.get(3, none), call.get(5, none)) for call in calls if two_cores)
    counts = tuple(Counts.total([call[1], call.get(3, none)]) for call in calls)
    return Run(memory, counts, shares, said, *own_sizes)


def harness_bytes(images: NDArray[np.int8], outputs: int) -> tuple[int, int, int]:
    """Code, constants and data of the harness around a contender that does nothing."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "nothing.c").write_text(
            '#include "bench.h"\nint32_t bench_setup(void) { return 0; }\n'
            "int32_t bench_run(const int8_t *input, int8_t *output) { output[0] = input[0]; return 0; }\n"
        )
        empty = run([Source(Path(name) / "nothing.c")], [], {}, images, outputs, None)
    return empty.code_bytes, empty.constant_bytes, empty.data_bytes


def compiled(sources: Sequence[Source], into: Path | None = None) -> list[Path]:
    """The object files of the sources; those of a library (`into` None) are kept in the cache."""
    jobs = []
    for number, source in enumerate(sources):
        c = ("-std=gnu11",) if source.path.suffix == ".c" else ()  # TFLM's C asks for it
        command = TOOLCHAIN.compile_command(source.path, *c, *source.options, "-w")
        words = [word.replace(str(ROOT), "") for word in command]  # another checkout gives the same objects
        key = files.key_of([words, files.file_sha256(source.path)])[:20]
        folder = into or platformdirs.user_cache_path("edgekit") / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        jobs.append((command, folder / (f"{number}.o" if into else f"{key}.o")))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_compile, jobs))
    return [target for _, target in jobs]


def _compile(job: tuple[list[str], Path]) -> None:
    command, target = job
    if target.is_file():
        return
    TOOLCHAIN.need(command[0].removeprefix(TOOLCHAIN.prefix))
    part = target.with_suffix(".part.o")
    done = subprocess.run([*command, "-o", str(part)], capture_output=True, text=True, check=False)
    if done.returncode:
        wrong = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise EdgekitError(f"{command[-1]} does not compile: {wrong[0] if wrong else '?'}", "Check the paths given.")
    part.replace(target)


def _common() -> list[Path]:
    return compiled([Source(BOARD / "start.S"), Source(BOARD / "rt.c"), Source(HERE / "softfloat.c")])


def _linked(objects: Sequence[Path], program: Path, script: Path) -> Path:
    TOOLCHAIN.need()
    command = TOOLCHAIN.link_command(objects, script, program, "-lm")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        wrong = [line for line in done.stderr.splitlines() if "undefined" in line or "overflow" in line]
        raise EdgekitError(f"It does not link: {(wrong or done.stderr.splitlines())[0]}", "Is a source missing?")
    return program


def _sizes(program: Path) -> tuple[int, int, int]:
    """Code without soft floats, constants, and data."""
    table = subprocess.run(
        [TOOLCHAIN.prefix + "size", "-A", program], capture_output=True, text=True, check=True
    ).stdout
    found = dict(re.findall(r"^\.(text|iram|rodata|data)\s+(\d+)", table, re.MULTILINE))
    (soft,) = compiled([Source(HERE / "softfloat.c")])
    names = set(re.findall(r" T (\w+)", _nm(soft)))
    floats = sum(int(size, 16) for size, name in re.findall(r"^\w+ (\w+) T (\w+)", _nm(program, "-S"), re.MULTILINE)
                 if name in names)  # fmt: skip
    text, iram, rodata, data = (int(found.get(name, 0)) for name in ("text", "iram", "rodata", "data"))
    return text + iram - floats, rodata, data


def _nm(path: Path, *options: str) -> str:
    return subprocess.run([TOOLCHAIN.prefix + "nm", *options, path], capture_output=True, text=True, check=True).stdout


def _images(images: NDArray[np.int8], outputs: int) -> str:
    rows = ",\n".join("{" + ",".join(map(str, row.tolist())) + "}" for row in images)
    return (
        f"#include <stdint.h>\n#define BENCH_IMAGES {len(images)}u\n#define BENCH_INPUT_BYTES {images.shape[1]}u\n"
        f"#define BENCH_OUTPUT_BYTES {outputs}u\n#ifdef BENCH_WITH_IMAGES\n"
        '__attribute__((section(".inputs"))) static const int8_t bench_images[BENCH_IMAGES][BENCH_INPUT_BYTES] = {'
        f"\n{rows}}};\n#endif\n"
    )


def available() -> bool:
    """Whether compiler and emulator are here."""
    return bool(shutil.which(TOOLCHAIN.prefix + "g++") and shutil.which(QEMU))
