"""The interpreters that run a .tflite on this machine, each behind the same call: one input tensor in, logits out.

TFLM (PyPI tflite-micro) is the code that the board runs: its int8 outputs are the golden ones. LiteRT is TensorFlow
Lite under its new name; it also runs float16 and dynamic-range files.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.tflite.model import count
from edgekit.tflite.quantize import to_float, to_int8
from edgekit.values.model import TfliteModel

Infer = Callable[[NDArray[Any]], NDArray[Any]]
"""One tensor [1, H, W, C] in the model's input type -> logits [2] in its output type."""

_RECORDS_BYTES = 256 * 1024  # TFLM's own records, some 4 KB for ten operators; a workstation can be generous


@contextmanager
def native_stderr() -> Iterator[Callable[[], str]]:
    """Holds back what C++ code writes to the process's stderr and gives a function that reads it.

    Both interpreters write there directly: sys.stderr never sees it.
    """
    sys.stderr.flush()
    original = os.dup(2)
    held: BinaryIO
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)

        def text() -> str:
            held.seek(0)
            return held.read().decode(errors="replace")

        try:
            yield text
        finally:
            os.dup2(original, 2)
            os.close(original)


def to_tensors(model: TfliteModel, images: NDArray[np.uint8]) -> NDArray[Any]:
    """Images uint8 [N, H, W, C] as the model's inputs [N, 1, H, W, C], int8 or float32.

    Raises:
        EdgekitError: the images have another size than the model's input, or other channels.
    """
    height, width, channels = model.input_shape
    if images.shape[1:] != (height, width, channels):
        given = " x ".join(map(str, images.shape[1:3]))
        raise EdgekitError(
            f"The images are {given} with {images.shape[-1]} channel(s), the model takes {height} x {width} with "
            f"{channels} channel(s).",
            "Load the data at the model's own input size.",
        )
    pixels = to_float(images) if model.input_q is None else to_int8(images, model.input_q.zero_point)
    return pixels[:, np.newaxis]


def tflm(model: TfliteModel) -> Infer:
    """The model on TensorFlow Lite for Microcontrollers.

    Raises:
        EdgekitError: a float16 or dynamic-range file, or an operator that TFLM does not have.
    """
    interpreter = tflm_interpreter(model)

    def infer(tensor: NDArray[Any]) -> NDArray[Any]:
        interpreter.set_input(tensor, 0)
        interpreter.invoke()
        return np.array(interpreter.get_output(0)).reshape(-1)

    return infer


def tflm_interpreter(model: TfliteModel) -> Any:
    """tflite-micro's own interpreter for the model. Raises as `tflm` does."""
    from tflite_micro import runtime

    if model.variant in ("float16", "dynamic"):
        raise EdgekitError(
            f"TFLM does not run {model.variant} models: they are for the desktop only.",
            "Use --runtime litert, or give the int8 or float32 file.",
        )
    arena_bytes = count(model.flatbuffer).activation_bytes + _RECORDS_BYTES
    with native_stderr() as said:
        try:
            return runtime.Interpreter.from_bytes(model.flatbuffer, arena_size=arena_bytes)
        except RuntimeError as error:
            raise EdgekitError(
                f"TFLM cannot run this model: {' '.join(said().split()) or error}",
                "Use --runtime litert, or build the model with edgekit, whose operators TFLM knows.",
            ) from error


def litert(model: TfliteModel, reference_kernels: bool = False) -> Infer:
    """The model on LiteRT: XNNPACK's kernels, or TensorFlow Lite's plain ones.

    Raises:
        EdgekitError: ai-edge-litert is not installed, or does not take the file.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise EdgekitError("LiteRT is not installed.", "Run: pip install 'edgekit[build]'") from error
    kernels = OpResolverType.BUILTIN_REF if reference_kernels else OpResolverType.AUTO
    with native_stderr():  # it announces its delegate
        try:
            interpreter = Interpreter(
                model_content=model.flatbuffer, experimental_op_resolver_type=kernels, num_threads=1
            )
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise EdgekitError(f"LiteRT cannot run this model: {error}", "Build it again with edgekit.") from error
    entry, end = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def infer(tensor: NDArray[Any]) -> NDArray[Any]:
        interpreter.set_tensor(entry, tensor)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(end)).reshape(-1)

    return infer
