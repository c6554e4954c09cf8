"""A model's compiled C on an emulated core, counted layer by layer: what a run on the real one is estimated from.

In: a .tflite and inputs. Out: `Counted`: counts by layer, outputs, bytes; `TwoCores`: the same work on two.
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit import files
from edgekit.boards.board import ESP32, Board
from edgekit.boards.costs import Counts
from edgekit.boards.counting import counted
from edgekit.boards.emulators import Emulator
from edgekit.boards.toolchains import Sizes, run_compiler, sizes_in
from edgekit.compile import Compiled, CompileOptions, compile_model
from edgekit.compile.one_buffer import one_buffer_header
from edgekit.device import project
from edgekit.errors import EdgekitError
from edgekit.values.program import Estimate, TwoCores


@dataclass(frozen=True, slots=True)
class Counted:
    """What a compiled model did.

    Attributes:
        layers: of each of the program's layers, the mean over the inputs; one that does nothing has zeros.
        rest: what belongs to no layer: the call itself.
        outputs: the bytes of all outputs in one buffer (values/buffer.py), for each input.
        sizes: of the C as this core runs it.
    """

    compiled: Compiled
    layers: tuple[Counts, ...]
    rest: Counts
    outputs: NDArray[np.int8]
    sizes: Sizes

    @property
    def total(self) -> Counts:
        """Of a whole run."""
        return Counts.total([*self.layers, self.rest])

    def estimate(self, board: Board = ESP32) -> Estimate:
        """What a run takes on the board, at the flash mode that it was compiled for. What no layer does (the call, rows
        that move up) counts with the first."""
        mode = board.costs.flash_mode(self.compiled.options.flash_mode)
        first, *others = self.layers
        layers = (Counts.total([first, self.rest]), *others)
        low, high = board.costs.band(self.total, mode)
        return Estimate(
            board=board.title,
            clock_hz=board.clock_hz,
            flash_mode=mode.name,
            flash_title=mode.title,
            band=(round(low, 3), round(high, 3)),
            cycles=tuple(board.costs.cycles(counts, mode) for counts in layers),
            flash_misses=tuple(counts.misses for counts in layers),
        )


def core_of(options: CompileOptions, board: Board = ESP32) -> Emulator:
    """The emulated core that runs what is compiled for `options`."""
    return board.emulator if options.target == "generic" else board.target_emulator


def count_model(content: bytes, options: CompileOptions, inputs: NDArray[np.int8], *, board: Board = ESP32) -> Counted:
    """Runs a model on each input and counts; the first is run once before, so that the cache is warm.

    Args:
        inputs: int8 [N, bytes]: the bytes of all inputs in one buffer (values/buffer.py).

    Raises:
        EdgekitError: what `compile_model` and `counted` raise; no compiler; a program that the board has no room for.
    """
    compiled = compile_model(content, replace(options, name="model", profile=True))
    calls, outputs, sizes = _run(compiled, inputs, board)
    layers = len(compiled.program.layers)
    *by_mark, rest = _means(calls, range(1, layers + 2))
    return Counted(compiled, tuple(by_mark), rest, outputs, sizes)


def count_two_cores(alone: Counted, inputs: NDArray[np.int8], *, board: Board = ESP32) -> TwoCores | None:
    """The same program where two cores share its work, each with a flash cache of its own; None where it shares none.
    Raises EdgekitError: as `count_model`, or outputs that differ from those of one core."""
    compiled = alone.compiled
    if not any("model_pair" in text for text in compiled.files.values()):
        return None
    calls, said, _ = _run(compiled, inputs, board, two_cores=True)
    meetings = said[:, -4:].copy().view("<u4").ravel()
    if not np.array_equal(said[:, :-4], alone.outputs):
        raise EdgekitError("Two cores give other outputs than one.", "This is a bug worth reporting, with the model.")
    marks = len(compiled.program.layers) + 2
    mode = board.costs.flash_mode(compiled.options.flash_mode)
    own, first, second = (
        [board.costs.cycles(counts, mode) for counts in _means(calls, range(of * marks + 1, (of + 1) * marks))]
        for of in range(3)
    )
    return TwoCores.of_layers(own, first, second, board.clock_hz, round(meetings.mean()))


def _means(calls: Sequence[Mapping[int, Counts]], marks: Iterable[int]) -> list[Counts]:
    """Of each mark the mean over the calls."""
    return [Counts.total(call[mark] for call in calls if mark in call).shared(len(calls)) for mark in marks]


def _run(
    compiled: Compiled, inputs: NDArray[np.int8], board: Board, two_cores: bool = False
) -> tuple[list[dict[int, Counts]], NDArray[np.int8], Sizes]:
    """Counts by mark of each run, what it said, and the C's size."""
    core = core_of(compiled.options, board)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = _program(compiled, np.concatenate([inputs[:1], inputs]), folder, core, board, two_cores)
        sizes = sizes_in([folder / "model.o"], board.toolchain)
        calls, said = counted(program, core, board.toolchain, board.costs.cache)
    if len(calls) != len(inputs):
        raise EdgekitError(f"{len(calls)} of {len(inputs)} runs were counted.", "This is a bug worth reporting.")
    return calls, np.frombuffer(said, np.int8).reshape(len(inputs) + 1, -1)[1:], sizes


def _program(
    compiled: Compiled, inputs: NDArray[np.int8], folder: Path, core: Emulator, board: Board, two_cores: bool
) -> Path:
    emulated = project.sources() / "boards/emulated"
    headers = {"model_call.h": one_buffer_header(compiled.graph), "run.h": _run_h(compiled, len(inputs))}
    for file, text in {**compiled.files, **headers}.items():
        files.write_text(folder / file, text)
    (folder / "images.bin").write_bytes(inputs.tobytes())
    (folder / "board.ld").write_text(core.linker_script(emulated))
    toolchain = board.toolchain
    own = {"model.c": core.c_flags(emulated), "count.c": (f"-DCOUNT_UART={core.uart:#x}", "-std=gnu99")}
    objects = []
    # count.c lies apart: all C of boards/emulated is the firmware's
    start = (emulated.parent / "counted/count.c", emulated / "start.S", emulated / "rt.c")
    for source in (folder / "model.c", *start):
        options = (*own.get(source.name, ()), f"-DEDGEKIT_TWO_CORES={int(two_cores)}", f"-I{folder}", f"-Wa,-I{folder}")
        objects.append(folder / f"{source.stem}.o")
        command = [*toolchain.compile_command(source, *options), "-o", str(objects[-1])]
        run_compiler(command, "The model", board.title, toolchain.packages)
    program = folder / "count.elf"
    command = toolchain.link_command(objects, folder / "board.ld", program)
    run_compiler(command, "The model", board.title, toolchain.packages)
    return program


def _run_h(compiled: Compiled, runs: int) -> str:
    """How count.c calls the model."""
    states = bool(compiled.graph.states)
    declared, state, reset = (
        ("static model_state state;\n", "&state, ", "model_reset(&state);") if states else ("",) * 3
    )
    return (
        f'#include "model_call.h"\n#define RUNS {runs}\n#define STEPS MODEL_STEPS\n'
        "#define ARENA_BYTES MODEL_ARENA_BYTES\n#define INPUT_BYTES MODEL_CALL_INPUT_BYTES\n"
        f"#define OUTPUT_BYTES MODEL_CALL_OUTPUT_BYTES\n{declared}"
        f"static inline void reset(void) {{{reset}}}\n"
        "static inline void invoke(int8_t *input, int8_t *output, uint8_t *arena) {\n"
        f"  model_call(input, output, {state}arena);\n}}\n"
    )
