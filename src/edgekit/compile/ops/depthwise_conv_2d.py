"""DEPTHWISE_CONV_2D, of int8 or INT16 activations."""

import numpy as np

from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.convolution import (
    Filter,
    convolution_operator,
    products,
    read_bias,
    read_convolution,
    read_weights,
    read_window,
)
from edgekit.compile.ops.wide_convolution import WideConvolution, read_wide


def lower(reader: OpReader) -> Convolution | WideConvolution:
    """DEPTHWISE_CONV_2D with any multiplier, as a convolution in as many groups as there are channels."""
    x, y = reader.operand(0), reader.result()
    reader.symmetric(x.quantization, y.quantization)
    weights, scales = read_weights(reader, rank=4, axis=3)  # [1, kh, kw, channels * multiplier]
    channels = reader.image(x)[2]
    multiplier = int(reader.option("DepthMultiplier"))
    out = weights.shape[3]
    if multiplier < 1 or weights.shape[0] != 1 or out != channels * multiplier:
        raise reader.error(
            f"a filter of shape {list(weights.shape)} with multiplier {multiplier} does not fit {channels} channels"
        )
    by_output = np.ascontiguousarray(weights.transpose(3, 1, 2, 0))
    if reader.wide:
        window = read_window(reader, x, y, by_output, channels)
        return read_wide(reader, (x, y), by_output, products(x, scales, y, out), window, bias_types=("INT64",))
    return read_convolution(reader, x, y, Filter(by_output, scales, read_bias(reader, out), channels))


OPERATOR = convolution_operator("DEPTHWISE_CONV_2D", "AddDepthwiseConv2D", "DepthwiseConv2DOptions", lower)
