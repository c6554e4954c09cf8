"""A model on this machine, as if the desktop were a board: images in, logits out, and TFLM's arena as measured."""

import pickle
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.runtimes.interpreters import (
    litert,
    native_stderr,
    tflm,
    tflm_interpreter,
    to_tensors,
)
from edgekit.values.model import TfliteModel

RUNTIMES = ("tflm", "litert", "litert-reference")


@dataclass(frozen=True, slots=True)
class Arena:
    """What TFLM keeps in RAM for a model, measured on this machine; pointers are 8 bytes here and 4 on an ESP32.

    Attributes:
        activations_bytes: the tensors between operators, overlaid by TFLM's planner.
        records_bytes: TFLM's own structures, kept for as long as the model is loaded.
    """

    activations_bytes: int
    records_bytes: int

    @property
    def total_bytes(self) -> int:
        """What the arena must hold, rounded up to its alignment of 16."""
        return -(-(self.activations_bytes + self.records_bytes) // 16) * 16


def run(
    model: TfliteModel,
    images: NDArray[np.uint8],
    runtime: str = "tflm",
    progress: Callable[[int], None] | None = None,
) -> NDArray[Any]:
    """Runs every image through the model.

    Args:
        images: uint8 [N, H, W, C], of the model's input size.
        runtime: `tflm` (the board's code, int8 and float32 only), `litert` (XNNPACK) or `litert-reference`.
        progress: called with the number of images done so far, after each one.

    Returns:
        Logits [N, 2]: int8 values of an int8 model, float32 of a float one.

    Raises:
        EdgekitError: unknown runtime, one that does not run this variant, or images of another size.
    """
    if runtime not in RUNTIMES:
        raise EdgekitError(f"There is no desktop runtime {runtime!r}.", f"Choose one of: {', '.join(RUNTIMES)}.")
    tensors = to_tensors(model, images)
    infer = tflm(model) if runtime == "tflm" else litert(model, reference_kernels=runtime == "litert-reference")
    logits = np.empty((len(images), 2), np.float32 if model.output_q is None else np.int8)
    for row, tensor in enumerate(tensors):
        logits[row] = infer(tensor)
        if progress is not None:
            progress(row + 1)
    return logits


def timed(model: TfliteModel, images: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.int8], int]]:
    """TFLM on every image (as in `run`): int8 logits [2] and the microseconds that this computer took."""
    infer = tflm(model)
    for tensor in to_tensors(model, images):
        begin_ns = time.perf_counter_ns()
        logits = infer(tensor)
        yield logits, (time.perf_counter_ns() - begin_ns) // 1000


def measure_arena(model: TfliteModel) -> Arena:
    """TFLM's arena for the model, in bytes. Raises EdgekitError where TFLM does not run it."""
    interpreter = tflm_interpreter(model)
    interpreter.set_input(np.zeros((1, *model.input_shape), np.float32 if model.input_q is None else np.int8), 0)
    interpreter.invoke()
    with native_stderr() as said:  # there is no getter: the recording allocator prints
        interpreter.print_allocations()
        parts = dict(re.findall(r"Arena allocation (head|tail) (\d+) bytes", said()))
    return Arena(int(parts["head"]), int(parts["tail"]))


def arena_bytes(model: TfliteModel) -> int:
    """The bytes that TFLM's arena must have for the model. Raises as `measure_arena`."""
    return measure_arena(model).total_bytes


def arena_bytes_apart(model: TfliteModel) -> int | None:
    """The same measured in a child process, because TFLM ends its own on some models, such as a softmax over 513 equal
    values; None where TFLM does not run the model."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE], input=pickle.dumps(model), capture_output=True, check=False
    )  # fmt: skip
    return int(done.stdout) if done.returncode == 0 else None


_MEASURE = """
import pickle, sys
from edgekit.runtimes.desktop import arena_bytes
print(arena_bytes(pickle.load(sys.stdin.buffer)))
"""
