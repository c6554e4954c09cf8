"""The two runtimes that a network has before it is a .tflite: PyTorch and ONNX. Images in, logits out.

Both are exact float32 references: `convert` measures every later step against them, `edgekit evaluate` scores them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.tflite.quantize import to_float

if TYPE_CHECKING:
    from torch import nn

_BATCH = 64  # images at once; a 96x96 student holds 20 MB of activations then


def run_torch(module: "nn.Module", images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits [N, 2] of a torch network on uint8 images [N, H, W, C], in evaluation mode."""
    import torch

    was_training = module.training
    module.eval()
    with torch.inference_mode():
        batches = [
            module(torch.from_numpy(to_nchw(images[start : start + _BATCH]))).float().cpu().numpy()
            for start in range(0, len(images), _BATCH)
        ]
    module.train(was_training)
    return np.asarray(np.concatenate(batches), np.float32)


def run_onnx(model: bytes | Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits [N, 2] of an .onnx file (input [1, C, H, W] in [0, 1]) on uint8 images [N, H, W, C].

    Raises:
        EdgekitError: no such file, not an intact ONNX model, images of another size, or onnxruntime is missing.
    """
    session = _session(model)
    entry = session.get_inputs()[0]
    pixels = to_nchw(images)
    shape = [1, *pixels.shape[1:]]
    if any(isinstance(side, int) and side != given for side, given in zip(entry.shape, shape, strict=False)):
        raise EdgekitError(
            f"The images are {' x '.join(map(str, images.shape[1:3]))} with {images.shape[3]} channel(s), "
            f"the model takes {entry.shape}.",
            "Load the data at the model's own input size.",
        )
    rows = [session.run(None, {entry.name: pixels[i : i + 1]})[0].reshape(-1) for i in range(len(pixels))]
    return np.asarray(np.stack(rows), np.float32)


def onnx_input_size(model: bytes | Path) -> tuple[int, int]:
    """(height, width) of an .onnx file's image input. Raises as `run_onnx`."""
    shape = _session(model).get_inputs()[0].shape
    if len(shape) != 4 or not all(isinstance(side, int) for side in shape[2:]):
        raise EdgekitError(
            f"The ONNX model takes an input of shape {shape}, not one grey image [1, 1, height, width].",
            "Give the student.onnx that `edgekit build-model` writes.",
        )
    return shape[2], shape[3]


def to_nchw(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [N, H, W, C] as float32 [N, C, H, W] in [0, 1]."""
    return np.ascontiguousarray(to_float(images).transpose(0, 3, 1, 2))


def _session(model: bytes | Path):  # type: ignore[no-untyped-def]
    name = "The ONNX model" if isinstance(model, bytes) else str(model)
    try:
        import onnxruntime
    except ImportError as error:
        raise EdgekitError("onnxruntime is not installed.", "Run: pip install 'edgekit[build]'") from error
    try:
        content = model if isinstance(model, bytes) else model.read_bytes()
    except OSError as error:
        raise EdgekitError(f"{name} cannot be read: {error.strerror}.", "Check the path.") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal only: what matters comes as an exception
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class of their own
        raise EdgekitError(f"{name} is not an intact ONNX model: {error}", "Build it again with edgekit.") from error
