"""Models that keep something from run to run, each in another way; TFLM's answers with a fresh state and a kept one."""

import numpy as np
from numpy.typing import NDArray
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing import native_c
from edgekit.testing.random_operators import Random
from edgekit.testing.random_states import drawn_rows, lstm, svdf


def wake_word(first: bool = True, unsigned: bool = True) -> bytes:
    """Three rows come, four are kept in a variable, seven are judged, as streaming wake words do.

    Args:
        first: a CALL_ONCE gives the variable values; else it begins with its zero point.
        unsigned: the output is made uint8 by an operator that is not the last.
    """
    r = Random(3)
    x, kept, total = (r.activation((1, rows, 8), 0.05, -3) for rows in (3, 4, 7))
    if first:
        r.b.first_values("rows", kept, r.rng.integers(-128, 128, (1, 4, 8)))
    handle = r.b.variable("rows")
    r.b.op("READ_VARIABLE", [handle], kept)
    r.b.op("CONCATENATION", [kept, x], total, schema.ConcatenationOptionsT(1))
    y = r.dense(r.reshape(total, (1, 56)), 4)
    if unsigned:
        scale, zero_point = r.b.quantization(y)
        outside = r.b.tensor(r.b.shape(y), "UINT8", scales=[scale], zero_points=[zero_point + 128])
        r.b.op("QUANTIZE", [y], outside)
        y = outside
    r.b.op("ASSIGN_VARIABLE", [handle, drawn_rows(r, total, 3)], [])
    return r.b.finish([x], [y])


def long_memory() -> bytes:
    """An LSTM, whose states are variable tensors of int8 and int16; its first values are zero points."""
    r = Random(5)
    x = r.activation((1, 5, 8), 0.1, 4)
    return r.b.finish([x], [r.dense(lstm(r, x), 3)])


def filters_over_time() -> bytes:
    """An SVDF."""
    r = Random(0)
    x = r.activation((1, 8), 0.1, 0)
    return r.b.finish([x], [svdf(r, x)])


MODELS = {
    "a variable with first values": wake_word(),
    "a variable": wake_word(first=False, unsigned=False),
    "LSTM": long_memory(),
    "SVDF": filters_over_time(),
}


def afresh(content: bytes, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
    """TFLM's answers, each of an interpreter of its own."""
    return np.concatenate([native_c.tflm(content, row.reshape(1, -1)) for row in inputs])


def one_after_the_other(content: bytes, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
    """TFLM's answers where one interpreter carries its state from input to input."""
    return native_c.tflm(content, inputs.reshape(len(inputs), -1))
