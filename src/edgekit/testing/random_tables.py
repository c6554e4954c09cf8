"""Operators of one activation, element by element, drawn at random onto a `Random`."""

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing.random_operators import Random

TABLES = ("LOGISTIC", "TANH", "RELU", "RELU6", "ELU", "QUANTIZE")
WIDE_TABLES = (*TABLES, "LEAKY_RELU")


def drawn_table(r: Random, x: int, code: str | None = None) -> int:
    """One of `TABLES`, or that which is named, onto an activation of any shape."""
    code = code or r.pick(*r.known(WIDE_TABLES if r.wide else TABLES))
    scale, zero_point = r.b.quantization(x)
    options = None
    if r.wide and code in ("LOGISTIC", "TANH"):
        y = r.activation(r.b.shape(x), 1 / 32768)
    elif code == "LOGISTIC":
        y = r.activation(r.b.shape(x), 1 / 256, -128)
    elif code == "TANH":
        y = r.activation(r.b.shape(x), 1 / 128, 0)
    elif code == "RELU6":
        y = r.activation(r.b.shape(x), scale, zero_point)
    else:  # an output whose range is used, or saturated, or hardly touched
        y = r.activation(r.b.shape(x), float(np.float32(max(scale * r.pick(1, 1, 0.7, 1.3, 0.01, 20), 1e-5))))
    if code == "LEAKY_RELU":
        options = schema.LeakyReluOptionsT(float(r.pick(0.01, 0.2, 0.5, 1.5)))
    r.b.op(code, [x], y, options)
    return y
