"""FULLY_CONNECTED, of int8 or INT16 activations."""

import math

import numpy as np

from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.convolution import (
    Filter,
    convolution_operator,
    products,
    read_bias,
    read_weights,
    requantization,
)
from edgekit.compile.ops.wide_convolution import WideConvolution, Window, read_wide


def lower(reader: OpReader) -> Convolution | WideConvolution:
    """FULLY_CONNECTED as a 1x1 convolution over a row of `batches` positions."""
    if reader.option("WeightsFormat") != 0:
        raise reader.error("shuffled weights are not supported")
    x, y = reader.operand(0), reader.result()
    reader.symmetric(x.quantization, y.quantization)
    weights, scales = read_weights(reader, rank=2, axis=0)
    out, depth = weights.shape
    batches = y.size // y.shape[-1] if y.shape else 0
    if not y.shape or y.shape[-1] != out or x.size != batches * depth:
        raise reader.error(f"weights {list(weights.shape)} do not lead from {list(x.shape)} to {list(y.shape)}")
    if len(scales) == 1:
        # TFLM multiplies these two as float32, unlike the scales of a convolution; and it wants the bias's scale right.
        with np.errstate(over="ignore"):
            product = float(np.float32(x.quantization.scale) * scales[0])
        if not math.isfinite(product):
            raise reader.error("its scales are too large")
        _check_bias_scale(reader, product, y.quantization.scale)
        real = [product / y.quantization.scale] * out
    else:
        real = products(x, scales, y, out)
    if reader.wide:
        by_output = weights.reshape(out, 1, 1, depth)
        return read_wide(reader, (x, y), by_output, real, Window((1, batches, depth), (1, batches, out)))
    filter_ = Filter(weights.reshape(out, 1, 1, depth), scales, read_bias(reader, out), 1)
    return Convolution(
        reader.origins,
        (x,),
        y,
        weights=filter_.weights,
        bias=filter_.bias,
        image=(1, batches, depth),
        result=(1, batches, out),
        groups=1,
        stride=(1, 1),
        dilation=(1, 1),
        pad=(0, 0),
        requantization=requantization(reader, real, y, filter_),
    )


def _check_bias_scale(reader: OpReader, product: float, output_scale: float) -> None:
    if not reader.given(2):
        return
    kind = reader.kind(2)
    raw, _ = reader.constant(2, kind, np.int64) if kind == "INT64" else reader.constant(2, "INT32", np.int32)
    scale = float(raw.scales[0]) if len(raw.scales) else 0.0
    if not abs(product - scale) / output_scale <= 0.02:
        raise reader.error(f"the bias has scale {scale:g} instead of {product:g}")


OPERATOR = convolution_operator("FULLY_CONNECTED", "AddFullyConnected", "FullyConnectedOptions", lower)
