"""onnxruntime: the float32 reference of a network as it is exported.

In: an .onnx file, images. Out: logits.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError, in_a_line
from edgekit.extras import not_installed
from edgekit.files import read_regular
from edgekit.runtimes.runtime import Progress, Runtime, run_each, size_in_words
from edgekit.tflite.quantize import to_float


def run(model: bytes | Path, images: NDArray[Any], progress: Progress | None = None) -> NDArray[np.float32]:
    """See `Run`; the model's input is [1, C, H, W] in [0, 1].

    Raises:
        EdgekitError: no such file, not an intact ONNX model, images of another size, or onnxruntime is missing.
    """
    name = "The ONNX model" if isinstance(model, bytes) else str(model)
    session = _session(model, name)
    ends = (session.get_inputs(), session.get_outputs())
    if [len(one) for one in ends] != [1, 1]:
        raise EdgekitError(
            f"{name} has {len(ends[0])} inputs and {len(ends[1])} outputs, not one of each.",
            "Give the student.onnx that build-model wrote.",
        )
    (entry,), _ = ends
    pixels = to_float(images).transpose(0, 3, 1, 2)
    if any(
        isinstance(side, int) and side != given
        for side, given in zip(entry.shape, (1, *pixels.shape[1:]), strict=False)
    ):
        raise EdgekitError(
            f"The images are {size_in_words(images.shape[1:])}, {name} takes {entry.shape}.",
            "Load the data at the model's own input size.",
        )

    def infer(tensor: NDArray[Any]) -> NDArray[Any]:
        try:
            return np.asarray(session.run(None, {entry.name: tensor})[0], np.float32).reshape(-1)
        except Exception as error:  # onnxruntime's exceptions share no base class of their own
            raise EdgekitError(f"{name} cannot be run: {in_a_line(error)}", "Build it again with edgekit.") from error

    return np.asarray(run_each(infer, pixels[:, np.newaxis], progress), np.float32)


ONNX = Runtime("onnx", ".onnx", run)


def _session(model: bytes | Path, name: str):  # type: ignore[no-untyped-def]
    try:
        import onnxruntime
    except ImportError as error:
        raise not_installed("onnxruntime") from error
    try:
        content = model if isinstance(model, bytes) else read_regular(model)
    except OSError as error:
        raise EdgekitError(f"{name} cannot be read: {error.strerror}.", "Check the path.") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal only: what matters comes as an exception
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise EdgekitError(
            f"{name} is not an intact ONNX model: {in_a_line(error)}", "Build it again with edgekit."
        ) from error
