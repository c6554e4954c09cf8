"""Operators that many elements flow into, drawn at random onto a `Random`: sums, products of matrices, resizing."""

from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing.random_operators import Random

REDUCTIONS = (
    "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "L2_NORMALIZATION", "BATCH_MATMUL", "RESIZE_BILINEAR", "TRANSPOSE_CONV",
    "PADV2",
)  # fmt: skip


def drawn_reduction(r: Random, x: int, code: str | None = None) -> int:
    """One of `REDUCTIONS`, or that which is named; where the activation's shape does not allow it, the activation."""
    code = code or r.pick(*r.known(REDUCTIONS))
    draw = {
        "L2_NORMALIZATION": _l2_normalization,
        "BATCH_MATMUL": _batch_matmul,
        "RESIZE_BILINEAR": _resize_bilinear,
        "TRANSPOSE_CONV": _transpose_conv,
        "PADV2": _padv2,
    }.get(code)
    return draw(r, x) if draw else _reduced(r, x, code)


def ints(r: Random, values: Any) -> int:
    """An INT32 constant."""
    array = np.array(values, np.int32)
    return r.b.tensor(array.shape, "INT32", array)


def _reduced(r: Random, x: int, code: str) -> int:
    shape = r.b.shape(x)
    axes = [axis for axis in range(len(shape)) if r.rng.random() < 0.5] or [len(shape) - 1]
    keep = bool(r.rng.random() < 0.5)
    if not keep and len(axes) == len(shape):
        axes = axes[1:] or axes
    keep = keep or len(axes) == len(shape)
    result = [1 if i in axes else size for i, size in enumerate(shape) if keep or i not in axes]
    count = int(np.prod([shape[axis] for axis in axes]))
    scale, zero_point = r.b.quantization(x)
    if code in ("MEAN", "SUM"):
        factor = r.pick(1, 1, 0.3, 0.05, 3) * (np.sqrt(count) if code == "SUM" else 1)
        y = r.activation(result, float(np.float32(scale * factor)))
    else:
        y = r.activation(result, scale, zero_point)
    named = [axis - len(shape) if r.rng.random() < 0.3 else axis for axis in r.rng.permutation(axes)]
    r.b.op(code, [x, ints(r, named)], y, schema.ReducerOptionsT(keep))
    return y


def _l2_normalization(r: Random, x: int) -> int:
    y = r.activation(r.b.shape(x), 1 / 128, 0)
    r.b.op("L2_NORMALIZATION", [x], y, schema.L2NormOptionsT())
    return y


def _batch_matmul(r: Random, x: int) -> int:
    """With a constant or another activation, as the first or the second, transposed or not, batches broadcast."""
    shape = r.b.shape(x)
    if len(shape) < 2:
        return x
    adj_x, adj_y, first = (bool(flag) for flag in r.rng.random(3) < (0.4, 0.4, 0.7))
    rows, depth = (shape[-1], shape[-2]) if (adj_x if first else not adj_y) else (shape[-2], shape[-1])
    columns = int(r.rng.integers(1, 8))
    batch = [int(r.pick(1, size)) for size in shape[:-2]][int(r.rng.integers(0, len(shape) - 1)) :]
    if first:
        other = [*batch, *((columns, depth) if adj_y else (depth, columns))]
        result = (*shape[:-2], rows, columns)
    else:
        other = [*batch, *((depth, columns) if adj_x else (columns, depth))]
        result = (*shape[:-2], columns, rows)
    size = int(np.prod(other))
    scale, zero_point = r.scale(), r.zero_point()
    if r.rng.random() < 0.5 or size > 3000 or np.prod(shape) > 500:
        data = r.rng.integers(-128, 128, other).astype(np.int8)
        b = r.b.tensor(other, data=data, scales=[scale], zero_points=[zero_point])
    else:
        b = r.reshape(r.dense(r.reshape(x, (1, int(np.prod(shape)))), size), other)
        scale = r.b.quantization(b)[0]
    factor = r.pick(1, 1, 1, 0.1, 5)
    y = r.activation(result, float(np.float32(r.b.quantization(x)[0] * scale * 70 * np.sqrt(depth) * factor)))
    r.b.op("BATCH_MATMUL", [x, b] if first else [b, x], y, schema.BatchMatMulOptionsT(adj_x, adj_y))
    return y


def _resize_bilinear(r: Random, x: int) -> int:
    shape = r.b.shape(x)
    if len(shape) != 4:
        return x
    rows, columns = (int(n) for n in r.rng.integers(1, 14, 2))
    if r.rng.random() < 0.4:
        rows, columns = shape[1] * 2, shape[2] * 2
    corners, half_pixel = r.pick((False, False), (True, False), (False, True))
    y = r.activation((1, rows, columns, shape[3]), *r.b.quantization(x))
    r.b.op("RESIZE_BILINEAR", [x, ints(r, [rows, columns])], y, schema.ResizeBilinearOptionsT(corners, half_pixel))
    return y


def _transpose_conv(r: Random, x: int) -> int:
    """SAME or VALID, strides up to three, also larger than the window."""
    shape = r.b.shape(x)
    if len(shape) != 4 or np.prod(shape) > 600:
        return x
    _, height, width, channels = shape
    (kh, kw), (sy, sx) = r.rng.integers(1, 5, 2).tolist(), r.rng.integers(1, 4, 2).tolist()
    same, out = bool(r.rng.random() < 0.5), int(r.rng.integers(1, 6))
    rows, columns = (n * s if same else (n - 1) * s + k for n, s, k in ((height, sy, kh), (width, sx, kw)))
    w, _, scales = r.weights((out, kh, kw, channels), 0)
    y = r.activation((1, rows, columns, out), r.output_scale(x, scales, max(1, kh * kw * channels // (sy * sx))))
    inputs = [ints(r, [1, rows, columns, out]), w, x]
    if r.rng.random() < 0.8:
        inputs.append(r.bias(out, x, scales, kh * kw * channels))
    padding = schema.Padding.SAME if same else schema.Padding.VALID
    fused = r.fused(y) if r.rng.random() < 0.3 else 0
    r.b.op("TRANSPOSE_CONV", inputs, y, schema.TransposeConvOptionsT(padding, sx, sy, fused))
    return y


def _padv2(r: Random, x: int) -> int:
    shape = r.b.shape(x)
    amounts = r.rng.integers(0, 3, (len(shape), 2))
    amounts[0] = 0
    y = r.activation((np.array(shape) + amounts.sum(1)).tolist(), *r.b.quantization(x))
    scale, zero_point = r.b.quantization(x)
    if r.wide:
        value = r.constant_of([1], scale)
    else:
        value = r.b.tensor([1], data=np.int8(r.zero_point()), scales=[scale], zero_points=[zero_point])
    r.b.op("PADV2", [x, ints(r, amounts), value], y, schema.PadV2OptionsT())
    return y
