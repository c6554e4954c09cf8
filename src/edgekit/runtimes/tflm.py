"""TensorFlow Lite for Microcontrollers (PyPI tflite-micro), the code that the board runs: its outputs are the golden
ones.

In: a .tflite, quantised or float32. Out: outputs, and what its arena needs.
"""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError, in_a_line
from edgekit.executor.child import python
from edgekit.runtimes.runtime import (
    Infer,
    Progress,
    Runtime,
    native_stderr,
    run_each,
    tensors_of,
    to_tensors,
    values_of,
)
from edgekit.tflite.model import count
from edgekit.tflite.reader import CORRUPT, read_file
from edgekit.values.model import TfliteModel

_ERRORS = (RuntimeError, *CORRUPT)  # of TFLM, and of the Python that reads the file for it
_MOST_ARENA_BYTES = 64 << 20  # pages that nobody writes to cost nothing
_MOST_BYTES = 1 << 30  # of tensors; what a damaged file claims may not fit the memory
_RECORDS_BYTES = 256 * 1024  # TFLM's own records, some 4 KB for ten operators; a workstation can be generous


def run(model: TfliteModel, images: NDArray[Any], progress: Progress | None = None) -> NDArray[Any]:
    """See `Run`; float16 and dynamic-range files are refused."""
    return run_each(infer_of(model), to_tensors(model, images), progress)


def infer_of(model: TfliteModel) -> Infer:
    """The model in an interpreter.

    Raises:
        EdgekitError: a float16 or dynamic-range file, or an operator that TFLM does not have.
    """
    make = _maker(model)
    interpreter = _interpreter(model)

    def infer(tensor: NDArray[Any]) -> NDArray[Any]:
        nonlocal interpreter
        try:  # not `_refusals`, which opens a file: this is timed
            if "CALL_ONCE" in model.ops:  # what it assigns, `reset` takes back and nothing assigns again
                interpreter = make()
            elif model.state_bytes:
                interpreter.reset()
            for position, value in enumerate(tensors_of(model, tensor)):
                interpreter.set_input(value, position)
            interpreter.invoke()
            return values_of(model, [interpreter.get_output(position) for position in range(len(model.output_specs))])
        except _ERRORS as error:
            raise _refused(model, error) from error

    return infer


TFLM = Runtime("tflm", ".tflite", run, variants=("int8", "integer", "float32", "16x8"), open=infer_of)


@contextmanager
def _refusals(model: TfliteModel) -> Iterator[None]:
    """Says what TFLM, or the Python that reads the file for it, raises in the block."""
    with native_stderr() as said:
        try:
            yield
        except _ERRORS as error:
            raise _refused(model, said().strip() or error) from error


def _refused(model: TfliteModel, why: object) -> EdgekitError:
    return EdgekitError(
        f"TFLM cannot run {model.name}: {in_a_line(why)}",
        "Use --runtime litert, or build the model with edgekit, whose operators TFLM knows.",
    )


def arena_bytes(model: TfliteModel) -> int:
    """The bytes that TFLM's arena must have for the model. Raises EdgekitError where TFLM does not run it."""
    return _in_sixteens(sum(arena_parts(model)))


def arena_parts(model: TfliteModel) -> tuple[int, int]:
    """Bytes of the tensors between operators, as TFLM's planner overlays them, and of TFLM's own structures, measured
    on this machine: pointers are 8 bytes here and 4 on an ESP32. Raises as `arena_bytes`."""
    interpreter = _interpreter(model)
    with _refusals(model):
        return _parts(interpreter, len(model.input_specs))


def _parts(interpreter: Any, inputs: int) -> tuple[int, int]:
    """What `arena_parts` returns of an interpreter of a model of so many inputs."""
    for number in range(inputs):
        details = interpreter.get_input_details(number)
        interpreter.set_input(np.zeros(details["shape"], details["dtype"]), number)
    interpreter.invoke()
    with native_stderr() as said:  # there is no getter: the recording allocator prints
        interpreter.print_allocations()
        parts = dict(re.findall(r"Arena allocation (head|tail) (\d+) bytes", said()))
    return int(parts["head"]), int(parts["tail"])


def arena_bytes_apart(content: bytes) -> int | None:
    """The arena of any .tflite, whatever its inputs, measured in a child process, because TFLM ends its own on some
    models, such as a softmax over 513 equal values; None where TFLM does not run the model."""
    words = python("-c", "from edgekit.runtimes import tflm; tflm._print_arena_bytes()")
    done = subprocess.run(words, input=content, capture_output=True, check=False)
    return int(done.stdout) if done.returncode == 0 else None


def _print_arena_bytes() -> None:
    """What the child does with the model at its stdin."""
    from tflite_micro import runtime

    file = read_file(sys.stdin.buffer.read(), whole=True)
    interpreter = runtime.Interpreter.from_bytes(file.content, arena_size=_MOST_ARENA_BYTES)
    print(_in_sixteens(sum(_parts(interpreter, len(file.inputs)))))


def installed() -> bool:
    """Whether TFLM is here; its package has wheels for x86-64 Linux alone."""
    return importlib.util.find_spec("tflite_micro") is not None


def _interpreter(model: TfliteModel) -> Any:
    make = _maker(model)
    with _refusals(model):
        return make()


def _maker(model: TfliteModel) -> Callable[[], Any]:
    """What makes interpreters of the model. Raises EdgekitError where TFLM has nothing to do with it."""
    if not installed():
        raise EdgekitError(
            "TFLM is not installed: tflite-micro has wheels for x86-64 Linux alone.",
            "Use --runtime compiled or litert where the command takes it, or run this on such a machine.",
        )
    from tflite_micro import runtime

    if model.variant not in TFLM.variants:
        raise EdgekitError(
            f"TFLM does not run {model.variant} models: they are for the desktop only.",
            "Use --runtime litert, or give the int8 or float32 file.",
        )
    arena_bytes = count(model.flatbuffer).activation_bytes + model.state_bytes + _RECORDS_BYTES
    if arena_bytes > _MOST_BYTES:
        raise _refused(model, f"its tensors take {arena_bytes:,} bytes, more than {_MOST_BYTES:,}")
    return partial(runtime.Interpreter.from_bytes, model.flatbuffer, arena_size=arena_bytes)


def _in_sixteens(size: int) -> int:
    """Rounded up to the arena's alignment."""
    return -(-size // 16) * 16
