"""What every runtime has in common: the protocol, a .tflite's input tensors, and what C++ code writes to stderr.

In: a model and images. Out: its outputs, one row an image.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.tflite.quantize import network_input
from edgekit.values.model import TfliteModel
from edgekit.values.tensors import joined_dtype, parts

Progress = Callable[[int], None]  # (how many more images are done)
Infer = Callable[[NDArray[Any]], NDArray[Any]]
"""One input [1, ...] in the model's input type -> its outputs [classes] in its output type. The values of
several inputs, or outputs, stand one after the other."""


class Run(Protocol):
    """Runs every image through the model.

    Args:
        model: a `TfliteModel`, an .onnx file or its bytes, or a torch network, as the runtime takes it.
        images: uint8 [N, H, W, C] of the model's input size, or [N, ...] in its own input type.
        progress: called with how many more images are done.

    Returns:
        Outputs [N, ...]: whole numbers of a quantised model, float32 of a float one.

    Raises:
        EdgekitError: the runtime does not run this model, is not installed, or the images are of another size.
    """

    def __call__(self, model: Any, images: NDArray[Any], progress: Progress | None = None, /) -> NDArray[Any]: ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """One way to run a network on this machine."""

    name: str  # as `--runtime` takes it
    suffix: str  # of the files that it takes
    run: Run
    variants: tuple[str, ...] = ()  # of a .tflite that it runs; empty where it runs whatever the file holds
    open: Callable[[TfliteModel], Infer] | None = None  # of those for a .tflite: the model, to be run input by input


def run_each(infer: Infer, tensors: NDArray[Any], progress: Progress | None) -> NDArray[Any]:
    """The outputs [N, ...] of an interpreter that takes one of the tensors [N, 1, ...] at a time."""
    rows = []
    for tensor in tensors:
        rows.append(infer(tensor))
        if progress is not None:
            progress(1)
    return np.stack(rows)


def timed(runtime: Runtime, model: TfliteModel, images: NDArray[Any]) -> Iterator[tuple[NDArray[Any], int]]:
    """Each image by itself: its outputs [classes] and the microseconds that this computer took."""
    assert runtime.open is not None
    infer = runtime.open(model)
    for tensor in to_tensors(model, images):
        begin_ns = time.perf_counter_ns()
        outputs = infer(tensor)
        yield outputs, (time.perf_counter_ns() - begin_ns) // 1000


def to_tensors(model: TfliteModel, images: NDArray[Any]) -> NDArray[Any]:
    """Images uint8 [N, H, W, C], or values [N, ...] in the model's input type, as its inputs [N, 1, ...], whole
    numbers or float32.

    Raises:
        EdgekitError: they have another shape than the model's input; or nobody has said what it takes pixels for.
    """
    if images.shape[1:] != model.input_shape:
        raise EdgekitError(
            f"The {'images' if images.ndim == 4 else 'inputs'} are {size_in_words(images.shape[1:])}, the model takes "
            f"{size_in_words(model.input_shape)}.",
            "Load the data at the model's own input size.",
        )
    return network_input(model, images)[:, np.newaxis]


def size_in_words(shape: tuple[int, ...]) -> str:
    """Of one input, for messages."""
    if len(shape) == 3:
        return f"{shape[0]} x {shape[1]} with {shape[2]} channel(s)"
    return f"{' x '.join(map(str, shape))} values"


@contextmanager
def native_stderr() -> Iterator[Callable[[], str]]:
    """Holds back what C++ code writes to the process's stderr and gives a function that reads it.

    TFLM and LiteRT write there directly: sys.stderr never sees it.
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


def tensors_of(model: TfliteModel, values: NDArray[Any]) -> list[NDArray[Any]]:
    """The tensors of one input, in the file's order, types and shapes."""
    each = parts(model.input_specs, values.reshape(-1))
    return [part.astype(spec.dtype, copy=False).reshape(spec.tensor_shape) for spec, part in each]


def values_of(model: TfliteModel, tensors: list[NDArray[Any]]) -> NDArray[Any]:
    """The outputs [classes] of one input, of the tensors in the file's order."""
    return np.concatenate([tensor.reshape(-1) for tensor in tensors], dtype=joined_dtype(model.output_specs))
