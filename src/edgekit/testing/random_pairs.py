"""Element-wise operators of two operands, drawn at random onto a `Random`."""

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing.random_operators import Random
from edgekit.testing.random_tables import drawn_table

PAIRS = ("MUL", "SUB", "MAXIMUM", "MINIMUM", "PRELU")


def drawn_pair(r: Random, x: int, code: str | None = None) -> int:
    """One of `PAIRS`, or that which is named, onto an activation whose shape the result has.

    Its other operand is a constant, the activation itself, another image, a row of channels; or a row and a column.
    """
    code = code or r.pick(*r.known(PAIRS))
    image = len(r.b.shape(x)) == 4 and r.b.shape(x)[3] < 50  # beyond, a convolution may have megabytes of weights
    kind = r.pick("constant", "itself", *(("image", "image", "narrow", "crossed") if image else ()))
    a, b = x, x
    if kind == "constant":
        b = r.constant(x)
    elif kind == "image":
        a = r.conv(x, out=r.b.shape(x)[3], three=True)
        b = x if r.b.shape(a) == r.b.shape(x) else r.add(a)
    elif kind == "narrow":
        b = r.narrow(x)
    elif kind == "crossed":
        _, rows, columns, _ = r.b.shape(x)
        a, b = _edge(r, x, rows, 1), _edge(r, x, 1, columns)
    wide = r.b.shape(x) == tuple(np.broadcast_shapes(r.b.shape(a), r.b.shape(b)))
    if not wide or (code == "PRELU" and r.b.shape(a) != r.b.shape(x)):
        a = b = x
    return paired(r, code, a, b)


def drawn_alone(r: Random, x: int) -> int:
    """The sum of an activation and what an operator makes of constants alone."""
    code = r.pick(*PAIRS[:4], "ADD", "QUANTIZE", *(() if r.wide else ("RELU", "LOGISTIC")))
    a = r.constant(x)
    if code not in (*PAIRS, "ADD"):
        return r.add(x, drawn_table(r, a, code))
    b = r.constant(a)
    return r.add(x, r.add(a, b) if code == "ADD" else paired(r, code, a, b))


def paired(r: Random, code: str, a: int, b: int) -> int:
    """The operator on a and b, or on b and a; its output scale is mostly one that holds most results."""
    shape = np.broadcast_shapes(r.b.shape(a), r.b.shape(b))
    (a_scale, _), (b_scale, _) = r.b.quantization(a), r.b.quantization(b)
    factor = r.pick(1, 1, 1, 0.3, 0.01, 0.001, 30)
    scale = {"MUL": (20000 if r.wide else 100) * a_scale * b_scale, "SUB": max(a_scale, b_scale)}.get(code, a_scale)
    y = r.activation(shape, max(scale * factor, 1e-5))
    operands = [a, b] if code == "PRELU" or r.rng.random() < 0.7 else [b, a]
    fused = r.fused(y) if r.rng.random() < 0.5 else 0
    options = {
        "MUL": schema.MulOptionsT(fused),
        "SUB": schema.SubOptionsT(fusedActivationFunction=fused),
        "PRELU": None,
    }.get(code, schema.MaximumMinimumOptionsT())
    r.b.op(code, operands, y, options)
    return y


def _edge(r: Random, x: int, height: int, width: int) -> int:
    """The first row or column of an image: a max-pool over the other dimension."""
    _, rows, columns, channels = r.b.shape(x)
    y = r.activation((1, rows - height + 1, columns - width + 1, channels), *r.b.quantization(x))
    r.b.op("MAX_POOL_2D", [x], y, schema.Pool2DOptionsT(schema.Padding.VALID, 1, 1, width, height))
    return y
