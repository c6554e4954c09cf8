"""Generated models on emulated Xtensa beside TFLM on the desktop, many in one program.

Two cores: de212, which every emulated test of edgekit uses, and dc233c, which has an ESP32's MAC16 and hardware loops.

In: `Case`s of edgekit.testing.exactness. Out: the seeds whose output bytes differ.
"""

import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.boards.board import ESP32
from edgekit.boards.emulators import Emulator
from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.options import Optimize, Target
from edgekit.testing.exactness import Case, inputs_of, unlike_tflm
from edgekit.testing.native_c import outputs_of

BATCH = 25  # in one program: more would not fit the board's flash
HARNESS = Path(__file__).with_name("batch.cc")
EMULATED = Path(__file__).resolve().parents[3] / "firmware/boards/emulated"  # of a checkout


@dataclass(frozen=True)
class Core:
    """What C is compiled for and where it runs."""

    emulator: Emulator
    target: Target
    optimize: Optimize = "size"


DE212 = Core(ESP32.emulator, "generic")
DC233C = Core(ESP32.target_emulator, "esp32")


def differing(models: list[Case], core: Core = DE212) -> list[int]:
    """Seeds whose outputs on emulated Xtensa are not TFLM's."""
    batches = [models[at : at + BATCH] for at in range(0, len(models), BATCH)]
    with ThreadPoolExecutor(2) as pool:
        return [seed for seeds in pool.map(lambda batch: _batch(batch, core), batches) for seed in seeds]


def _batch(models: list[Case], core: Core) -> list[int]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = inputs_of(models)
        said = _run(_program(models, inputs, folder, core), core)
    shapes = [(len(given), case.graph.output_bytes) for case, given in zip(models, inputs, strict=True)]
    return unlike_tflm(models, outputs_of(said, shapes))


def _program(models: list[Case], inputs: list[NDArray[np.int8]], folder: Path, core: Core) -> Path:
    includes, arrays, jobs = [], [], []
    for index, ((_, content, graph), given) in enumerate(zip(models, inputs, strict=True)):
        for file, text in compile_model(content, CompileOptions(f"m{index}", core.optimize, core.target)).files.items():
            (folder / file).write_text(text)
        includes.append(f'#include "m{index}.h"\nstatic_assert(M{index}_ARENA_BYTES <= sizeof(arena), "arena");')
        arrays.append(f"alignas(16) const int8_t i{index}[] = {{{','.join(map(str, given.ravel().tolist()))}}};")
        sizes = f"{len(given)}, {graph.input_bytes}, {graph.output_bytes}"
        jobs.append(f"{{reinterpret_cast<Invoke>(m{index}_invoke), i{index}, {sizes}}}")
    lines = ["alignas(16) static uint8_t arena[96 * 1024];", *includes, *arrays, "const Job kJobs[] = {"]
    (folder / "batch.h").write_text("\n".join([*lines, ",\n".join(jobs), "};", ""]))
    sources = [HARNESS, EMULATED / "start.S", EMULATED / "rt.c"]
    sources += [folder / f"m{index}.c" for index in range(len(models))]
    toolchain, objects = ESP32.toolchain, []
    own = {".cc": (f"-DUART={core.emulator.uart:#x}",), ".c": core.emulator.c_flags(EMULATED), ".S": ()}
    for source in sources:
        objects.append(folder / f"{source.stem}.o")
        compile_one = toolchain.compile_command(source, *own[source.suffix], f"-I{folder}", optimize="-O1")
        _call([*compile_one, "-o", str(objects[-1])])
    program = folder / "batch.elf"
    (folder / "board.ld").write_text(core.emulator.linker_script(EMULATED))
    _call(toolchain.link_command(objects, folder / "board.ld", program))
    return program


def _run(program: Path, core: Core) -> bytes:
    """What it writes to its UART: the outputs."""
    said = program.with_name("uart.bin")
    command = core.emulator.command(program, ("-serial", f"file:{said}"))
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, f"QEMU ended with {done.returncode} (128 + EXCCAUSE of a crash)"
    return said.read_bytes()


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stderr[:3000]
