"""Models as other people make them, without a card: of a vector, of a series, of a picture."""

import io
import zipfile

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing.random_operators import Random


def dense(
    shape: tuple[int, ...],
    outputs: int,
    *,
    softmax: bool = False,
    scale: float = 0.1,
    zero_point: int = 3,
    seed: int = 0,
) -> bytes:
    """A fully connected layer over an input of any shape, with a softmax behind it or without."""
    r = Random(seed)
    size = int(np.prod(shape))
    entry = r.activation(shape, scale, zero_point)
    flat = entry
    if len(shape) != 2:
        flat = r.activation((1, size), scale, zero_point)
        new = r.b.tensor((2,), "INT32", np.array([1, size], np.int32))
        r.b.op("RESHAPE", [entry, new], flat, schema.ReshapeOptionsT())
    rng = np.random.default_rng(seed)
    weights = r.b.tensor(
        (outputs, size), data=rng.integers(-127, 128, (outputs, size)).astype(np.int8), scales=[0.02], zero_points=[0]
    )
    bias = r.b.tensor((outputs,), "INT32", np.zeros(outputs, np.int32), [0.02 * scale], [0])
    out = r.activation((1, outputs), 0.25 * scale * size**0.5, 5)
    r.b.op("FULLY_CONNECTED", [flat, weights, bias], out, schema.FullyConnectedOptionsT())
    if softmax:
        shares = r.activation((1, outputs), 1 / 256, -128)
        r.b.op("SOFTMAX", [out], shares, schema.SoftmaxOptionsT(beta=1.0))
        out = shares
    return r.b.finish([entry], [out])


def labelled(content: bytes, *labels: str) -> bytes:
    """The model with its labels in a zip at its end."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("labels.txt", "\n".join(labels) + "\n")
    return stream.getvalue()
