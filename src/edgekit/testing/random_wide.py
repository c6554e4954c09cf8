"""Operators of INT16 activations and int8 weights (16x8), drawn at random onto a `Random`."""

from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing.random_operators import Random
from edgekit.testing.random_reductions import ints

WIDE = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


def wide_network(seed: int, code: str | None = None) -> bytes:
    """One to three of `WIDE`, or of the one that is named, from INT16 to INT16, INT8 or INT32."""
    r = Random(seed)
    x = entry = _wide(
        r, (1, *(int(n) for n in r.rng.integers(1, 9, 2)), int(r.pick(1, 2, 3, 8))), r.scale(0.0005, 0.01)
    )
    for _ in range(int(r.pick(1, 2, 3))):
        if len(r.b.shape(x)) == 4 and np.prod(r.b.shape(x)) < 2000:
            x = _drawn(r, x, code or r.pick(*WIDE))
    kind = r.pick("INT16", "INT16", "INT8", "INT32")
    if kind != "INT16":
        y = r.b.tensor(r.b.shape(x), kind, scales=[r.b.quantization(x)[0] * r.pick(1, 200)], zero_points=[0])
        r.b.op("QUANTIZE", [x], y)
        x = y
    return r.b.finish([entry], [x])


def _wide(r: Random, shape: tuple[int, ...], scale: float) -> int:
    return r.b.tensor(shape, "INT16", scales=[scale], zero_points=[0])


def _drawn(r: Random, x: int, code: str) -> int:
    _, height, width, channels = r.b.shape(x)
    if code == "FULLY_CONNECTED":
        return _dense(r, x, channels)
    kh, kw = (int(min(n, size)) for n, size in zip(r.rng.integers(1, 4, 2), (height, width), strict=True))
    (sy, sx), same = (int(n) for n in r.rng.integers(1, 3, 2)), bool(r.rng.random() < 0.5)
    padding = schema.Padding.SAME if same else schema.Padding.VALID
    multiplier, groups = int(r.pick(1, 2)), 1
    out = channels * multiplier if code == "DEPTHWISE_CONV_2D" else int(r.rng.integers(1, 8))
    if code == "CONV_2D" and channels % 2 == 0 and r.rng.random() < 0.3:
        groups, out = 2, 2 * out
    shape, axis, fan_in = {
        "CONV_2D": ((out, kh, kw, channels // groups), 0, kh * kw * channels // groups),
        "DEPTHWISE_CONV_2D": ((1, kh, kw, out), 3, kh * kw),
        "TRANSPOSE_CONV": ((out, kh, kw, channels), 0, kh * kw * channels),
    }[code]
    weights, _, scales = r.weights(shape, axis)
    if code == "TRANSPOSE_CONV":
        rows, columns = (n * s if same else (n - 1) * s + k for n, s, k in ((height, sy, kh), (width, sx, kw)))
    else:
        rows, columns = (r.result(n, k, s, 1, same) for n, k, s in ((height, kh, sy), (width, kw, sx)))
    y = _output(r, x, (1, rows, columns, out), scales, fan_in)
    fused = int(r.pick(0, 0, schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.RELU6))
    inputs, options = [x, weights], None
    if code == "TRANSPOSE_CONV":
        inputs = [ints(r, [1, rows, columns, out]), weights, x]
        options = schema.TransposeConvOptionsT(padding, sx, sy, fused)
    elif code == "DEPTHWISE_CONV_2D":
        options = schema.DepthwiseConv2DOptionsT(padding, sx, sy, multiplier, fused, 1, 1)
    else:
        options = schema.Conv2DOptionsT(padding, sx, sy, fused, 1, 1)
    return _made(r, code, inputs, x, y, options, scales, out)


def _dense(r: Random, x: int, channels: int) -> int:
    out = int(r.rng.integers(1, 8))
    weights, _, scales = r.weights((out, channels), 0)
    y = _output(r, x, (*r.b.shape(x)[:-1], out), scales, channels)
    options = schema.FullyConnectedOptionsT(int(r.pick(0, schema.ActivationFunctionType.RELU)))
    return _made(r, "FULLY_CONNECTED", [x, weights], x, y, options, scales, out)


def _output(r: Random, x: int, shape: tuple[int, ...], scales: Any, fan_in: int) -> int:
    natural = r.b.quantization(x)[0] * float(np.median(scales)) * 70 * 10000 * np.sqrt(fan_in) / 15000
    return _wide(r, shape, float(np.float32(natural * r.pick(1, 1, 1, 0.1, 3))))


def _made(r: Random, code: str, inputs: list[int], x: int, y: int, options: Any, scales: Any, out: int) -> int:
    """With a bias of INT64, of INT32 where TFLM takes it, or none."""
    narrow = code in ("CONV_2D", "FULLY_CONNECTED") and r.rng.random() < 0.3
    product = [float(np.float32(np.float32(r.b.quantization(x)[0]) * scale)) for scale in scales]
    if r.rng.random() < 0.8:
        beyond = not narrow and r.rng.random() < 0.2  # 32 bits
        data = r.rng.integers(-(10**6), 10**6, out) * (10**4 if beyond else 1)
        name = "INT32" if narrow else "INT64"
        inputs.append(
            r.b.tensor([out], name, data=data.astype(name.lower()), scales=product, zero_points=[0] * len(product))
        )
    elif narrow:
        options.quantizedBiasType = schema.TensorType.INT32
    r.b.op(code, inputs, y, options)
    return y
