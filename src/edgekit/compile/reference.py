"""What the bytes of a board are compared with on this computer: TFLM or, where it has no wheel, what stands in for it.

In: a model. Out: the runtime that speaks for it. In TFLM's place that is edgekit's own compiled C, built by the C
compiler that is here (the tests hold its bytes against TFLM's), else LiteRT; which of them it is, is said.
"""

import ctypes
import importlib.util
import platform
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit import files
from edgekit.compile import Compiled, compile_model
from edgekit.compile.one_buffer import one_buffer_header
from edgekit.errors import EdgekitError, in_a_line
from edgekit.runtimes import tflm
from edgekit.runtimes.litert import LITERT
from edgekit.runtimes.runtime import Infer, Progress, Runtime, run_each, to_tensors
from edgekit.runtimes.tflm import TFLM
from edgekit.values.buffer import buffer_bytes
from edgekit.values.model import TfliteModel
from edgekit.values.tensors import packed, unpacked

_ALIGNMENT = 16  # of the arena, as the generated header asks
_COMPILERS = ("cc", "gcc", "clang")


def reference(model: TfliteModel) -> Runtime:
    """The runtime whose outputs are the model's, said on stderr where it is not TFLM that speaks for TFLM.

    Raises:
        EdgekitError: nothing here runs the model; says what to install.
    """
    if model.variant not in TFLM.variants:
        return LITERT
    if tflm.installed():
        return TFLM
    if not model.is_float and c_compiler() and _compiles(model.flatbuffer):
        _say("edgekit's own compiled C")
        return COMPILED
    if importlib.util.find_spec("ai_edge_litert") is not None:
        _say("LiteRT, whose bytes may differ by one here and there,")
        return LITERT
    raise EdgekitError(
        f"Nothing here runs {model.name}: TFLM has wheels for x86-64 Linux alone.",
        "Install a C compiler (Debian: apt-get install gcc; macOS: xcode-select --install; Windows: MinGW-w64's gcc on "
        "the PATH), or LiteRT: pip install ai-edge-litert",
    )


def c_compiler() -> str | None:
    """The path of the C compiler that makes programs of this computer; None where none is on the PATH."""
    return next((path for name in _COMPILERS if (path := shutil.which(name))), None)


def compiled_infer(model: TfliteModel) -> Infer:
    """The quantised model as compiled C, in this process.

    Raises:
        EdgekitError: it cannot be compiled, or no C compiler is here or it fails.
    """
    if model.is_float:
        raise EdgekitError(
            f"Compiled C runs quantised models, and {model.name} is {model.variant}.", "Use --runtime litert."
        )
    made = compile_model(model.flatbuffer)
    library = _library(made)
    try:
        call = ctypes.CDLL(str(library)).reference_call
    except (OSError, AttributeError) as error:
        raise EdgekitError(
            f"{library} cannot be loaded: {in_a_line(error)}", "Remove it and run this again."
        ) from error
    call.argtypes, call.restype = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p], None
    answer_bytes = buffer_bytes([spec.size_bytes for spec in model.output_specs])
    room = np.zeros(made.plan.arena_bytes + _ALIGNMENT, np.uint8)
    arena = -(-room.ctypes.data // _ALIGNMENT) * _ALIGNMENT

    def infer(tensor: NDArray[Any]) -> NDArray[Any]:
        outputs, _ = np.empty(-(-answer_bytes // 4), np.int32), room  # which must outlive the call
        call(packed(model.input_specs, tensor), outputs.ctypes.data, arena)
        return unpacked(model.output_specs, outputs.tobytes())

    return infer


def _run(model: TfliteModel, images: NDArray[Any], progress: Progress | None = None) -> NDArray[Any]:
    """See `Run`."""
    return run_each(compiled_infer(model), to_tensors(model, images), progress)


COMPILED = Runtime("compiled", ".tflite", _run, variants=("int8", "integer"), open=compiled_infer)


def _source(made: Compiled) -> str:
    """C of `reference_call`: a run from a fresh state, where the model keeps one."""
    declared, reset, state = (
        ("static model_state state;\n", "model_reset(&state); ", "&state, ") if made.graph.states else ("", "", "")
    )
    return (
        f'#include "model_call.h"\n{declared}'
        "void reference_call(const int8_t *input, int8_t *output, void *arena) "
        f"{{ {reset}model_call(input, output, {state}arena); }}\n"
    )


def _library(made: Compiled) -> Path:
    """The C as a shared library in the user's cache, built once."""
    compiler = c_compiler()
    if compiler is None:
        raise EdgekitError(f"No C compiler is on the PATH ({', '.join(_COMPILERS)}).", "Install gcc or clang.")
    texts = {**made.files, "model_call.h": one_buffer_header(made.graph), "reference.c": _source(made)}
    key = files.key_of([sys.platform, platform.machine(), compiler, texts])[:16]
    library = files.user_folder("cache") / "programs" / f"reference-{key}.so"  # a DLL on Windows, by any name
    if library.is_file():
        return library
    with files.failures_of(library):
        library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent, prefix=".reference-") as temporary:
        for name, text in texts.items():
            (Path(temporary) / name).write_text(text, encoding="utf-8")
        built = Path(temporary) / library.name
        position = () if sys.platform == "win32" else ("-fPIC",)
        command = [
            compiler,
            "-std=c99",
            "-O2",
            "-shared",
            *position,
            "-o",
            str(built),
            *(str(Path(temporary) / name) for name in ("model.c", "reference.c")),
        ]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            raise EdgekitError(
                f"{compiler} failed on the compiled C: {in_a_line(done.stderr)}",
                "This is a bug worth reporting, with this message.",
            )
        try:
            built.replace(library)
        except PermissionError:  # Windows, where another run has made the same one and has it open
            if not library.is_file():
                raise
    return library


@cache
def _compiles(flatbuffer: bytes) -> bool:
    try:
        compile_model(flatbuffer)
    except EdgekitError:
        return False
    return True


@cache
def _say(what: str) -> None:
    files.print_warning(f"TFLM is not installed (it has wheels for x86-64 Linux alone): {what} speaks in its place.")
